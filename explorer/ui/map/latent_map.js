// The latent map. Plotly draws the points; this file asks for the image under the pointer and paints it.
// Pointing never reruns the script: only what is done to pins is sent to Python.

import { Believer, Decoder } from "../browser/api.js";
import { followDrawing, followFilmstrip, followSliders, projected } from "../browser/events.js";
import { isTyping, showKeys } from "../browser/map/keyboard.js";
import { Axes } from "../browser/map/axes.js";
import { Lens } from "../browser/map/lens.js";
import { PointLayer } from "../browser/map/point_layer.js";
import { Link } from "../browser/map/linked_maps.js";
import { PinMarks } from "../browser/map/pin_marks.js";
import { Overlays } from "../browser/map/overlays.js";
import { PinTray } from "../browser/map/pin_tray.js";
import { pictureButtons } from "../browser/map/export_image.js";
import { loadPlotly } from "../browser/plotly.js";
import { CLICK_PIXELS, Clicks, followPress } from "../browser/map/clicks.js";
import { Selection } from "../browser/map/lasso.js";
import { followTwoFingers } from "../browser/map/touch.js";
import { Zoom } from "../browser/map/zoom.js";

const SNAP_PIXELS = 9;
const NUDGE = 0.01;
const FAR = 10;
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOM = 1.25;
const NARROW = 560;
const CONTEXT_PAUSE_MS = 300;

class LatentMap {
  constructor(root, tray, keys) {
    this.root = root;
    this.keys = keys;
    this.act = (action) => this.send("act", action);
    this.tray = new PinTray(tray, this.act, (index) => this.hoverPin(index));
    this.plot = root.querySelector(".latent-map__plot");
    this.axes = new Axes(this.plot);
    this.lens = new Lens(root, this.axes);
    this.marks = new PinMarks(root, this.axes, { act: this.act, snapped: (place) => this.snapped(place) });
    this.status = root.querySelector(".latent-map__status");
    const fail = (error) => (this.status.textContent = error.message);
    this.decoder = new Decoder(this.paint.bind(this), fail);
    this.believer = new Believer((reliability) => this.lens.believe(reliability), fail);
    this.layer = new PointLayer(root, this.plot);
    this.link = new Link(this);
    this.selection = new Selection(this);
    this.zoom = new Zoom(this);
    this.clicks = new Clicks((place) => this.act({ do: "add", ...this.snapped(place) }));
    this.points = null;
    this.cursor = null;
    this.overlays = new Overlays(root, this.plot, {
      colourOf: (colour) => this.rgba(colour),
      nearest: (place) => this.layer.nearest(place),
    });
    this.listen();
  }

  listen() {
    const move = (event) => {
      this.marks.find("here", null);
      this.pointAt(this.axes.position(event));
    };
    this.plot.addEventListener("pointermove", move, true);
    this.plot.addEventListener("pointerleave", () => this.goHome());
    this.plot.addEventListener("pointerdown", (event) => this.press(event), true);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.shortcut = this.shortcut.bind(this);
    document.addEventListener("keydown", this.shortcut);
    followTwoFingers(this.plot, (ranges) => this.Plotly.relayout(this.plot, ranges));
    this.plot.addEventListener("webglcontextlost", () => this.drawAnewSoon(), true);
    this.observer = new ResizeObserver(() => this.points && this.root.clientWidth && this.resize());
    this.observer.observe(this.root);
    const stops = [
      followDrawing((place) => this.marks.find("drawing", place)),
      followFilmstrip((place) => this.marks.find("film", place)),
      followSliders((z) => this.marks.find("sliders", z && this.data.linear ? projected(z, this.data.linear) : null)),
    ];
    this.stopFollowing = () => stops.forEach((stop) => stop());
    // The stylesheet gives the text colour a transition, which ends when another theme is in place.
    this.root.addEventListener("transitionend", (event) => {
      if (event.target === this.root && event.propertyName === "color" && this.points) this.restyle();
    });
  }

  // The browser takes the graphics card's memory back when a laptop sleeps or too many pages ask for it. Plotly goes on
  // with what it lost, and shows nothing: all is drawn anew, once for all canvases that lost theirs.
  drawAnewSoon() {
    clearTimeout(this.drawingAnew);
    this.drawingAnew = setTimeout(() => this.points && this.root.isConnected && this.drawAnew(), CONTEXT_PAUSE_MS);
  }

