// Where on the timeline one is: a position that glides to the epoch asked for, or runs while it plays.

const GLIDE_SECONDS = 0.07;
const HOLD_SECONDS = 0.9; // on the last epoch before a loop begins again
const STILL = 2e-3;

export class Playhead {
  constructor() {
    Object.assign(this, { position: 0, goal: 0, n: 0, isPlaying: false, loops: false, speed: 4, held: 0 });
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  }

  get last() {
    return Math.max(0, this.n - 1);
  }

  // The epoch that is shown in numbers and pictures.
  get index() {
    return Math.min(this.last, this.isPlaying ? Math.round(this.position) : this.goal);
  }

  // Where the points are: between epochs, or at one where motion is to be reduced.
  get shown() {
    return this.calm.matches ? Math.floor(this.position + STILL) : this.position;
  }

  goTo(index) {
    this.goal = Math.min(Math.max(index, 0), this.last);
    this.isPlaying = false;
    if (this.calm.matches) this.position = this.goal;
  }

  play() {
    if (this.position >= this.last - STILL) this.position = 0;
    this.isPlaying = this.n > 1;
    this.held = 0;
  }

  pause() {
    this.goTo(this.index);
  }

  // Moves on by `seconds`; true while there is more to move.
  step(seconds) {
    if (this.isPlaying) return this.run(seconds);
    const left = (this.goal - this.position) * Math.exp(-seconds / GLIDE_SECONDS);
    this.position = Math.abs(left) < STILL ? this.goal : this.goal - left;
    return this.position !== this.goal;
  }

  run(seconds) {
    this.position = Math.min(this.last, this.position + seconds * this.speed);
    if (this.position < this.last) return true;
    this.goal = this.last;
    this.held += seconds;
    if (!this.loops) this.isPlaying = false;
    else if (this.held > HOLD_SECONDS) Object.assign(this, { position: 0, held: 0 });
    return this.isPlaying;
  }
}
