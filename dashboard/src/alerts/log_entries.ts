/** The alert log as this page knows it: each entry once, and the position up to which none is missing. */

import type { AlertLogPage, Alerts, LogEntry } from "../contract.ts";

/** Entries that are kept, the newest ones. */
export const MAX_ENTRIES = 1000;

/** Where an entry stands, `<epoch>-<n>`; `null` is before the first. */
export type LogPosition = string | null;

/** Takes pages of the log and the entries of live messages, in any order and as often as they come. */
export class AlertLogEntries {
  #entries: readonly LogEntry[] = [];
  #ids: ReadonlySet<string> = new Set();
  #position: LogPosition = null;
  /** The last position that a message told of. */
  #announced: LogPosition = null;
  #hasRead = false;

  /** Newest first. */
  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  /** What follows it is to be asked for; `null` before the first page. */
  get position(): LogPosition {
    return this.#position;
  }

  /** Whether no page was taken yet. */
  get isUnread(): boolean {
    return !this.#hasRead;
  }

  /** Whether entries are missing: none was read yet, or a message told of some that never came. */
  get isBehind(): boolean {
    return !this.#hasRead || compare(this.#announced, this.#position) > 0;
  }

  /** Take the newest page, or the one after `position`; return whether it leads on. */
  addResultPage(page: AlertLogPage): boolean {
    const led = !this.#hasRead || compare(page.last_alert_id, this.#position) > 0;
    this.#hasRead = true;
    this.#add(page.entries);
    this.#advance(page.last_alert_id);
    return led;
  }

  /** Take a live message. */
  addAlerts({ entries, previous_alert_id, last_alert_id }: Alerts): void {
    this.#add(entries);
    if (compare(last_alert_id, this.#announced) > 0) this.#announced = last_alert_id;
    // Beyond a gap, the position waits for the entries in it.
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

/** Below 0 where `a` stands before `b`. */
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
