// The density of the encoded set, and the regions where it says that the decoder was never trained.

import { get } from "../api.js";
import { alphaPicture, blankCanvas, colourParts, MapLayer } from "./layer.js";

const SHARES = [0.5, 0.9, 0.99];
const HATCH_PIXELS = 9;

// The grid that both layers draw, fetched once for a map.
class DensitySource {
  constructor() {
    this.url = null;
    this.loading = null;
  }

  load(url) {
    if (url !== this.url) {
      this.url = url;
      this.loading = loadDensity(url).catch((error) => {
        this.url = null;
        throw error;
      });
    }
    return this.loading;
  }
}

async function loadDensity(route) {
  const answer = await get(route);
  const [rows, columns] = answer.shape;
  const [kind, nImages, threshold] = answer.text("X-Density").split(",");
  const [extent, values] = [answer.numbers("X-Extent"), new Float32Array(answer.buffer)];
  return { rows, columns, extent, kind, nImages: Number(nImages), threshold: Number(threshold), values };
}

const densitySource = new DensitySource();

class GridLayer extends MapLayer {
  reset() {
    if (this.source !== this.data.overlays.density) this.grid = null;
    this.source = this.data.overlays.density;
  }

  async rest() {
    if (this.grid) return;
    const { source } = this;
    try {
      const grid = await densitySource.load(source);
      if (source !== this.source) return;
      this.prepare(grid);
      this.grid = grid;
      this.problem = "";
    } catch (error) {
      this.problem = error.message;
    }
    this.changed();
  }
}

export class DensityLayer extends GridLayer {
  prepare(grid) {
    const sorted = Float32Array.from(grid.values).sort().reverse();
    this.levels = massLevels(sorted, SHARES);
    this.peak = sorted[Math.floor(sorted.length / 500)] || sorted[0];
    this.lines = this.levels.map((level) => contour(grid, level));
    this.colour = null;
  }

  paintUnder(context, view, theme) {
    const { grid } = this;
    if (!grid) return;
    if (this.colour !== theme.primary) {
      this.colour = theme.primary;
      this.picture = alphaPicture(grid.columns, grid.rows, colourParts(theme.primary), (k) => {
        const value = grid.values[(grid.rows - 1 - Math.floor(k / grid.columns)) * grid.columns + (k % grid.columns)];
        return 215 * Math.sqrt(Math.min(value / this.peak, 1));
      });
    }
    view.draw(context, this.picture, grid.extent);
  }

  paintOver(context, view, theme) {
    if (!this.grid) return;
    this.lines.forEach((line, k) => {
      context.strokeStyle = theme.ink;
      context.globalAlpha = [0.75, 0.55, 0.4][k];
      context.lineWidth = 1;
      context.stroke(view.toPixels(line));
    });
  }

  words() {
    if (!this.grid) return "is being computed …";
    const n = this.grid.nImages.toLocaleString("en");
    const what = this.grid.kind === "posterior" ? "of the aggregated posterior" : "of the points, smoothed";
    return `${what}, ${n} images; the lines hold ${SHARES.map((share) => Math.round(100 * share)).join(", ")} % of it`;
  }
}

export class UntrainedLayer extends GridLayer {
  prepare(grid) {
    this.border = contour(grid, grid.threshold);
    // A step of one cell at the border, so that it stays sharp where the picture is enlarged.
    this.trained = alphaPicture(grid.columns, grid.rows, [0, 0, 0], (k) => {
      const value = grid.values[(grid.rows - 1 - Math.floor(k / grid.columns)) * grid.columns + (k % grid.columns)];
      return 255 * Math.min(Math.max(0.5 + Math.log(Math.max(value, 1e-300) / grid.threshold), 0), 1);
    });
  }

