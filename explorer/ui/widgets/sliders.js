// Sliders of the latent dimensions. The image of the moved code is asked for while one is dragged, and painted here.
// Moving never reruns the script: only a code that is kept is sent to Python.

import { Decoder, paintImage, post } from "../browser/api.js";

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
const NUDGE = 0.01;
const FINE = 0.1;
const MAX_MEASURED = 32;

function make(tag, name, text = "") {
  return Object.assign(document.createElement(tag), { className: name, textContent: text });
}

// One dimension: its name, its slider with two ticks, its value and what it carries.
class SliderRow {
  constructor(facts, { pin, value, measure, move }) {
    Object.assign(this, { facts, pin, move });
    this.low = Math.min(facts.low, pin, value);
    this.high = Math.max(facts.high, pin, value);
    this.element = make("div", "sliders__row");
    this.track = make("span", "sliders__track");
    this.input = make("input", "ui-range sliders__input");
    Object.assign(this.input, { type: "range", min: this.low, max: this.high, step: "any" });
    this.input.setAttribute("aria-label", `z${facts.i}, ${measure} ${facts.measure}`);
    this.track.append(this.tick("sliders__mark", facts.mark), this.tick("sliders__pin", pin), this.input);
    this.value = make("output", "sliders__value");
    const measured = make("span", "ui-caption sliders__measured", facts.measure);
    this.element.append(make("span", "sliders__name", `z${facts.i}`), this.track, this.value, measured);
    this.listen();
    this.show(value);
  }

  tick(name, value) {
    const tick = make("i", name);
    const share = Math.min(Math.max((value - this.low) / (this.high - this.low), 0), 1);
    tick.style.setProperty("--share", share);
    return tick;
  }

