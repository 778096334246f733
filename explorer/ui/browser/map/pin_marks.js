// Marks on the map: pins, which are dragged there, and codes that another part of the page found, a drawing's or the
// sliders'. They are elements above the plot: plotly would draw all points anew for each place that one comes by.

const GRAB_PIXELS = 12;
const MOVED_PIXELS = 5;
const DIAMOND = [[0, -9], [9, 0], [0, 9], [-9, 0]];
// How the kinds of marks look in a picture; ink and paper are the theme's.
const KINDS = {
  pin: { radius: 11, ground: "paper", line: "ink", weight: 700, below: 1 },
  chosen: { radius: 11, ground: "ink", line: "paper", weight: 700, below: 1 },
  home: { radius: 8, line: "ink", weight: 400, below: 0 },
  found: { line: "ink", weight: 400, below: 20 },
};
const FOLLOWED = ["plotly_relayouting", "plotly_relayout", "plotly_afterplot"];

export class PinMarks {
  // `act` sends an action to Python; `snapped` is where a pin that is let go at a place comes to lie.
  constructor(root, axes, { act, snapped }) {
    Object.assign(this, { root, axes, act, snapped });
    this.layer = document.createElement("div");
    this.layer.className = "latent-map__marks";
    this.layer.setAttribute("aria-hidden", "true"); // the tray names every pin
    root.append(this.layer);
    this.found = {};
    this.isDragging = false;
    this.isFollowing = false;
    // Plotly would take a press on a pin for the beginning of a pan.
    const stop = (event) => {
      if (!this.isDragging) return;
      event.stopPropagation();
      if (event.cancelable) event.preventDefault();
    };
    for (const type of ["mousedown", "touchstart", "touchmove"]) {
      axes.plot.addEventListener(type, stop, { capture: true, passive: false });
    }
  }

  // Marks the pins; where nothing is pinned, the first image.
  show(data = this.data) {
    this.data = data;
    const { pins, at, home } = data;
    const marks = pins.map((pin, index) => this.mark([...pin.name].slice(0, 2).join(""), index === at ? "pin chosen" : "pin"));
    const found = Object.entries(this.found).filter(([, place]) => place);
    const kept = pins.length ? marks : [this.mark("", "home")];
    this.layer.replaceChildren(...kept, ...found.map(([name]) => this.mark(name, "found")));
    this.places = [...(pins.length ? pins : [home]), ...found.map(([, place]) => place)].map(({ x, y }) => ({ x, y }));
    this.put();
  }

  // Marks the code that `name` found at `place`; takes its mark away without one.
  find(name, place) {
    if (!place && !this.found[name]) return;
    const isThere = place && this.found[name];
    this.found[name] = place;
    if (!this.data) return;
    if (isThere) this.moveFound();
    else this.show();
  }

  // Found places move at every frame: their marks are moved, not made anew.
  moveFound() {
    const found = Object.values(this.found).filter(Boolean);
    this.places.splice(this.places.length - found.length, found.length, ...found);
    this.put();
  }

  mark(text, kinds) {
    const mark = document.createElement("span");
    mark.className = kinds.replace(/\S+/g, "latent-map__mark--$&");
    mark.append(Object.assign(document.createElement("b"), { textContent: text }));
    return mark;
  }

  // To be called when the plot was drawn: plotly takes listeners from then on.
  follow() {
    if (this.isFollowing) return;
    this.isFollowing = true;
    for (const event of FOLLOWED) this.axes.plot.on(event, () => this.put());
  }

  put() {
    if (!this.places) return;
    const { frame } = this.axes;
    for (const [edge, pixels] of Object.entries(frame)) this.layer.style[edge] = `${pixels}px`;
    this.places.forEach(({ x, y }, index) => {
      const { left, top } = this.axes.place(x, y);
      const moved = `translate(${left - frame.left}px, ${top - frame.top}px)`;
      this.layer.children[index].style.transform = `${moved} translate(-50%, -50%)`;
    });
  }

  // Takes a press on a pin: a click looks at it, a drag moves it. Returns whether there was one.
  press(pressed) {
    const index = this.indexAt(pressed);
    if (index < 0) return false;
    this.isDragging = true;
    const isMoved = (event) => Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) > MOVED_PIXELS;
    const move = (event) => {
      const at = this.axes.position(event);
      if (!at || !isMoved(event)) return;
      this.places[index] = { x: at.x, y: at.y };
      this.put();
    };
    const end = (event) => {
      for (const [type, listener] of listeners) window.removeEventListener(type, listener, true);
      this.isDragging = false;
      const at = this.axes.position(event);
      if (!isMoved(event)) this.act({ do: "choose", index });
      else if (at && event.type === "pointerup") this.act({ do: "move", index, ...this.snapped(at) });
      else this.show();
    };
    const listeners = [["pointermove", move], ["pointerup", end], ["pointercancel", end]];
    for (const [type, listener] of listeners) window.addEventListener(type, listener, true);
    return true;
  }

  indexAt(event) {
    const box = this.axes.plot.getBoundingClientRect();
    const far = this.data.pins.map((pin) => {
      const { left, top } = this.axes.place(pin.x, pin.y);
      return Math.hypot(event.clientX - box.left - left, event.clientY - box.top - top);
    });
    const nearest = Math.min(...far);
    return nearest <= GRAB_PIXELS ? far.indexOf(nearest) : -1;
  }

  // Paints the marks as they lie on a canvas of the map's size: for the picture that a person takes away.
  paint(context, theme) {
    const { left: l, top: t } = this.axes.frame;
    const font = getComputedStyle(this.root).fontFamily;
    Object.assign(context, { lineWidth: 2, textAlign: "center", textBaseline: "middle" });
    context.save();
    context.beginPath();
    context.rect(l, t, this.layer.clientWidth, this.layer.clientHeight);
    context.clip();
    [...this.layer.children].forEach((mark, index) => {
      const { left, top } = this.axes.place(this.places[index].x, this.places[index].y);
      const kind = KINDS[[...mark.classList].at(-1).replace("latent-map__mark--", "")];
      context.beginPath();
      if (kind.radius) context.arc(left, top, kind.radius, 0, 2 * Math.PI);
      else DIAMOND.forEach(([x, y]) => context.lineTo(left + x, top + y));
      context.closePath();
      context.fillStyle = theme[kind.ground] ?? "transparent";
      context.fill();
      context.strokeStyle = theme[kind.line];
      context.stroke();
      context.fillStyle = theme[kind.line];
      context.font = `${kind.weight} 12px ${font}`;
      context.fillText(mark.textContent, left, top + kind.below);
    });
    context.restore();
  }
}
