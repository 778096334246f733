// The shade behind the points of a large set: an image of how many points lie where.

const SHADE_PIXEL = 2;
const FAINTEST = 0.1;
const DARKEST = 0.6;

// An image of how many points lie where, one count for each SHADE_PIXEL, on a canvas that follows the axes.
export class Shade {
  constructor(root) {
    this.frame = document.createElement("div");
    this.frame.className = "latent-map__shade";
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.frame.append(this.canvas);
    root.prepend(this.frame);
    this.box = null;
  }

  clear() {
    this.box = null;
    this.frame.hidden = true;
  }

  // Counts `rows` of coordinates `xy`, all of which lie in `box`.
  draw(xy, rows, box, full, ink) {
    const { left, right, bottom, top } = box;
    const [view, spans] = [viewOf(full, 0), [right - left, top - bottom]];
    const width = Math.max(1, Math.round(((full._size.w / SHADE_PIXEL) * spans[0]) / (view.right - view.left)));
    const height = Math.max(1, Math.round(((full._size.h / SHADE_PIXEL) * spans[1]) / (view.top - view.bottom)));
    const counts = new Uint32Array(width * height);
    const [perX, perY] = [width / spans[0], height / spans[1]];
    for (const row of rows) {
      const column = Math.min(width - 1, Math.floor((xy[2 * row] - left) * perX));
      const line = Math.min(height - 1, Math.floor((top - xy[2 * row + 1]) * perY));
      counts[line * width + column] += 1;
    }
    this.paint(counts, width, height, ink);
    this.box = box;
    this.follow(full);
    this.frame.hidden = false;
  }

  // Darker by the logarithm of the count, up to the greatest in view.
  paint(counts, width, height, ink) {
    const most = Math.log1p(counts.reduce((a, b) => Math.max(a, b), 1));
    const pixels = new ImageData(width, height);
    for (let k = 0; k < counts.length; k += 1) {
      if (!counts[k]) continue;
      pixels.data.set(ink, 4 * k);
      pixels.data[4 * k + 3] = 255 * (FAINTEST + ((DARKEST - FAINTEST) * Math.log1p(counts[k])) / most);
    }
    Object.assign(this.canvas, { width, height });
    this.canvas.getContext("2d").putImageData(pixels, 0, 0);
  }

  // Lays the image where its box is on the axes now, so that it moves with them before it is drawn anew.
  follow({ xaxis, yaxis, _size }) {
    if (!this.box) return;
    const { left, right, bottom, top } = this.box;
    const [x, y] = [xaxis.d2p(left), yaxis.d2p(top)];
    Object.assign(this.frame.style, {
      left: `${_size.l}px`,
      top: `${_size.t}px`,
      width: `${_size.w}px`,
      height: `${_size.h}px`,
    });
    const [width, height] = [xaxis.d2p(right) - x, yaxis.d2p(bottom) - y];
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px`, transform: `translate(${x}px, ${y}px)` });
  }
}

// What the axes show, and `margin` of it more on each side.
export function viewOf({ xaxis, yaxis }, margin) {
  const [left, right] = xaxis.range;
  const [bottom, top] = yaxis.range;
  const [dx, dy] = [margin * (right - left), margin * (top - bottom)];
  return { left: left - dx, right: right + dx, bottom: bottom - dy, top: top + dy };
}

// Red, green and blue of a computed colour, 0 to 255.
export function inkBytes(colour) {
  const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
  return [red, green, blue];
}
