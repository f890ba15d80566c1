/** Tells when there may be something to catch up with: the network is back, somebody looks, or this machine woke up. */

const TICK_MS = 1000;
/** Between two ticks; more, and this machine slept: time has passed that no timer counted. */
const SLEPT_AFTER_MS = 5000;

/** From `start()` to `stop()`, `onResume` is called while the page can be seen. */
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
