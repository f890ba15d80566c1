/** One drawing for each picture of the screen, however often it was asked for; none while nobody sees the page. */

/** Draws between `start()` and `stop()`; what was asked for while the page was hidden is drawn afterwards. */
export class AnimationFrame {
  readonly #draw: () => void;
  #isWanted = false;
  #handle: number | null = null;
  readonly #onVisibility = (): void => {
    if (document.hidden) this.#cancel();
    else if (this.#isWanted) this.request();
  };

  constructor(draw: () => void) {
    this.#draw = draw;
  }

  start(): void {
    document.addEventListener("visibilitychange", this.#onVisibility);
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#cancel();
  }

  request(): void {
    this.#isWanted = true;
    if (document.hidden || this.#handle !== null) return;
    this.#handle = requestAnimationFrame(() => {
      this.#handle = null;
      this.#isWanted = false;
      this.#draw();
    });
  }

  #cancel(): void {
    if (this.#handle !== null) cancelAnimationFrame(this.#handle);
    this.#handle = null;
  }
}
