/** Keeps the session of an open page from becoming idle, because a reader may watch a page without using it. */

import type { Admission } from "./admission.ts";

export const RENEW_EVERY_SECONDS = 300;
/** Spreads the requests of pages that were opened together. */
const JITTER = 0.1;

/** Works from `start()` to `stop()`. */
export class SessionRenewal {
  readonly #admission: Pick<Admission, "renew">;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(admission: Pick<Admission, "renew">) {
    this.#admission = admission;
  }

  start(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        void this.#admission.renew();
        this.start();
      },
      RENEW_EVERY_SECONDS * (1 - Math.random() * JITTER) * 1000,
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
