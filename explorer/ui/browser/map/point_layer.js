// What of the encoded set is drawn. A set within the budget is drawn whole. Of a larger one, up to BUDGET points in view
// are drawn, a random part that is always the same, above a shade that counts all points in view.

import { DrawnPoints, loadColumn, loadPoints, rowHash } from "./point_index.js";
import { inkBytes, Shade, viewOf } from "./density_shade.js";

export const BUDGET = 12_000;
const REST_MS = 250; // longer than drawing a frame takes in software, so that turning a wheel is one movement
const MARGIN = 0.15;
const SMALL_POINT = 3;
const LARGE_POINT = 5;
const MANY_IN_VIEW = 5000;
const OUTLINE = 1;
const OUTLINE_OPACITY = 0.5;
const FEW_POINTS = 2000;
const LEGEND_SHARE = 0.25;

// Up to `budget` of `rows`. Each is kept by its own number, so that zooming in adds points and takes none away.
export function sampledRows(rows, budget) {
  if (rows.length <= budget) return rows.slice();
  const limit = (budget / rows.length) * 2 ** 32;
  return rows.filter((row) => rowHash(row) < limit);
}

// The points of a latent map: what is loaded, what is drawn, and in words how much of it.
export class PointLayer {
  constructor(root, plot) {
    this.root = root;
    this.plot = plot;
    this.shade = new Shade(root);
    this.note = document.createElement("p");
    this.note.className = "ui-caption latent-map__count";
    root.append(this.note);
    this.shown = null;
    this.isPressed = false;
    this.isDue = false;
    plot.addEventListener("pointerdown", () => (this.isPressed = true), true);
    root.addEventListener("transitionend", (event) => this.points && event.target === root && this.restyle());
    this.release = () => {
      this.isPressed = false;
      if (this.isLate) this.rest();
    };
    window.addEventListener("pointerup", this.release, true);
    window.addEventListener("pointercancel", this.release, true);
  }

  // Loads what `data` asks for and is not at hand; what it returns, `show` takes. Null where it is shown already.
  async load(data) {
    const column = data.colour?.url ?? "";
    const similarity = data.link?.similarity ?? null;
    const source = JSON.stringify([data.points, similarity]);
    const key = JSON.stringify([source, column, data.figure.data.length]);
    if (key === this.shown?.key) return null;
    const [points, values] = await Promise.all([
      source === this.shown?.source ? this.points : loadPoints(data.points, similarity),
      column ? loadColumn(column) : null,
    ]);
    return { key, source, points, values, colour: data.colour };
  }

  // Takes what was loaded, and returns the traces that draw it.
  traces(data, loaded) {
    this.shown = loaded;
    this.points = loaded.points;
    this.values = loaded.values;
    const { points, values } = this;
    const groups = values ? Uint8Array.from(values.values, (value) => (Number.isFinite(value) ? 0 : 1)) : points.labels;
    const present = new Uint8Array(data.figure.data.length);
    for (const label of points.labels) present[label] = 1;
    const styles = values ? valueTraces(data) : data.figure.data.map((style, label) => classTrace(style, label, present));
    this.drawn = new DrawnPoints(points, groups, styles.length);
    this.isPart = points.n > BUDGET;
    this.hidden = new Uint8Array(styles.length);
    this.take(this.isPart ? this.sample(this.points.index.rowsWithin(everywhere())) : Uint32Array.from({ length: points.n }, (_, row) => row));
    this.shade.clear();
    this.note.textContent = "";
    this.view = "";
    return Array.from({ length: this.drawn.nTraces }, (_, trace) => this.trace(styles, trace));
  }

  trace(styles, trace) {
    const style = styles[trace % styles.length];
    const [slice, group] = [Math.floor(trace / styles.length), trace % styles.length];
    const size = this.isPart ? SMALL_POINT : style.marker.size;
    return {
      ...style,
      uid: `${this.values ? "value" : "class"}-${group}-${slice}`,
      showlegend: slice === 0 && style.showlegend !== false,
      ...this.coordinates(trace),
      marker: { ...style.marker, size, ...this.outlineStyle(), ...this.colours(trace) },
    };
  }

  // A thin line in the colour of the text sets a pale class off a light page and a dark one off a dark page. Among many
  // points, which touch, lines would change what the colours look like.
  outlineStyle() {
    if (this.points.n >= FEW_POINTS) return {};
    return { line: { width: OUTLINE, color: this.outlineColour() } };
  }

