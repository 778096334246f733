// Maps of the same images side by side: what is pointed at or selected on one of them is shown on all.

// Where places of a map come to when it is turned onto another one: `matrix` and `shift` as Python has them.
export function turned(xy, { matrix: [[a, b], [c, d]], shift: [across, up] }) {
  const moved = new Float32Array(xy.length);
  for (let k = 0; k < xy.length; k += 2) {
    moved[k] = xy[k] * a + xy[k + 1] * c + across;
    moved[k + 1] = xy[k] * b + xy[k + 1] * d + up;
  }
  return moved;
}

// Works on a map whose data may have a `link`: the `group` of maps that show the same images, the `name` of this one,
// whether it `leads` (and hears the keys of the page), and the `similarity` by which its points were turned, or null.
export class Link {
  constructor(map) {
    this.map = map;
    this.row = null;
  }

  get facts() {
    return this.map.data?.link ?? null;
  }

  // The other maps of the group that are drawn.
  others() {
    if (!this.facts) return [];
    const all = [...document.querySelectorAll(".latent-map")].map((root) => root.map);
    return all.filter((map) => map && map !== this.map && map.points && map.link.facts?.group === this.facts.group);
  }

  // The points of the map called `name`; null while there are none.
  pointsOf(name) {
    return [this.map, ...this.others()].find((map) => map.link.facts?.name === name)?.points ?? null;
  }

  // Says that the image `row` is pointed at here, null that none is.
  point(row) {
    if (!this.facts || row === this.row) return;
    this.row = row;
    this.mark(row);
    for (const map of this.others()) map.link.follow(row);
  }

  // Shows the image `row`, which is pointed at on another map.
  follow(row) {
    this.mark(row);
    if (row === null) this.map.goHome();
    else this.map.lookAtImage(row);
  }

  mark(row) {
    this.map.marks.find("", row === null ? null : this.placeOf(row));
  }

  placeOf(row) {
    const { xy } = this.map.points;
    return { x: xy[2 * row], y: xy[2 * row + 1] };
  }

  // The place as the server knows the map: before it was turned.
  unturned({ x, y }) {
    const similarity = this.facts?.similarity;
    if (!similarity) return new Float32Array([x, y]);
    const { matrix: [[a, b], [c, d]], shift } = similarity;
    const [across, up, area] = [x - shift[0], y - shift[1], a * d - b * c];
    return new Float32Array([(across * d - up * c) / area, (up * a - across * b) / area]);
  }
}
