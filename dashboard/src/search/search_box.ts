/** The search field of a page, with its help and its errors. The address keeps the search. */

import { followParameters, parameter, setParameters } from "../address.ts";
import { attribute, byId, write } from "../fields.ts";
import { isWriting } from "../keyboard.ts";
import { wording } from "../wording.ts";
import { ALERT_SEARCH } from "./alert_search.ts";
import { NODE_SEARCH } from "./node_search.ts";
import { compile, EVERYTHING, portable, type Query, type SearchKind } from "./query.ts";
import type { SearchError } from "./search_error.ts";
import { isError } from "./terms.ts";

const PARAMETER = "q";
const KEY = "/";
/** A term that is not finished yet has an error too. An error appears after a pause in typing. */
const ERROR_DELAY_MS = 600;
/** The pages with a search, by their path. */
const SEARCHED = new Map<string, SearchKind<never>>([
  ["/nodes", NODE_SEARCH],
  ["/monitoring", NODE_SEARCH],
  ["/live", NODE_SEARCH],
  ["/alerts", ALERT_SEARCH],
]);

/**
 * `_search.html`, between `start()` and `stop()`. While the search has an error, the page keeps the last query without
 * errors; a page that is opened with an error shows everything.
 */
export class SearchBox<Subject> {
  readonly #input = byId("search", HTMLInputElement);
  readonly #error = byId("search-error", HTMLElement);
  readonly #help = byId("search-help", HTMLDetailsElement);
  /** Links to pages that get the terms that they understand. */
  readonly #links = [...document.querySelectorAll<HTMLAnchorElement>("header nav a, [data-keeps-search]")];
  readonly #kind: SearchKind<Subject>;
  readonly #onChange: () => void;
  #query: Query<Subject> = EVERYTHING;
  #found: SearchError | null = null;
  /** Whether the next edit begins an entry of the browser's history. */
  #isCommitted = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unfollow: () => void = () => undefined;
  readonly #listeners: readonly [EventTarget | null, string, (event: never) => void][];

  /** `onChange` is called after each change of `query`. */
  constructor(kind: SearchKind<Subject>, onChange: () => void) {
    this.#kind = kind;
    this.#onChange = onChange;
    this.#listeners = [
      [this.#input, "input", () => this.#edit()],
      [this.#input, "change", () => this.#commit()],
      [this.#input, "keydown", (event: KeyboardEvent) => this.#key(event)],
      [this.#input.form, "submit", (event: Event) => event.preventDefault()],
      [document, "keydown", (event: KeyboardEvent) => this.#shortcut(event)],
      [document, "pointerdown", (event: Event) => this.#closeHelpOutside(event)],
    ];
    this.#read(parameter(PARAMETER, ""));
  }

  get query(): Query<Subject> {
    return this.#query;
  }

  /** The text of the field, even with an error. */
  get text(): string {
    return this.#input.value;
  }

  start(): void {
    for (const [target, name, react] of this.#listeners) target?.addEventListener(name, react as EventListener);
    this.#unfollow = followParameters([PARAMETER], () => {
      this.#isCommitted = true;
      this.#show(parameter(PARAMETER, ""));
    });
    this.#input.value = parameter(PARAMETER, "");
    this.#showError();
    this.#updateLinks();
  }

  stop(): void {
    for (const [target, name, react] of this.#listeners) target?.removeEventListener(name, react as EventListener);
    this.#unfollow();
    clearTimeout(this.#timer);
  }

  /** Clear the field, as its Escape key does. */
  clear(andFocus = false): void {
    // The cleared search stays in the browser's history.
    this.#isCommitted = true;
    this.#write("");
    this.#show("");
    this.#isCommitted = true;
    if (andFocus) this.#input.focus();
  }

  #edit(): void {
    const { value } = this.#input;
    this.#write(value);
    const previous = this.#query.text;
    this.#read(value);
    this.#showErrorLater();
    if (this.#query.text !== previous) this.#changed();
  }

  #show(text: string): void {
    this.#input.value = text;
    const previous = this.#query.text;
    this.#read(text);
    this.#showError();
    if (this.#query.text !== previous) this.#changed();
  }

  #changed(): void {
    this.#updateLinks();
    this.#onChange();
  }

  #commit(): void {
    this.#isCommitted = true;
    this.#showError();
  }

  #write(text: string): void {
    if (text.trim() === parameter(PARAMETER, "")) return;
    setParameters({ [PARAMETER]: text.trim() }, this.#isCommitted);
    this.#isCommitted = false;
  }

  #read(text: string): void {
    const result = compile(this.#kind, text);
    this.#found = isError(result) ? result : null;
    if (!isError(result)) this.#query = result;
  }

  #showErrorLater(): void {
    clearTimeout(this.#timer);
    // An error that is visible already follows each edit.
    if (this.#found === null || !this.#error.hidden) this.#showError();
    else this.#timer = setTimeout(() => this.#showError(), ERROR_DELAY_MS);
  }

  #showError(): void {
    clearTimeout(this.#timer);
    this.#error.hidden = this.#found === null;
    attribute(this.#input, "aria-invalid", `${this.#found !== null}`);
    write(this.#error, this.#found === null ? "" : sentenceOf(this.#found, this.#query.text));
  }

  #updateLinks(): void {
    for (const link of this.#links) {
      const kind = SEARCHED.get(link.pathname);
      if (kind === undefined) continue;
      const text = portable(kind, this.#query.text);
      attribute(link, "href", text === "" ? link.pathname : `${link.pathname}?${new URLSearchParams({ q: text })}`);
    }
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "Enter") this.#commit();
    if (event.key !== "Escape" || this.text === "") return;
    event.preventDefault();
    this.clear();
  }

  #shortcut(event: KeyboardEvent): void {
    if (event.key === "Escape" && this.#help.open) {
      event.preventDefault();
      this.#help.open = false;
      if (this.#help.contains(document.activeElement)) this.#help.querySelector("summary")?.focus();
    }
    if (event.key !== KEY || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    event.preventDefault();
    this.#input.focus();
    this.#input.select();
  }

  #closeHelpOutside({ target }: Event): void {
    if (target instanceof Node && !this.#help.contains(target)) this.#help.open = false;
  }
}

function sentenceOf({ reason, at, term, detail, allowed }: SearchError, applied: string): string {
  return wording.search.badTerm(term, at + 1, wording.search.reasons[reason](detail, allowed), applied);
}