  outlineColour() {
    const [red, green, blue] = inkBytes(getComputedStyle(this.root).color);
    return `rgba(${red},${green},${blue},${OUTLINE_OPACITY})`;
  }

  // What another theme changes.
  restyle() {
    if (!this.Plotly) return;
    const traces = Array.from({ length: this.nTraces }, (_, trace) => trace);
    if (this.points.n < FEW_POINTS) this.Plotly.restyle(this.plot, { "marker.line.color": this.outlineColour() }, traces);
    this.refine();
  }

  // What the points add to the layout: the colour bar, and a legend that leaves room for the map.
  layout(legend, isNarrow) {
    const room = isNarrow ? { ...legend, maxheight: LEGEND_SHARE } : legend;
    return this.values ? { legend: room, coloraxis: colourAxis(this.shown.colour, this.values, isNarrow) } : { legend: room };
  }

  get nTraces() {
    return this.drawn.nTraces;
  }

  coordinates(trace) {
    return { x: this.drawn.coordinates(trace, 0), y: this.drawn.coordinates(trace, 1) };
  }

  colours(trace) {
    if (!this.values || trace % this.drawn.nGroups) return {};
    return { color: Float32Array.from(this.drawn.rowsOf(trace), (row) => this.values.values[row]) };
  }

  // What is drawn of the rows in view, and the outermost of all: they keep the plot's range.
  sample(inView) {
    this.isAll = inView.length <= BUDGET;
    return Uint32Array.from(new Set([...sampledRows(inView, BUDGET), ...this.points.index.extremes]));
  }

  take(rows) {
    this.drawn.take(rows.sort());
  }

  // Whether a row is of a class that the legend shows; null where all count, as where it hides all of them.
  isShown() {
    const { hidden } = this;
    const { groups } = this.drawn;
    if (this.values || !hidden.includes(1) || !hidden.includes(0)) return null;
    return (row) => !hidden[groups[row]];
  }

  nearest({ x, y }) {
    this.readLegend();
    return this.points.index.nearest(x, y, this.isShown());
  }

  readLegend() {
    const traces = this.plot.data;
    for (let group = 0; group < this.hidden.length; group += 1) {
      this.hidden[group] = traces[group]?.visible === "legendonly" ? 1 : 0;
    }
  }

  // For each trace the rows that it draws, in its order.
  drawnRows() {
    return Array.from({ length: this.nTraces }, (_, trace) => this.drawn.rowsOf(trace));
  }

  // Labels of the classes that the legend hides; none where it hides all, as there is nothing else to see.
  hiddenClasses() {
    this.readLegend();
    const labels = [...this.hidden.keys()].filter((label) => this.hidden[label]);
    return this.values || labels.length === this.hidden.length ? [] : labels;
  }

  // Shows one class alone, or all of them where it is alone already; a column of values has no classes to show.
  isolate(label) {
    if (this.values) return;
    this.readLegend();
    const isAlone = this.hidden.every((isHidden, group) => Boolean(isHidden) === (group !== label));
    const traces = Array.from({ length: this.nTraces }, (_, trace) => trace);
    const visible = traces.map((trace) => isAlone || trace % this.drawn.nGroups === label || "legendonly");
    this.Plotly.restyle(this.plot, { visible }, traces);
  }

  // Follows the plot from its first drawing on. plotly forgets its listeners when it is purged, and only then.
  follow(Plotly) {
    this.Plotly = Plotly;
    if (!this.isFollowing) {
      this.isFollowing = true;
      this.plot.on("plotly_relayouting", () => this.shade.follow(this.plot._fullLayout));
      for (const event of ["plotly_relayout", "plotly_restyle", "plotly_afterplot"]) this.plot.on(event, () => this.moved());
    }
    this.refine();
  }

  moved() {
    if (!this.isPart) return;
    this.shade.follow(this.plot._fullLayout);
    this.rest();
  }

  rest() {
    clearTimeout(this.timer);
    if (this.isDue) this.view = ""; // what was not drawn yet is not drawn any more
    this.isDue = false;
    this.timer = setTimeout(() => {
      // Drawing anew under a drag would end it.
      this.isLate = this.isPressed;
      if (!this.isPressed) this.refine();
    }, REST_MS);
  }

