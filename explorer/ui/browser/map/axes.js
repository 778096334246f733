// Where places of the map lie on the screen, and pixels on the map, by plotly's axes as they are now.

// Numbers of the map to a tenth of a pixel: as a link says them.
export function rounded(numbers, perPixel) {
  const n = Math.max(0, Math.min(12, 1 - Math.floor(Math.log10(perPixel))));
  return numbers.map((number) => Number(number.toFixed(n)));
}

export class Axes {
  constructor(plot) {
    this.plot = plot;
  }

  get layout() {
    return this.plot._fullLayout;
  }

  // Left, top, width and height of what the axes enclose, in pixels of the map's element.
  get frame() {
    const { l: left, t: top, w: width, h: height } = this.layout._size;
    return { left, top, width, height };
  }

  // A place of the map, with its pixel.
  place(x, y) {
    const { xaxis, yaxis, _size } = this.layout;
    return { x, y, left: _size.l + xaxis.d2p(x), top: _size.t + yaxis.d2p(y) };
  }

  // The place at a pixel.
  placeOf(left, top) {
    const { xaxis, yaxis, _size } = this.layout;
    return { x: xaxis.p2d(left - _size.l), y: yaxis.p2d(top - _size.t), left, top };
  }

  // Where an event of a pointer lies; null beside the axes.
  position(event) {
    if (!this.layout?.xaxis) return null;
    const box = this.plot.getBoundingClientRect();
    const [across, down] = [event.clientX - box.left, event.clientY - box.top];
    const { left, top, width, height } = this.frame;
    if (across < left || down < top || across > left + width || down > top + height) return null;
    return this.placeOf(across, down);
  }

  // How much of the map a pixel is.
  get perPixel() {
    const { xaxis } = this.layout;
    return Math.abs(xaxis.p2d(1) - xaxis.p2d(0));
  }

  // A step of `share` of the map's width.
  step(share) {
    const [low, high] = this.layout.xaxis.range;
    return (high - low) * share;
  }

  // The ranges of both axes in a view `factor` times as large about the same middle, as plotly takes them.
  zoomed(factor) {
    const ranges = ["xaxis", "yaxis"].map((axis) => {
      const [low, high] = this.layout[axis].range;
      const [middle, half] = [(low + high) / 2, (factor * (high - low)) / 2];
      return [`${axis}.range`, [middle - half, middle + half]];
    });
    return Object.fromEntries(ranges);
  }
}
