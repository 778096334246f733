// Pins as they are marked on the map, and dragged there.

const GRAB_PIXELS = 12;
const MOVED_PIXELS = 5;

export class PinMarks {
  constructor(map) {
    this.map = map;
    this.isDragging = false;
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

  // The pins, and last the one that is looked at (the first image, where nothing is pinned).
  traces() {
    const { pins, at, home } = this.map.data;
    const style = getComputedStyle(this.map.root);
    const [ink, paper] = [this.map.rgba(style.color), this.map.rgba("var(--st-background-color)")];
    const others = pins.filter((_, index) => index !== at);
    return [this.trace(others, "others", ink, paper), this.trace([home], "looked at", ink, paper, true)];
  }

  trace(places, name, ink, paper, isChosen = false) {
    const isPin = this.map.data.pins.length > 0;
    return {
      type: "scattergl", // plotly draws its other kind below all of these
      name,
      showlegend: false,
      hoverinfo: "skip",
      ...this.coordinates(places),
      mode: isPin ? "markers+text" : "markers",
      textposition: "middle center",
      textfont: { color: isChosen ? paper : ink, size: 12, weight: 700 },
      marker: isPin
        ? { symbol: "circle", size: 22, color: isChosen ? ink : paper, line: { width: 2, color: ink } }
        : { symbol: "circle-open", size: 16, color: ink, line: { width: 3, color: ink } },
    };
  }

  coordinates(places) {
    return {
      x: places.map((place) => place.x),
      y: places.map((place) => place.y),
      text: places.map((place) => [...place.name].slice(0, 2).join("")),
    };
  }

  move() {
    const n = this.map.layer.nTraces;
    const traces = this.traces();
    for (const [offset, { x, y, text, mode, marker, textfont }] of traces.entries()) {
      this.map.Plotly.restyle(this.map.plot, { x: [x], y: [y], text: [text], mode, marker: [marker], textfont: [textfont] }, [n + offset]);
    }
  }

  // Takes a press on a pin: a click looks at it, a drag moves it. Returns whether there was one.
  press(pressed) {
    const index = this.indexAt(pressed);
    if (index < 0) return false;
    this.isDragging = true;
    const place = (event) => this.map.position(event);
    const isMoved = (event) => Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) > MOVED_PIXELS;
    const move = (event) => {
      const at = place(event);
      if (at && isMoved(event)) this.drawAt(index, at);
    };
    const end = (event) => {
      window.removeEventListener("pointermove", move, true);
      window.removeEventListener("pointerup", end, true);
      window.removeEventListener("pointercancel", end, true);
      this.isDragging = false;
      const at = place(event);
      if (!isMoved(event)) this.map.act({ do: "choose", index });
      else if (at && event.type === "pointerup") this.map.act({ do: "move", index, ...this.map.snapped(at) });
      else this.move();
    };
    window.addEventListener("pointermove", move, true);
    window.addEventListener("pointerup", end, true);
    window.addEventListener("pointercancel", end, true);
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

  drawAt(index, { x, y }) {
    const { pins, at } = this.map.data;
    const isChosen = index === at;
    const places = (isChosen ? [pins[at]] : pins.filter((_, other) => other !== at)).map((pin) => (pin === pins[index] ? { ...pin, x, y } : pin));
    this.map.Plotly.restyle(this.map.plot, this.asUpdate(places), [this.map.layer.nTraces + Number(isChosen)]);
  }

  asUpdate(places) {
    const { x, y } = this.coordinates(places);
    return { x: [x], y: [y] };
  }
}
