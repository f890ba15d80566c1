/** The wait after too many wrong passwords. The button counts down and is enabled at the end. */

import { byId, write } from "../fields.ts";
import { duration } from "../format.ts";
import type { Clock } from "../live/live_data.ts";
import { wording } from "../wording.ts";

const TICK_MS = 500;

/** Shows the wait on the page. */
export interface RetryWaitView {
  /** `seconds` are left. */
  remaining(seconds: number): void;
  over(): void;
}

/** `start()` begins a wait of `seconds`. `stop()` leaves the page unchanged. */
export class RetryWait {
  readonly #view: RetryWaitView;
  readonly #clock: Clock;
  readonly #untilSeconds: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(seconds: number, clock: Clock, view: RetryWaitView) {
    this.#view = view;
    this.#clock = clock;
    this.#untilSeconds = clock() + seconds;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const left = Math.ceil(this.#untilSeconds - this.#clock());
    if (left > 0) {
      this.#view.remaining(left);
      return;
    }
    this.stop();
    this.#view.over();
  }
}

/** Return the wait of this page, if any. */
export function retryWaitOf(page: Document, clock: Clock): RetryWait | null {
  const button = page.getElementById("sign-in");
  const seconds = Number(button?.dataset["waitSeconds"] ?? 0);
  if (!(button instanceof HTMLButtonElement) || !(seconds > 0)) return null;
  return new RetryWait(seconds, clock, {
    remaining: (left) => {
      button.disabled = true;
      write(button, wording.signInAfter(duration(left)));
    },
    over: () => {
      button.disabled = false;
      write(button, wording.signIn);
      write(byId("retry", HTMLElement), wording.signInNow);
    },
  });
}
