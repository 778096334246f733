// Marks on a plotly map where the drawing lies that the page's canvas just encoded.

const DIAMOND = "M 0 -9 L 9 0 L 0 9 L -9 0 Z";

// The drawing's mark as plotly shapes, none without a drawing: an open diamond of fixed size with its name.
export function drawingShapes(place, colour, ground) {
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
      label: { text: "drawing", font: { color: colour, size: 12 } },
    },
  ];
}

// Hands each new place of the drawing to `move`, null when it is cleared. Returns what stops it.
export function followDrawing(move) {
  const follow = (event) => move(event.detail);
  window.addEventListener("latent-map:drawing", follow);
  return () => window.removeEventListener("latent-map:drawing", follow);
}
