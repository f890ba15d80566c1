/** The table of the alert log. "Show more" extends a long log. */

import type { LogEntry } from "../contract.ts";
import { byId } from "../fields.ts";
import { KeyedList } from "../keyed_list.ts";
import { fillEntry } from "./rows.ts";

/** Rows that "Show more" adds. */
const ROWS_PER_STEP = 50;

/** `start()` attaches the button, `stop()` detaches it. */
export class AlertLogTable {
  readonly #table = byId("log", HTMLTableElement);
  readonly #body = byId("log-entries", HTMLElement);
  readonly #more = byId("more-entries", HTMLButtonElement);
  readonly #rows = new KeyedList<LogEntry>(
    this.#body,
    byId("log-entry", HTMLTemplateElement),
    (entry) => entry.id,
    fillEntry,
  );
  #entries: readonly LogEntry[] = [];
  #shown = ROWS_PER_STEP;
  readonly #onMore = (): void => {
    const first = this.#shown;
    this.#shown += ROWS_PER_STEP;
    this.show(this.#entries);
    // A hidden button cannot keep the focus.
    if (this.#more.hidden) this.#body.children[first]?.querySelector("a")?.focus({ preventScroll: true });
  };

  start(): void {
    this.#more.addEventListener("click", this.#onMore);
  }

  stop(): void {
    this.#more.removeEventListener("click", this.#onMore);
  }

  /** Show only the first rows again. */
  reset(): void {
    this.#shown = ROWS_PER_STEP;
  }

  show(entries: readonly LogEntry[]): void {
    this.#entries = entries;
    this.#rows.show(entries.slice(0, this.#shown));
    this.#more.hidden = entries.length <= this.#shown;
    this.#table.hidden = entries.length === 0;
  }
}
