/** The entries of the alert log that this page has, and the position up to which no entry is missing. */

import type { AlertLogPage, Alerts, LogEntry } from "../contract.ts";

/** The number of entries to keep; the oldest are dropped. */
export const MAX_ENTRIES = 1000;

/** Position of an entry, `<epoch>-<n>`; `null` is before the first entry. */
export type LogPosition = string | null;

/** Accepts result pages and the entries of live messages, in any order and more than once. */
export class AlertLogEntries {
  #entries: readonly LogEntry[] = [];
  #ids: ReadonlySet<string> = new Set();
  #position: LogPosition = null;
  /** The last position that a message announced. */
  #announced: LogPosition = null;
  #hasRead = false;

  /** Newest first. */
  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  /** Up to here no entry is missing; `null` before the first result page. */
  get position(): LogPosition {
    return this.#position;
  }

  /** Whether no result page was added yet. */
  get isUnread(): boolean {
    return !this.#hasRead;
  }

  /** Whether entries are missing: nothing was read yet, or a message announced entries that did not arrive. */
  get isBehind(): boolean {
    return !this.#hasRead || compare(this.#announced, this.#position) > 0;
  }

  /** Add the newest result page, or the one after `position`. Return whether the position advanced. */
  addResultPage(page: AlertLogPage): boolean {
    const hasAdvanced = !this.#hasRead || compare(page.last_alert_id, this.#position) > 0;
    this.#hasRead = true;
    this.#add(page.entries);
    this.#advance(page.last_alert_id);
    return hasAdvanced;
  }

  /** Add the entries of a live message. */
  addAlerts({ entries, previous_alert_id, last_alert_id }: Alerts): void {
    this.#add(entries);
    if (compare(last_alert_id, this.#announced) > 0) this.#announced = last_alert_id;
    // After a gap, the position waits for the missing entries.
    if (this.#hasRead && compare(previous_alert_id, this.#position) <= 0) this.#advance(last_alert_id);
  }

  #advance(position: LogPosition): void {
    if (compare(position, this.#position) > 0) this.#position = position;
  }

  #add(entries: readonly LogEntry[]): void {
    const fresh = new Map<string, LogEntry>();
    for (const entry of entries) if (!this.#ids.has(entry.id)) fresh.set(entry.id, entry);
    if (fresh.size === 0) return;
    this.#entries = [...this.#entries, ...fresh.values()].sort((a, b) => compare(b.id, a.id)).slice(0, MAX_ENTRIES);
    this.#ids = new Set(this.#entries.map((entry) => entry.id));
  }
}

/** Return a negative number if `a` is before `b`. */
function compare(a: LogPosition, b: LogPosition): number {
  const [epochA, numberA] = epochAndNumber(a);
  const [epochB, numberB] = epochAndNumber(b);
  return epochA - epochB || numberA - numberB;
}

function epochAndNumber(position: LogPosition): readonly [number, number] {
  if (position === null) return [-1, -1];
  const [epoch, number] = position.split("-");
  return [Number(epoch), Number(number)];
}
