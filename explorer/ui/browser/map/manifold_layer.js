// The decoded manifold: what the decoder makes of each place in view, as a grid of images behind the points.

import { post } from "../api.js";
import { blankCanvas, colourParts, MapLayer } from "./layer.js";

const MAX_TILES = 1000;
const TILE_PIXELS = 30;

export class ManifoldLayer extends MapLayer {
  reset() {
    const { decode, decode_as: label, points } = this.data;
    const source = `${points} ${decode} ${label}`;
    if (source !== this.source) this.grid = null;
    this.source = source;
    this.asked = null;
  }

  // The newest view wins: an older one that is still being decoded is given up.
  async rest(view) {
    const wanted = tilesInView(view);
    if (this.asked && ["step", "stepY", "column", "row", "columns", "rows"].every((k) => this.asked[k] === wanted[k])) return;
    this.asked = wanted;
    this.abort?.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    try {
      const images = new Array(wanted.columns * wanted.rows);
      for (const [route, tiles] of this.requests(wanted)) await this.decode(route, tiles, { wanted, images, signal });
      this.grid = { ...wanted, images, picture: null };
      this.problem = "";
    } catch (error) {
      if (signal.aborted) return;
      this.asked = null;
      this.problem = error.message;
    }
    this.changed();
  }

  // One request, or for a conditional model that decodes as the nearest point one for each class.
  requests(wanted) {
    const { conditional, decode, decode_as: chosen } = this.data;
    const all = Array.from({ length: wanted.columns * wanted.rows }, (_, tile) => tile);
    if (!conditional) return [[decode, all]];
    if (chosen !== null) return [[`${decode}&label=${chosen}`, all]];
    const { labels } = this.points;
    const byLabel = Map.groupBy(all, (tile) => {
      const [x, y] = tilePlace(wanted, tile);
      return labels[this.nearest({ x, y }).row];
    });
    return [...byLabel].map(([label, tiles]) => [`${decode}&label=${label}`, tiles]);
  }

  async decode(route, tiles, { wanted, images, signal }) {
    const places = new Float32Array(tiles.flatMap((tile) => tilePlace(wanted, tile)));
    const { bytes, shape } = await post(route, places, { signal });
    const size = shape[1] * shape[2] * shape[3];
    tiles.forEach((tile, k) => (images[tile] = bytes.subarray(k * size, (k + 1) * size)));
    wanted.shape = shape.slice(1);
  }

  paintUnder(context, view, theme) {
    const { grid } = this;
    if (!grid) return;
    if (grid.picture === null || grid.ink !== theme.ink) {
      grid.ink = theme.ink;
      grid.picture = tilesPicture(grid, colourParts(theme.ink));
    }
    context.globalAlpha = grid.shape[0] === 1 ? 0.8 : 0.9;
    context.imageSmoothingQuality = "high";
    const [left, bottom] = [grid.column * grid.step, grid.row * grid.stepY];
    view.draw(context, grid.picture, [left, left + grid.columns * grid.step, bottom, bottom + grid.rows * grid.stepY]);
  }

  words() {
    if (!this.grid) return "are being decoded …";
    const n = this.grid.columns * this.grid.rows;
    const ink = this.grid.shape[0] === 1 ? "; the brighter a pixel, the more ink" : "";
    return `that the decoder makes of ${n.toLocaleString("en")} places${ink}`;
  }
}

// A grid of square tiles that covers the view and stays where it is while the map is moved.
function tilesInView(view) {
  const pixels = Math.max(TILE_PIXELS, Math.sqrt((view.width * view.height) / MAX_TILES) * 1.1);
  const [step, stepY] = [pixels / view.perX, pixels / view.perY];
  const [column, row] = [Math.floor(view.x0 / step), Math.floor(view.y0 / stepY)];
  return {
    step,
    stepY,
    column,
    row,
    columns: Math.floor(view.x1 / step) - column + 1,
    rows: Math.floor(view.y1 / stepY) - row + 1,
  };
}

function tilePlace({ step, stepY, column, row, columns }, tile) {
  return [(column + (tile % columns) + 0.5) * step, (row + Math.floor(tile / columns) + 0.5) * stepY];
}

// Grey images in the colour of the text, as opaque as they are bright; colour images as they are.
function tilesPicture({ columns, rows, images, shape: [channels, height, width] }, ink) {
  const canvas = blankCanvas(columns * width, rows * height);
  const context = canvas.getContext("2d");
  const pixels = new ImageData(width, height);
  const plane = width * height;
  images.forEach((bytes, tile) => {
    for (let i = 0; i < plane; i += 1) {
      const colour = channels === 3 ? [bytes[i], bytes[plane + i], bytes[2 * plane + i], 255] : [...ink, bytes[i]];
      pixels.data.set(colour, 4 * i);
    }
    context.putImageData(pixels, (tile % columns) * width, (rows - 1 - Math.floor(tile / columns)) * height);
  });
  return canvas;
}
