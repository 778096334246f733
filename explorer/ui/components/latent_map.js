// The latent map. Plotly draws the points; this file asks for the image under the pointer and paints it.
// Pointing never reruns the script: only a click is sent to Python.

import { Decoder, paintImage, refusal } from "./modules/decoder.js";
import { loadPlotly } from "./modules/plotly.js";
import { followPress } from "./modules/press.js";
import { Selection } from "./modules/selection.js";

const CLICK_PIXELS = 5;
const SNAP_PIXELS = 9;
const NUDGE = 0.01;
const LENS_GAP = 16;
const NARROW = 560;

async function loadPoints(url) {
  const response = await fetch(url);
  if (!response.ok) throw await refusal(response);
  const n = Number(response.headers.get("X-Shape").split(",")[0]);
  const bytes = await response.arrayBuffer();
  return { n, xy: new Float32Array(bytes, 0, 2 * n), labels: new Uint16Array(bytes, 8 * n, n) };
}

function byClass(points, nClasses) {
  const counts = new Uint32Array(nClasses);
  for (const label of points.labels) counts[label] += 1;
  const traces = Array.from(counts, (count) => ({ x: new Float32Array(count), y: new Float32Array(count) }));
  const filled = new Uint32Array(nClasses);
  points.labels.forEach((label, row) => {
    traces[label].x[filled[label]] = points.xy[2 * row];
    traces[label].y[filled[label]] = points.xy[2 * row + 1];
    filled[label] += 1;
  });
  return traces;
}

class LatentMap {
  constructor(root) {
    this.root = root;
    this.plot = root.querySelector(".latent-map__plot");
    this.lens = root.querySelector(".latent-map__lens");
    this.canvas = root.querySelector("canvas");
    this.caption = root.querySelector("figcaption");
    this.status = root.querySelector(".latent-map__status");
    this.decoder = new Decoder(this.paint.bind(this), (error) => (this.status.textContent = error.message));
    this.selection = new Selection(this);
    this.points = null;
    this.cursor = null;
    this.listen();
  }

