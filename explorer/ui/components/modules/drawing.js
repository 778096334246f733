// Marks on a plotly map where a code lies that another part of the page made: a drawing, or the sliders.

const DIAMOND = "M 0 -9 L 9 0 L 0 9 L -9 0 Z";

// A mark as plotly shapes, none without a place: an open diamond of fixed size with its name.
export function markShapes(place, name, colour, ground) {
  if (!place) return [];
  const shared = { xref: "x", yref: "y", xsizemode: "pixel", ysizemode: "pixel", xanchor: place.x, yanchor: place.y };
  return [
    { ...shared, type: "path", path: DIAMOND, line: { color: colour, width: 3 } },
    {
      ...shared,
      type: "rect",
      ...{ x0: -32, x1: 32, y0: 12, y1: 28 },
      line: { width: 0 },
      fillcolor: ground,
      label: { text: name, font: { color: colour, size: 12 } },
    },
  ];
}

// Hands each new place of the drawing to `move`, null when it is cleared. Returns what stops it.
export function followDrawing(move) {
  const follow = (event) => move(event.detail);
  window.addEventListener("latent-map:drawing", follow);
  return () => window.removeEventListener("latent-map:drawing", follow);
}

// Hands each code that the sliders make to `move`, null when they are back at the pin. Returns what stops it.
export function followSliders(move) {
  const follow = ({ detail }) => move(detail.isPin ? null : detail.z);
  window.addEventListener("latent-map:code", follow);
  return () => window.removeEventListener("latent-map:code", follow);
}

// Where a code lies on a linear map.
export function projected(z, { axes, origin }) {
  const along = (axis) => axis.reduce((sum, weight, k) => sum + weight * (z[k] - origin[k]), 0);
  return { x: along(axes[0]), y: along(axes[1]) };
}
