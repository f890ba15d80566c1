/** Thresholds of the alert rules that the collector applies. */

import { type Measure, RESOURCES, type RulesInForce, type Severity } from "../contract.ts";
import type { ErrorFunnel } from "../errors.ts";
import { get, RestFailed } from "../rest.ts";

/** Rules change rarely and only by hand. */
const REFRESH_MS = 120_000;

const MEASURES_OF_RULE: Readonly<Record<string, readonly Measure[]>> = {
  cpu: ["cpu_usage"],
  memory: ["memory_usage"],
  filesystem_full: ["disk_usage"],
  temperature: ["temperature"],
  swap: ["swap_usage"],
  pressure: ["pressure_io", "pressure_memory"],
};

export interface Threshold {
  readonly value: number;
  readonly severity: Severity;
}

/** Return the threshold of each measure that an enabled rule checks. */
export function thresholdsOf({ rules }: RulesInForce): ReadonlyMap<Measure, Threshold> {
  const found = new Map<Measure, Threshold>();
  for (const { name, enabled, severity, threshold } of rules) {
    if (!enabled || threshold === null || !Object.hasOwn(MEASURES_OF_RULE, name)) continue;
    for (const measure of MEASURES_OF_RULE[name] ?? []) found.set(measure, { value: threshold, severity });
  }
  return found;
}

/**
 * `onChange` is called between `start()` and `stop()` when the thresholds may have changed. Without an answer from the
 * api, there are no thresholds.
 */
export class Thresholds {
  readonly #fetcher: typeof fetch;
  readonly #funnel: ErrorFunnel;
  readonly #onChange: () => void;
  #known: ReadonlyMap<Measure, Threshold> = new Map();
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;

  constructor(fetcher: typeof fetch, funnel: ErrorFunnel, onChange: () => void) {
    this.#fetcher = fetcher;
    this.#funnel = funnel;
    this.#onChange = onChange;
  }

  start(): void {
    this.#running = new AbortController();
    this.#ask(this.#running.signal).then(
      () => this.#onChange(),
      (error) => {
        // Without the rules, charts only lack their threshold lines.
        if (!(error instanceof RestFailed || error instanceof DOMException)) this.#funnel.report(error, "rules");
      },
    );
  }

  stop(): void {
    clearTimeout(this.#refreshTimer);
    this.#running?.abort();
  }

  of(measure: Measure): Threshold | null {
    return this.#known.get(measure) ?? null;
  }

  async #ask(aborted: AbortSignal): Promise<void> {
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => this.start(), REFRESH_MS);
    this.#known = thresholdsOf((await get<RulesInForce>(this.#fetcher, RESOURCES.rules, aborted)).body);
  }
}