  listen() {
    const move = (event) => this.pointAt(this.position(event));
    this.plot.addEventListener("pointermove", move, true);
    this.plot.addEventListener("pointerleave", () => this.goHome());
    this.plot.addEventListener("pointerdown", (event) => this.press(event), true);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => this.points && this.root.clientWidth && this.resize());
    this.observer.observe(this.root);
    // The stylesheet gives the text colour a transition, which ends when another theme is in place.
    this.root.addEventListener("transitionend", (event) => {
      if (event.target === this.root && event.propertyName === "color" && this.points) this.restyle();
    });
  }

  async update(data, send) {
    const isNew = data.points !== this.data?.points;
    this.data = data;
    this.send = send;
    try {
      const [Plotly, points] = await Promise.all([
        loadPlotly(new URL(data.plotly, document.baseURI)),
        isNew ? loadPoints(new URL(data.points, document.baseURI)) : this.points,
      ]);
      if (data !== this.data) return;
      this.Plotly = Plotly;
      if (isNew) this.show(points);
      else this.movePin();
      this.selection.show(data.selection);
      this.status.textContent = "";
    } catch (error) {
      this.status.textContent = error.message;
    }
    this.goHome();
  }

  show(points) {
    this.points = points;
    const classes = this.data.figure.data;
    const filled = byClass(points, classes.length).map((xy, label) => ({ ...classes[label], ...xy }));
    const config = {
      scrollZoom: true,
      displaylogo: false,
      showTips: false,
      editSelection: false,
      modeBarButtons: [["pan2d", "lasso2d", "select2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]],
      toImageButtonOptions: { filename: `latent-map-${this.data.run}`, scale: 2 },
    };
    this.Plotly.react(this.plot, [...filled, this.pinTrace()], this.layout(), config);
    this.selection.drawn();
    this.root.dispatchEvent(new CustomEvent("latent-map:ready", { detail: { n: points.n } }));
  }

  layout() {
    const style = getComputedStyle(this.root);
    const ink = style.getPropertyValue("--st-text-color").trim() || style.color;
    const faint = `color-mix(in srgb, ${ink} 12%, transparent)`;
    const isNarrow = this.root.clientWidth < NARROW;
    const axis = { gridcolor: this.rgba(faint), zerolinecolor: this.rgba(`color-mix(in srgb, ${ink} 30%, transparent)`) };
    const base = this.data.figure.layout;
    return {
      ...base,
      width: this.root.clientWidth,
      height: this.root.clientHeight,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: this.rgba(ink), family: style.fontFamily, size: 13 },
      xaxis: { ...base.xaxis, ...axis },
      yaxis: { ...base.yaxis, ...axis },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: this.rgba(`color-mix(in srgb, ${ink} 45%, transparent)`), activecolor: this.rgba(ink) },
      legend: { ...base.legend, ...(isNarrow ? { orientation: "h", y: -0.16, title: { text: "" } } : {}) },
      shapes: [...(base.shapes ?? []), ...this.selection.shapes(this.rgba(ink))],
      dragmode: this.plot.layout?.dragmode ?? (matchMedia("(pointer: coarse)").matches ? false : base.dragmode),
    };
  }

  // Plotly reads colours by itself and does not know color-mix: let the browser compute them.
  rgba(colour) {
    this.status.style.color = colour;
    const computed = getComputedStyle(this.status).color;
    this.status.style.color = "";
    const parts = computed.match(/color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)(?: \/ ([\d.e-]+))?\)/);
    if (!parts) return computed;
    const [red, green, blue] = parts.slice(1, 4).map((part) => Math.round(255 * part));
    return `rgba(${red},${green},${blue},${parts[4] ?? 1})`;
  }

  pinTrace() {
    const { x, y, name } = this.data.pin;
    const ink = this.rgba(getComputedStyle(this.root).color);
    return {
      type: "scatter",
      x: [x],
      y: [y],
      mode: "markers",
      name,
      showlegend: false,
      marker: { symbol: "circle-open", size: 16, color: ink, line: { width: 3, color: ink } },
    };
  }

  movePin() {
    this.Plotly.restyle(this.plot, { x: [[this.data.pin.x]], y: [[this.data.pin.y]] }, [this.data.figure.data.length]);
  }

  restyle() {
    this.Plotly.react(this.plot, [...this.plot.data.slice(0, -1), this.pinTrace()], this.layout());
  }

  resize() {
    this.Plotly.relayout(this.plot, this.layout()).then(() => this.goHome());
  }

  // Where an event lies on the map, in its coordinates and in pixels of the root; null beside the axes.
  position(event) {
    const full = this.plot._fullLayout;
    if (!full?.xaxis) return null;
    const box = this.plot.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left - full._size.l, event.clientY - box.top - full._size.t];
    if (left < 0 || top < 0 || left > full._size.w || top > full._size.h) return null;
    return this.place(full.xaxis.p2d(left), full.yaxis.p2d(top));
  }

  place(x, y) {
    const full = this.plot._fullLayout;
    return { x, y, left: full._size.l + full.xaxis.d2p(x), top: full._size.t + full.yaxis.d2p(y) };
  }

  pointAt(place) {
    if (!this.points) return;
    if (!place) {
      this.goHome();
      return;
    }
    this.cursor = place;
    const nearest = this.nearest(place);
    const label = this.data.decode_as ?? this.points.labels[nearest.row];
    const query = this.data.conditional ? `${this.data.decode}&label=${label}` : this.data.decode;
    const name = this.data.conditional ? `as class ${this.data.figure.data[label].name}` : "";
    this.ask({ query, numbers: new Float32Array([place.x, place.y]), place, note: name });
  }

  goHome() {
    if (!this.points) return;
    const pin = this.data.pin;
    this.cursor = this.place(pin.x, pin.y);
    this.ask({ query: pin.decode, numbers: new Float32Array(pin.z), place: this.cursor, note: pin.name });
  }

  ask({ query, numbers, place, note }) {
    this.decoder.ask({ url: new URL(query, document.baseURI), numbers, place, note });
  }

  paint({ place, note }, bytes, [, ...shape]) {
    paintImage(this.canvas, bytes, shape);
    this.caption.textContent = `${place.x.toFixed(2)}, ${place.y.toFixed(2)}\n${note}`;
    this.moveLens(place);
    this.status.textContent = "";
    this.root.dispatchEvent(new CustomEvent("latent-map:painted", { detail: { x: place.x, y: place.y } }));
  }

  moveLens({ left, top }) {
    const { offsetWidth: width, offsetHeight: height } = this.lens;
    const isRight = left + LENS_GAP + width < this.root.clientWidth;
    const x = isRight ? left + LENS_GAP : left - LENS_GAP - width;
    const y = Math.min(Math.max(top - height - LENS_GAP, 0), this.root.clientHeight - height);
    this.lens.style.transform = `translate(${Math.max(x, 0)}px, ${y}px)`;
    this.lens.style.visibility = "visible";
  }

  // The rows that each of the first traces draws, in its order.
  drawnRows() {
    const rows = this.data.figure.data.map(() => []);
    this.points.labels.forEach((label, row) => rows[label].push(row));
    return rows;
  }

  // Labels of the classes that the legend hides; none where it hides all, as there is nothing else to see.
  hiddenClasses() {
    const classes = this.plot.data.slice(0, this.data.figure.data.length);
    const labels = [...classes.keys()].filter((label) => classes[label].visible === "legendonly");
    return labels.length < classes.length ? labels : [];
  }

  nearest({ x, y }) {
    const { xy, labels, n } = this.points;
    const hidden = this.plot.data.map((trace) => trace.visible === "legendonly");
    const all = hidden.slice(0, -1).every(Boolean);
    let row = -1;
    let best = Infinity;
    for (let k = 0; k < n; k += 1) {
      const dx = xy[2 * k] - x;
      const dy = xy[2 * k + 1] - y;
      const distance = dx * dx + dy * dy;
      if (distance < best && (all || !hidden[labels[k]])) {
        row = k;
        best = distance;
      }
    }
    return { row, distance: Math.sqrt(best) };
  }

  press(pressed) {
    const place = this.position(pressed);
    this.pointAt(place);
    followPress(pressed, (farthest) => {
      if (place && farthest <= CLICK_PIXELS) this.pin(place);
    });
  }

  pin(place) {
    const { row, distance } = this.nearest(place);
    const pixel = Math.abs(this.plot._fullLayout.xaxis.p2d(1) - this.plot._fullLayout.xaxis.p2d(0));
    this.send("pinned", distance <= SNAP_PIXELS * pixel ? { row } : { x: place.x, y: place.y });
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!this.points || !this.cursor) return;
    if (event.key in steps) {
      const [dx, dy] = steps[event.key];
      const [low, high] = this.plot._fullLayout.xaxis.range;
      const step = (high - low) * NUDGE;
      this.pointAt(this.place(this.cursor.x + dx * step, this.cursor.y + dy * step));
    } else if (event.key === "Enter") {
      this.pin(this.cursor);
    } else if (event.key === "Escape") {
      this.goHome();
    } else {
      return;
    }
    event.preventDefault();
  }

  remove() {
    this.observer.disconnect();
    this.selection.remove();
    if (this.Plotly) this.Plotly.purge(this.plot);
  }
}

export default function latentMap({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".latent-map");
  root.map ??= new LatentMap(root);
  root.setAttribute("aria-label", data.alt);
  root.map.update(data, setTriggerValue);
  return () => {
    if (!root.isConnected) root.map.remove();
  };
}
