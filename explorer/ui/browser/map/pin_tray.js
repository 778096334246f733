// Pins of the map: the tray below it, where they are looked at, renamed, put in order and removed.

import { paintImage, post } from "../api.js";

const DRAG_PIXELS = 8;
const DOUBLE_CLICK_MS = 220;

// Decodes a place once and keeps its image for as long as it is pinned.
class Thumbnails {
  constructor() {
    this.images = new Map();
  }

  of(place) {
    const key = `${place.decode} ${place.z}`;
    if (!this.images.has(key)) this.images.set(key, this.load(place));
    return this.images.get(key);
  }

  async load({ decode, z }) {
    const { bytes, shape } = await post(decode, new Float32Array(z));
    return { bytes, shape: shape.slice(1) };
  }
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export class PinTray {
  // `act` sends an action to Python; `hover` tells the map which pin is pointed at (null for none).
  constructor(root, act, hover) {
    this.root = root;
    this.act = act;
    this.hover = hover;
    this.thumbnails = new Thumbnails();
  }

  show(pins, at, can) {
    const focused = this.focusedIndex();
    const list = make("ol", { className: "pin-tray__list" }, ...pins.map((pin, index) => this.item(pin, index, index === at)));
    const undo = this.button("undo", "Undo", "Undo the last change of the pins (Ctrl+Z)", () => this.act({ do: "undo" }));
    const redo = this.button("redo", "Redo", "Do it again (Ctrl+Shift+Z)", () => this.act({ do: "redo" }));
    undo.disabled = !can.undo;
    redo.disabled = !can.redo;
    const hint = make("span", { className: "pin-tray__hint" }, pins.length ? "" : "Nothing is pinned yet. Click the map to keep a place.");
    this.root.replaceChildren(hint, list, make("span", { className: "pin-tray__history" }, undo, redo));
    if (focused >= 0) list.children[Math.min(focused, pins.length - 1)]?.querySelector(".pin-tray__choose").focus();
  }

  focusedIndex() {
    const item = document.activeElement?.closest?.(".pin-tray__item");
    return item && this.root.contains(item) ? [...item.parentElement.children].indexOf(item) : -1;
  }

  item(pin, index, isChosen) {
    const canvas = make("canvas", { className: "ui-image pin-tray__image" });
    this.thumbnails.of(pin).then(
      ({ bytes, shape }) => paintImage(canvas, bytes, shape),
      (error) => (canvas.title = error.message),
    );
    const what = pin.row === null ? "a place" : `image ${pin.row}`;
    const choose = make(
      "button",
      {
        type: "button",
        className: "ui-field pin-tray__choose",
        title: `${pin.name}: ${what}. Double click renames; drag puts in order.`,
      },
      canvas,
      make("span", { className: "pin-tray__name" }, pin.name),
    );
    choose.setAttribute("aria-label", `Pin ${pin.name}, ${what}`);
    choose.setAttribute("aria-pressed", String(isChosen));
    const remove = this.button("remove", "×", `Remove pin ${pin.name}`, () => this.act({ do: "remove", index }));
    const item = make("li", { className: "pin-tray__item" }, choose, remove);
    choose.addEventListener("click", (event) => this.click(event, item, pin, index));
    choose.addEventListener("keydown", (event) => this.key(event, item, pin, index));
    choose.addEventListener("pointerdown", (event) => this.drag(event, item, index));
    item.addEventListener("pointerenter", () => this.hover(index));
    item.addEventListener("pointerleave", () => this.hover(null));
    return item;
  }

  button(kind, text, label, click) {
    const button = make("button", { type: "button", className: `ui-field pin-tray__${kind}`, title: label }, text);
    button.setAttribute("aria-label", label);
    button.addEventListener("click", click);
    return button;
  }

  // A single click waits whether it becomes a double one: looking at a pin draws the tray anew.
  click(event, item, pin, index) {
    clearTimeout(this.waiting);
    if (item.wasDragged) return;
    if (event.detail > 1) this.rename(item, pin, index);
    else this.waiting = setTimeout(() => this.act({ do: "choose", index }), event.detail ? DOUBLE_CLICK_MS : 0);
  }

  key(event, item, pin, index) {
    const actions = {
      Delete: () => this.act({ do: "remove", index }),
      F2: () => this.rename(item, pin, index),
      ArrowLeft: () => event.shiftKey && this.act({ do: "order", index, to: index - 1 }),
      ArrowRight: () => event.shiftKey && this.act({ do: "order", index, to: index + 1 }),
    };
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }

  rename(item, pin, index) {
    const input = make("input", { className: "pin-tray__rename", value: pin.name, maxLength: 24 });
    input.setAttribute("aria-label", `New name of pin ${pin.name}`);
    let isEnded = false;
    const end = (isKept) => {
      if (isEnded) return;
      isEnded = true; // before it is removed, which blurs it and ends it once more
      input.remove();
      if (isKept && input.value.trim() !== pin.name) this.act({ do: "rename", index, name: input.value });
    };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" || event.key === "Escape") end(event.key === "Enter");
    });
    input.addEventListener("blur", () => end(true));
    item.append(input);
    input.focus();
    input.select();
  }

  // Follows a press on a pin; released over another one, it takes its place.
  drag(pressed, item, index) {
    item.wasDragged = false;
    const move = (event) => {
      if (Math.abs(event.clientX - pressed.clientX) > DRAG_PIXELS) item.wasDragged = true;
      if (item.wasDragged) item.style.transform = `translateX(${event.clientX - pressed.clientX}px)`;
    };
    const end = (event) => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
      item.style.transform = "";
      if (!item.wasDragged || event.type === "pointercancel") return;
      const others = [...item.parentElement.children].filter((other) => other !== item);
      const to = others.filter((other) => {
        const box = other.getBoundingClientRect();
        return box.left + box.width / 2 < event.clientX;
      }).length;
      if (to !== index) this.act({ do: "order", index, to });
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  }
}
