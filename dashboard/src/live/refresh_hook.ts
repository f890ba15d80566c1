/** `window.refreshMetrics(snapshot)`: a function that a page may define. It receives every full snapshot. */

import type { Snapshot } from "../contract.ts";
import type { ErrorFunnel } from "../errors.ts";

/** The signature that existing pages use. */
export type RefreshMetrics = (snapshot: Snapshot) => void;

declare global {
  interface Window {
    refreshMetrics?: RefreshMetrics | undefined;
  }
}

/** Defines `window.refreshMetrics` as `own` if the page does not define it. Calls `own` and the page's function. */
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