  // Draws what is in view now, unless it is drawn: the shade at once, the points in a turn of their own, so that what a
  // person does in between does not wait for both.
  refine() {
    if (!this.isPart || !this.plot._fullLayout?.xaxis) return;
    this.readLegend();
    const full = this.plot._fullLayout;
    const ink = getComputedStyle(this.root).color;
    const view = [...full.xaxis.range, ...full.yaxis.range, full._size.w, full._size.h, ink, ...this.hidden].join();
    if (view === this.view) return;
    this.view = view;
    const box = viewOf(full, MARGIN);
    const rowsInView = () => this.points.index.rowsWithin(box, this.isShown());
    this.shade.draw(this.points.xy, rowsInView(), box, full, inkBytes(ink));
    this.isDue = true;
    setTimeout(() => {
      if (!this.isDue || view !== this.view) return;
      this.isDue = false;
      this.take(this.sample(rowsInView()));
      this.draw(this.count(viewOf(full, 0)));
    });
  }

  draw(counts) {
    const traces = Array.from({ length: this.nTraces }, (_, trace) => trace);
    const size = counts.inView > MANY_IN_VIEW ? SMALL_POINT : LARGE_POINT;
    const change = {
      x: traces.map((trace) => this.drawn.coordinates(trace, 0)),
      y: traces.map((trace) => this.drawn.coordinates(trace, 1)),
      "marker.size": size,
    };
    if (this.values) change["marker.color"] = traces.map((trace) => this.colours(trace).color ?? this.plot.data[trace].marker.color);
    this.Plotly.restyle(this.plot, change, traces);
    this.note.textContent = words(counts, this.points.n, this.isAll);
    this.root.dispatchEvent(new CustomEvent("latent-map:points", { detail: counts }));
  }

  count(box) {
    const isShown = this.isShown() ?? (() => true);
    const counts = { inView: this.points.index.rowsWithin(box, this.isShown()).length, drawn: 0 };
    if (this.isAll) return { ...counts, drawn: counts.inView };
    const { xy } = this.points;
    for (let trace = 0; trace < this.nTraces; trace += 1) {
      for (const row of this.drawn.rowsOf(trace)) {
        const [x, y] = [xy[2 * row], xy[2 * row + 1]];
        counts.drawn += isShown(row) && x >= box.left && x <= box.right && y >= box.bottom && y <= box.top;
      }
    }
    return counts;
  }

  remove() {
    clearTimeout(this.timer);
    this.isDue = false;
    window.removeEventListener("pointerup", this.release, true);
    window.removeEventListener("pointercancel", this.release, true);
  }
}

function everywhere() {
  return { left: -Infinity, right: Infinity, bottom: -Infinity, top: Infinity };
}

// A class without a point keeps its trace, so that traces and classes have the same numbers, and has no legend entry.
function classTrace(style, label, present) {
  return { ...style, legendgroup: `class ${label}`, showlegend: present[label] === 1 };
}

// One trace of the points with a value and one, in grey, of those without.
function valueTraces({ figure, colour }) {
  const base = { ...figure.data[0], showlegend: false };
  const marker = { ...base.marker, symbol: "circle" };
  return [
    { ...base, name: colour.title, marker: { ...marker, coloraxis: "coloraxis" } },
    { ...base, name: "no value", marker: { ...marker, color: "#888888" } },
  ];
}

function colourAxis(colour, { low, high }, isNarrow) {
  const below = { orientation: "h", y: -0.16, yanchor: "top", len: 1, title: { text: colour.title, side: "bottom" } };
  const beside = { len: 0.9, title: { text: colour.title, side: "right" } };
  const colorbar = { thickness: 12, outlinewidth: 0, ...(isNarrow ? below : beside) };
  return { cmin: low, cmax: high, colorscale: colour.scale, colorbar };
}

function words({ inView, drawn }, n, isAll) {
  const whole = n.toLocaleString("en-GB");
  if (isAll) return `All ${inView.toLocaleString("en-GB")} points in view drawn, of ${whole}`;
  const [some, seen] = [drawn, inView].map((number) => number.toLocaleString("en-GB"));
  const scope = inView === n ? `${whole} points` : `${seen} points in view`;
  return `${some} of ${scope} drawn; the shade behind them counts all`;
}
