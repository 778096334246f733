// What is drawn over and under the points, on canvases of its own that follow the axes at every frame.

import { DensityLayer, UntrainedLayer } from "./density_layers.js";
import { ManifoldLayer } from "./manifold_layer.js";
import { AxesView, blankCanvas } from "./layer.js";
import { PosteriorLayer, PriorLayer } from "./gaussian_layers.js";
import { ThumbnailLayer } from "./thumbnail_layer.js";
import { PathLayer } from "./path_layer.js";

const REST_MILLISECONDS = 150;
const MOVES = ["plotly_relayouting", "plotly_relayout", "plotly_afterplot", "plotly_restyle"];

// In the order in which they are drawn, the lowest first.
const LAYERS = {
  density: DensityLayer,
  images: ManifoldLayer,
  untrained: UntrainedLayer,
  prior: PriorLayer,
  thumbnails: ThumbnailLayer,
  paths: PathLayer,
  posterior: PosteriorLayer,
};

export class Overlays {
  // `colourOf` gives a colour of the style sheet in a form that can be taken apart; `nearest` the point next to a place.
  constructor(root, plot, { colourOf, nearest }) {
    Object.assign(this, { root, plot, colourOf });
    this.under = blankCanvas(0, 0);
    this.over = blankCanvas(0, 0);
    this.under.className = "latent-map__overlay latent-map__overlay--under";
    this.over.className = "latent-map__overlay latent-map__overlay--over";
    for (const canvas of [this.under, this.over]) canvas.setAttribute("aria-hidden", "true");
    plot.before(this.under);
    plot.after(this.over);
    this.legend = Object.assign(document.createElement("ul"), { className: "ui latent-map-overlays" });
    root.after(this.legend);
    this.layers = {};
    const changed = () => this.changed();
    for (const [name, Layer] of Object.entries(LAYERS)) this.layers[name] = new Layer({ plot, nearest, changed });
    this.shown = [];
    this.view = null;
    this.frame = 0;
    this.timer = 0;
  }

  // After the map was drawn or its data changed: show what the data say.
  update(data, points) {
    this.listen();
    const { shown, names, paths } = data.overlays;
    this.names = names;
    this.shown = Object.keys(LAYERS).filter((name) => shown.includes(name) || (name === "paths" && paths.length > 0));
    for (const name of this.shown) this.layers[name].show(data, points);
    // The points stand back where they would hide what is behind them.
    this.root.classList.toggle("latent-map--behind", shown.includes("images") || shown.includes("density"));
    this.root.classList.toggle("latent-map--images", shown.includes("images"));
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
    if (this.isListening || !this.plot.on) return;
    this.isListening = true;
    for (const event of MOVES) this.plot.on(event, () => this.changed());
    // The legend hides and shows classes after this event.
    this.plot.on("plotly_afterplot", () => this.shown.length && this.rest(REST_MILLISECONDS));
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
      if (!this.root.isConnected) return;
      const view = new AxesView(this.plot);
      for (const name of this.shown) this.layers[name].rest(view);
    }, milliseconds);
  }

  paint() {
    const isBlank = !this.shown.length;
    if (!this.plot._fullLayout?.xaxis || (isBlank && this.isBlank)) return;
    this.isBlank = isBlank;
    const view = new AxesView(this.plot);
    if (!view.equals(this.view) && this.shown.length) this.rest(REST_MILLISECONDS);
    this.view = view;
    const theme = this.theme();
    this.paintOn(this.under, view, (layer, context) => layer.paintUnder(context, view, theme));
    this.paintOn(this.over, view, (layer, context) => layer.paintOver(context, view, theme));
    this.write();
    const detail = { shown: this.shown, view: [view.x0, view.x1, view.y0, view.y1] };
    this.root.dispatchEvent(new CustomEvent("latent-map:overlays", { detail }));
  }

  // The page's colours in a form that can be taken apart; worked out when they change, for that costs a layout.
  theme() {
    const style = getComputedStyle(this.root);
    const names = ["--st-text-color", "--st-background-color", "--st-primary-color"];
    const key = names.map((name) => style.getPropertyValue(name).trim());
    if (key.join() !== this.colours?.key) {
      const [ink, paper, primary] = key.map((colour) => this.colourOf(colour));
      this.colours = { key: key.join(), ink, paper, primary };
    }
    return this.colours;
  }

  paintOn(canvas, view, paint) {
    const { clientWidth: width, clientHeight: height } = this.root;
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
    const named = this.shown.filter((name) => name in this.names);
    const lines = named.map((name) => [this.names[name], this.layers[name].problem || this.layers[name].words()]);
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
