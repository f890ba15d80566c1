/** The controls that search, filter and sort nodes. The address keeps their values. */

import type { Node } from "../contract.ts";
import { byId } from "../fields.ts";
import { NODE_SEARCH } from "../search/node_search.ts";
import { SearchBox } from "../search/search_box.ts";
import { choicesFromAddress, type NodeFilter, type StatusFilter, writeToAddress } from "./node_filter.ts";

type Choices = Pick<NodeFilter, "status" | "sort">;

/** The form `node-filters` with the search and the controls `status` and `sort`. A page may lack the latter. */
export class NodeControls {
  readonly #form = byId("node-filters", HTMLFormElement);
  readonly #search: SearchBox<Node>;
  readonly #onChange: () => void;
  #choices: Choices = choicesFromAddress();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.#search = new SearchBox(NODE_SEARCH, onChange);
  }

  get filter(): NodeFilter {
    return { ...this.#choices, query: this.#search.query };
  }

  start(): void {
    this.#search.start();
    this.#form.oninput = ({ target }) => target instanceof HTMLSelectElement && this.#read();
    this.#write();
  }

  stop(): void {
    this.#search.stop();
    this.#form.oninput = null;
  }

  /** Change the filter without the controls. */
  set(change: Partial<Choices>): void {
    this.#choices = { ...this.#choices, ...change };
    this.#write();
    writeToAddress(this.#choices);
    this.#onChange();
  }

  /** Clear the search and the status. */
  clear(): void {
    this.set({ status: "" });
    this.#search.clear();
  }

  #read(): void {
    const value = (name: string, otherwise: string): string => this.#control(name)?.value ?? otherwise;
    const { status, sort } = this.#choices;
    this.#choices = {
      status: value("status", status) as StatusFilter,
      // A sort order of the table's headers is not in the list, which is then empty.
      sort: value("sort", sort) || sort,
    };
    writeToAddress(this.#choices);
    this.#onChange();
  }

  #write(): void {
    for (const [name, value] of Object.entries(this.#choices)) {
      const control = this.#control(name);
      if (control !== null) control.value = value;
    }
  }

  #control(name: string): HTMLSelectElement | null {
    const control = this.#form.elements.namedItem(name);
    return control instanceof HTMLSelectElement ? control : null;
  }
}
