// Draws one map on a canvas: axes of equal scale with numbers, and a marker of its class's colour and shape per point.

const MARGIN = { left: 46, right: 10, top: 10, bottom: 40 };
const ROOM = 0.05; // around the points, as a share of their extent
const FEW_POINTS = 500;
const RADIUS = { few: 4, many: 3 };
const OPACITY = 0.8;
const TICK_PIXELS = 76;

// Markers of radius 1, by plotly's names for them.
export const MARKERS = {
  circle: "M1,0A1,1 0 1,1 -1,0A1,1 0 1,1 1,0Z",
  diamond: "M0,-1.3L1.3,0L0,1.3L-1.3,0Z",
  square: "M-.9,-.9H.9V.9H-.9Z",
  "triangle-up": "M0,-1.2L1.15,.85H-1.15Z",
  cross: "M-.4,-1.15H.4V-.4H1.15V.4H.4V1.15H-.4V.4H-1.15V-.4H-.4Z",
  star: "M0,-1.35L.32,-.44L1.28,-.42L.52,.17L.79,1.09L0,.55L-.79,1.09L-.52,.17L-1.28,-.42L-.32,-.44Z",
  "triangle-down": "M0,1.2L1.15,-.85H-1.15Z",
  x: "M-1.1,-.55L-.55,-1.1L0,-.55L.55,-1.1L1.1,-.55L.55,0L1.1,.55L.55,1.1L0,.55L-.55,1.1L-1.1,.55L-.55,0Z",
};

export class EpochCanvas {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.sprites = new Map();
  }

  // Fits the canvas to its box on the screen, as sharp as the screen is; true where that changed it.
  fit() {
    const ratio = Math.max(1, window.devicePixelRatio || 1);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width === across && this.canvas.height === down) return false;
    Object.assign(this.canvas, { width: across, height: down });
    Object.assign(this, { ratio, width, height });
    this.sprites.clear();
    return true;
  }

  // The frame of the axes that shows `bounds` (left, right, bottom, top) whole, with one scale for both axes.
  frameOf([left, right, bottom, top]) {
    const box = {
      x: MARGIN.left,
      y: MARGIN.top,
      width: Math.max(1, this.width - MARGIN.left - MARGIN.right),
      height: Math.max(1, this.height - MARGIN.top - MARGIN.bottom),
    };
    const [across, up] = [right - left || 1e-3, top - bottom || 1e-3].map((extent) => extent * (1 + 2 * ROOM));
    const scale = Math.min(box.width / across, box.height / up); // pixels to a unit
    const [middleX, middleY] = [(left + right) / 2, (bottom + top) / 2];
    return {
      ...box,
      scale,
      xOf: (x) => box.x + box.width / 2 + (x - middleX) * scale,
      yOf: (y) => box.y + box.height / 2 - (y - middleY) * scale,
      low: [middleX - box.width / scale / 2, middleY - box.height / scale / 2],
      high: [middleX + box.width / scale / 2, middleY + box.height / scale / 2],
    };
  }

  draw(points, labels, { bounds, ink, axes, markerOf, isShown }) {
    const { context } = this;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    const frame = this.frameOf(bounds);
    this.drawAxes(frame, ink, axes);
    context.save();
    context.beginPath();
    context.rect(frame.x, frame.y, frame.width, frame.height);
    context.clip();
    const radius = labels.length < FEW_POINTS ? RADIUS.few : RADIUS.many;
    const half = Math.ceil(1.5 * radius);
    for (let row = 0; row < labels.length; row += 1) {
      if (!isShown(labels[row])) continue;
      const sprite = this.sprite(markerOf(labels[row]), radius, half);
      const [x, y] = [frame.xOf(points[2 * row]), frame.yOf(points[2 * row + 1])];
      context.drawImage(sprite, x - half, y - half, 2 * half, 2 * half);
    }
    context.restore();
    return frame;
  }

  drawAxes(frame, ink, axes) {
    const { context } = this;
    context.font = `12px ${getComputedStyle(this.canvas).fontFamily}`;
    context.fillStyle = context.strokeStyle = ink;
    context.lineWidth = 1;
    const step = tickStep(TICK_PIXELS / frame.scale);
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const value of ticks(frame.low[0], frame.high[0], step)) {
      const x = Math.round(frame.xOf(value)) + 0.5;
      this.line(x, frame.y, x, frame.y + frame.height, value === 0);
      context.fillText(tickText(value, step), x, frame.y + frame.height + 6);
    }
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of ticks(frame.low[1], frame.high[1], step)) {
      const y = Math.round(frame.yOf(value)) + 0.5;
      this.line(frame.x, y, frame.x + frame.width, y, value === 0);
      context.fillText(tickText(value, step), frame.x - 6, y);
    }
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.fillText(axes[0], frame.x + frame.width / 2, this.height - 2);
    context.save();
    context.translate(2, frame.y + frame.height / 2);
    context.rotate(-Math.PI / 2);
    context.textBaseline = "top";
    context.fillText(axes[1], 0, 0);
    context.restore();
  }

  line(x0, y0, x1, y1, isZero) {
    const { context } = this;
    context.globalAlpha = isZero ? 0.35 : 0.12;
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
    context.globalAlpha = 1;
  }

  // A marker drawn once, and copied for every point.
  sprite({ colour, symbol }, radius, half) {
    const key = `${colour} ${symbol} ${radius}`;
    if (!this.sprites.has(key)) {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = Math.ceil(2 * half * this.ratio);
      const context = canvas.getContext("2d");
      context.setTransform(radius * this.ratio, 0, 0, radius * this.ratio, half * this.ratio, half * this.ratio);
      context.globalAlpha = OPACITY;
      context.fillStyle = colour;
      context.fill(new Path2D(MARKERS[symbol]));
      this.sprites.set(key, canvas);
    }
    return this.sprites.get(key);
  }
}

// The least of 1, 2, 5, 10, 20, … (and their parts) that is no smaller than `least`.
export function tickStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9));
}

function ticks(low, high, step) {
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, k) => (first + k) * step || 0);
}

function tickText(value, step) {
  const text = step >= 1e5 || step < 1e-4 ? value.toExponential(0) : value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  return text.replace("-", "−");
}
