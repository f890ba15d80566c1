/** `/alerts`: what is active, and the log. */

import { byUrgency } from "../alerts/active.ts";
import { passesAlert, passesEntry } from "../alerts/filter.ts";
import { AlertFilterForm } from "../alerts/filter_form.ts";
import { AlertLog } from "../alerts/log.ts";
import { AlertLogClient } from "../alerts/log_client.ts";
import { AGAIN_AFTER_SECONDS, AlertLogReader } from "../alerts/log_reader.ts";
import { AlertLogTable } from "../alerts/log_table.ts";
import { fillAlert } from "../alerts/rows.ts";
import type { Alert, Alerts } from "../contract.ts";
import { byId, write } from "../fields.ts";
import { KeyedList } from "../keyed_list.ts";
import type { Scope } from "../live/snapshot_store.ts";
import { wording } from "../wording.ts";
import { Page, type Stage } from "./page.ts";

/** See the module. */
export class AlertsPage extends Page {
  readonly #log = new AlertLog();
  readonly #filters = new AlertFilterForm(() => {
    this.#logTable.reset();
    this.#showActive();
    this.#showLog();
  });
  readonly #logTable = new AlertLogTable();
  readonly #logCount = byId("log-count", HTMLElement);
  readonly #logNote = byId("log-note", HTMLElement);
  readonly #activeTable = byId("active", HTMLTableElement);
  readonly #activeCount = byId("active-count", HTMLElement);
  readonly #activeNote = byId("active-note", HTMLElement);
  readonly #active = new KeyedList<Alert>(
    byId("active-alerts", HTMLElement),
    byId("active-alert", HTMLTemplateElement),
    (alert) => alert.id,
    (fields, alert) => fillAlert(fields, alert, this.#alerts?.timestamp ?? alert.since),
  );
  #reader: AlertLogReader | null = null;
  #alerts: Alerts | null = null;
  #failure: string | null = null;

  override get scope(): Scope {
    return [];
  }

  override start({ fetcher }: Stage): void {
    const told = (failure: string | null): void => {
      this.#failure = failure;
      this.#showLog();
    };
    this.#reader = new AlertLogReader(this.#log, told, new AlertLogClient(fetcher));
    this.#filters.start();
    this.#logTable.start();
    this.#reader.start();
  }

  override stop(): void {
    this.#reader?.stop();
    this.#logTable.stop();
    this.#filters.stop();
  }

  override showAlerts(alerts: Alerts): void {
    this.#alerts = alerts;
    this.#log.takeAlerts(alerts);
    this.#reader?.catchUp();
    this.#showActive();
    this.#showLog();
  }

  #showActive(): void {
    if (this.#alerts === null) return;
    const all = this.#alerts.active_alerts;
    const shown = all.filter((alert) => passesAlert(this.#filters.filter, alert)).sort(byUrgency);
    this.#active.show(shown);
    this.#activeTable.hidden = shown.length === 0;
    write(this.#activeCount, wording.alertsShown(shown.length, all.length));
    const none = all.length === 0 ? wording.noAlertActive : wording.noAlertMatches;
    write(this.#activeNote, shown.length === 0 ? none : "");
  }

  #showLog(): void {
    const all = this.#log.entries;
    const filter = this.#filters.filter;
    const shown = all.filter((entry) => passesEntry(filter, entry));
    this.#logTable.show(shown);
    if (this.#log.unread && this.#failure === null) return;
    write(this.#logCount, wording.entriesShown(shown.length, all.length));
    const notes: string[] = [];
    if (this.#failure !== null) notes.push(wording.logFailed(this.#failure, AGAIN_AFTER_SECONDS));
    else if (all.length === 0) notes.push(wording.logEmpty);
    if (all.length > 0 && shown.length === 0) notes.push(wording.noEntryMatches);
    write(this.#logNote, notes.join(" "));
  }
}
