/** `/alerts`: active alerts, incidents that have ended, and the log. */

import { parameter, setParameters } from "../address.ts";
import { byUrgency } from "../alerts/active_alerts.ts";
import { passesAlert, passesEntry, passesIncident } from "../alerts/alert_filter.ts";
import { AlertFilterForm } from "../alerts/alert_filter_form.ts";
import {
  allIncidents,
  firingCounts,
  INCIDENTS_RETRY_SECONDS,
  IncidentLoader,
  type Incidents,
  incidentsCsvAddress,
  NO_INCIDENTS,
  PERIODS,
} from "../alerts/incidents.ts";
import { AlertLogClient } from "../alerts/log_client.ts";
import { AlertLogEntries } from "../alerts/log_entries.ts";
import { AlertLogLoader, LOG_RETRY_SECONDS } from "../alerts/log_loader.ts";
import { AlertLogTable } from "../alerts/log_table.ts";
import { fillActiveAlert, fillIncident } from "../alerts/rows.ts";
import type { Alert, Alerts, Incident } from "../contract.ts";
import { downloadRows } from "../csv_rows.ts";
import { attribute, byId, write } from "../fields.ts";
import { KeyedList } from "../keyed_list.ts";
import type { Scope } from "../live/snapshot_store.ts";
import { wording } from "../wording.ts";
import { Page, type PageServices } from "./page.ts";

const DEFAULT_PERIOD = "7d";
/** Rows of ended incidents that "Show more" adds. */
const ROWS_PER_STEP = 50;

