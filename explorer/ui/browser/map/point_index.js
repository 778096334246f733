// The encoded set in the browser: its points and values as typed arrays, which point is nearest to a place, and which
// row of the set a point of a plotly trace is.

import { get } from "../api.js";
import { turned } from "./linked_maps.js";

const POINTS_PER_CELL = 4;
const MAX_GRID_SIDE = 1024;
const N_SAMPLED = 4096;
const CORE = 0.005;
const SLICES = 2; // with six, drawing 10,000 points took 60 ms longer in software WebGL, and the page half a second

// Points of a map, turned by a similarity if there is one: coordinates x, y, x, y, ... and a class for each.
export async function loadPoints(route, similarity) {
  const { buffer, shape: [n] } = await get(route);
  const own = new Float32Array(buffer, 0, 2 * n);
  const xy = similarity ? turned(own, similarity) : own;
  return { n, xy, labels: new Uint16Array(buffer, 8 * n, n), index: new PointIndex(xy, n) };
}

// A value for each point, and the range that its colours span.
export async function loadColumn(route) {
  const answer = await get(route);
  const [low, high] = answer.numbers("X-Range");
  return { values: new Float32Array(answer.buffer), low, high };
}

// A number for each row that looks random and is always the same, 0 to 2^32 - 1 (Mueller's integer hash).
export function rowHash(row) {
  let h = row + 1;
  h = Math.imul((h >>> 16) ^ h, 0x45d9f3b);
  h = Math.imul((h >>> 16) ^ h, 0x45d9f3b);
  return ((h >>> 16) ^ h) >>> 0;
}

// The rows in cells of a grid. Its sides lie at percentiles, so that a few points far out do not put all others in one
// cell; points beyond a side are in the cells along it.
export class PointIndex {
  constructor(xy, n) {
    this.xy = xy;
    this.n = n;
    this.side = Math.max(1, Math.min(MAX_GRID_SIDE, Math.round(Math.sqrt(n / POINTS_PER_CELL))));
    this.axes = [0, 1].map((axis) => gridAxis(xy, n, axis, this.side));
    this.sort();
    this.extremes = extremeRows(xy, n);
  }

  // A counting sort of the rows by cell; within a cell they keep their order.
  sort() {
    const cells = new Uint32Array(this.n);
    this.start = new Uint32Array(this.side * this.side + 1);
    for (let row = 0; row < this.n; row += 1) {
      cells[row] = this.cell(1, this.xy[2 * row + 1]) * this.side + this.cell(0, this.xy[2 * row]);
      this.start[cells[row] + 1] += 1;
    }
    for (let k = 1; k < this.start.length; k += 1) this.start[k] += this.start[k - 1];
    const next = this.start.slice();
    this.order = new Uint32Array(this.n);
    for (let row = 0; row < this.n; row += 1) this.order[next[cells[row]]++] = row;
  }

  cell(axis, value) {
    const { low, size } = this.axes[axis];
    return Math.min(Math.max(Math.floor((value - low) / size), 0), this.side - 1);
  }

  // The row nearest to a place, of those that `isShown(row)`; -1 where there is none.
  // After ring k around the place's own cell, whatever is in no cell looked at is farther than k cells.
  nearest(x, y, isShown = null) {
    const best = { row: -1, square: Infinity };
    const size = Math.min(this.axes[0].size, this.axes[1].size);
    const [column, line] = [this.cell(0, x), this.cell(1, y)];
    for (let ring = 0; ring < this.side; ring += 1) {
      this.lookAround(column, line, ring, (from, to) => this.improve(best, { x, y, from, to, isShown }));
      if (best.square <= (ring * size) ** 2) break;
    }
    return { row: best.row, distance: Math.sqrt(best.square) };
  }

  // Calls `look(from, to)` with the stretches of `order` that lie in a ring of cells, `ring` cells from the middle.
  lookAround(column, line, ring, look) {
    const [left, right] = [Math.max(column - ring, 0), Math.min(column + ring, this.side - 1)];
    const span = (row, first, last) => look(this.start[row * this.side + first], this.start[row * this.side + last + 1]);
    for (let row = Math.max(line - ring, 0); row <= Math.min(line + ring, this.side - 1); row += 1) {
      if (Math.abs(row - line) === ring) {
        span(row, left, right);
        continue;
      }
      if (column - ring >= 0) span(row, left, left);
      if (column + ring < this.side) span(row, right, right);
    }
  }

  improve(best, { x, y, from, to, isShown }) {
    for (let k = from; k < to; k += 1) {
      const row = this.order[k];
      const dx = this.xy[2 * row] - x;
      const dy = this.xy[2 * row + 1] - y;
      const square = dx * dx + dy * dy;
      if (square > best.square || (square === best.square && row > best.row)) continue;
      if (isShown && !isShown(row)) continue;
      best.row = row;
      best.square = square;
    }
  }

