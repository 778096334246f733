// Paths through latent space: a strip of frames each, and one of them played. Nothing here reruns the script but a path
// that is chosen, and a frame that is kept as a pin.

import { paintImage, post } from "../browser/api.js";
import { Playhead } from "../browser/playhead.js";
import { Strips, bytesOf, frameWords, inStrip, rowsOf } from "../browser/filmstrip/strips.js";

const MAX_ROWS = 1024;
const STEPS_A_SECOND = 24;

class Filmstrip {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`.filmstrip__${name}`);
    this.head = new Playhead();
    Object.assign(this.head, { loops: true, speed: STEPS_A_SECOND, n: 0 });
    this.strips = new Strips(this.part("strips"), {
      look: (kind, k) => this.lookAt(kind, k),
      choose: (kind, k) => this.choose(kind, k),
    });
    this.images = new Map();
    this.listen();
  }

  listen() {
    this.part("slider").addEventListener("input", (event) => this.scrub(Number(event.target.value)));
    this.part("slider").addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      this.toggle();
    });
    this.part("play").addEventListener("click", () => this.toggle());
    this.part("speed").addEventListener("change", (event) => (this.head.speed = STEPS_A_SECOND * Number(event.target.value)));
    this.part("loop").addEventListener("change", (event) => (this.isLoop = event.target.checked));
    this.isLoop = this.part("loop").checked;
    this.part("keep").addEventListener("click", () => this.keep());
  }

  update(data, send) {
    this.send = send;
    const before = this.data;
    this.data = data;
    if (before?.version !== data.version) this.begin();
    else if (before.shown !== data.shown) this.turnTo(data.shown);
  }

  // Other paths: the images of the strips are with them, those between are asked for, of the one that is played.
  begin() {
    this.rows = new Map(this.data.paths.map((path) => [path.kind, rowsOf(path, this.data.n_dims)]));
    this.images.clear();
    if (!this.head.n) this.head.n = this.data.paths[0].frames.length;
    if (!this.head.isPlaying && !this.head.goal) this.head.goTo(this.data.paths[0].stride); // at A: before it lies what is beyond
    this.layOut(this.data.shown);
    for (const path of this.data.paths) this.take(inStrip(path).map((k) => [path.kind, k]), bytesOf(path.images), this.data.shape);
    this.show();
    this.root.dispatchEvent(new CustomEvent("filmstrip:painted", { detail: { n: this.images.size } }));
    this.decodeShown();
  }

  turnTo(kind) {
    this.layOut(kind);
    this.decodeShown();
  }

  layOut(kind) {
    this.path = this.data.paths.find((path) => path.kind === kind) ?? this.data.paths[0];
    this.strips.show(this.data.paths, this.path.kind);
    for (const [key, image] of this.images) {
      const [of, k] = key.split(" ");
      if (Number(k) % this.data.paths.find((path) => path.kind === of).stride === 0) this.strips.paint(of, k, ...image);
    }
    this.head.n = this.path.frames.length;
    this.part("slider").max = this.head.last;
    if (!this.head.isPlaying) this.head.goTo(Math.min(this.head.index, this.head.last));
    this.show();
  }

  decodeShown() {
    return this.decode(this.path.frames.map((_, k) => [this.path.kind, k]).filter((key) => !this.images.has(key.join(" "))));
  }

  // Decodes frames, each a path's kind and its number, in one request.
  async decode(frames) {
    const { version } = this.data;
    if (!frames.length) return;
    const part = frames.slice(0, MAX_ROWS);
    const numbers = new Float32Array(part.length * this.data.n_dims);
    part.forEach(([kind, k], index) => numbers.set(this.rows.get(kind).row(k), index * this.data.n_dims));
    try {
      const { bytes, shape } = await post(this.data.decode, numbers);
      if (version !== this.data.version) return;
      this.take(part, bytes, shape.slice(1));
      this.show();
      this.part("status").textContent = "";
    } catch (error) {
      this.part("status").textContent = error.message;
    }
    await this.decode(frames.slice(MAX_ROWS));
  }

  take(frames, bytes, shape) {
    const size = bytes.length / frames.length;
    frames.forEach(([kind, k], index) => {
      const image = [bytes.subarray(index * size, (index + 1) * size), shape];
      this.images.set(`${kind} ${k}`, image);
      if (k % this.data.paths.find((path) => path.kind === kind).stride === 0) this.strips.paint(kind, k, ...image);
    });
  }

  // What is shown: the frame that is pointed at, else that of the playhead.
  get frame() {
    return this.looked ?? { path: this.path, k: this.head.index };
  }

  lookAt(kind, k) {
    this.looked = kind && { path: this.data.paths.find((path) => path.kind === kind), k };
    this.show();
  }

  choose(kind, k) {
    this.looked = null;
    if (k !== null) this.head.goTo(k);
    if (kind === this.path.kind) this.show();
    else this.send("shown", kind);
  }

  keep() {
    const { path, k } = this.frame;
    this.send("kept", { z: Array.from(this.rows.get(path.kind).row(k)) });
  }

  scrub(k) {
    this.head.goTo(k);
    this.head.position = k;
    this.show();
  }

  toggle() {
    if (this.head.isPlaying) this.head.pause();
    else this.head.play();
    this.back = false;
    this.before = performance.now();
    this.show();
    if (this.head.isPlaying) requestAnimationFrame((now) => this.step(now));
  }

  // Forth and, in a loop, back again.
  step(now) {
    if (!this.head.isPlaying || !this.root.isConnected) return;
    const moved = (this.head.speed * Math.max(0, now - this.before)) / 1000;
    this.before = now;
    const { last } = this.head;
    this.head.position += this.back ? -moved : moved;
    if (this.head.position >= last || this.head.position <= 0) {
      this.head.position = Math.min(Math.max(this.head.position, 0), last);
      this.back = this.head.position === last;
      if (!this.isLoop) this.head.goTo(last);
    }
    this.show();
    requestAnimationFrame((later) => this.step(later));
  }

  show() {
    const { path, k } = this.frame;
    const image = this.images.get(`${path.kind} ${k}`);
    if (image) paintImage(this.part("screen"), ...image);
    const frame = path.frames[k];
    const words = frameWords(frame);
    this.part("where").textContent = `${path.name}, at ${frame.t.toFixed(2)}`;
    this.part("words").textContent = words.long;
    this.part("screen").setAttribute("aria-label", `${path.name}, at ${frame.t.toFixed(2)}: ${words.long}`);
    const slider = this.part("slider");
    slider.value = this.head.index;
    slider.setAttribute("aria-valuetext", `at ${this.path.frames[this.head.index].t.toFixed(2)}`);
    this.part("play").dataset.state = this.head.isPlaying ? "playing" : "paused";
    this.part("play").setAttribute("aria-label", this.head.isPlaying ? "Pause" : "Play");
    this.strips.mark(path, k);
    // The map, which is another component, marks where the frame lies.
    const detail = frame.place && { x: frame.place[0], y: frame.place[1] };
    window.dispatchEvent(new CustomEvent("latent-map:filmstrip", { detail }));
    this.root.dispatchEvent(new CustomEvent("filmstrip:shown", { detail: { kind: path.kind, k } }));
  }

  remove() {
    this.head.pause();
    window.dispatchEvent(new CustomEvent("latent-map:filmstrip", { detail: null }));
  }
}

export default function filmstrip({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".filmstrip");
  root.filmstrip ??= new Filmstrip(root);
  root.filmstrip.update(data, setTriggerValue);
  return () => {
    if (!root.isConnected) root.filmstrip.remove();
  };
}
