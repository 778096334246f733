// What the app's routes answer: nothing else fetches, knows where a route is, or what a refusal looks like. And what
// asks for images while a person points, and paints them.

// A request that the server refused, in the server's words. Without a network there is no refusal: the browser's own
// error says so.
export class Refusal extends Error {
  name = "Refusal";
}

// Where a route is: Python names it from where the app is. What `query` holds is added to the route's own.
export function addressOf(route, query = {}) {
  const url = new URL(route, document.baseURI);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

// Bytes, and what the answer's headers say of them: in numbers, in JSON (null where it says nothing) or as they are.
class Answer {
  constructor(buffer, headers) {
    this.buffer = buffer;
    this.headers = headers;
  }

  get bytes() {
    return new Uint8Array(this.buffer);
  }

  get shape() {
    return this.numbers("X-Shape");
  }

  numbers(header) {
    return this.text(header).split(",").map(Number);
  }

  json(header) {
    return JSON.parse(this.text(header) ?? "null");
  }

  text(header) {
    return this.headers.get(header);
  }
}

export function get(route, query) {
  return answerOf(route, query, {});
}

// Posts numbers, a typed array; `signal` gives the request up. Of a body of this type a browser asks the server first
// where a page of another site sends it, and the server agrees to none.
export function post(route, numbers, { query, signal } = {}) {
  const headers = { "Content-Type": "application/octet-stream" };
  return answerOf(route, query, { method: "POST", body: numbers, headers, signal });
}

// Our routes answer numbers and pictures; what stands before the app, as a login does, answers pages.
const TYPES = ["application/octet-stream", "image/png"];

function isOurs(response) {
  return TYPES.includes(response.headers.get("Content-Type"));
}

async function answerOf(route, query, options) {
  const response = await fetch(addressOf(route, query), options);
  if (response.ok && isOurs(response)) return new Answer(await response.arrayBuffer(), response.headers);
  if (response.ok) throw new Refusal("Something else answered in the app's place: a login may have ended. Reload the page.");
  const { error } = await response.json().catch(() => ({}));
  throw new Refusal(error ?? `The server answered ${response.status}. Is the app still running?`);
}

// Keeps one request under way and the newest position waiting: a newer one takes the place of an older. A request has
// a `route`, its `numbers`, perhaps a `query`, and what else `paint` is to know, which gets it with the bytes, their
// shape, and what the answer's `header` says.
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
        const answer = await post(request.route, request.numbers, { query: request.query });
        this.paint(request, answer.bytes, answer.shape, answer.json(this.header));
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
        const answer = await post(asked.route, asked.numbers, { query: { ...asked.query, trust: 1 } });
        if (asked === this.newest) this.tell(answer.json("X-Trust"));
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