  // The rows within a box of map coordinates that `isShown(row)`, all without it. The array is the index's own: the next
  // call writes over it. Cells inside the box are taken whole, so that a million rows take milliseconds.
  rowsWithin(box, isShown = null) {
    const found = { rows: (this.within ??= new Uint32Array(this.n)), n: 0 };
    const [first, last] = [this.cell(0, box.left), this.cell(0, box.right)];
    const [bottom, top] = [this.cell(1, box.bottom), this.cell(1, box.top)];
    for (let line = bottom; line <= top; line += 1) {
      const [from, to] = line === bottom || line === top ? [last + 1, last] : [first + 1, last - 1];
      const start = (column) => this.start[line * this.side + column];
      if (from > to) {
        this.pick(found, start(first), start(last + 1), box);
        continue;
      }
      this.pick(found, start(first), start(from), box);
      found.rows.set(this.order.subarray(start(from), start(to + 1)), found.n);
      found.n += start(to + 1) - start(from);
      this.pick(found, start(to + 1), start(last + 1), box);
    }
    const rows = found.rows.subarray(0, found.n);
    return isShown ? rows.filter(isShown) : rows;
  }

  // Adds to `found` those of a stretch of `order` that lie in the box.
  pick(found, from, to, { left, right, bottom, top }) {
    const { xy, order } = this;
    for (let k = from; k < to; k += 1) {
      const row = order[k];
      const [x, y] = [xy[2 * row], xy[2 * row + 1]];
      if (x >= left && x <= right && y >= bottom && y <= top) found.rows[found.n++] = row;
    }
  }
}

function gridAxis(xy, n, axis, side) {
  const step = Math.max(1, Math.floor(n / N_SAMPLED));
  const sample = new Float64Array(Math.ceil(n / step)).map((_, k) => xy[2 * k * step + axis]).sort();
  const low = sample[Math.floor(CORE * (sample.length - 1))] ?? 0;
  const high = sample[Math.ceil((1 - CORE) * (sample.length - 1))] ?? 0;
  return { low, size: high > low ? (high - low) / side : 1 };
}

// The rows that are farthest left, right, down and up: what a plot of a part needs to keep the range of all.
function extremeRows(xy, n) {
  const rows = [0, 0, 0, 0];
  for (let row = 1; row < n; row += 1) {
    for (let axis = 0; axis < 2; axis += 1) {
      const value = xy[2 * row + axis];
      if (value < xy[2 * rows[2 * axis] + axis]) rows[2 * axis] = row;
      if (value > xy[2 * rows[2 * axis + 1] + axis]) rows[2 * axis + 1] = row;
    }
  }
  return n ? [...new Set(rows)] : [];
}

// Which rows are drawn, and by which trace. Each group (a class) is drawn in several slices, a trace each: first a part
// of every group, then the next part of every group. So no group lies on top of all others.
// Trace t draws group t % nGroups; the traces of all groups' first slices, in the order of the groups, come first.
export class DrawnPoints {
  constructor(points, groups, nGroups) {
    this.points = points;
    this.groups = groups;
    this.nGroups = nGroups;
    this.nSlices = nGroups < 2 ? 1 : SLICES;
    this.nTraces = this.nSlices * nGroups;
    this.rows = [];
  }

  traceOf(row) {
    return (rowHash(row) % this.nSlices) * this.nGroups + this.groups[row];
  }

  // Takes the rows to draw, in ascending order; each trace's rows are in ascending order too.
  take(rows) {
    const counts = new Uint32Array(this.nTraces);
    for (const row of rows) counts[this.traceOf(row)] += 1;
    this.rows = Array.from(counts, (count) => new Uint32Array(count));
    const filled = new Uint32Array(this.nTraces);
    for (const row of rows) {
      const trace = this.traceOf(row);
      this.rows[trace][filled[trace]++] = row;
    }
  }

  // The row of the encoded set that point `pointIndex` of trace `trace` is.
  row(trace, pointIndex) {
    return this.rows[trace][pointIndex];
  }

  // All rows of a trace: its point k is row `rowsOf(trace)[k]`.
  rowsOf(trace) {
    return this.rows[trace];
  }

  // Where a row is drawn, as { trace, pointIndex }; null where it is not drawn.
  placeOf(row) {
    const trace = this.traceOf(row);
    const rows = this.rows[trace] ?? [];
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle] < row) low = middle + 1;
      else high = middle;
    }
    return rows[low] === row ? { trace, pointIndex: low } : null;
  }

  // Coordinates 0 (x) or 1 (y) of a trace's points. A trace without any gets a point that is nowhere: plotly strikes an
  // empty trace from the legend, and with it the way to show its class again.
  coordinates(trace, axis) {
    const rows = this.rows[trace];
    if (!rows.length) return Float32Array.of(NaN);
    return new Float32Array(rows.length).map((_, k) => this.points.xy[2 * rows[k] + axis]);
  }
}
