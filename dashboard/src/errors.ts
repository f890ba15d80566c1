/** Reports every failure of the script to the console and to the banner. */

/** How long the banner shows a failure. */
const REMEMBERED_MS = 60_000;

/** Receives reports, and between `start()` and `stop()` also uncaught errors and rejections. */
export class ErrorFunnel {
  #last: string | null = null;
  #lastAtMs = 0;
  readonly #onError = (event: ErrorEvent): void => this.report(event.error ?? event.message, "script");
  readonly #onRejection = (event: PromiseRejectionEvent): void => this.report(event.reason, "promise");

  /** What failed last, in a few words; `null` without a recent failure. */
  get last(): string | null {
    return performance.now() - this.#lastAtMs < REMEMBERED_MS ? this.#last : null;
  }

  start(): void {
    window.addEventListener("error", this.#onError);
    window.addEventListener("unhandledrejection", this.#onRejection);
  }

  stop(): void {
    window.removeEventListener("error", this.#onError);
    window.removeEventListener("unhandledrejection", this.#onRejection);
  }

  /** Report that `action` failed with `error`. */
  report(error: unknown, action: string): void {
    console.error(`${action} failed:`, error);
    this.#last = action;
    this.#lastAtMs = performance.now();
  }

  /** Run `work` and return its result. Report an exception and return `undefined`. */
  guard<Result>(action: string, work: () => Result): Result | undefined {
    try {
      return work();
    } catch (error) {
      this.report(error, action);
      return undefined;
    }
  }
}
