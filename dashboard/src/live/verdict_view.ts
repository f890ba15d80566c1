/** Shows the verdict in the elements of a page. */

import type { Alerts, Health, Snapshot } from "../contract.ts";
import { attribute, write } from "../fields.ts";
import { UNKNOWN } from "../format.ts";
import { type Counts, countsSentence, type Verdict, type VerdictInput, verdictOf } from "./verdict.ts";

/**
 * Fills the elements with `data-verdict` (the sentence) and `data-counts` (the counts), and colours those with
 * `data-tone-of`. `onChange` receives every verdict.
 */
export class VerdictView {
  readonly #sentences = [...document.querySelectorAll<HTMLElement>("[data-verdict]")];
  readonly #counts = [...document.querySelectorAll<HTMLElement>("[data-counts]")];
  readonly #toned = [...document.querySelectorAll<HTMLElement>("[data-verdict], [data-tone-of]")];
  readonly #onChange: (verdict: Verdict) => void;
  #known: VerdictInput = { snapshot: null, health: null, alerts: null };

  constructor(onChange: (verdict: Verdict) => void) {
    this.#onChange = onChange;
  }

  showSnapshot(snapshot: Snapshot): void {
    this.#show({ snapshot });
  }

  showHealth(health: Health): void {
    this.#show({ health });
  }

  showAlerts(alerts: Alerts): void {
    this.#show({ alerts });
  }

  #show(news: Partial<VerdictInput>): void {
    this.#known = { ...this.#known, ...news };
    const verdict = verdictOf(this.#known);
    for (const element of this.#sentences) showSentence(element.querySelector(".status") ?? element, verdict.sentence);
    for (const element of this.#toned) attribute(element, "data-status", verdict.tone);
    if (verdict.counts !== null) for (const element of this.#counts) showCounts(element, verdict.counts);
    this.#onChange(verdict);
  }
}

/** Write the sentence so that lines break between its parts, and not between a number and its word. */
function showSentence(element: Element, sentence: string): void {
  if (element.textContent === sentence) return;
  const parts = sentence.split(/(?<=, )/).map((text) => {
    const part = document.createElement("span");
    part.textContent = text;
    return part;
  });
  const whole = document.createElement("span");
  whole.append(...parts);
  element.replaceChildren(whole);
}

function showCounts(element: HTMLElement, counts: Counts): void {
  const total = counts.offline + counts.critical + counts.warning + counts.info;
  attribute(element, "data-counts", `${total}`);
  // With a single kind, the sentence is enough.
  attribute(element, "data-kinds", `${Object.values(counts).filter((count) => count > 0).length}`);
  attribute(element, "aria-label", countsSentence(counts));
  for (const part of element.querySelectorAll<HTMLElement>("[data-count-of]")) {
    const mark = part.dataset["countOf"] as keyof Counts;
    part.hidden = counts[mark] === 0;
    write(part.querySelector(".status") ?? part, `${counts[mark]}`);
  }
  const none = element.querySelector<HTMLElement>(".count-none");
  if (none === null) return;
  none.hidden = total > 0;
  write(none, total === 0 ? "0" : UNKNOWN);
}
