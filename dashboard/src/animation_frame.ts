/** Draws once per frame of the screen, however often a drawing is requested, and not while the page is hidden. */

/**
 * Draws between `start()` and `stop()`. A drawing that is requested while the page is hidden happens when the page
 * becomes visible.
 */
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
