// The latent map of every epoch on a timeline: scrubbed, played, and followed while the run trains. No script reruns.

import { EpochPictures, Epochs, epochInWords } from "../browser/timeline/epochs.js";
import { EpochCanvas, MARKERS } from "../browser/timeline/canvas.js";
import { Playhead } from "../browser/playhead.js";

const POLL_MILLISECONDS = 1000;
const VIEW_SECONDS = 0.1; // in which the axes follow when a new epoch needs more room
const MAX_STEP_SECONDS = 0.1;

class Timeline {
  constructor(root, data) {
    this.root = root;
    this.part = (name) => root.querySelector(`.timeline__${name}`);
    this.head = new Playhead();
    this.follows = true;
    this.slider = this.part("slider");
    this.plot = new EpochCanvas(this.part("canvas"));
    this.listen();
    this.openRun(data);
  }

  openRun(data) {
    this.data = data;
    this.pictures?.forget();
    const figures = Object.fromEntries([...this.root.querySelectorAll("img")].map((image) => [image.dataset.what, image]));
    this.pictures = new EpochPictures(data.url, figures, (error) => this.say(error.message));
    this.epochs = new Epochs(data.url);
    Object.assign(this, { bounds: null, legendOf: "", hidden: new Set() });
    Object.assign(this.head, { n: 0, position: 0, goal: 0, isPlaying: false });
    this.showEmpty("Reading the timeline …");
    this.poll();
  }

