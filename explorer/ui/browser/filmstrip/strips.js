// Paths through latent space as strips of frames, each a button; every so many frames of a path are in its strip.

import { paintImage } from "../api.js";

function make(tag, name, text = "") {
  return Object.assign(document.createElement(tag), { className: name, textContent: text });
}

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

// The codes of a path, one after another.
export function rowsOf(path, width) {
  const numbers = new Float32Array(bytesOf(path.rows).buffer);
  return { row: (k) => numbers.subarray(k * width, (k + 1) * width) };
}

export function inStrip(path) {
  return path.frames.flatMap((_, k) => (k % path.stride === 0 ? [k] : []));
}

// What is said of a frame, in short and at length.
export function frameWords(frame) {
  const count = frame.near === null ? "" : frame.near.toLocaleString("en");
  const near = count && `${frame.mark} ${count} encoded image${frame.near === 1 ? "" : "s"} near`;
  const judged = frame.judged === null ? "" : `judged ${frame.judged} (${Math.round(100 * frame.share)} %)`;
  const prior = frame.log_prior === null ? "" : `log p(z) ${frame.log_prior.toFixed(1)}`;
  const beyond = isBeyond(frame) ? "beyond the end" : "";
  return { near: count && `${frame.mark} ${count}`, long: [beyond, near, prior, judged].filter(Boolean).join(" · ") };
}

function isBeyond({ t }) {
  return t < 0 || t > 1;
}

export class Strips {
  // `look` is called with a path's kind and a frame, and null when nobody points at one; `choose` when one is clicked.
  constructor(element, { look, choose }) {
    Object.assign(this, { element, look, choose });
    this.canvases = new Map();
    element.addEventListener("pointerleave", () => look(null));
  }

  show(paths, shown) {
    this.canvases.clear();
    this.element.replaceChildren(...paths.map((path) => this.strip(path, path.kind === shown)));
  }

  strip(path, isShown) {
    const strip = make("div", `filmstrip__strip${isShown ? " filmstrip__strip--shown" : ""}`);
    strip.dataset.kind = path.kind;
    const name = make("button", "filmstrip__name");
    Object.assign(name, { type: "button", title: path.about });
    name.setAttribute("aria-pressed", String(isShown));
    name.append(this.line(path.dash), path.name);
    name.addEventListener("click", () => this.choose(path.kind, null));
    const frames = make("div", "filmstrip__frames");
    const indices = inStrip(path);
    frames.style.setProperty("--n", indices.length);
    frames.append(...indices.map((k) => this.frame(path, k)));
    strip.append(name, make("span", "ui-caption filmstrip__note", path.note), frames);
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

  frame(path, k) {
    const words = frameWords(path.frames[k]);
    const button = make("button", `filmstrip__frame${isBeyond(path.frames[k]) ? " filmstrip__frame--beyond" : ""}`);
    Object.assign(button, { type: "button", tabIndex: -1 });
    button.setAttribute("aria-label", `${path.name}, at ${path.frames[k].t.toFixed(2)}: ${words.long}`);
    const canvas = make("canvas", "ui-image");
    button.append(canvas, make("span", "filmstrip__near", words.near), make("span", "filmstrip__judged", path.frames[k].judged ?? ""));
    button.addEventListener("pointerenter", () => this.look(path.kind, k));
    button.addEventListener("click", () => this.choose(path.kind, k));
    this.canvases.set(`${path.kind} ${k}`, canvas);
    return button;
  }

  paint(kind, k, bytes, shape) {
    paintImage(this.canvases.get(`${kind} ${k}`), bytes, shape);
  }

  // Marks the frame of the strip that is nearest to frame `k` of the path that is played.
  mark(path, k) {
    const nearest = Math.round(k / path.stride) * path.stride;
    for (const frame of this.element.querySelectorAll(".filmstrip__frame--at")) frame.classList.remove("filmstrip__frame--at");
    const frame = this.canvases.get(`${path.kind} ${nearest}`)?.parentElement;
    frame?.classList.add("filmstrip__frame--at");
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