  paintUnder(context, view, theme) {
    if (!this.grid) return;
    const scale = devicePixelRatio;
    const sheet = blankCanvas(Math.ceil(view.width * scale), Math.ceil(view.height * scale));
    const hatched = sheet.getContext("2d");
    hatched.scale(scale, scale);
    hatched.translate(-view.left, -view.top);
    hatch(hatched, view, theme);
    hatched.globalCompositeOperation = "destination-out";
    view.draw(hatched, this.trained, this.grid.extent);
    context.drawImage(sheet, view.left, view.top, view.width, view.height);
    context.strokeStyle = theme.ink;
    context.globalAlpha = 0.45;
    context.lineWidth = 1;
    context.stroke(view.toPixels(this.border));
  }

  words() {
    if (!this.grid) return "is being computed …";
    const many = this.data.overlays.n_dims > 2 ? " on this map" : "";
    return `(hatched): no encoded image near${many}; the density is below that at 99.9 % of them`;
  }
}

function hatch(context, view, theme) {
  context.globalAlpha = 0.55;
  context.fillStyle = theme.paper;
  context.fillRect(view.left, view.top, view.width, view.height);
  context.globalAlpha = 0.24;
  context.strokeStyle = theme.ink;
  context.lineWidth = 1;
  context.beginPath();
  // The lines are fixed to the map, so that they move with it.
  const offset = (((view.across(0) + view.down(0)) % HATCH_PIXELS) + HATCH_PIXELS) % HATCH_PIXELS;
  const first = Math.floor((view.left + view.top) / HATCH_PIXELS) * HATCH_PIXELS + offset;
  for (let sum = first; sum < view.left + view.width + view.top + view.height; sum += HATCH_PIXELS) {
    context.moveTo(sum - view.top, view.top);
    context.lineTo(sum - view.top - view.height, view.top + view.height);
  }
  context.stroke();
}

// The densities above which the given shares of the whole lie; sorted has the highest first.
function massLevels(sorted, shares) {
  const total = sorted.reduce((sum, value) => sum + value, 0);
  let [sum, k] = [0, 0];
  return shares.map((share) => {
    while (k < sorted.length - 1 && sum + sorted[k] < share * total) {
      sum += sorted[k];
      k += 1;
    }
    return sorted[k];
  });
}

// The edges of a square that a contour crosses, for each of the 16 ways in which its corners lie above the level.
// Corners and edges are counted from the lower left, against the clock; at a saddle the two parts stay apart.
const CROSSINGS = [[], [3, 0], [0, 1], [3, 1], [1, 2], [3, 0, 1, 2], [0, 2], [3, 2], [2, 3], [2, 0], [0, 1, 2, 3], [2, 1], [1, 3], [1, 0], [0, 3], []];

// Marching squares in the logarithm of the density, as a path in map coordinates.
function contour({ values, rows, columns, extent: [left, right, bottom, top] }, level) {
  const logs = Float32Array.from(values, (value) => Math.log(Math.max(value, 1e-30) / level));
  const [width, height] = [(right - left) / columns, (top - bottom) / rows];
  const path = new Path2D();
  for (let row = 0; row < rows - 1; row += 1) {
    for (let column = 0; column < columns - 1; column += 1) {
      const k = row * columns + column;
      const [a, b, c, d] = [logs[k], logs[k + 1], logs[k + columns + 1], logs[k + columns]];
      const edges = CROSSINGS[(a > 0) + 2 * (b > 0) + 4 * (c > 0) + 8 * (d > 0)];
      for (let e = 0; e < edges.length; e += 1) {
        const [x, y] = crossing(edges[e], a, b, c, d);
        const place = [left + (column + 0.5 + x) * width, bottom + (row + 0.5 + y) * height];
        if (e % 2) path.lineTo(...place);
        else path.moveTo(...place);
      }
    }
  }
  return path;
}

// Where the level is crossed on an edge of the unit square.
function crossing(edge, a, b, c, d) {
  if (edge === 0) return [a / (a - b), 0];
  if (edge === 1) return [1, b / (b - c)];
  if (edge === 2) return [d / (d - c), 1];
  return [0, a / (a - d)];
}
