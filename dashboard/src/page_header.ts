/** The common parts of all pages that need a script: the height of the header, and the reader's time zone. */

import { write } from "./fields.ts";
import { timeZone } from "./format.ts";
import { wording } from "./wording.ts";

/** `start()` sets the height of the header as `--top-height` for style sheets, and shows the reader's time zone. */
export class PageHeader {
  readonly #header = document.querySelector<HTMLElement>("header.top");
  readonly #resize = new ResizeObserver(() => this.#measure());

  start(): void {
    if (this.#header !== null) this.#resize.observe(this.#header);
    const zone = timeZone();
    for (const element of document.querySelectorAll(".time-zone"))
      write(element, element.id === "" ? zone : wording.timesIn(zone));
  }

  stop(): void {
    this.#resize.disconnect();
  }

  #measure(): void {
    document.documentElement.style.setProperty("--top-height", `${this.#header?.offsetHeight ?? 0}px`);
  }
}
