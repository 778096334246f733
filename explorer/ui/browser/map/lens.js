// The decoded image that goes with the pointer; at rest it lies in the corner where it covers least.

import { paintImage } from "../api.js";
import { showReliability } from "./reliability.js";

const LENS_GAP = 16;
const CORNER_GAP = 6;
const COUNTED = 20_000;

export class Lens {
  constructor(root, axes) {
    this.root = root;
    this.axes = axes;
    this.figure = root.querySelector(".latent-map__lens");
    this.canvas = this.figure.querySelector("canvas");
    this.caption = this.figure.querySelector("figcaption");
  }

  // Until what can be believed of the image is known, what was said of the one before stands back.
  show(bytes, shape, text, isBelieved) {
    paintImage(this.canvas, bytes, shape);
    this.caption.textContent = text;
    this.figure.classList.add("latent-map__lens--asking");
    if (!isBelieved) showReliability(this.caption, null);
  }

  believe(reliability) {
    showReliability(this.caption, reliability, true);
    this.figure.classList.remove("latent-map__lens--asking");
  }

  // Beside a place, on the side where there is room.
  move({ left, top }) {
    this.figure.classList.remove("latent-map__lens--resting");
    const { offsetWidth: width, offsetHeight: height } = this.figure;
    const { clientWidth, clientHeight } = this.root;
    const isRight = left + LENS_GAP + width < clientWidth;
    const x = isRight ? left + LENS_GAP : left - LENS_GAP - width;
    this.put(Math.max(x, 0), Math.min(Math.max(top - height - LENS_GAP, 0), clientHeight - height));
  }

  put(x, y) {
    this.figure.style.transform = `translate(${x}px, ${y}px)`;
    this.figure.style.visibility = "visible";
  }

  // Into the corner where it covers the least of `points` and `pins`.
  rest(points, pins) {
    this.figure.classList.add("latent-map__lens--resting"); // smaller: before it is measured
    const { offsetWidth: width, offsetHeight: height } = this.figure;
    const { frame } = this.axes;
    const [left, top] = [frame.left + CORNER_GAP, frame.top + CORNER_GAP];
    const right = frame.left + frame.width - width - CORNER_GAP;
    const bottom = frame.top + frame.height - height - CORNER_GAP;
    const corners = [[right, top], [right, bottom], [left, bottom], [left, top]];
    const covered = corners.map(([x, y]) => {
      const [low, high] = [this.axes.placeOf(x, y + height), this.axes.placeOf(x + width, y)];
      return countBetween(low, high, points, pins);
    });
    this.put(...corners[covered.indexOf(Math.min(...covered))]);
  }
}

// About how many points lie between two corners: of a large set every so many are looked at.
function countBetween(low, high, { xy, n }, pins) {
  const step = Math.max(1, Math.floor(n / COUNTED));
  // A pin weighs more than all points: who has just put it there wants to see it.
  const isIn = ({ x, y }) => x >= low.x && x <= high.x && y >= low.y && y <= high.y;
  let count = pins.filter(isIn).length * n;
  for (let k = 0; k < n; k += step) {
    if (isIn({ x: xy[2 * k], y: xy[2 * k + 1] })) count += 1;
  }
  return count;
}
