/** Keeps the subscription to what is on the screen, and what is off it from growing too old. */

import type { Push } from "../live/push.ts";

/** Scrolling asks for other nodes once it pauses this long. */
const SETTLE_MS = 120;
/** All nodes are asked for this often, for their order and the filters. */
const ALL_EVERY_MS = 10_000;
/** By then the answer is there; if not, the next one will be. */
const ANSWER_WAIT_MS = 1000;

/** `start()` … `stop()`; `show()` says what is on the screen. */
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

  /** `onAll` is told when all nodes are as new as those on the screen. */
  constructor(push: Push, onAll: () => void) {
    this.#push = push;
    this.#onAll = onAll;
  }

  start(): void {
    this.#allTimer = setInterval(this.#requestAll, ALL_EVERY_MS);
    // What is off the screen has grown old while the page was hidden or cut off.
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