  // Without a trace that needs them plotly gives its canvases up, and makes new ones for the next; what listens stays.
  drawAnew() {
    const { data, layout } = this.plot;
    const ranges = { "xaxis.range": [...layout.xaxis.range], "yaxis.range": [...layout.yaxis.range] };
    this.Plotly.react(this.plot, [], layout);
    this.Plotly.react(this.plot, data, layout);
    this.Plotly.relayout(this.plot, ranges); // without points the axes, which have one scale, had other ones
  }

  async update(data, send) {
    this.data = data;
    this.send = send;
    this.root.classList.toggle("latent-map--beside", Boolean(data.link));
    try {
      const [Plotly, loaded] = await Promise.all([
        loadPlotly(data.plotly),
        this.layer.load(data),
      ]);
      if (data !== this.data || !this.root.isConnected) return; // there is newer data, or the page was left
      this.Plotly = Plotly;
      if (loaded) this.show(loaded);
      this.zoom.show(data.zoom);
      this.marks.found.sliders = null;
      this.marks.show(data);
      this.overlays.update(data, this.points);
      this.selection.show(data.selection);
      this.tray.show(data.pins, data.at, data.can);
      this.status.textContent = "";
    } catch (error) {
      this.status.textContent = error.message;
    }
    this.goHome();
  }

  show(loaded) {
    this.points = loaded.points;
    const traces = this.layer.traces(this.data, loaded);
    const config = {
      scrollZoom: true,
      displaylogo: false,
      showTips: false,
      editSelection: false,
      modeBarButtons: [["pan2d", "lasso2d", "select2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d", ...this.pictureButtons()]],
    };
    this.Plotly.react(this.plot, traces, this.layout(), config);
    this.layer.follow(this.Plotly);
    this.marks.follow();
    this.selection.drawn();
    this.zoom.follow();
    this.root.dispatchEvent(new CustomEvent("latent-map:ready", { detail: { n: this.points.n } }));
  }

  pictureButtons() {
    const { root, plot, overlays, marks } = this;
    const { shade } = this.layer;
    return pictureButtons(this.Plotly, { root, plot, shade, overlays, marks }, () => `latent-map-${this.data.run}`);
  }

