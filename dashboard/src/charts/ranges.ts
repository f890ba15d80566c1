/** The time ranges of charts, the buttons that choose a range, and the link to the CSV file of the same range. */

import { parameter, setParameters } from "../address.ts";
import { attribute, byId } from "../fields.ts";
import { readTabValue, writeTabValue } from "../tab_storage.ts";
import { rangeParameters } from "./history_client.ts";
import type { Span } from "./span.ts";

const SECONDS: Readonly<Record<string, number>> = {
  "15m": 900,
  "1h": 3600,
  "6h": 21_600,
  "24h": 86_400,
  "7d": 604_800,
};
const DEFAULT = "1h";
/** Storage key of the choice, which all pages of this tab share. */
const STORAGE_KEY = "range";

/** `start()` attaches the buttons below `root`. `onChange` receives the chosen range in seconds. */
export class Ranges {
  readonly #buttons: readonly HTMLButtonElement[];
  readonly #onChange: (seconds: number) => void;
  readonly #csv = byId("history-csv", HTMLAnchorElement);
  /** `null` until a reader chooses a range. */
  #chosen = initialChoice();
  /** The part of the history that the charts show in place of the range. */
  #span: Span | null = null;

  constructor(root: HTMLElement, onChange: (seconds: number) => void) {
    this.#buttons = [...root.querySelectorAll<HTMLButtonElement>("[data-range]")];
    this.#onChange = onChange;
  }

  get seconds(): number {
    return SECONDS[this.#chosen ?? DEFAULT] as number;
  }

  /** Whether a reader chose this range. A chosen range is shown even if most of it is empty. */
  get isChosen(): boolean {
    return this.#chosen !== null;
  }

  start(): void {
    this.#remember();
    for (const button of this.#buttons) button.onclick = () => this.#choose(button.dataset["range"] ?? DEFAULT);
    this.#mark();
  }

  stop(): void {
    for (const button of this.#buttons) button.onclick = null;
  }

  /** Show that the charts have another range, which the CSV file then has too. */
  showSpan(span: Span | null): void {
    this.#span = span;
    this.#mark();
  }

  #choose(range: string): void {
    this.#chosen = range;
    this.#span = null;
    this.#remember();
    this.#mark();
    this.#onChange(this.seconds);
  }

  /** Keep the choice in the address, for shared links, and for the next page of this tab. */
  #remember(): void {
    if (this.#chosen === null) return;
    setParameters({ range: this.#chosen });
    writeTabValue(STORAGE_KEY, this.#chosen);
  }

  #mark(): void {
    const shown = this.#span === null ? (this.#chosen ?? DEFAULT) : null;
    for (const button of this.#buttons) button.setAttribute("aria-pressed", `${button.dataset["range"] === shown}`);
    const table = new URL(this.#csv.href);
    for (const name of ["range_seconds", "start", "end"]) table.searchParams.delete(name);
    const own = rangeParameters({ rangeSeconds: this.seconds, span: this.#span });
    for (const [name, value] of Object.entries(own)) table.searchParams.set(name, value);
    attribute(this.#csv, "href", `${table.pathname}${table.search}`);
  }
}

/** Return the range in the address, or the previous choice in this tab. */
function initialChoice(): string | null {
  const range = parameter("range", readTabValue(STORAGE_KEY) ?? "");
  return Object.hasOwn(SECONDS, range) ? range : null;
}
