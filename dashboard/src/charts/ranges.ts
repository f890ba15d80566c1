/** The ranges of time that charts show, and the buttons that choose one of them. */

import { parameter, setParameters } from "../address.ts";

const SECONDS: Readonly<Record<string, number>> = { "15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800 };
const DEFAULT = "1h";

/** `start()` follows the buttons below `root` and the address; `onChange` is told of a choice, in seconds. */
export class Ranges {
  readonly #buttons: readonly HTMLButtonElement[];
  readonly #onChange: (seconds: number) => void;
  #range = parameter("range", DEFAULT, Object.keys(SECONDS));

  constructor(root: HTMLElement, onChange: (seconds: number) => void) {
    this.#buttons = [...root.querySelectorAll<HTMLButtonElement>("[data-range]")];
    this.#onChange = onChange;
  }

  get seconds(): number {
    return SECONDS[this.#range] as number;
  }

  start(): void {
    for (const button of this.#buttons) button.onclick = () => this.#choose(button.dataset["range"] ?? DEFAULT);
    this.#mark();
  }

  stop(): void {
    for (const button of this.#buttons) button.onclick = null;
  }

  #choose(range: string): void {
    this.#range = range;
    setParameters({ range: range === DEFAULT ? "" : range });
    this.#mark();
    this.#onChange(this.seconds);
  }

  #mark(): void {
    for (const button of this.#buttons) button.setAttribute("aria-pressed", `${button.dataset["range"] === this.#range}`);
  }
}
