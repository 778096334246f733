// The selection on the map: a lasso or a box, whose outline goes to Python, and the dimming of all that is not in it.
// Python counts by the same rule on the same numbers (analysis/projections/lasso.py): what is bright is what is counted.

import { rounded } from "./axes.js";

const MAX_VERTICES = 100;
const N_BANDS = 512;
const DIMMED = 0.15;

// The vertices of an outline that plotly reports, in map coordinates; null where it reports none.
export function outlineOf(event) {
  if (event?.range) {
    const { x: [left, right], y: [low, high] } = event.range;
    return { x: [left, right, right, left], y: [low, low, high, high] };
  }
  return event?.lassoPoints ?? null;
}

// An outline as a link can hold it: of what a hand drew the vertices that show, at most MAX_VERTICES, to a tenth of a
// pixel. The one that spans the smallest triangle with its neighbours is left out first.
// Source: Visvalingam and Whyatt (1993), https://doi.org/10.1179/000870493786962263.
export function simplified({ x, y }, perPixel) {
  const vertices = x.map((across, k) => [across, y[k]]);
  const areas = vertices.map((_, k) => triangle(vertices, k));
  while (vertices.length > 4) {
    const least = areas.indexOf(Math.min(...areas));
    if (vertices.length <= MAX_VERTICES && areas[least] > perPixel ** 2) break;
    vertices.splice(least, 1);
    areas.splice(least, 1);
    for (const k of [(least || vertices.length) - 1, least % vertices.length]) areas[k] = triangle(vertices, k);
  }
  const [across, up] = [0, 1].map((axis) => rounded(vertices.map((vertex) => vertex[axis]), perPixel));
  return { x: across, y: up };
}

// The rows of points (x, y of each in turn) inside an outline, by the even-odd rule in float64, ascending.
export function rowsInside(xy, { x, y }) {
  if (x.length < 3) return [];
  const [low, high] = [Math.min(...y), Math.max(...y)];
  // An edge concerns the points at its height only: edges are sorted into bands, so that most are never looked at.
  const band = (height) => Math.min(Math.floor(((height - low) / (high - low)) * N_BANDS), N_BANDS - 1);
  const bands = Array.from({ length: N_BANDS }, () => []);
  for (let k = 0; k < x.length && high > low; k += 1) {
    const before = (k || x.length) - 1;
    const edge = [x[k], y[k], x[before], y[before]];
    for (let b = band(Math.min(y[k], y[before])); b <= band(Math.max(y[k], y[before])); b += 1) bands[b].push(edge);
  }
  const rows = [];
  for (let row = 0; row < xy.length / 2; row += 1) {
    const [px, py] = [xy[2 * row], xy[2 * row + 1]];
    if (py >= low && py < high && Number.isFinite(px) && isInside(px, py, bands[band(py)])) rows.push(row);
  }
  return rows;
}

function triangle(vertices, k) {
  const n = vertices.length;
  const [[x0, y0], [x1, y1], [x2, y2]] = [vertices[(k + n - 1) % n], vertices[k], vertices[(k + 1) % n]];
  return Math.abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) / 2;
}

function isInside(px, py, edges) {
  let inside = false;
  for (const [x0, y0, x1, y1] of edges) {
    if (y0 > py !== y1 > py && px < ((x1 - x0) * (py - y0)) / (y1 - y0) + x0) inside = !inside;
  }
  return inside;
}

