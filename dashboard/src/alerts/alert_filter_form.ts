/** The controls that filter alerts. The address keeps their values. */

import { parameter, setParameters } from "../address.ts";
import { byId } from "../fields.ts";
import { type AlertFilter, isEmptyFilter, NO_FILTER, SEVERITIES, TRANSITIONS } from "./alert_filter.ts";

/** `start()` sets the controls from the address. `changed` is called after every change by the reader. */
export class AlertFilterForm {
  readonly #form = byId("filters", HTMLFormElement);
  readonly #severity = byId("filter-severity", HTMLSelectElement);
  readonly #transition = byId("filter-transition", HTMLSelectElement);
  readonly #text = byId("filter-text", HTMLInputElement);
  readonly #clear = byId("clear-filters", HTMLButtonElement);
  readonly #changed: () => void;
  readonly #onInput = (): void => this.#apply();
  readonly #onSubmit = (event: Event): void => event.preventDefault();
  readonly #onClear = (): void => {
    this.#set(NO_FILTER);
    // The button is disabled now and cannot keep the focus.
    this.#text.focus();
    this.#apply();
  };

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get filter(): AlertFilter {
    return { severity: this.#severity.value, transition: this.#transition.value, text: this.#text.value };
  }

  start(): void {
    this.#set({
      severity: parameter("severity", "", SEVERITIES),
      transition: parameter("transition", "", TRANSITIONS),
      text: parameter("q", ""),
    });
    this.#form.addEventListener("input", this.#onInput);
    this.#form.addEventListener("submit", this.#onSubmit);
    this.#clear.addEventListener("click", this.#onClear);
  }

  stop(): void {
    this.#form.removeEventListener("input", this.#onInput);
    this.#form.removeEventListener("submit", this.#onSubmit);
    this.#clear.removeEventListener("click", this.#onClear);
  }

  #set({ severity, transition, text }: AlertFilter): void {
    this.#severity.value = severity;
    this.#transition.value = transition;
    this.#text.value = text;
    this.#clear.disabled = isEmptyFilter(this.filter);
  }

  #apply(): void {
    const { severity, transition, text } = this.filter;
    this.#clear.disabled = isEmptyFilter(this.filter);
    this.#changed();
    setParameters({ severity, transition, q: text.trim() });
  }
}
