/** `window.refreshMetrics(snapshot)`: the function that a page may define to be called with every full snapshot. */

import type { Snapshot } from "../contract.ts";
import type { ErrorFunnel } from "../errors.ts";

/** What existing pages define. */
export type RefreshMetrics = (snapshot: Snapshot) => void;

declare global {
  interface Window {
    refreshMetrics?: RefreshMetrics | undefined;
  }
}

/** Offers `own` under that name where nobody defined it; calls whatever stands there, and `own` in any case. */
export class RefreshHook {
  readonly #own: RefreshMetrics;
  readonly #funnel: ErrorFunnel;

  constructor(own: RefreshMetrics, funnel: ErrorFunnel) {
    this.#own = own;
    this.#funnel = funnel;
  }

  start(): void {
    window.refreshMetrics ??= this.#own;
  }

  stop(): void {
    if (window.refreshMetrics === this.#own) window.refreshMetrics = undefined;
  }

  call(snapshot: Snapshot): void {
    this.#own(snapshot);
    const defined = window.refreshMetrics;
    if (typeof defined !== "function" || defined === this.#own) return;
    this.#funnel.guard("window.refreshMetrics", () => defined(snapshot));
  }
}
