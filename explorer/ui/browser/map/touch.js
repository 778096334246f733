// Two fingers on the map pan and zoom it; one finger points.

function middleAndSpread([first, second]) {
  return {
    x: (first.clientX + second.clientX) / 2,
    y: (first.clientY + second.clientY) / 2,
    spread: Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY),
  };
}

// Calls `zoom(before, now)` with middle and spread of the fingers, in pixels of the window, on each move.
function listenToTwoFingers(element, zoom) {
  let last = null;
  element.addEventListener(
    "touchstart",
    (event) => {
      if (event.touches.length !== 2) return;
      last = middleAndSpread(event.touches);
      event.preventDefault();
      event.stopPropagation();
    },
    { capture: true, passive: false },
  );
  element.addEventListener(
    "touchmove",
    (event) => {
      if (!last || event.touches.length !== 2) return;
      event.preventDefault();
      event.stopPropagation();
      const now = middleAndSpread(event.touches);
      zoom(last, now);
      last = now;
    },
    { capture: true, passive: false },
  );
  element.addEventListener("touchend", (event) => (last = event.touches.length === 2 ? last : null), true);
}

// Pans and zooms a plot with two fingers, by way of `show` and the ranges of its axes: what lay under their middle stays
// under it, and the map grows as they part.
export function followTwoFingers(plot, show) {
  listenToTwoFingers(plot, (before, now) => {
    const full = plot._fullLayout;
    const box = plot.getBoundingClientRect();
    const scale = before.spread / Math.max(now.spread, 1);
    const range = (axis, from, to, offset) => {
      const [start, end] = axis.range;
      const [held, at] = [axis.p2d(from - offset), (to - offset) / axis._length];
      const span = (end - start) * scale;
      const fraction = axis._id === "x" ? at : 1 - at;
      return [held - fraction * span, held + (1 - fraction) * span];
    };
    show({
      "xaxis.range": range(full.xaxis, before.x, now.x, box.left + full._size.l),
      "yaxis.range": range(full.yaxis, before.y, now.y, box.top + full._size.t),
    });
  });
}
