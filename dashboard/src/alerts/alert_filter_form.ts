/** The controls that filter alerts. The address keeps their values. */

import { parameter, setParameters } from "../address.ts";
import { byId } from "../fields.ts";
import { ALERT_SEARCH, type SearchedAlert } from "../search/alert_search.ts";
import { SearchBox } from "../search/search_box.ts";
import { type AlertFilter, isEmptyFilter, NO_FILTER, SEVERITIES, TRANSITIONS } from "./alert_filter.ts";

/** `start()` sets the controls from the address. `changed` is called after every change by the reader. */
export class AlertFilterForm {
  readonly #form = byId("filters", HTMLFormElement);
  readonly #severity = byId("filter-severity", HTMLSelectElement);
  readonly #transition = byId("filter-transition", HTMLSelectElement);
  readonly #search: SearchBox<SearchedAlert>;
  readonly #clear = byId("clear-filters", HTMLButtonElement);
  readonly #changed: () => void;
  readonly #onInput = ({ target }: Event): void => {
    if (target instanceof HTMLSelectElement) this.#apply();
    else this.#showClear();
  };
  readonly #onClear = (): void => {
    this.#set(NO_FILTER);
    this.#apply();
    // The button is disabled now and cannot keep the focus.
    this.#search.clear(true);
    this.#showClear();
  };

  constructor(changed: () => void) {
    this.#changed = changed;
    this.#search = new SearchBox(ALERT_SEARCH, () => {
      this.#showClear();
      changed();
    });
  }

  get filter(): AlertFilter {
    return { severity: this.#severity.value, transition: this.#transition.value, query: this.#search.query };
  }

  start(): void {
    this.#set({
      severity: parameter("severity", "", SEVERITIES),
      transition: parameter("transition", "", TRANSITIONS),
    });
    this.#search.start();
    this.#showClear();
    this.#form.addEventListener("input", this.#onInput);
    this.#clear.addEventListener("click", this.#onClear);
  }

  stop(): void {
    this.#form.removeEventListener("input", this.#onInput);
    this.#search.stop();
    this.#clear.removeEventListener("click", this.#onClear);
  }

  #set({ severity, transition }: Pick<AlertFilter, "severity" | "transition">): void {
    this.#severity.value = severity;
    this.#transition.value = transition;
  }

  #apply(): void {
    const { severity, transition } = this.filter;
    this.#showClear();
    this.#changed();
    setParameters({ severity, transition });
  }

  #showClear(): void {
    this.#clear.disabled = isEmptyFilter(this.filter) && this.#search.text === "";
  }
}
