// The map as a picture to take away, with what lies over and under plotly's own drawing: shade, overlays and pins.

const PICTURE_SCALE = 2;

// Buttons for plotly's bar, which read the `map` when they are clicked: its root and plot, shade, overlays and marks.
export function pictureButtons(Plotly, map, nameOf) {
  const button = (title, icon, blobOf, suffix) => ({
    name: `download-${suffix}`,
    title,
    icon,
    click: () => blobOf(Plotly, map).then((blob) => save(blob, `${nameOf()}.${suffix}`)),
  });
  const { camera, disk } = Plotly.Icons;
  return [button("Download as PNG", camera, pngOf, "png"), button("Download as SVG", disk, svgOf, "svg")];
}

// A picture of the map as it is seen now, in twice its pixels; the lens is left out.
async function pngOf(Plotly, map) {
  const { clientWidth: width, clientHeight: height } = map.root;
  const format = { format: "png", width, height, scale: PICTURE_SCALE };
  const points = await loadImage(await Plotly.toImage(figureOf(map), format));
  const canvas = canvasLike(map.root);
  const context = canvas.getContext("2d");
  paintUnder(map, context);
  context.drawImage(points, 0, 0, width, height);
  paintOver(map, context);
  return new Promise((resolve) => canvas.toBlob(resolve));
}

// The same with points, axes and legend to scale; what lies under and over them, images mostly, is in pixels.
async function svgOf(Plotly, map) {
  const { clientWidth: width, clientHeight: height } = map.root;
  const url = await Plotly.toImage(figureOf(map, "scatter"), { format: "svg", width, height });
  const drawing = new DOMParser().parseFromString(decodeURIComponent(url.slice(url.indexOf(",") + 1)), "image/svg+xml");
  const layer = (paint) => {
    const canvas = canvasLike(map.root);
    paint(map, canvas.getContext("2d"));
    const image = drawing.createElementNS("http://www.w3.org/2000/svg", "image");
    Object.entries({ href: canvas.toDataURL(), width, height }).forEach(([name, value]) => image.setAttribute(name, value));
    return image;
  };
  drawing.documentElement.prepend(layer(paintUnder));
  drawing.documentElement.append(layer(paintOver));
  return new Blob([new XMLSerializer().serializeToString(drawing)], { type: "image/svg+xml" });
}

function canvasLike({ clientWidth, clientHeight }) {
  const [width, height] = [PICTURE_SCALE * clientWidth, PICTURE_SCALE * clientHeight];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").scale(PICTURE_SCALE, PICTURE_SCALE);
  return canvas;
}

function paintUnder({ root, shade, overlays }, context) {
  const { clientWidth: width, clientHeight: height } = root;
  context.fillStyle = overlays.theme().paper;
  context.fillRect(0, 0, width, height);
  paintShade(context, shade);
  context.drawImage(overlays.under, 0, 0, width, height);
}

function paintOver({ root, overlays, marks }, context) {
  const { clientWidth: width, clientHeight: height } = root;
  context.drawImage(overlays.over, 0, 0, width, height);
  marks.paint(context, overlays.theme());
}

// The figure as the page shows it: the style sheet lets points stand back before what lies behind them.
function figureOf({ plot, root }, type = "scattergl") {
  const full = plot._fullLayout;
  const container = plot.querySelector(".gl-container");
  const share = Number(getComputedStyle(container).opacity);
  const faded = ({ marker, ...trace }) => ({ ...trace, type, marker: { ...marker, opacity: (marker.opacity ?? 1) * share } });
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

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
