// Two fingers on the map pan and zoom it; one finger points.

function middleAndSpread([first, second]) {
  return {
    x: (first.clientX + second.clientX) / 2,
    y: (first.clientY + second.clientY) / 2,
    spread: Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY),
  };
}

// Calls `zoom(before, now)` with middle and spread of the fingers, in pixels of the window, on each move.
export function listenToTwoFingers(element, zoom) {
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
