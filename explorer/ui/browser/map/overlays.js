// What is drawn over and under the points, on canvases of its own that follow the axes at every frame.
// It asks of the map: root, plot, data, points, rgba(colour) and layer.nearest(place).

import { DensityLayer, UntrainedLayer } from "./density_layers.js";
import { ManifoldLayer } from "./manifold_layer.js";
import { AxesView, blankCanvas } from "./layer.js";
import { PosteriorLayer, PriorLayer } from "./gaussian_layers.js";
import { ThumbnailLayer } from "./thumbnail_layer.js";
import { WalkLayer } from "./path_layer.js";

const REST_MILLISECONDS = 150;
const MOVES = ["plotly_relayouting", "plotly_relayout", "plotly_afterplot", "plotly_restyle"];

// In the order in which they are drawn, the lowest first.
const LAYERS = {
  density: DensityLayer,
  images: ManifoldLayer,
  untrained: UntrainedLayer,
  prior: PriorLayer,
  thumbnails: ThumbnailLayer,
  walks: WalkLayer,
  posterior: PosteriorLayer,
};

export class Overlays {
  constructor(map) {
    this.map = map;
    this.under = blankCanvas(0, 0);
    this.over = blankCanvas(0, 0);
    this.under.className = "latent-map__overlay latent-map__overlay--under";
    this.over.className = "latent-map__overlay latent-map__overlay--over";
    for (const canvas of [this.under, this.over]) canvas.setAttribute("aria-hidden", "true");
    map.plot.before(this.under);
    map.plot.after(this.over);
    this.legend = Object.assign(document.createElement("ul"), { className: "ui latent-map-overlays" });
    map.root.after(this.legend);
    this.layers = {};
    for (const [name, Layer] of Object.entries(LAYERS)) this.layers[name] = new Layer(this);
    this.shown = [];
    this.view = null;
    this.frame = 0;
    this.timer = 0;
  }

  // After the map was drawn or its data changed: show what the data say.
  update() {
    this.listen();
    const { shown, walks } = this.map.data.overlays;
    this.shown = Object.keys(LAYERS).filter((name) => shown.includes(name) || (name === "walks" && walks.length > 0));
    for (const name of this.shown) this.layers[name].reset();
    // The points stand back where they would hide what is behind them.
    this.map.root.classList.toggle("latent-map--behind", shown.includes("images") || shown.includes("density"));
    this.map.root.classList.toggle("latent-map--images", shown.includes("images"));
    this.rest(0);
    this.changed();
  }

  // The nearest point to the pointer, {row, distance}.
  hover(nearest) {
    if (this.shown.includes("posterior")) this.layers.posterior.hover(nearest);
  }

  remove() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    for (const element of [this.under, this.over, this.legend]) element.remove();
  }

  listen() {
    if (this.isListening || !this.map.plot.on) return;
    this.isListening = true;
    for (const event of MOVES) this.map.plot.on(event, () => this.changed());
    // The legend hides and shows classes after this event.
    this.map.plot.on("plotly_afterplot", () => this.shown.length && this.rest(REST_MILLISECONDS));
  }

  // Something is to be painted anew, at the next frame.
  changed() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  rest(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.map.points || !this.map.root.isConnected) return;
      const view = new AxesView(this.map.plot);
      for (const name of this.shown) this.layers[name].rest(view);
    }, milliseconds);
  }

  paint() {
    const isBlank = !this.shown.length;
    if (!this.map.plot._fullLayout?.xaxis || (isBlank && this.isBlank)) return;
    this.isBlank = isBlank;
    const view = new AxesView(this.map.plot);
    if (!view.equals(this.view) && this.shown.length) this.rest(REST_MILLISECONDS);
    this.view = view;
    const theme = this.theme();
    this.paintOn(this.under, view, (layer, context) => layer.paintUnder(context, view, theme));
    this.paintOn(this.over, view, (layer, context) => layer.paintOver(context, view, theme));
    this.write();
    const detail = { shown: this.shown, view: [view.x0, view.x1, view.y0, view.y1] };
    this.map.root.dispatchEvent(new CustomEvent("latent-map:overlays", { detail }));
  }

  // The page's colours in a form that can be taken apart; worked out when they change, for that costs a layout.
  theme() {
    const style = getComputedStyle(this.map.root);
    const names = ["--st-text-color", "--st-background-color", "--st-primary-color"];
    const key = names.map((name) => style.getPropertyValue(name).trim());
    if (key.join() !== this.colours?.key) {
      const [ink, paper, primary] = key.map((colour) => this.map.rgba(colour));
      this.colours = { key: key.join(), ink, paper, primary };
    }
    return this.colours;
  }

  paintOn(canvas, view, paint) {
    const { clientWidth: width, clientHeight: height } = this.map.root;
    const scale = devicePixelRatio;
    Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    for (const name of this.shown) {
      context.save();
      paint(this.layers[name], context);
      context.restore();
    }
  }

  // What each overlay is, in words below the map.
  write() {
    const { names } = this.map.data.overlays;
    const named = this.shown.filter((name) => name in names);
    const lines = named.map((name) => [names[name], this.layers[name].problem || this.layers[name].words()]);
    const text = JSON.stringify(lines);
    if (text === this.written) return;
    this.written = text;
    this.legend.replaceChildren(
      ...lines.map(([name, words]) => {
        const item = document.createElement("li");
        const title = Object.assign(document.createElement("b"), { textContent: name });
        item.append(title, ` ${words}`);
        return item;
      }),
    );
  }
}
