// The map as a picture to take away, with what lies over and under plotly's own drawing: shade, overlays and pins.

import { paintMarks } from "./marks.js";

const PICTURE_SCALE = 2;

// A button for plotly's bar. It reads the map when it is clicked.
export function pictureButton(map) {
  return {
    name: "download",
    title: "Download as PNG",
    icon: map.Plotly.Icons.camera,
    click: () => mapPicture(map).then((canvas) => save(canvas, `latent-map-${map.data.run}.png`)),
  };
}

// Resolves to a canvas of the map as it is seen now, in twice its pixels; the lens is left out.
export async function mapPicture(map) {
  const { clientWidth: width, clientHeight: height } = map.root;
  const points = await loadImage(await map.Plotly.toImage(figureOf(map), { format: "png", width, height, scale: PICTURE_SCALE }));
  const canvas = Object.assign(document.createElement("canvas"), { width: PICTURE_SCALE * width, height: PICTURE_SCALE * height });
  const context = canvas.getContext("2d");
  const theme = map.overlays.theme();
  context.fillStyle = theme.paper;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(PICTURE_SCALE, PICTURE_SCALE);
  paintShade(context, map.layer.shade);
  const layers = [map.overlays.under, points, map.overlays.over];
  for (const layer of layers) context.drawImage(layer, 0, 0, width, height);
  paintMarks(map.marks, context, theme);
  return canvas;
}

// The figure as the page shows it: the style sheet lets points stand back before what lies behind them.
function figureOf({ plot, root }) {
  const full = plot._fullLayout;
  const container = plot.querySelector(".gl-container");
  const share = Number(getComputedStyle(container).opacity);
  const faded = ({ marker, ...trace }) => ({ ...trace, marker: { ...marker, opacity: (marker.opacity ?? 1) * share } });
  const lines = root.classList.contains("latent-map--images") ? { showgrid: false, zeroline: false } : {};
  const axis = (name) => ({ ...plot.layout[name], ...lines, autorange: false, range: [...full[name].range] });
  return { data: plot.data.map(faded), layout: { ...plot.layout, xaxis: axis("xaxis"), yaxis: axis("yaxis") } };
}

function paintShade(context, shade) {
  if (shade.frame.hidden) return;
  const pixels = (value) => Number.parseFloat(value);
  const { left, top, width, height } = shade.frame.style;
  const { m41, m42 } = new DOMMatrix(shade.canvas.style.transform);
  context.save();
  context.beginPath();
  context.rect(pixels(left), pixels(top), pixels(width), pixels(height));
  context.clip();
  const [x, y] = [pixels(left) + m41, pixels(top) + m42];
  context.drawImage(shade.canvas, x, y, pixels(shade.canvas.style.width), pixels(shade.canvas.style.height));
  context.restore();
}

function loadImage(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("The browser could not draw the map as a picture. Try again."));
    image.src = url;
  });
}

function save(canvas, name) {
  canvas.toBlob((blob) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}
