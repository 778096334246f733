// The part of the map in view, which the link has: the browser writes it there by itself, for zooming reruns no script.

import { rounded } from "./axes.js";

const NAME = "zoom";
const PAUSE_MS = 300;

// What a link says of axes: least and greatest of the horizontal one, the middle of the vertical one, whose length
// follows from the screen; to a tenth of a pixel.
export function zoomOf({ xaxis, yaxis }, perPixel) {
  if (xaxis.autorange !== false && yaxis.autorange !== false) return [];
  return rounded([...xaxis.range, (yaxis.range[0] + yaxis.range[1]) / 2], perPixel);
}

// The ranges of both axes for what a link says, on a frame of that size, as plotly takes them; all of the map for none.
export function rangesFor([low, high, middle], { width, height }) {
  if (low === undefined) return { "xaxis.autorange": true, "yaxis.autorange": true };
  const half = ((high - low) * height) / width / 2;
  return { "xaxis.range": [low, high], "yaxis.range": [middle - half, middle + half] };
}

// Works on a map whose data say what the link said of it, `zoom`; null where the page's link has no zoom.
export class Zoom {
  constructor(map) {
    this.map = map;
    // What the script said last; undefined where what it says next is to be shown whatever is.
    this.told = undefined;
    // What was written here, and comes back with a later answer of the script.
    this.written = new Set(["[]"]);
    this.goneBack = () => {
      this.told = undefined;
      this.written.clear();
    };
  }

  // To be called when the map is drawn: plotly takes listeners only then.
  follow() {
    if (this.path !== undefined) return;
    this.path = location.pathname;
    window.addEventListener("popstate", this.goneBack);
    this.map.plot.on("plotly_relayout", () => this.writeSoon());
  }

  // Shows what the link says, where the link is not this map's own word.
  show(zoom) {
    const said = JSON.stringify(zoom);
    const isNews = this.told === undefined || (said !== this.told && !this.written.has(said));
    this.told = said;
    if (zoom && isNews) this.inView(zoom);
    this.writeSoon();
  }

  // What is in view, as a link says it.
  now() {
    return zoomOf(this.map.axes.layout, this.map.axes.perPixel);
  }

  inView(zoom) {
    if (zoom.length || this.now().length) this.map.Plotly.relayout(this.map.plot, rangesFor(zoom, this.map.axes.frame));
  }

  writeSoon() {
    clearTimeout(this.writing);
    this.writing = setTimeout(() => this.write(), PAUSE_MS);
  }

  write() {
    const { root, data } = this.map;
    if (!data.zoom || !root.isConnected || location.pathname !== this.path) return;
    const zoom = this.now();
    this.written.add(JSON.stringify(zoom));
    const url = new URL(location.href);
    if (url.searchParams.get(NAME) === (zoom.join() || null)) return;
    if (zoom.length) url.searchParams.set(NAME, zoom.join());
    else url.searchParams.delete(NAME);
    history.replaceState(history.state, "", url);
  }

  remove() {
    clearTimeout(this.writing);
    window.removeEventListener("popstate", this.goneBack);
  }
}
