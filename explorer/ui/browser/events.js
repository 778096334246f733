// What other parts of the page tell the map: where a drawing lies, which code the sliders make, where a film strip is.

// Hands each new place of the drawing to `move`, null when it is cleared. Returns what stops it.
export function followDrawing(move) {
  const follow = (event) => move(event.detail);
  window.addEventListener("latent-map:drawing", follow);
  return () => window.removeEventListener("latent-map:drawing", follow);
}

// Hands each place that a film strip comes by to `move`, null when it is gone. Returns what stops it.
export function followFilmstrip(move) {
  const follow = (event) => move(event.detail);
  window.addEventListener("latent-map:filmstrip", follow);
  return () => window.removeEventListener("latent-map:filmstrip", follow);
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
