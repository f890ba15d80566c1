/** Ticks in the list of nodes, and the way to the comparison of the ticked nodes. */

import { compareAddress } from "../address.ts";
import { MAX_LINES } from "../charts/compare_data.ts";
import { attribute, byId, type Fields, write } from "../fields.ts";
import { wording } from "../wording.ts";

/** Follows the ticks below `<main>` between `start()` and `stop()`. */
export class Ticks {
  readonly #main = byId("main", HTMLElement);
  readonly #bar = byId("compare-bar", HTMLElement);
  readonly #link = byId("compare-link", HTMLAnchorElement);
  readonly #clear = byId("compare-clear", HTMLButtonElement);
  readonly #note = byId("compare-note", HTMLElement);
  readonly #these = byId("compare-these", HTMLAnchorElement);
  readonly #onChange: () => void;
  readonly #ticked = new Set<string>();
  #parameters: Readonly<Record<string, string>> = {};
  #matching: readonly string[] = [];
  readonly #onTick = ({ target }: Event): void => {
    const name =
      target instanceof HTMLInputElement ? target.closest<HTMLElement>("[data-node]")?.dataset["node"] : null;
    if (name == null || !(target instanceof HTMLInputElement) || !target.classList.contains("tick")) return;
    if (target.checked) this.#ticked.add(name);
    else this.#ticked.delete(name);
    this.#show();
    this.#onChange();
  };

  /** `onChange` is called when all rows need to be filled again. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  start(): void {
    this.#main.addEventListener("change", this.#onTick);
    this.#clear.onclick = () => {
      this.#ticked.clear();
      this.#show();
      this.#onChange();
      this.#these.focus();
    };
    this.#show();
  }

  stop(): void {
    this.#main.removeEventListener("change", this.#onTick);
    this.#clear.onclick = null;
  }

  /** Fill the tick of a row. A full comparison accepts no more ticks. */
  fill(fields: Fields, name: string): void {
    const box = fields.root.querySelector<HTMLInputElement>("input.tick");
    if (box === null) return;
    const isTicked = this.#ticked.has(name);
    if (box.checked !== isTicked) box.checked = isTicked;
    box.disabled = !isTicked && this.#ticked.size >= MAX_LINES;
    attribute(box, "aria-label", wording.compareNode(name));
  }

  /**
   * Offer the comparison of all nodes that match the filters, if they are few. `parameters`: measure and range of the
   * comparison. `isFiltered`: whether the nodes are a selection.
   */
  offer(matching: readonly string[], isFiltered: boolean, parameters: Readonly<Record<string, string>>): void {
    this.#matching = isFiltered && matching.length > 1 && matching.length <= MAX_LINES ? matching : [];
    this.#parameters = parameters;
    this.#show();
  }

  #show(): void {
    const count = this.#ticked.size;
    this.#bar.hidden = count === 0;
    write(this.#link, wording.compareNodes(count));
    attribute(this.#link, "href", compareAddress([...this.#ticked], this.#parameters));
    write(this.#note, count >= MAX_LINES ? wording.ticksFull(MAX_LINES) : "");
    const few = this.#matching.length;
    write(this.#these, few === 0 ? wording.compare : wording.compareThese(few));
    attribute(this.#these, "href", compareAddress(this.#matching, this.#parameters));
  }
}
