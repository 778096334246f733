// Normals on a linear map: the prior's circles, and the ellipse of the posterior of the image under the pointer.

import { get } from "../api.js";
import { AxesView, MapLayer, writeLabel } from "./layer.js";

const HOVER_PIXELS = 12;

export class PriorLayer extends MapLayer {
  paintOver(context, view, theme) {
    const [x, y] = this.data.overlays.prior;
    const [left, top] = [view.across(x), view.down(y)];
    for (const sigma of [1, 2, 3]) {
      context.globalAlpha = 0.85;
      for (const [colour, width] of [[theme.paper, 3.5], [theme.ink, 1.4]]) {
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.setLineDash(colour === theme.ink ? [6, 4] : []);
        context.beginPath();
        context.ellipse(left, top, sigma * view.perX, sigma * view.perY, 0, 0, 2 * Math.PI);
        context.stroke();
      }
      context.setLineDash([]);
      context.globalAlpha = 1;
      const angle = Math.PI / 4;
      writeLabel(context, `${sigma}σ`, left + Math.cos(angle) * sigma * view.perX, top - Math.sin(angle) * sigma * view.perY, theme);
    }
  }

  words() {
    return "N(0, I) at 1, 2 and 3 standard deviations";
  }
}

export class PosteriorLayer extends MapLayer {
  reset() {
    if (this.source !== this.data.overlays.ellipses) this.covariances = null;
    this.source = this.data.overlays.ellipses;
    this.row = -1;
  }

  async rest() {
    if (this.covariances) return;
    const { source } = this;
    try {
      const covariances = new Float32Array((await get(source)).buffer);
      if (source !== this.source) return;
      this.covariances = covariances;
      this.problem = "";
    } catch (error) {
      this.problem = error.message;
    }
    this.changed();
  }

  hover({ row, distance }) {
    const { perX } = new AxesView(this.plot);
    const found = distance * Math.abs(perX) <= HOVER_PIXELS ? row : -1;
    if (found === this.row) return;
    this.row = found;
    this.changed();
  }

  paintOver(context, view, theme) {
    if (!this.covariances || this.row < 0) return;
    const { xy } = this.points;
    const [xx, xv, vv] = this.covariances.subarray(3 * this.row, 3 * this.row + 3);
    const axes = ellipseAxes(xx * view.perX ** 2, -xv * view.perX * view.perY, vv * view.perY ** 2);
    const [left, top] = [view.across(xy[2 * this.row]), view.down(xy[2 * this.row + 1])];
    for (const sigma of [2, 1]) {
      context.beginPath();
      context.ellipse(left, top, Math.max(sigma * axes.long, 1), Math.max(sigma * axes.short, 1), axes.angle, 0, 2 * Math.PI);
      context.globalAlpha = 0.16;
      context.fillStyle = theme.ink;
      context.fill();
      context.globalAlpha = 1;
      for (const [colour, width] of [[theme.paper, 3.5], [theme.ink, 1.6]]) {
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.stroke();
      }
    }
  }

  words() {
    if (!this.covariances) return "is being loaded …";
    if (this.row < 0) return "q(z|x): point at an image to see its own";
    return `q(z|x) of image ${this.row.toLocaleString("en")} at 1 and 2 standard deviations`;
  }
}

// Half axes and angle of the ellipse of deviation 1 of a covariance.
function ellipseAxes(xx, xv, vv) {
  const [middle, half] = [(xx + vv) / 2, Math.hypot((xx - vv) / 2, xv)];
  return {
    long: Math.sqrt(middle + half),
    short: Math.sqrt(Math.max(middle - half, 0)),
    angle: Math.atan2(2 * xv, xx - vv) / 2,
  };
}
