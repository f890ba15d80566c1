/** Shows why a history could not be read, in the element `history-note`. */

import { byId, write } from "../fields.ts";
import { wording } from "../wording.ts";

/** `of()` returns a function that reports the failures of one history of the page. */
export class HistoryNote {
  readonly #element = byId("history-note", HTMLElement);
  readonly #failures = new Map<string, string | null>();

  of(name: string): (why: string | null) => void {
    return (why) => {
      this.#failures.set(name, why);
      const known = [...this.#failures.values()].find((failure) => failure !== null) ?? null;
      this.#element.hidden = known === null;
      write(this.#element, known === null ? "" : wording.historyFailed(known));
    };
  }
}
