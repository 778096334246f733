// Walks through latent space as strips of frames, each a button; every so many frames of a walk are in its strip.

import { paintImage } from "../api.js";

const MARKS = { near: "●", edge: "◐", far: "○" };

function make(tag, name, text = "") {
  return Object.assign(document.createElement(tag), { className: name, textContent: text });
}

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

// The codes of a walk, one after another.
export function rowsOf(walk, width) {
  const numbers = new Float32Array(bytesOf(walk.rows).buffer);
  return { row: (k) => numbers.subarray(k * width, (k + 1) * width) };
}

export function inStrip(walk) {
  return walk.frames.flatMap((_, k) => (k % walk.stride === 0 ? [k] : []));
}

// What is said of a frame, in short and at length.
export function frameWords(frame) {
  const count = frame.near === null ? "" : frame.near.toLocaleString("en");
  const near = count && `${MARKS[frame.verdict]} ${count} encoded image${frame.near === 1 ? "" : "s"} near`;
  const judged = frame.judged === null ? "" : `judged ${frame.judged} (${Math.round(100 * frame.share)} %)`;
  const prior = frame.log_prior === null ? "" : `log p(z) ${frame.log_prior.toFixed(1)}`;
  const beyond = isBeyond(frame) ? "beyond the end" : "";
  return { near: count && `${MARKS[frame.verdict]} ${count}`, long: [beyond, near, prior, judged].filter(Boolean).join(" · ") };
}

function isBeyond({ t }) {
  return t < 0 || t > 1;
}

export class Strips {
  // `look` is called with a walk's kind and a frame, and null when nobody points at one; `choose` when one is clicked.
  constructor(element, { look, choose }) {
    Object.assign(this, { element, look, choose });
    this.canvases = new Map();
    element.addEventListener("pointerleave", () => look(null));
  }

  show(walks, shown) {
    this.canvases.clear();
    this.element.replaceChildren(...walks.map((walk) => this.strip(walk, walk.kind === shown)));
  }

  strip(walk, isShown) {
    const strip = make("div", `film__strip${isShown ? " film__strip--shown" : ""}`);
    strip.dataset.kind = walk.kind;
    const name = make("button", "film__name");
    Object.assign(name, { type: "button", title: walk.about });
    name.setAttribute("aria-pressed", String(isShown));
    name.append(this.line(walk.dash), walk.name);
    name.addEventListener("click", () => this.choose(walk.kind, null));
    const frames = make("div", "film__frames");
    const indices = inStrip(walk);
    frames.style.setProperty("--n", indices.length);
    frames.append(...indices.map((k) => this.frame(walk, k)));
    strip.append(name, make("span", "ui-caption film__note", walk.note), frames);
    return strip;
  }

  line(dash) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 34 6");
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", "M1 3H33");
    line.setAttribute("stroke-dasharray", dash.join(" "));
    svg.append(line);
    return svg;
  }

  frame(walk, k) {
    const words = frameWords(walk.frames[k]);
    const button = make("button", `film__frame${isBeyond(walk.frames[k]) ? " film__frame--beyond" : ""}`);
    Object.assign(button, { type: "button", tabIndex: -1 });
    button.setAttribute("aria-label", `${walk.name}, at ${walk.frames[k].t.toFixed(2)}: ${words.long}`);
    const canvas = make("canvas", "ui-image");
    button.append(canvas, make("span", "film__near", words.near), make("span", "film__judged", walk.frames[k].judged ?? ""));
    button.dataset.verdict = walk.frames[k].verdict;
    button.addEventListener("pointerenter", () => this.look(walk.kind, k));
    button.addEventListener("click", () => this.choose(walk.kind, k));
    this.canvases.set(`${walk.kind} ${k}`, canvas);
    return button;
  }

  paint(kind, k, bytes, shape) {
    paintImage(this.canvases.get(`${kind} ${k}`), bytes, shape);
  }

  // Marks the frame of the strip that is nearest to frame `k` of the walk that is played.
  mark(walk, k) {
    const nearest = Math.round(k / walk.stride) * walk.stride;
    for (const frame of this.element.querySelectorAll(".film__frame--at")) frame.classList.remove("film__frame--at");
    const frame = this.canvases.get(`${walk.kind} ${nearest}`)?.parentElement;
    frame?.classList.add("film__frame--at");
    if (frame) follow(frame);
  }
}

// Moves a strip that is wider than its place to where a frame is, and never the page.
function follow(frame) {
  const strip = frame.parentElement;
  if (strip.scrollWidth <= strip.clientWidth) return;
  const [left, right] = [frame.offsetLeft - strip.offsetLeft, frame.offsetLeft - strip.offsetLeft + frame.offsetWidth];
  if (left < strip.scrollLeft) strip.scrollLeft = left;
  else if (right > strip.scrollLeft + strip.clientWidth) strip.scrollLeft = right - strip.clientWidth;
}
