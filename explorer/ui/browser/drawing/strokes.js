// From strokes on a large canvas to the pixels of a model's image.

const CANVAS_SIDE = 224;
const THINNEST = 1.2; // pixels: a stroke on 8 x 8 images
const SHARE_OF_SIDE = 0.08; // 2.2 of 28 pixels, as MNIST's strokes

// How many pixels of the canvas stand for one of an image C x H x W, a whole number.
export function scaleFor([, height, width]) {
  return Math.max(1, Math.floor(CANVAS_SIDE / Math.max(height, width)));
}

// Width of the brush in pixels of the image.
export function brushWidth([, height, width]) {
  return Math.max(THINNEST, SHARE_OF_SIDE * Math.min(height, width));
}

// The shift, in pixels of the canvas, that brings the centre of mass to the middle of pixel (W / 2, H / 2), where MNIST
// has it: the column 14 of 0 to 27.
function shiftToCentre(data, width, height, scale) {
  let [mass, right, down] = [0, 0, 0];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const grey = data[4 * (y * width + x)];
      mass += grey;
      right += grey * (x + 0.5);
      down += grey * (y + 0.5);
    }
  }
  if (mass === 0) return [0, 0];
  return [(width + scale) / 2 - right / mass, (height + scale) / 2 - down / mass].map(Math.round);
}

// The canvas as bytes C x H x W, white on black, each the mean of its square of the canvas; the same in every channel.
export function imageBytes(context, [channels, height, width], isCentred) {
  const scale = scaleFor([channels, height, width]);
  const [wide, high] = [width * scale, height * scale];
  const { data } = context.getImageData(0, 0, wide, high);
  const [right, down] = isCentred ? shiftToCentre(data, wide, high, scale) : [0, 0];
  const sums = new Float32Array(height * width);
  for (let y = 0; y < high; y += 1) {
    const row = Math.floor((y + down) / scale);
    if (row < 0 || row >= height) continue;
    for (let x = 0; x < wide; x += 1) {
      const column = Math.floor((x + right) / scale);
      if (column >= 0 && column < width) sums[row * width + column] += data[4 * (y * wide + x)];
    }
  }
  const bytes = new Uint8Array(channels * height * width);
  for (let c = 0; c < channels; c += 1) {
    sums.forEach((sum, pixel) => (bytes[c * height * width + pixel] = Math.round(sum / (scale * scale))));
  }
  return bytes;
}
