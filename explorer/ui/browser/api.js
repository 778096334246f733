// Asks the app's routes for images, and paints them.

// The error that a refused request stands for, in the server's words.
export async function refusal(response) {
  const body = await response.json().catch(() => ({}));
  return new Error(body.error ?? `The server answered ${response.status}. Is the app still running?`);
}

// Posts numbers to a route of images; resolves to the bytes, their shape, and what the answer's `header` says in JSON
// (null without one).
async function imagesOf(url, numbers, header) {
  const response = await fetch(url, { method: "POST", body: numbers });
  if (!response.ok) throw await refusal(response);
  const shape = response.headers.get("X-Shape").split(",").map(Number);
  const beside = JSON.parse(response.headers.get(header) ?? "null");
  return { bytes: new Uint8Array(await response.arrayBuffer()), shape, beside };
}

// Keeps one request under way and the newest position waiting: a newer one takes the place of an older.
// `paint` gets the request, the bytes, their shape, and what the answer's `header` says.
export class Decoder {
  constructor(paint, fail, header = "X-Trust") {
    this.paint = paint;
    this.fail = fail;
    this.header = header;
    this.waiting = null;
    this.busy = false;
  }

  ask(request) {
    this.waiting = request;
    if (!this.busy) this.run();
  }

  async run() {
    this.busy = true;
    while (this.waiting) {
      const request = this.waiting;
      this.waiting = null;
      try {
        const { bytes, shape, beside } = await imagesOf(request.url, request.numbers, this.header);
        this.paint(request, bytes, shape, beside);
      } catch (error) {
        this.fail(error);
      }
    }
    this.busy = false;
  }
}

// Words that change more often cannot be read, and each answer costs the server several images.
const BELIEF_PAUSE_MS = 250;

// Asks what can be believed of the newest image, one question at a time, beside the images and never before them.
export class Believer {
  constructor(tell, fail) {
    this.tell = tell;
    this.fail = fail;
    this.newest = null;
    this.busy = false;
    this.next = 0;
  }

  // Asks for a request that was painted, or forgets the last one without it. Only the newest one's answer is told.
  async ask(request) {
    this.newest = request;
    if (this.busy || !request) return;
    this.busy = true;
    try {
      for (let asked = null; this.newest && asked !== this.newest; ) {
        await until(this.next);
        asked = this.newest;
        if (!asked) break;
        this.next = performance.now() + BELIEF_PAUSE_MS;
        const url = new URL(asked.url);
        url.searchParams.set("trust", 1);
        const { beside } = await imagesOf(url, asked.numbers, "X-Trust");
        if (asked === this.newest) this.tell(beside);
      }
    } catch (error) {
      this.fail(error);
    }
    this.busy = false;
  }
}

function until(moment) {
  const left = moment - performance.now();
  return left > 0 ? new Promise((resolve) => setTimeout(resolve, left)) : null;
}

// Paints one image of bytes C x H x W, grey or RGB, on a canvas of its own size.
export function paintImage(canvas, bytes, [channels, height, width]) {
  canvas.width = width;
  canvas.height = height;
  const pixels = new ImageData(width, height);
  const plane = width * height;
  for (let i = 0; i < plane; i += 1) {
    for (let c = 0; c < 3; c += 1) pixels.data[4 * i + c] = bytes[(channels === 3 ? c * plane : 0) + i];
    pixels.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}
