// The images themselves beside their points, once so few are in view that there is room.

import { paintImage, post } from "../api.js";
import { blankCanvas, MapLayer } from "./layer.js";

const MAX_THUMBNAILS = 150;
const THUMBNAIL_PIXELS = 34;
const THUMBNAIL_GAP = 5;
const MAX_HELD = 2000;

export class ThumbnailLayer extends MapLayer {
  reset() {
    if (this.source !== this.data.points) this.held = new Map();
    this.source = this.data.points;
    this.rows ??= [];
  }

  async rest(view) {
    this.rows = this.rowsIn(view);
    const { rows, held } = this;
    const missing = rows.length > MAX_THUMBNAILS ? [] : rows.filter((row) => !held.has(row));
    try {
      if (missing.length) await this.load(missing, held);
      this.problem = "";
    } catch (error) {
      this.problem = error.message;
    }
    this.changed();
  }

  rowsIn(view) {
    const { xy, labels, n } = this.points;
    const hidden = this.plot.data.map((trace) => trace.visible === "legendonly");
    const rows = [];
    for (let row = 0; row < n; row += 1) {
      if (view.holds(xy[2 * row], xy[2 * row + 1]) && !hidden[labels[row]]) rows.push(row);
    }
    return rows;
  }

  async load(rows, held) {
    const answer = await post(this.data.overlays.images, new Uint32Array(rows));
    const { bytes } = answer;
    const [, ...shape] = answer.shape;
    const size = shape[0] * shape[1] * shape[2];
    if (held.size > MAX_HELD) held.clear();
    rows.forEach((row, k) => {
      const canvas = blankCanvas(shape[2], shape[1]);
      paintImage(canvas, bytes.subarray(k * size, (k + 1) * size), shape);
      held.set(row, canvas);
    });
    this.what = answer.text("X-Source") === "original" ? "originals" : "reconstructions (the originals are not here)";
  }

  paintOver(context, view) {
    if (this.rows.length > MAX_THUMBNAILS) return;
    const { xy, labels } = this.points;
    const classes = this.data.figure.data;
    const taken = [];
    for (const row of this.rows) {
      const picture = this.held.get(row);
      const place = picture && freePlace(view.across(xy[2 * row]), view.down(xy[2 * row + 1]), view, taken);
      if (!place) continue;
      taken.push(place);
      context.imageSmoothingEnabled = false;
      context.fillStyle = classes[labels[row]]?.marker.color ?? "gray";
      context.fillRect(place[0] - 2, place[1] - 2, THUMBNAIL_PIXELS + 4, THUMBNAIL_PIXELS + 4);
      context.drawImage(picture, ...place, THUMBNAIL_PIXELS, THUMBNAIL_PIXELS);
    }
    this.nDrawn = taken.length;
  }

  words() {
    const n = this.rows.length;
    if (n > MAX_THUMBNAILS) return `appear once at most ${MAX_THUMBNAILS} images are in view; now there are ${n.toLocaleString("en")}: zoom in`;
    if (!n) return "have nothing to show: no encoded image is in view";
    const room = this.nDrawn < n ? `; ${n - this.nDrawn} have no room yet` : "";
    return `are the ${this.what ?? "images"} of the ${n} images in view${room}`;
  }
}

// The corner beside a point where a thumbnail covers none that is drawn already; null if there is none.
function freePlace(left, top, view, taken) {
  const [near, far] = [THUMBNAIL_GAP, -THUMBNAIL_GAP - THUMBNAIL_PIXELS];
  const corners = [[near, far], [far, far], [near, near], [far, near]].map(([dx, dy]) => [left + dx, top + dy]);
  const side = THUMBNAIL_PIXELS + 5;
  const isFree = ([x, y]) =>
    x >= view.left &&
    y >= view.top &&
    x + side <= view.left + view.width &&
    y + side <= view.top + view.height &&
    taken.every(([a, b]) => Math.abs(a - x) >= side || Math.abs(b - y) >= side);
  return corners.find(isFree) ?? null;
}
