// The recorded epochs of a run, asked for at the app's timeline route, each once; and their pictures.

import { get } from "../api.js";

const MAX_PICTURES = 600;

// Holds the maps of all epochs that are recorded: `epochs` rising, `maps` and `bounds` beside them, `labels` of points.
export class Epochs {
  constructor(route) {
    this.route = route;
    this.forget();
  }

  forget() {
    Object.assign(this, { epochs: [], maps: [], bounds: [], labels: new Uint16Array(), facts: null });
  }

  // Asks for the epochs that are not here yet; true where something changed. A run trained anew is read from its start.
  async refresh() {
    const answer = await get(this.route, { from: this.epochs.length ? this.epochs.at(-1) + 1 : 0 });
    const facts = answer.json("X-Timeline");
    if (this.facts && facts.sample !== this.facts.sample) {
      this.forget();
      return this.refresh();
    }
    this.take(facts, answer.shape[1], answer.buffer);
    const isNew = facts.sent.length > 0 || this.facts?.kept.length !== facts.kept.length;
    this.facts = facts;
    return isNew;
  }

  take(facts, n, buffer) {
    facts.sent.forEach((epoch, k) => {
      const map = new Float32Array(buffer, 8 * n * k, 2 * n);
      this.epochs.push(epoch);
      this.maps.push(map);
      this.bounds.push(boundsOf(map));
    });
    this.labels = new Uint16Array(buffer, 8 * n * facts.sent.length, n);
    const kept = new Set(facts.kept);
    const rows = this.epochs.map((_, k) => k).filter((k) => kept.has(this.epochs[k]));
    for (const name of ["epochs", "maps", "bounds"]) this[name] = rows.map((k) => this[name][k]);
  }

  // The points at a place between two epochs: 2.5 is halfway from the third to the fourth.
  pointsAt(position) {
    const k = Math.min(Math.floor(position), this.maps.length - 1);
    const share = position - k;
    const [from, to] = [this.maps[k], this.maps[Math.min(k + 1, this.maps.length - 1)]];
    if (share === 0) return from;
    return from.map((value, i) => value + share * (to[i] - value));
  }

  boundsAt(position) {
    const k = Math.min(Math.floor(position), this.bounds.length - 1);
    const to = this.bounds[Math.min(k + 1, this.bounds.length - 1)];
    return this.bounds[k].map((edge, i) => edge + (position - k) * (to[i] - edge));
  }

  // Left, right, bottom and top of all epochs together.
  allBounds() {
    return this.bounds.reduce(([left, right, bottom, top], each) => [
      Math.min(left, each[0]),
      Math.max(right, each[1]),
      Math.min(bottom, each[2]),
      Math.max(top, each[3]),
    ]);
  }
}

function boundsOf(map) {
  const bounds = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < map.length; i += 1) {
    const axis = 2 * (i % 2);
    bounds[axis] = Math.min(bounds[axis], map[i]);
    bounds[axis + 1] = Math.max(bounds[axis + 1], map[i]);
  }
  return map.length ? bounds : [-1, 1, -1, 1];
}

// Shows the pictures of the epoch asked for last: one epoch is under way at a time, and those seen before are kept.
export class EpochPictures {
  constructor(route, figures, fail) {
    Object.assign(this, { route, figures, fail, kept: new Map(), waiting: null, isBusy: false });
  }

  show(epoch, names) {
    this.waiting = { epoch, names };
    if (!this.isBusy) this.run();
  }

  async run() {
    this.isBusy = true;
    while (this.waiting) {
      const { epoch, names } = this.waiting;
      this.waiting = null;
      try {
        const sources = await Promise.all(names.map((name) => this.source(epoch, name)));
        names.forEach((name, k) => this.put(name, { epoch, ...sources[k] }));
      } catch (error) {
        this.fail(error);
      }
    }
    this.isBusy = false;
  }

  put(name, { source, epoch }) {
    const image = this.figures[name];
    if (image.src !== source) image.src = source;
    image.dataset.epoch = epoch;
    image.alt = PICTURE_WORDS[name](epochInWords(epoch));
    const figure = image.closest("figure");
    figure.hidden = false;
    const when = figure.querySelector(".timeline__when");
    if (when) when.textContent = epochInWords(epoch);
  }

  // Where to see it, and of which epoch it is: training may have thinned out the one that was asked for.
  async source(epoch, name) {
    const key = name === "originals" ? name : `${name} ${epoch}`;
    if (!this.kept.has(key)) {
      const answer = await get(`${this.route}/${epoch}.png`, { what: name });
      const found = name === "originals" ? {} : { epoch: Number(answer.text("X-Epoch")) };
      const picture = new Blob([answer.buffer], { type: "image/png" });
      this.kept.set(key, { source: URL.createObjectURL(picture), ...found });
      if (this.kept.size > MAX_PICTURES) this.drop([...this.kept.keys()].find((old) => old !== "originals"));
    }
    return this.kept.get(key);
  }

  drop(key) {
    URL.revokeObjectURL(this.kept.get(key).source);
    this.kept.delete(key);
  }

  forget() {
    for (const key of [...this.kept.keys()]) this.drop(key);
  }
}

const PICTURE_WORDS = {
  originals: () => "Eight validation images as the model sees them",
  reconstructions: (when) => `Their reconstructions ${when}`,
  samples: (when) => `Images decoded from the same 64 draws of the prior, ${when}`,
};

export function epochInWords(epoch) {
  return epoch === 0 ? "before training" : `after epoch ${epoch}`;
}