export class AlertsPage extends Page {
  readonly #log = new AlertLogEntries();
  readonly #filters = new AlertFilterForm(() => {
    this.#logTable.reset();
    this.#shownRows = ROWS_PER_STEP;
    this.#linkTable();
    this.#showIncidents();
    this.#showLog();
  });
  readonly #logTable = new AlertLogTable();
  readonly #logCount = byId("log-count", HTMLElement);
  readonly #logNote = byId("log-note", HTMLElement);
  readonly #card = byId("incidents", HTMLElement);
  readonly #activeTable = byId("active", HTMLTableElement);
  readonly #activeCount = byId("active-count", HTMLElement);
  readonly #activeNote = byId("active-note", HTMLElement);
  readonly #active = new KeyedList<Alert>(
    byId("active-alerts", HTMLElement),
    byId("active-alert", HTMLTemplateElement),
    (alert) => alert.id,
    (fields, alert) =>
      fillActiveAlert(fields, alert, this.#alerts?.timestamp ?? alert.since, this.#times.get(alert.id) ?? 0),
  );
  readonly #ended = new KeyedList<Incident>(
    byId("ended-incidents", HTMLElement),
    byId("ended-incident", HTMLTemplateElement),
    (incident) => incident.id,
    (fields, incident) => fillIncident(fields, incident, this.#times.get(incident.alert_id) ?? 1),
  );
  readonly #since = byId("incidents-since", HTMLElement);
  readonly #more = byId("more-incidents", HTMLButtonElement);
  readonly #csv = byId("incidents-csv", HTMLAnchorElement);
  readonly #periods = [...document.querySelectorAll<HTMLButtonElement>("[data-period]")];
  readonly #logSection = byId("log-section", HTMLDetailsElement);
  #period = parameter("period", DEFAULT_PERIOD, Object.keys(PERIODS));
  #incidents: Incidents = NO_INCIDENTS;
  #isRead = false;
  #times: ReadonlyMap<string, number> = new Map();
  #shownRows = ROWS_PER_STEP;
  #incidentLoader: IncidentLoader | null = null;
  #logLoader: AlertLogLoader | null = null;
  #alerts: Alerts | null = null;
  #failure: string | null = null;

  override get scope(): Scope {
    return [];
  }

  override start({ fetcher, funnel }: PageServices): void {
    const onLoaded = (failure: string | null): void => {
      this.#failure = failure;
      this.#showLog();
    };
    this.#logLoader = new AlertLogLoader(this.#log, onLoaded, new AlertLogClient(fetcher));
    this.#filters.start();
    this.#logTable.start();
    this.#logLoader.start();
    this.#incidentLoader = new IncidentLoader(fetcher, PERIODS[this.#period] ?? null, (incidents) =>
      this.#onIncidents(incidents),
    );
    this.#incidentLoader.start();
    for (const button of this.#periods) button.onclick = () => this.#choose(button.dataset["period"] ?? DEFAULT_PERIOD);
    this.#more.onclick = () => this.#showMore();
    this.#logSection.open = parameter("log", "") !== "";
    this.#logSection.ontoggle = () => setParameters({ log: this.#logSection.open ? "1" : "" });
    this.#csv.onclick = (event) => {
      if (this.#filters.filter.query.text === "") return;
      event.preventDefault();
      this.#download(fetcher).catch((error: unknown) => funnel.report(error, "CSV"));
    };
    this.#markPeriod();
  }

  override stop(): void {
    this.#logLoader?.stop();
    this.#incidentLoader?.stop();
    for (const button of this.#periods) button.onclick = null;
    this.#more.onclick = null;
    this.#csv.onclick = null;
    this.#logSection.ontoggle = null;
    this.#logTable.stop();
    this.#filters.stop();
  }

  override showAlerts(alerts: Alerts): void {
    this.#alerts = alerts;
    this.#log.addAlerts(alerts);
    this.#logLoader?.catchUp();
    if (alerts.entries.some(({ transition }) => transition === "resolved")) this.#incidentLoader?.refresh();
    this.#showIncidents();
    this.#showLog();
  }

  #choose(period: string): void {
    this.#period = period;
    this.#shownRows = ROWS_PER_STEP;
    setParameters({ period: period === DEFAULT_PERIOD ? "" : period });
    this.#markPeriod();
    this.#incidentLoader?.change(PERIODS[period] ?? null);
  }

  #markPeriod(): void {
    for (const button of this.#periods)
      button.setAttribute("aria-pressed", `${button.dataset["period"] === this.#period}`);
    this.#linkTable();
  }

  /** Update the link to the CSV file of the incidents that the page shows. */
  #linkTable(): void {
    attribute(this.#csv, "href", incidentsCsvAddress(PERIODS[this.#period] ?? null, this.#filters.filter));
  }

  /** Download only the incidents that the search selects. */
  async #download(fetcher: typeof fetch): Promise<void> {
    const filter = this.#filters.filter;
    const all = await allIncidents(fetcher, PERIODS[this.#period] ?? null, filter);
    const ids = all.filter((incident) => passesIncident(filter, incident)).map(({ id }) => id);
    await downloadRows(fetcher, this.#csv.href, "incidents.csv", "id", ids);
  }

  #onIncidents(incidents: Incidents): void {
    this.#incidents = incidents;
    this.#isRead ||= incidents.failure === null;
    this.#times = firingCounts(incidents.found);
    this.#logSection.hidden = false;
    this.#showIncidents();
  }

  #showMore(): void {
    this.#shownRows += ROWS_PER_STEP;
    this.#showIncidents();
    if (this.#incidents.hasMore && this.#shownRows >= this.#incidents.found.length) this.#incidentLoader?.loadMore();
  }

  #showIncidents(): void {
    const filter = this.#filters.filter;
    const all = this.#alerts?.active_alerts ?? [];
    const active = all.filter((alert) => passesAlert(filter, alert)).sort(byUrgency);
    // The alerts are pushed and contain the incidents that have not ended.
    const allEnded = this.#incidents.found.filter(({ ended }) => ended !== null);
    const ended = allEnded.filter((incident) => passesIncident(filter, incident));
    this.#active.show(active);
    this.#ended.show(ended.slice(0, this.#shownRows));
    this.#more.hidden = ended.length <= this.#shownRows && !this.#incidents.hasMore;
    this.#activeTable.hidden = active.length + ended.length === 0;
    this.#markCount(active.length + ended.length);
    // Until both have arrived, the counts are unknown.
    if (this.#alerts !== null && this.#isRead)
      write(this.#activeCount, wording.incidentsShown(active.length, ended.length));
    this.#showNotes(active.length + ended.length, all.length + allEnded.length);
  }

  /** Set the height of the card once the number of rows is known. */
  #markCount(shown: number): void {
    if (this.#alerts !== null && (this.#isRead || this.#incidents.failure !== null))
      attribute(this.#card, "data-count", `${shown}`);
  }

  #showNotes(shown: number, total: number): void {
    const { failure, knownSince } = this.#incidents;
    const notes: string[] = [];
    if (failure !== null) notes.push(wording.incidentsFailed(failure, INCIDENTS_RETRY_SECONDS));
    else if (shown === 0 && this.#isRead && this.#alerts !== null) {
      notes.push(total === 0 ? wording.noIncident : wording.noIncidentMatches);
    }
    write(this.#activeNote, notes.join(" "));
    write(this.#since, knownSince === null ? "" : wording.incidentsKnownSince(knownSince));
  }

  #showLog(): void {
    const all = this.#log.entries;
    const filter = this.#filters.filter;
    const shown = all.filter((entry) => passesEntry(filter, entry));
    this.#logTable.show(shown);
    if (this.#log.isUnread && this.#failure === null) return;
    write(this.#logCount, wording.entriesShown(shown.length, all.length));
    const notes: string[] = [];
    if (this.#failure !== null) notes.push(wording.logFailed(this.#failure, LOG_RETRY_SECONDS));
    else if (all.length === 0) notes.push(wording.logEmpty);
    if (all.length > 0 && shown.length === 0) notes.push(wording.noEntryMatches);
    write(this.#logNote, notes.join(" "));
  }
}
