/** The controls that search, filter and sort nodes. The address keeps their values. */

import { byId } from "../fields.ts";
import { filterFromAddress, type NodeFilter, type StatusFilter, writeToAddress } from "./node_filter.ts";

/** The form `node-filters` with the controls `q`, `status` and `sort`. A page may lack some of them. */
export class NodeControls {
  readonly #form = byId("node-filters", HTMLFormElement);
  readonly #onChange: () => void;
  #filter = filterFromAddress();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get filter(): NodeFilter {
    return this.#filter;
  }

  start(): void {
    this.#form.onsubmit = (event) => event.preventDefault();
    this.#form.oninput = () => this.#read();
    this.#write();
  }

  stop(): void {
    this.#form.onsubmit = null;
    this.#form.oninput = null;
  }

  /** Change the filter without the controls. */
  set(change: Partial<NodeFilter>): void {
    this.#filter = { ...this.#filter, ...change };
    this.#write();
    writeToAddress(this.#filter);
    this.#onChange();
  }

  #read(): void {
    const value = (name: string, otherwise: string): string => this.#control(name)?.value ?? otherwise;
    const sort = value("sort", this.#filter.sort);
    this.#filter = {
      text: value("q", this.#filter.text),
      status: value("status", this.#filter.status) as StatusFilter,
      sort: sort === "" ? this.#filter.sort : sort,
    };
    writeToAddress(this.#filter);
    this.#onChange();
  }

  #write(): void {
    const { text, status, sort } = this.#filter;
    for (const [name, value] of Object.entries({ q: text, status, sort })) {
      const control = this.#control(name);
      // A sort order of the table's headers is not in the list, which is then empty.
      if (control !== null) control.value = value;
    }
  }

  #control(name: string): HTMLInputElement | HTMLSelectElement | null {
    const control = this.#form.elements.namedItem(name);
    return control instanceof HTMLInputElement || control instanceof HTMLSelectElement ? control : null;
  }
}