  listen() {
    this.input.addEventListener("input", () => this.set(this.input.valueAsNumber));
    this.element.addEventListener("dblclick", (event) => {
      event.preventDefault();
      this.set(this.pin);
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (event.key in STEPS) {
      const step = (this.high - this.low) * NUDGE * (event.shiftKey ? FINE : 1) * STEPS[event.key];
      this.set(Math.min(Math.max(this.current + step, this.low), this.high));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.set(this.pin);
    } else {
      return;
    }
    event.preventDefault();
  }

  set(value) {
    this.show(value);
    this.move(this.facts.i, value);
  }

  show(value) {
    this.current = value;
    this.input.value = value;
    this.value.textContent = value.toFixed(2);
    this.input.setAttribute("aria-valuetext", value.toFixed(2));
    this.element.classList.toggle("sliders__row--moved", value !== this.pin);
  }
}

class Sliders {
  constructor(root) {
    this.root = root;
    for (const part of ["pinned", "back", "keep", "status", "measure", "live", "more", "dead", "effect", "note"]) {
      this[part] = root.querySelector(`.sliders__${part}`);
    }
    this.canvas = root.querySelector(".sliders__moved");
    const fail = (error) => (this.status.textContent = error.message);
    this.pinDecoder = new Decoder(this.paintPin.bind(this), fail);
    this.decoder = new Decoder(this.paint.bind(this), fail);
    this.rows = new Map();
    this.back.addEventListener("click", () => this.goBack());
    this.keep.addEventListener("click", () => this.send("kept", { z: this.z }));
    for (const details of [this.more, this.dead]) details.addEventListener("toggle", () => this.open(details));
  }

  update(data, send) {
    this.send = send;
    const key = JSON.stringify([data.decode, data.version, data.z]);
    const isNew = key !== this.key;
    Object.assign(this, { data, key });
    this.keep.hidden = !data.can_keep;
    if (!isNew) return;
    this.z = [...data.z];
    this.build();
    this.pinDecoder.ask(this.request(data.z));
    this.ask();
  }

  // The rows of a fold are made when it opens: a model may have 512 dimensions.
  build() {
    const { dimensions, n_live: nLive, n_shown: nShown } = this.data;
    this.rows.clear();
    this.measure.textContent = this.data.measure;
    this.note.textContent = this.data.note;
    this.effect.textContent = "";
    const nFirst = Math.min(nLive, nShown);
    this.live.replaceChildren(...dimensions.slice(0, nFirst).map((facts) => this.row(facts)));
    this.fold(this.more, this.data.more, dimensions.slice(nFirst, nLive));
    this.fold(this.dead, this.data.dead_title, dimensions.slice(nLive));
    this.dead.querySelector("p").textContent = this.data.dead_reason;
  }

  fold(details, title, dimensions) {
    details.hidden = dimensions.length === 0;
    details.folded = dimensions;
    details.querySelector("summary").textContent = title;
    details.querySelector("div").replaceChildren();
    if (details.open) this.open(details);
  }

  open(details) {
    const rows = details.querySelector("div");
    if (!details.open || rows.childElementCount || !details.folded) return;
    rows.replaceChildren(...details.folded.map((facts) => this.row(facts)));
    if (details === this.dead) this.measureEffect(details.folded.slice(0, MAX_MEASURED));
  }

  row(facts) {
    const row = new SliderRow(facts, {
      pin: this.data.z[facts.i],
      value: this.z[facts.i],
      measure: this.data.measure,
      move: (i, value) => this.move(i, value),
    });
    this.rows.set(facts.i, row);
    return row.element;
  }

  move(i, value) {
    this.z[i] = value;
    this.announce();
    this.ask();
  }

  goBack() {
    this.z = [...this.data.z];
    for (const [i, row] of this.rows) row.show(this.z[i]);
    this.announce();
    this.ask();
  }

  moved() {
    return this.z.flatMap((value, i) => (value === this.data.z[i] ? [] : [i]));
  }

  // The map, which is another component, marks where the moved code lies.
  announce() {
    const isPin = this.moved().length === 0;
    window.dispatchEvent(new CustomEvent("latent-map:code", { detail: { z: [...this.z], isPin } }));
  }

  request(z) {
    return { route: this.data.decode, numbers: new Float32Array(z), key: this.key };
  }

  ask() {
    const moved = this.moved();
    this.back.disabled = this.keep.disabled = moved.length === 0;
    this.decoder.ask({ ...this.request(this.z), caption: this.movedInWords(moved) });
  }

  movedInWords(moved) {
    if (moved.length === 0) return "nothing moved";
    if (moved.length > 1) return `${moved.length} dimensions moved`;
    return `z${moved[0]} at ${this.z[moved[0]].toFixed(2)}`;
  }

  paintPin({ key }, bytes, [, ...shape]) {
    if (key !== this.key) return;
    paintImage(this.pinned, bytes, shape);
    this.caption(this.pinned, this.data.pin === "pinned" ? "at the pin" : this.data.pin, "Decoded at the pin");
  }

  paint({ key, numbers, caption }, bytes, [, ...shape]) {
    if (key !== this.key) return;
    paintImage(this.canvas, bytes, shape);
    this.caption(this.canvas, caption, "Decoded at the sliders");
    this.status.textContent = "";
    this.root.dispatchEvent(new CustomEvent("sliders:painted", { detail: { z: Array.from(numbers) } }));
  }

  caption(canvas, words, what) {
    canvas.nextElementSibling.textContent = words;
    canvas.setAttribute("aria-label", `${what}: ${words}`);
  }

  // Moves each dead dimension from end to end, and says how much that changes the image: the claim is checked.
  async measureEffect(dimensions) {
    const { key } = this;
    const ends = dimensions.flatMap(({ i, low, high }) => [low, high].map((end) => this.data.z.with(i, end)));
    try {
      const { bytes } = await post(this.data.decode, new Float32Array([this.data.z, ...ends].flat()));
      if (key !== this.key) return;
      this.effect.textContent = this.effectInWords(bytes, dimensions.length);
    } catch (error) {
      this.effect.textContent = error.message;
    }
  }

  effectInWords(bytes, n) {
    const size = bytes.length / (2 * n + 1);
    let most = 0;
    for (let k = size; k < bytes.length; k += 1) most = Math.max(most, Math.abs(bytes[k] - bytes[k % size]));
    const which = n < this.dead.folded.length ? `the first ${n} of them` : n === 1 ? "it" : "each of them";
    const change = ((100 * most) / 255).toFixed(1);
    return `Tried at the pin: moving ${which} to both ends changes no pixel by more than ${change} % of its range.`;
  }
}

export default function slidersOfDimensions({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".sliders");
  root.sliders ??= new Sliders(root);
  root.sliders.update(data, setTriggerValue);
}
