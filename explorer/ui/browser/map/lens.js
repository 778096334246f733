// The decoded image that goes with the pointer; at rest it lies in the corner where it covers least.

import { paintImage } from "../api.js";
import { showTrust } from "./reliability.js";

const LENS_GAP = 16;
const CORNER_GAP = 6;
const COUNTED = 20_000;

export class Lens {
  constructor(map) {
    this.map = map;
    this.figure = map.root.querySelector(".latent-map__lens");
    this.canvas = this.figure.querySelector("canvas");
    this.caption = this.figure.querySelector("figcaption");
  }

  // Until what can be believed of the image is known, what was said of the one before stands back.
  show(bytes, shape, text, isBelieved) {
    paintImage(this.canvas, bytes, shape);
    this.caption.textContent = text;
    this.figure.classList.add("latent-map__lens--asking");
    if (!isBelieved) showTrust(this.caption, null);
  }

  believe(trust) {
    showTrust(this.caption, trust, true);
    this.figure.classList.remove("latent-map__lens--asking");
  }

  // Beside a place, on the side where there is room.
  move({ left, top }) {
    this.figure.classList.remove("latent-map__lens--resting");
    const { offsetWidth: width, offsetHeight: height } = this.figure;
    const { clientWidth, clientHeight } = this.map.root;
    const isRight = left + LENS_GAP + width < clientWidth;
    const x = isRight ? left + LENS_GAP : left - LENS_GAP - width;
    this.put(Math.max(x, 0), Math.min(Math.max(top - height - LENS_GAP, 0), clientHeight - height));
  }

  put(x, y) {
    this.figure.style.transform = `translate(${x}px, ${y}px)`;
    this.figure.style.visibility = "visible";
  }

  rest() {
    this.figure.classList.add("latent-map__lens--resting"); // smaller: before it is measured
    const { l, t, w, h } = this.map.plot._fullLayout._size;
    const { offsetWidth: width, offsetHeight: height } = this.figure;
    const [right, bottom] = [l + w - width - CORNER_GAP, t + h - height - CORNER_GAP];
    const corners = [
      [right, t + CORNER_GAP],
      [right, bottom],
      [l + CORNER_GAP, bottom],
      [l + CORNER_GAP, t + CORNER_GAP],
    ];
    const covered = corners.map(([x, y]) => this.countIn(x, y, width, height));
    this.put(...corners[covered.indexOf(Math.min(...covered))]);
  }

  // About how many points lie in a box of pixels: of a large set every so many are looked at.
  countIn(left, top, width, height) {
    const low = this.map.placeOf(left, top + height);
    const high = this.map.placeOf(left + width, top);
    const { xy, n } = this.map.points;
    const step = Math.max(1, Math.floor(n / COUNTED));
    // A pin weighs more than all points: who has just put it there wants to see it.
    const isIn = ({ x, y }) => x >= low.x && x <= high.x && y >= low.y && y <= high.y;
    let count = this.map.data.pins.filter(isIn).length * n;
    for (let k = 0; k < n; k += step) {
      if (isIn({ x: xy[2 * k], y: xy[2 * k + 1] })) count += 1;
    }
    return count;
  }
}
