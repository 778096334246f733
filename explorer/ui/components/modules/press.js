// A press of a button or a finger, from down to up.

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
