/**
 * Detects when the page may have missed data: the network is back, the page becomes visible, or the machine woke up.
 */

const TICK_MS = 1000;
/** A longer time between two ticks means that the machine slept. */
const SLEPT_AFTER_MS = 5000;

/** Calls `onResume` between `start()` and `stop()` while the page is visible. */
export class ResumeDetector {
  readonly #onResume: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #tickedAtMs = 0;
  readonly #resumeIfVisible = (): void => {
    if (document.visibilityState === "visible") this.#onResume();
  };

  constructor(onResume: () => void) {
    this.#onResume = onResume;
  }

  start(): void {
    window.addEventListener("online", this.#resumeIfVisible);
    document.addEventListener("visibilitychange", this.#resumeIfVisible);
    this.#tickedAtMs = Date.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    window.removeEventListener("online", this.#resumeIfVisible);
    document.removeEventListener("visibilitychange", this.#resumeIfVisible);
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = Date.now();
    if (now - this.#tickedAtMs > SLEPT_AFTER_MS) this.#resumeIfVisible();
    this.#tickedAtMs = now;
  }
}
