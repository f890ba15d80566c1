/** The wall at a past moment: the choice of the moment, its data, and everything that shows that it is not live. */

import { followParameters, parameter, setParameters } from "../address.ts";
import { secondsOf, utc } from "../charts/span.ts";
import { type HistoryMoment, RESOURCES, type Snapshot } from "../contract.ts";
import type { ErrorFunnel } from "../errors.ts";
import { moment as wholeMoment } from "../format.ts";
import type { PageTitle } from "../live/page_title.ts";
import { get, RestFailed } from "../rest.ts";
import { wording } from "../wording.ts";
import { momentsUntil, placeOf } from "./moments.ts";
import { PastControls } from "./past_controls.ts";
import { pastSnapshot } from "./past_snapshot.ts";

const PARAMETER = "at";
/** Moving the slider must pause this long before a moment is read. */
const SETTLE_MS = 120;

export interface PastServices {
  readonly fetcher: typeof fetch;
  readonly funnel: ErrorFunnel;
  readonly title: PageTitle;
}

/**
 * `snapshot` is the cluster at the chosen moment; `null` while the moment is being read. `onChange` is called when
 * there is something else to draw.
 */
export class PastWall {
  readonly #onChange: () => void;
  readonly #controls: PastControls;
  #services: PastServices | null = null;
  #today: Snapshot | null = null;
  #shown: Snapshot | null = null;
  /** Starts of the steps when the reader left the live wall. */
  #moments: readonly number[] = [];
  /** The chosen moment in Unix seconds; `null`: the wall is live. */
  #at: number | null = null;
  #settle: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;
  #unfollow: () => void = () => undefined;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.#controls = new PastControls({
      open: () => this.#open(),
      leave: () => this.#leave(),
      choosePlace: (place) => this.#choose(this.#moments[place] ?? null, SETTLE_MS),
      chooseMoment: (seconds) => this.#choose(this.#nearest(seconds), 0),
    });
  }

  get isOn(): boolean {
    return this.#at !== null;
  }

  get snapshot(): Snapshot | null {
    return this.#shown;
  }

  start(services: PastServices): void {
    this.#services = services;
    this.#controls.start();
    this.#unfollow = followParameters([PARAMETER], () => this.#readAddress());
    this.#readAddress();
  }

  stop(): void {
    clearTimeout(this.#settle);
    this.#running?.abort();
    this.#controls.stop();
    this.#unfollow();
  }

  /** Set the nodes of today. A moment in the address waits for the first snapshot. */
  setToday(snapshot: Snapshot): void {
    const isFirst = this.#today === null;
    this.#today = snapshot;
    if (isFirst && this.isOn) this.#readAddress();
  }

  /** The collector's clock, in Unix seconds. The browser's clock may be wrong. */
  get #nowSeconds(): number {
    return (this.#today === null ? Date.now() : Date.parse(this.#today.timestamp)) / 1000;
  }

  /** Follow the address, after the browser's buttons too. */
  #readAddress(): void {
    const text = parameter(PARAMETER, "");
    const asked = text === "" ? null : secondsOf(text);
    this.#moments = momentsUntil(this.#nowSeconds);
    this.#set(asked === null ? null : this.#nearest(asked));
    if (text !== "" && asked === null) this.#controls.showProblem(wording.momentInvalid);
    this.#read(0);
  }

  #nearest(seconds: number): number | null {
    return this.#moments[placeOf(this.#moments, seconds)] ?? null;
  }

  /** Leave the live wall, with an entry in the browser's history, so that the way back leads to the live wall. */
  #open(): void {
    this.#moments = momentsUntil(this.#nowSeconds);
    this.#choose(this.#nearest(this.#nowSeconds - 3600), 0, true);
    this.#controls.focus();
  }

  #leave(): void {
    if (!this.isOn) return;
    this.#set(null);
    setParameters({ [PARAMETER]: "" });
    this.#controls.focusOpen();
    this.#onChange();
  }

  #choose(at: number | null, waitMs: number, isNewEntry = false): void {
    if (at === null) return;
    this.#set(at);
    setParameters({ [PARAMETER]: utc(at) }, isNewEntry);
    this.#read(waitMs);
  }

  #set(at: number | null): void {
    clearTimeout(this.#settle);
    this.#running?.abort();
    this.#at = at;
    // Until the moment is read, the wall is empty rather than live.
    if (at === null) this.#shown = null;
    else if (this.#shown === null) this.#showNothing(at);
    document.body.toggleAttribute("data-past", at !== null);
    const text = at === null ? null : wholeMoment(utc(at));
    this.#services?.title.showPast(text === null ? null : wording.pastTitle(text));
    this.#controls.show(at, this.#moments, at === null ? 0 : placeOf(this.#moments, at));
    this.#controls.say(text === null ? "" : wording.pastMoment(text), false);
    this.#controls.showProblem("");
  }

  #read(waitMs: number): void {
    if (this.#at === null) {
      this.#onChange();
      return;
    }
    this.#settle = setTimeout(() => this.#fetch(), waitMs);
  }

  #fetch(): void {
    const [at, today, services] = [this.#at, this.#today, this.#services];
    if (at === null || today === null || services === null) return;
    this.#running?.abort();
    this.#running = new AbortController();
    const address = `${RESOURCES.historyMoment}?${new URLSearchParams({ at: utc(at) })}`;
    get<HistoryMoment>(services.fetcher, address, this.#running.signal).then(
      ({ body }) => this.#onMoment(body, today),
      (error) => {
        if (error instanceof DOMException) return;
        if (!(error instanceof RestFailed)) services.funnel.report(error, "moment");
        this.#showNothing(at);
        this.#controls.say(wording.pastFailed(error instanceof RestFailed ? error.message : String(error)), true);
        this.#onChange();
      },
    );
  }

  #showNothing(at: number): void {
    if (this.#today === null) return;
    this.#shown = pastSnapshot(this.#today, { at: utc(at), step_seconds: 0, known_since: null, nodes: [] });
    this.#onChange();
  }

  #onMoment(moment: HistoryMoment, today: Snapshot): void {
    this.#shown = pastSnapshot(today, moment);
    const { online_nodes, total_nodes } = this.#shown.cluster_stats;
    const parts = [wording.pastMoment(wholeMoment(moment.at)), wording.pastStep(moment.step_seconds)];
    if (online_nodes < total_nodes) parts.push(wording.pastWithoutData(total_nodes - online_nodes, total_nodes));
    if (moment.known_since !== null && online_nodes === 0)
      parts.push(wording.historyKnownSince(wholeMoment(moment.known_since)));
    this.#controls.say(parts.join(" "), false);
    this.#onChange();
  }
}
