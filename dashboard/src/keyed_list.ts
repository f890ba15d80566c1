/** A list of elements kept in step with a list of items: made, filled, moved and removed by key. */

import { Fields } from "./fields.ts";

/** `fill` is called for every item each time: `Fields` writes only what changed. */
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

  /** Show exactly `items`, in their order; of two with the same key, the first. */
  show(items: readonly Item[]): void {
    const previous = this.#rows;
    this.#rows = new Map();
    // Those that go first, so that those that stay need not move, which would cost them the focus.
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
