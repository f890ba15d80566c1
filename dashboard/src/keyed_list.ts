/** A list of elements that follows a list of items: elements are created, filled, moved and removed by key. */

import { Fields } from "./fields.ts";

/** `fill` runs for every item each time. `Fields` writes only changes. */
export class KeyedList<Item> {
  readonly #container: HTMLElement;
  readonly #template: HTMLTemplateElement;
  readonly #keyOf: (item: Item) => string;
  readonly #fill: (fields: Fields, item: Item) => void;
  #rows = new Map<string, Fields>();

  constructor(
    container: HTMLElement,
    template: HTMLTemplateElement,
    keyOf: (item: Item) => string,
    fill: (fields: Fields, item: Item) => void,
  ) {
    this.#container = container;
    this.#template = template;
    this.#keyOf = keyOf;
    this.#fill = fill;
  }

  /** Show exactly `items`, in their order. If two items have the same key, the first is shown. */
  show(items: readonly Item[]): void {
    const previous = this.#rows;
    this.#rows = new Map();
    // Remove old elements first. The others then stay in place and keep the focus.
    const keys = new Set(items.map(this.#keyOf));
    for (const [key, fields] of previous) if (!keys.has(key)) fields.root.remove();
    let place = this.#container.firstElementChild;
    for (const item of items) {
      const key = this.#keyOf(item);
      if (this.#rows.has(key)) continue;
      const fields = previous.get(key) ?? Fields.of(this.#template);
      previous.delete(key);
      this.#rows.set(key, fields);
      this.#fill(fields, item);
      if (fields.root === place) place = place.nextElementSibling;
      else this.#container.insertBefore(fields.root, place);
    }
  }
}
