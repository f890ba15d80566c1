/** Subscribes to the nodes on the screen, and refreshes the other nodes from time to time. */

import type { Push } from "../live/push.ts";

/** Scrolling must pause this long before the subscription changes. */
const SETTLE_MS = 120;
/** Interval of requests for all nodes, which filters and sort orders need. */
const ALL_EVERY_MS = 10_000;
/** Time for the answer to a request for all nodes. A later answer counts for the next request. */
const ANSWER_WAIT_MS = 1000;

/** `show()` sets the visible nodes, between `start()` and `stop()`. */
export class VisibleNodes {
  readonly #push: Push;
  readonly #onAll: () => void;
  #settle: ReturnType<typeof setTimeout> | undefined;
  #allTimer: ReturnType<typeof setInterval> | undefined;
  #answerTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #requestAll = (): void => {
    if (document.hidden) return;
    this.#push.requestAll();
    clearTimeout(this.#answerTimer);
    this.#answerTimer = setTimeout(this.#onAll, ANSWER_WAIT_MS);
  };

  /** `onAll` is called when all nodes are up to date. */
  constructor(push: Push, onAll: () => void) {
    this.#push = push;
    this.#onAll = onAll;
  }

  start(): void {
    this.#allTimer = setInterval(this.#requestAll, ALL_EVERY_MS);
    // Nodes off the screen are old after the page was hidden or disconnected.
    document.addEventListener("visibilitychange", this.#requestAll);
    this.#push.onReconnected = this.#requestAll;
  }

  stop(): void {
    clearTimeout(this.#settle);
    clearTimeout(this.#answerTimer);
    clearInterval(this.#allTimer);
    document.removeEventListener("visibilitychange", this.#requestAll);
    this.#push.onReconnected = () => undefined;
  }

  show(names: readonly string[]): void {
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#push.subscribe(names), SETTLE_MS);
  }
}
