// Paths through latent space as lines over the points, each with a dash of its own; the chosen one is thick.

import { MapLayer } from "./layer.js";

const THIN = 1.6;
const THICK = 3.2;
const HALO = 3;

export class PathLayer extends MapLayer {
  paintOver(context, view, theme) {
    const { paths } = this.data.overlays;
    for (const path of paths.toSorted((a, b) => a.is_shown - b.is_shown)) {
      const line = new Path2D();
      for (const [x, y] of path.points) line.lineTo(view.across(x), view.down(y));
      const width = path.is_shown ? THICK : THIN;
      Object.assign(context, { lineJoin: "round", lineCap: "butt" });
      for (const [colour, extra, dash] of [[theme.paper, HALO, []], [theme.ink, 0, path.dash]]) {
        context.strokeStyle = colour;
        context.lineWidth = width + extra;
        context.setLineDash(dash);
        context.stroke(line);
      }
      context.setLineDash([]);
    }
  }
}