  layout() {
    const style = getComputedStyle(this.root);
    const ink = style.getPropertyValue("--st-text-color").trim() || style.color;
    const faint = `color-mix(in srgb, ${ink} 12%, transparent)`;
    const isNarrow = this.root.clientWidth < NARROW;
    const axis = { gridcolor: this.rgba(faint), zerolinecolor: this.rgba(`color-mix(in srgb, ${ink} 30%, transparent)`) };
    const base = this.data.figure.layout;
    const legend = { ...base.legend, ...(isNarrow ? { orientation: "h", y: -0.16, title: { text: "" } } : {}) };
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
      ...this.layer.layout(legend, isNarrow),
      shapes: [
        ...(base.shapes ?? []),
        ...this.selection.shapes(this.rgba(ink)),
      ],
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

  restyle() {
    this.Plotly.react(this.plot, this.plot.data, this.layout());
  }

  // A layout without ranges is of the whole map. What was in view stays so: about, and exactly once the frame is known.
  resize() {
    const [zoom, layout] = [this.zoom.now(), this.layout()];
    for (const axis of zoom.length ? ["xaxis", "yaxis"] : []) layout[axis].range = [...this.axes.layout[axis].range];
    this.Plotly.relayout(this.plot, layout).then(() => {
      this.zoom.inView(zoom);
      this.goHome();
    });
  }

  pointAt(place) {
    if (!this.points) return;
    if (!place) {
      this.goHome();
      return;
    }
    this.cursor = place;
    const nearest = this.layer.nearest(place);
    this.overlays.hover(nearest);
    this.link.point(nearest.row);
    this.lookFrom(nearest.row, { place, isPointed: true });
  }

  // Decodes an image's place, which is pointed at on another map.
  lookAtImage(row) {
    const { x, y } = this.link.placeOf(row);
    this.lookFrom(row, { place: this.axes.place(x, y), rest: `&reference=${row}`, name: `image ${row.toLocaleString("en-GB")}` });
  }

  // Decodes a place; `row` gives the class of a conditional model where none is chosen.
  lookFrom(row, { place, isPointed = false, rest = "", name = "" }) {
    const label = this.data.decode_as ?? this.points.labels[row];
    const route = `${this.data.decode}${rest}${this.data.conditional ? `&label=${label}` : ""}`;
    const as = this.data.conditional ? `as class ${this.data.classes[label]}` : "";
    const note = [name, as, this.data.exact ? "" : "≈ approximate"].filter(Boolean).join(" · ");
    this.decoder.ask({ route, numbers: this.link.unturned(place), place, note, isPointed });
  }

  goHome() {
    if (!this.points) return;
    this.marks.find("here", null);
    this.link.point(null);
    this.lookAt(this.data.home, true);
    this.overlays.hover(this.layer.nearest(this.cursor));
  }

  // Decodes a pinned place; at rest the lens is out of the way, in the emptiest corner, and says no more than its name:
  // what can be believed of a pin is told beside the map.
  lookAt(pin, isAtRest = false) {
    const place = this.axes.place(pin.x, pin.y);
    this.cursor = place;
    this.decoder.ask({ route: pin.decode, numbers: new Float32Array(pin.z), place, note: pin.name, isAtRest });
  }

  hoverPin(index) {
    if (this.points) this.lookAt(index === null ? this.data.home : this.data.pins[index], index === null);
  }

  // The image first; what can be believed of it follows.
  paint(request, bytes, [, ...shape]) {
    const { place, note, isAtRest, isPointed } = request;
    this.lens.show(bytes, shape, `${place.x.toFixed(2)}, ${place.y.toFixed(2)}\n${note}`, isPointed);
    this.believer.ask(isPointed ? request : null);
    if (isAtRest) this.lens.rest(this.points, this.data.pins);
    else this.lens.move(place);
    this.status.textContent = "";
    this.root.dispatchEvent(new CustomEvent("latent-map:painted", { detail: { x: place.x, y: place.y } }));
  }

  press(pressed) {
    if (!this.points || this.marks.press(pressed)) return;
    const place = this.axes.position(pressed);
    this.pointAt(place);
    followPress(pressed, (farthest) => {
      if (place && farthest <= CLICK_PIXELS) this.pin(place);
    });
  }

  // A double click clears a selection: until it is known to be none, nothing is pinned.
  pin(place) {
    this.clicks.click(place, Boolean(this.selection.chosen));
  }

  // The image at a place if there is one close by, else the place itself; always an image where other maps show it too.
  snapped(place) {
    const { row, distance } = this.layer.nearest(place);
    if (this.data.link) return { row };
    return distance <= SNAP_PIXELS * this.axes.perPixel ? { row } : { x: place.x, y: place.y };
  }

  key(event) {
    if (!this.points || !this.cursor || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = this.keyAction(event);
    if (!action) return;
    action();
    event.preventDefault();
  }

  keyAction({ key, shiftKey }) {
    if (key in STEPS) return () => this.nudge(...STEPS[key], shiftKey ? FAR : 1);
    if (/^\d$/.test(key)) return () => this.chooseClass(Number(key));
    return {
      Enter: () => this.pin(this.cursor),
      Escape: () => this.goHome(),
      Delete: () => this.data.at >= 0 && this.act({ do: "remove", index: this.data.at }),
      "+": () => this.zoomBy(1 / ZOOM),
      "-": () => this.zoomBy(ZOOM),
    }[key];
  }

  // Keys that work wherever the focus is, except in a field.
  shortcut(event) {
    if (isTyping(event) || !this.root.isConnected || !this.data || this.link.facts?.leads === false) return;
    const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if (event.key === "?") showKeys(this.keys);
    else if (isUndo) this.act({ do: event.shiftKey ? "redo" : "undo" });
    else return;
    event.preventDefault();
  }

  nudge(dx, dy, times) {
    const step = this.axes.step(NUDGE * times);
    const place = this.axes.place(this.cursor.x + dx * step, this.cursor.y + dy * step);
    this.pointAt(place);
    this.marks.find("here", place); // there is no pointer that would show it
  }

  // A conditional model decodes in the class; of another one's points the class is shown alone. Again: all of them.
  chooseClass(label) {
    if (label >= this.data.figure.data.length) return;
    if (this.data.conditional) this.act({ do: "class", label: this.data.decode_as === label ? -1 : label });
    else this.layer.isolate(label);
  }

  zoomBy(factor) {
    this.Plotly.relayout(this.plot, this.axes.zoomed(factor));
  }

  remove() {
    document.removeEventListener("keydown", this.shortcut);
    clearTimeout(this.drawingAnew);
    this.observer.disconnect();
    this.layer.remove();
    this.overlays.remove();
    this.stopFollowing();
    this.selection.remove();
    this.zoom.remove();
    if (this.Plotly) this.Plotly.purge(this.plot);
  }
}

export default function latentMap({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".latent-map");
  root.map ??= new LatentMap(root, parentElement.querySelector(".pin-tray"), parentElement.querySelector(".map-keys"));
  root.setAttribute("aria-label", data.alt);
  root.map.update(data, setTriggerValue);
  return () => {
    if (!root.isConnected) root.map.remove();
  };
}
