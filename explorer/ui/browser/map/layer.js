// What every overlay of the map shares: where the axes are in pixels, canvases of the map's size, and one kind of layer.

// The axes as they are now: from map coordinates to pixels of the map's box. Read anew at every frame.
export class AxesView {
  constructor(plot) {
    const { xaxis, yaxis } = plot._fullLayout;
    [this.left, this.width] = [xaxis._offset, xaxis._length];
    [this.top, this.height] = [yaxis._offset, yaxis._length];
    [this.x0, this.x1] = xaxis.range.map(Number);
    [this.y0, this.y1] = yaxis.range.map(Number);
    this.perX = this.width / (this.x1 - this.x0);
    this.perY = this.height / (this.y1 - this.y0);
  }

  across(x) {
    return this.left + (x - this.x0) * this.perX;
  }

  down(y) {
    return this.top + (this.y1 - y) * this.perY;
  }

  holds(x, y) {
    return x >= this.x0 && x <= this.x1 && y >= this.y0 && y <= this.y1;
  }

  // Draws a picture over the rectangle from (left, bottom) to (right, top) of the map.
  draw(context, picture, [left, right, bottom, top]) {
    const [x, y] = [this.across(left), this.down(top)];
    context.drawImage(picture, x, y, this.across(right) - x, this.down(bottom) - y);
  }

  // A path in map coordinates, in pixels.
  toPixels(path) {
    const moved = new Path2D();
    moved.addPath(path, new DOMMatrix([this.perX, 0, 0, -this.perY, this.across(0), this.down(0)]));
    return moved;
  }

  equals(other) {
    return other !== null && ["x0", "x1", "y0", "y1", "width", "height"].every((name) => this[name] === other[name]);
  }
}

// One overlay of a `plot`. A layer asks for what it needs in rest(), which is called once the view has come to rest, and
// calls `changed` when it is there; `nearest(place)` is the point nearest to a place.
export class MapLayer {
  constructor({ plot, nearest, changed }) {
    Object.assign(this, { plot, nearest, changed, problem: "" });
  }

  // What the map shows: its points, run or class changed.
  show(data, points) {
    this.data = data;
    this.points = points;
    this.reset();
  }

  // What is held of other points or another run is no longer true.
  reset() {}

  async rest() {}

  paintUnder() {}

  paintOver() {}

  words() {
    return "";
  }
}

export function blankCanvas(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

// A picture of width x height pixels whose colour is everywhere the same and whose opacity is alpha(k), 0 to 255.
export function alphaPicture(width, height, [red, green, blue], alpha) {
  const canvas = blankCanvas(width, height);
  const pixels = new ImageData(width, height);
  for (let k = 0; k < width * height; k += 1) {
    pixels.data.set([red, green, blue, alpha(k)], 4 * k);
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

// Red, green and blue, 0 to 255, of what the browser calls "rgb(…)" or "rgba(…)".
export function colourParts(text) {
  return text.match(/[\d.]+/g).slice(0, 3).map(Number);
}

// Writes a label on a line, readable over anything.
export function writeLabel(context, text, x, y, { ink, paper }) {
  context.font = "600 12px sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = paper;
  context.strokeText(text, x, y);
  context.fillStyle = ink;
  context.fillText(text, x, y);
}