// Works on a map whose layer tells which rows its traces draw and which classes its legend hides.
export class Selection {
  constructor(map) {
    this.map = map;
    this.chosen = null;
    // What the plot shows, as JSON; undefined where that is not known.
    this.shown = "null";
    this.isListening = false;
    this.release = () => delete map.root.dataset.drawing;
    // Of a large set other points are drawn when another part of it is in view.
    map.root.addEventListener("latent-map:points", () => this.redraw());
    map.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.chosen) this.send(null);
    });
  }

  // To be called whenever other points were drawn, before `show`: plotly takes listeners only once it has drawn something.
  drawn() {
    if (this.chosen) this.shown = undefined;
    for (const map of this.map.link.others()) map.selection.redraw(); // what was selected on this one they can show now
    if (this.isListening) return;
    this.isListening = true;
    const { plot, root } = this.map;
    // The lens would lie over what is being drawn.
    plot.on("plotly_selecting", () => (root.dataset.drawing = "true"));
    window.addEventListener("pointerup", this.release, true);
    plot.on("plotly_selected", (event) => {
      this.release(); // plotly reports the last move of a drag only when that has ended
      const outline = outlineOf(event);
      // Plotly is about to keep an outline of its own, and to select by its own rule, in pixels: ours comes after.
      if (!outline) return;
      const drawn = { ...simplified(outline, this.map.axes.perPixel), hidden: this.map.layer.hiddenClasses() };
      setTimeout(() => this.send(drawn));
    });
    plot.on("plotly_deselect", () => {
      this.map.clicks.cancel();
      this.send(null);
    });
    plot.on("plotly_restyle", ([changes]) => {
      if ("visible" in changes && this.isOwn()) this.send({ ...this.chosen, hidden: this.map.layer.hiddenClasses() });
    });
    plot.on("plotly_relayout", () => (root.dataset.drag = plot._fullLayout.dragmode));
  }

  remove() {
    window.removeEventListener("pointerup", this.release, true);
  }

  redraw() {
    if (!this.chosen) return;
    this.shown = undefined;
    this.show(this.chosen);
  }

  // Whether something is selected, and was drawn on this map.
  isOwn() {
    return this.chosen !== null && (this.chosen.of ?? null) === (this.map.link.facts?.name ?? null);
  }

  send(outline) {
    const { facts } = this.map.link;
    const chosen = outline && facts ? { ...outline, of: facts.name } : outline;
    this.shown = undefined;
    this.show(chosen);
    for (const map of this.map.link.others()) map.selection.show(chosen);
    // A finger that keeps drawing could not scroll on to what was selected.
    if (matchMedia("(pointer: coarse)").matches) this.map.Plotly.relayout(this.map.plot, { dragmode: false });
    this.map.send("selected", chosen ?? { x: [], y: [], hidden: [] });
  }

  // Dim all but what is chosen, an outline `of` a map with hidden classes; null shows everything alike.
  show(chosen) {
    const { plot, points, Plotly } = this.map;
    this.chosen = chosen;
    if (this.shown === JSON.stringify(chosen)) return;
    this.shown = JSON.stringify(chosen);
    this.map.root.classList.toggle("latent-map--selected", Boolean(chosen));
    const drawn = this.map.layer.drawnRows();
    const isSelected = chosen && this.isSelected(this.isOwn() ? points : this.map.link.pointsOf(chosen.of));
    const selected = plot.data.map((_, trace) => (isSelected && drawn[trace] ? positions(drawn[trace], isSelected) : null));
    const dimming = { selectedpoints: selected, "unselected.marker.opacity": DIMMED };
    Plotly.update(plot, dimming, { selections: [], shapes: this.map.layout().shapes });
  }

  // For each row 1 where it is in the outline and not hidden, else 0; null while the points it is around are not here.
  isSelected(points) {
    if (!points) return null;
    const { xy, labels } = points;
    const isHidden = new Set(this.chosen.hidden);
    const isSelected = new Uint8Array(labels.length);
    for (const row of rowsInside(xy, this.chosen)) isSelected[row] = isHidden.has(labels[row]) ? 0 : 1;
    return isSelected;
  }

  // The outline as plotly draws it on the map, in colour `ink`: a list of one shape, or of none.
  shapes(ink) {
    if (!this.isOwn()) return [];
    const corners = this.chosen.x.map((x, k) => `${x},${this.chosen.y[k]}`);
    return [{ type: "path", path: `M${corners.join("L")}Z`, line: { color: ink, width: 1.5, dash: "dot" } }];
  }
}

// The places in `rows` of those that are selected.
function positions(rows, isSelected) {
  const found = [];
  rows.forEach((row, position) => isSelected[row] && found.push(position));
  return found;
}
