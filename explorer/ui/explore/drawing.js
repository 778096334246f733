// The drawing: strokes on a canvas, encoded by the app while they are made. Nothing reruns the script until it is kept.

import { Decoder, paintImage } from "../browser/api.js";
import { brushWidth, imageBytes, scaleFor } from "../browser/drawing/strokes.js";
import { showReliability } from "../browser/map/reliability.js";

const SOFT_EDGE = 0.5; // pixels of the image over which a stroke fades

class Drawing {
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector(".drawing__canvas");
    this.pen = root.querySelector(".drawing__pen");
    this.seen = root.querySelector(".drawing__seen");
    this.back = root.querySelector(".drawing__back");
    this.words = root.querySelector(".drawing__words");
    this.classes = root.querySelector("select");
    this.centring = root.querySelector("input");
    this.keepButton = root.querySelector('[data-action="keep"]');
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    const fail = (error) => (this.words.textContent = error.message);
    this.encoder = new Decoder(this.placed.bind(this), fail, "X-Nearest");
    this.decoder = new Decoder(this.reconstructed.bind(this), fail);
    this.version = 0;
    this.place = null;
    this.isBlank = true;
    this.listen();
  }

  listen() {
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => (this.last = null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("blur", () => this.showPen(false));
    this.root.querySelector('[data-action="clear"]').addEventListener("click", () => this.clear());
    this.keepButton.addEventListener("click", () => this.place && this.send("kept", { z: this.place.z }));
    this.classes.addEventListener("change", () => this.ask());
    this.centring.addEventListener("change", () => this.ask());
    // A map that is drawn anew has forgotten the drawing.
    this.remind = () => this.place && this.tellMap();
    document.addEventListener("latent-map:ready", this.remind, true);
  }

  update(data, send) {
    const before = this.data;
    this.data = data;
    this.send = send;
    if (JSON.stringify(before) === JSON.stringify(data)) return;
    if (String(before?.shape) !== String(data.shape)) this.prepare();
    this.root.querySelector(".drawing__centre").hidden = !data.centres;
    this.root.querySelector(".drawing__class").hidden = !data.conditional;
    this.canvas.setAttribute("aria-label", `Canvas to draw an image of ${data.shape[2]} by ${data.shape[1]} pixels for ${data.run}`);
    if (String(before?.classes) !== String(data.classes)) {
      this.classes.replaceChildren(...data.classes.map((name, label) => new Option(name, label)));
    }
    if (data.decode_as !== null && data.decode_as !== before?.decode_as) this.classes.value = data.decode_as;
    this.forget();
    this.ask();
  }

  // A clean canvas of the image's proportions, with several pixels to each of the image's.
  prepare() {
    const [, height, width] = this.data.shape;
    this.scale = scaleFor(this.data.shape);
    [this.canvas.width, this.canvas.height] = [width * this.scale, height * this.scale];
    this.at = { x: this.canvas.width / 2, y: this.canvas.height / 2 };
    this.clear();
  }

  clear() {
    this.context.shadowBlur = 0;
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.isBlank = true;
    this.isPenDown = false;
    this.last = null;
    for (const canvas of [this.seen, this.back]) paintImage(canvas, new Uint8Array(1), [1, 1, 1]);
    showReliability(this.words, null);
    this.words.textContent = "Nothing is drawn yet.";
    this.forget();
  }

  // What was under way no longer counts, and the map shows no drawing.
  forget() {
    this.version += 1;
    this.place = null;
    this.keepButton.disabled = true;
    this.tellMap();
  }

  tellMap() {
    window.dispatchEvent(new CustomEvent("latent-map:drawing", { detail: this.place }));
  }

  positionOf(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return { x: x * this.canvas.width, y: y * this.canvas.height };
  }

  press(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.positionOf(event);
    this.stroke(this.last, this.last);
    this.ask();
  }

  drag(event) {
    if (!this.last) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) {
      const next = this.positionOf(move);
      this.stroke(this.last, next);
      this.last = next;
    }
    this.ask();
  }

  stroke(from, to) {
    const { context } = this;
    context.strokeStyle = "#fff";
    context.shadowColor = "#fff";
    context.shadowBlur = SOFT_EDGE * this.scale;
    context.lineWidth = brushWidth(this.data.shape) * this.scale;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x + (from.x === to.x && from.y === to.y ? 0.01 : 0), to.y);
    context.stroke();
    this.isBlank = false;
    this.at = to;
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in steps) this.step(...steps[event.key]);
    else if (event.key === " ") this.togglePen();
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.showPen(true);
  }

  step(right, down) {
    const from = this.at;
    const within = (value, most) => Math.min(Math.max(value, 0), most);
    this.at = {
      x: within(from.x + right * this.scale, this.canvas.width),
      y: within(from.y + down * this.scale, this.canvas.height),
    };
    if (!this.isPenDown) return;
    this.stroke(from, this.at);
    this.ask();
  }

  togglePen() {
    this.isPenDown = !this.isPenDown;
    if (!this.isPenDown) return;
    this.stroke(this.at, this.at);
    this.ask();
  }

  showPen(isShown) {
    this.pen.hidden = !isShown;
    this.pen.classList.toggle("is-down", Boolean(this.isPenDown));
    this.pen.style.left = `${(100 * this.at.x) / this.canvas.width}%`;
    this.pen.style.top = `${(100 * this.at.y) / this.canvas.height}%`;
  }

  ask() {
    if (this.isBlank) return;
    const { shape, encode, centres, conditional } = this.data;
    const numbers = imageBytes(this.context, shape, centres && this.centring.checked);
    paintImage(this.seen, numbers, shape);
    const query = conditional ? { label: Number(this.classes.value) } : {};
    this.encoder.ask({ route: encode, query, numbers, version: this.version });
  }

  placed({ query, version }, bytes, [, width], nearest) {
    if (version !== this.version) return;
    const row = new Float32Array(bytes.buffer, bytes.byteOffset, width);
    const z = Array.from(row.subarray(0, width - 2));
    this.place = { x: row[width - 2], y: row[width - 1], z };
    this.keepButton.disabled = false;
    this.words.textContent = this.describe(nearest);
    this.tellMap();
    this.decoder.ask({ route: this.data.decode, query, numbers: new Float32Array(z), version });
  }

  describe({ label, votes, of, distance }) {
    if (of === 0) return "No encoded image is there to compare the drawing with.";
    const name = this.data.classes[label];
    const far = `The nearest is ${distance.toPrecision(2)} away in z.`;
    if (votes === null) return `Encoded as class ${name}, among the encoded images of that class. ${far}`;
    return `Nearest class: ${name}, that of ${votes} of the ${of} nearest encoded images. ${far}`;
  }

  reconstructed({ version }, bytes, [, ...shape], reliability) {
    if (version !== this.version) return;
    paintImage(this.back, bytes, shape);
    showReliability(this.words, reliability);
    this.root.dispatchEvent(new CustomEvent("drawing:shown", { detail: this.place }));
  }

  remove() {
    document.removeEventListener("latent-map:ready", this.remind, true);
    this.forget();
  }
}

export default function drawing({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".drawing");
  root.drawing ??= new Drawing(root);
  root.drawing.update(data, setTriggerValue);
  return () => {
    if (!root.isConnected) root.drawing.remove();
  };
}
