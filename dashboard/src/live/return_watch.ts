/** Tells when there may be something to catch up with: the network is back, somebody looks, or this machine woke up. */

const TICK_MS = 1000;
/** Between two ticks; more, and this machine slept: time has passed that no timer counted. */
const SLEPT_AFTER_MS = 5000;

/** From `start()` to `stop()`, `onReturn` is called while the page can be seen. */
export class ReturnWatch {
  readonly #onReturn: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #tickedAtMs = 0;
  readonly #look = (): void => {
    if (document.visibilityState === "visible") this.#onReturn();
  };

  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  start(): void {
    window.addEventListener("online", this.#look);
    document.addEventListener("visibilitychange", this.#look);
    this.#tickedAtMs = Date.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    window.removeEventListener("online", this.#look);
    document.removeEventListener("visibilitychange", this.#look);
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = Date.now();
    if (now - this.#tickedAtMs > SLEPT_AFTER_MS) this.#look();
    this.#tickedAtMs = now;
  }
}
