// Pins as they are marked on the map, and dragged there. The marks are elements above the plot: plotly would draw all
// points anew for each place that a dragged pin comes by.

const GRAB_PIXELS = 12;
const MOVED_PIXELS = 5;
const FOLLOWED = ["plotly_relayouting", "plotly_relayout", "plotly_afterplot"];

export class PinMarks {
  constructor(map) {
    this.map = map;
    this.layer = document.createElement("div");
    this.layer.className = "latent-map__marks";
    this.layer.setAttribute("aria-hidden", "true"); // the tray names every pin
    map.root.append(this.layer);
    this.isDragging = false;
    this.isFollowing = false;
    // Plotly would take a press on a pin for the beginning of a pan.
    const stop = (event) => {
      if (!this.isDragging) return;
      event.stopPropagation();
      if (event.cancelable) event.preventDefault();
    };
    for (const type of ["mousedown", "touchstart", "touchmove"]) {
      map.plot.addEventListener(type, stop, { capture: true, passive: false });
    }
  }

  // Marks the pins; where nothing is pinned, the first image.
  show() {
    const { pins, at, home } = this.map.data;
    const marks = pins.map((pin, index) => this.mark([...pin.name].slice(0, 2).join(""), index === at ? "pin chosen" : "pin"));
    this.layer.replaceChildren(...(pins.length ? marks : [this.mark("", "home")]));
    this.places = (pins.length ? pins : [home]).map(({ x, y }) => ({ x, y }));
    this.put();
  }

  mark(text, kinds) {
    const mark = document.createElement("span");
    mark.className = kinds.replace(/\S+/g, "latent-map__mark--$&");
    mark.textContent = text;
    return mark;
  }

  // To be called when the plot was drawn: plotly takes listeners from then on.
  follow() {
    if (this.isFollowing) return;
    this.isFollowing = true;
    for (const event of FOLLOWED) this.map.plot.on(event, () => this.put());
  }

  put() {
    if (!this.places) return;
    const { l, t, w, h } = this.map.plot._fullLayout._size;
    Object.assign(this.layer.style, { left: `${l}px`, top: `${t}px`, width: `${w}px`, height: `${h}px` });
    this.places.forEach(({ x, y }, index) => {
      const { left, top } = this.map.place(x, y);
      this.layer.children[index].style.transform = `translate(${left - l}px, ${top - t}px) translate(-50%, -50%)`;
    });
  }

  // Takes a press on a pin: a click looks at it, a drag moves it. Returns whether there was one.
  press(pressed) {
    const index = this.indexAt(pressed);
    if (index < 0) return false;
    this.isDragging = true;
    const isMoved = (event) => Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) > MOVED_PIXELS;
    const move = (event) => {
      const at = this.map.position(event);
      if (!at || !isMoved(event)) return;
      this.places[index] = { x: at.x, y: at.y };
      this.put();
    };
    const end = (event) => {
      for (const [type, listener] of listeners) window.removeEventListener(type, listener, true);
      this.isDragging = false;
      const at = this.map.position(event);
      if (!isMoved(event)) this.map.act({ do: "choose", index });
      else if (at && event.type === "pointerup") this.map.act({ do: "move", index, ...this.map.snapped(at) });
      else this.show();
    };
    const listeners = [["pointermove", move], ["pointerup", end], ["pointercancel", end]];
    for (const [type, listener] of listeners) window.addEventListener(type, listener, true);
    return true;
  }

  indexAt(event) {
    const box = this.map.plot.getBoundingClientRect();
    const far = this.map.data.pins.map((pin) => {
      const { left, top } = this.map.place(pin.x, pin.y);
      return Math.hypot(event.clientX - box.left - left, event.clientY - box.top - top);
    });
    const nearest = Math.min(...far);
    return nearest <= GRAB_PIXELS ? far.indexOf(nearest) : -1;
  }
}
