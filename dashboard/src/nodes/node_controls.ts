/** The controls that search, filter and sort nodes, in step with the address. */

import { byId } from "../fields.ts";
import { filterFromAddress, type NodeFilter, type StatusFilter, writeToAddress } from "./node_filter.ts";

/** The form `node-filters`, whose controls are named `q`, `status` and `sort`; a page may leave some out. */
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

  /** Choose something in place of the controls. */
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
      // A sort order that only the table's headers offer leaves the list of them empty.
      if (control !== null) control.value = value;
    }
  }

  #control(name: string): HTMLInputElement | HTMLSelectElement | null {
    const control = this.#form.elements.namedItem(name);
    return control instanceof HTMLInputElement || control instanceof HTMLSelectElement ? control : null;
  }
}
