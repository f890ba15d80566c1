/** The one way that a failure in the script takes: to the console, and to whoever shows it. */

/** How long a failure is worth a sentence on the page. */
const REMEMBERED_MS = 60_000;

/** Takes reports, and from `start()` to `stop()` also what nobody handled. */
export class ErrorFunnel {
  #last: string | null = null;
  #lastAtMs = 0;
  readonly #onError = (event: ErrorEvent): void => this.report(event.error ?? event.message, "script");
  readonly #onRejection = (event: PromiseRejectionEvent): void => this.report(event.reason, "promise");

  /** What failed last, in a few words; `null` when nothing did lately. */
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

  /** Note that `doing` failed with `error`. */
  report(error: unknown, doing: string): void {
    console.error(`${doing} failed:`, error);
    this.#last = doing;
    this.#lastAtMs = performance.now();
  }

  /** Run `work` and return what it does; what it throws goes no further. */
  guard<Result>(doing: string, work: () => Result): Result | undefined {
    try {
      return work();
    } catch (error) {
      this.report(error, doing);
      return undefined;
    }
  }
}