  listen() {
    this.slider.addEventListener("input", () => this.scrub(Number(this.slider.value)));
    this.slider.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      this.toggle();
    });
    this.part("play").addEventListener("click", () => this.toggle());
    this.part("follow").addEventListener("click", () => this.scrub(this.head.last));
    this.part("speed").addEventListener("change", (event) => (this.head.speed = Number(event.target.value)));
    this.part("loop").addEventListener("change", (event) => (this.head.loops = event.target.checked));
    this.part("zoom").addEventListener("change", () => this.wake());
    this.head.speed = Number(this.part("speed").value);
    // The stylesheet gives the text colour a transition, which ends when another theme is in place.
    this.root.addEventListener("transitionend", (event) => event.propertyName === "color" && this.wake());
    this.sizes = new ResizeObserver(() => this.wake());
    this.sizes.observe(this.part("canvas"));
  }

  // Asking for epochs

  // One question is under way at a time. One more follows the last of a live run, which may have come meanwhile.
  async poll() {
    const { epochs, data } = this;
    if (this.asking === epochs) return;
    this.asking = epochs;
    clearTimeout(this.timer);
    const answer = await epochs.refresh().catch((error) => error);
    if (epochs !== this.epochs) return; // of another run, by now
    this.asking = null;
    if (answer instanceof Error) this.refused(answer);
    else if (answer) this.grown();
    if (data.is_live && this.root.isConnected) this.timer = setTimeout(() => this.poll(), POLL_MILLISECONDS);
  }

  refused(error) {
    if (this.epochs.epochs.length) this.say(error.message);
    else this.showEmpty(this.data.is_live ? "Waiting for the first epoch …" : error.message);
  }

  grown() {
    const { head, epochs } = this;
    const [isFirst, shown] = [head.n === 0, this.epoch];
    head.n = epochs.epochs.length;
    if (isFirst) head.position = head.goal = head.last;
    else if (this.data.is_live && this.follows) head.goal = head.last;
    else if (!head.isPlaying) head.goal = head.position = this.nearest(shown); // others were thinned out
    this.slider.max = head.last;
    this.part("empty").hidden = true;
    this.part("body").hidden = false;
    this.part("field").hidden = this.part("zooming").hidden = epochs.labels.length === 0;
    this.part("note").textContent = this.noteOf();
    this.showLegend();
    this.wake();
  }

  // The place of the recorded epoch that is nearest to `epoch`.
  nearest(epoch) {
    const distances = this.epochs.epochs.map((other) => Math.abs(other - epoch));
    return distances.indexOf(Math.min(...distances));
  }

  get epoch() {
    return this.epochs.epochs[this.head.index];
  }

  noteOf() {
    const { data, epochs } = this;
    const { stride } = epochs.facts;
    const thinned = stride > 1 ? `To save space one epoch in ${stride} is kept, and the last. ` : "";
    return thinned + (epochs.labels.length ? `${epochs.labels.length.toLocaleString("en")} validation images. ` : "") + data.note;
  }

  // Moving

  scrub(index) {
    this.follows = index >= this.head.last;
    this.head.goTo(index);
    this.wake();
  }

  toggle() {
    if (this.head.isPlaying) this.head.pause();
    else this.head.play();
    this.follows = !this.head.isPlaying && this.head.index === this.head.last;
    this.wake();
  }

  wake() {
    if (this.isAwake || !this.epochs.epochs.length) return;
    this.isAwake = true;
    this.before = performance.now();
    requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    const seconds = Math.min(MAX_STEP_SECONDS, Math.max(0, (now - this.before) / 1000));
    this.before = now;
    const wasPlaying = this.head.isPlaying;
    const isMoving = this.head.step(seconds);
    if (wasPlaying && !this.head.isPlaying) this.follows = true; // played to its end
    const isTurning = this.moveView(seconds);
    this.show();
    this.isAwake = (isMoving || isTurning) && this.root.isConnected;
    if (this.isAwake) requestAnimationFrame((later) => this.frame(later));
  }

  // Brings the axes nearer to what is to be seen; true while they move.
  moveView(seconds) {
    const wanted = this.part("zoom").checked ? this.epochs.boundsAt(this.head.shown) : this.epochs.allBounds();
    const left = this.head.calm.matches || !this.bounds ? 0 : Math.exp(-seconds / VIEW_SECONDS);
    const before = this.bounds ?? wanted;
    const extent = Math.max(wanted[1] - wanted[0], wanted[3] - wanted[2]);
    const isStill = wanted.every((edge, i) => Math.abs(edge - before[i]) * left <= 1e-3 * extent);
    this.bounds = isStill ? wanted : wanted.map((edge, i) => edge + (before[i] - edge) * left);
    return !isStill;
  }

  // Showing

  show() {
    if (this.epochs.labels.length) this.showMap();
    this.showControls();
    const names = this.epochs.facts.pictures;
    this.part("pictures").hidden = names.length === 0;
    this.pictures.show(this.epoch, names);
  }

  showMap() {
    this.plot.fit();
    const points = this.epochs.pointsAt(this.head.shown);
    const frame = this.plot.draw(points, this.epochs.labels, {
      bounds: this.bounds,
      ink: getComputedStyle(this.root).color,
      axes: this.data.axes,
      markerOf: (label) => this.markerOf(label),
      isShown: (label) => !this.hidden.has(label),
    });
    const words = `Latent map of ${this.data.run} ${epochInWords(this.epoch)}`;
    this.part("canvas").setAttribute("aria-label", `${words}: ${this.epochs.labels.length} validation images as points.`);
    const isStill = this.head.position === this.head.goal;
    this.drawn = { epoch: this.epoch, position: this.head.shown, points, labels: this.epochs.labels, frame, isStill };
    this.root.dispatchEvent(new CustomEvent("timeline:drawn", { detail: { epoch: this.epoch } }));
  }

  showControls() {
    const { head, slider } = this;
    if (Number(slider.value) !== head.index) slider.value = head.index;
    slider.setAttribute("aria-valuetext", epochInWords(this.epoch));
    slider.style.setProperty("--done", `${head.last ? (100 * head.index) / head.last : 100}%`);
    this.part("epoch").textContent = this.epoch === 0 ? "before training" : `epoch ${this.epoch} of ${this.data.n_epochs}`;
    const play = this.part("play");
    play.dataset.state = head.isPlaying ? "playing" : "paused";
    play.setAttribute("aria-label", head.isPlaying ? "Pause" : "Play");
    play.disabled = head.n < 2;
    this.part("live").hidden = !this.data.is_live;
    this.part("follow").hidden = !this.data.is_live || this.follows;
  }

  markerOf(label) {
    const { colours, symbols, per_symbol } = this.data;
    return {
      colour: colours[label % colours.length],
      symbol: symbols[Math.floor(label / per_symbol) % symbols.length],
    };
  }

  // A button for each class that there is: pressed, its points are shown.
  showLegend() {
    const labels = [...new Set(this.epochs.labels)].sort((a, b) => a - b);
    if (this.legendOf === String(labels)) return;
    this.legendOf = String(labels);
    this.part("legend").replaceChildren(...labels.map((label) => this.legendItem(label)));
  }

  legendItem(label) {
    const { colour, symbol } = this.markerOf(label);
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: this.data.classes[label] ?? String(label) });
    button.setAttribute("aria-pressed", "true");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "-1.5 -1.5 3 3");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", MARKERS[symbol]);
    path.setAttribute("fill", colour);
    svg.append(path);
    button.prepend(svg);
    button.addEventListener("click", () => {
      if (!this.hidden.delete(label)) this.hidden.add(label);
      button.setAttribute("aria-pressed", String(!this.hidden.has(label)));
      this.wake();
    });
    return button;
  }

  say(words) {
    this.part("note").textContent = words;
  }

  showEmpty(words) {
    this.part("body").hidden = true;
    this.part("empty").textContent = words;
    this.part("empty").hidden = false;
    this.part("note").textContent = "";
  }

  update(data) {
    const before = this.data;
    if (before.url !== data.url) return this.openRun(data);
    this.data = data;
    if (data.is_live !== before.is_live) this.poll(); // begins to ask, or asks once more for the last epoch
    this.wake();
    return undefined;
  }

  remove() {
    clearTimeout(this.timer);
    this.sizes.disconnect();
    this.pictures.forget();
  }
}

export default function timeline({ data, parentElement }) {
  const root = parentElement.querySelector(".timeline");
  if (root.timeline) root.timeline.update(data);
  else root.timeline = new Timeline(root, data);
  return () => {
    if (!root.isConnected) root.timeline.remove();
  };
}
