// A press of a button or a finger, from down to up, and the clicks that presses are.

// A pointer that got farther than this has dragged.
export const CLICK_PIXELS = 5;
// Longer than plotly waits for the second click of a double one, 300 ms.
const SECOND_CLICK_MS = 400;

// Calls `done` with how far, in pixels, the pointer got from where it was pressed before it was released.
export function followPress(pressed, done) {
  let farthest = 0;
  const follow = ({ clientX, clientY }) => {
    farthest = Math.max(farthest, Math.hypot(clientX - pressed.clientX, clientY - pressed.clientY));
  };
  // While a button is down plotly covers the page to follow a drag, so all is heard at the window.
  window.addEventListener("pointermove", follow, true);
  const release = (event) => {
    window.removeEventListener("pointermove", follow, true);
    window.removeEventListener("pointerup", release, true);
    window.removeEventListener("pointercancel", release, true);
    follow(event);
    if (event.type === "pointerup") done(farthest);
  };
  window.addEventListener("pointerup", release, true);
  window.addEventListener("pointercancel", release, true);
}

// Calls `done` with the place of a click, and not again for the second one of a double click.
export class Clicks {
  constructor(done) {
    this.done = done;
    this.last = { time: -Infinity };
  }

  // With `isWaiting`, not before it is too late for a second one, so that `cancel` can still take it back.
  click(place, isWaiting) {
    const now = performance.now();
    const { left, top, time } = this.last;
    if (now - time < SECOND_CLICK_MS && Math.hypot(place.left - left, place.top - top) <= CLICK_PIXELS) return;
    this.last = { ...place, time: now };
    this.cancel();
    if (isWaiting) this.timer = setTimeout(() => this.done(place), SECOND_CLICK_MS);
    else this.done(place);
  }

  cancel() {
    clearTimeout(this.timer);
  }
}
