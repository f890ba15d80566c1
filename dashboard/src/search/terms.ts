/**
 * Splits a search into terms.
 *
 *     search       = term*, separated by spaces
 *     term         = "-"? (key ":" alternatives | measure comparison number | alternatives)
 *     alternatives = value ("," value)*
 *     value        = characters and "quoted characters"; a star outside quotes stands for any characters
 *
 * A key is a name, or `labels.` and a name. Text before a colon that is not a name is a word, such as an address.
 */

import type { Comparison } from "./measures.ts";
import { folded, type Pattern } from "./patterns.ts";
import { BadTerm, type SearchError } from "./search_error.ts";

export interface Term {
  /** The term as it was written, and the index of its first character. */
  readonly text: string;
  readonly at: number;
  readonly isNegated: boolean;
  /** The key or measure; `null` for a word. */
  readonly key: string | null;
  readonly comparison: Comparison | null;
  /** At least one. */
  readonly values: readonly Value[];
}

export interface Value {
  /** As it was written, without quotes. */
  readonly text: string;
  readonly pattern: Pattern;
}

const NAME = /(?:labels\.)?[a-z_][a-z0-9_]*/iy;
const OPERATOR = /:|\s*(?:>=|<=|[><=])\s*/y;
/** Two colons between hexadecimal digits, outside quotes. */
const IPV6 = /[0-9a-f]*:[0-9a-f.]*:[0-9a-f:.%]*(?=[\s,]|$)/iy;
const SPACES = /\s*/y;
/** Keyboards of phones write the curved quotes. */
const QUOTES = '"“”„';

/** Return the terms of `text`, or the first error. */
export function termsOf(text: string): readonly Term[] | SearchError {
  const reader = new TermReader(text);
  const terms: Term[] = [];
  try {
    for (let term = reader.next(); term !== null; term = reader.next()) terms.push(term);
  } catch (error) {
    if (!(error instanceof BadTerm)) throw error;
    return { ...reader.place, reason: error.reason, detail: error.detail, allowed: error.allowed };
  }
  return terms;
}

export function isError(result: object): result is SearchError {
  return "reason" in result;
}

class TermReader {
  readonly #text: string;
  #at = 0;
  #begin = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The term that `next()` read last or could not read, up to the next space. */
  get place(): { readonly at: number; readonly term: string } {
    let end = Math.max(this.#at, this.#begin);
    while (end < this.#text.length && !/\s/.test(this.#text[end] ?? "")) end += 1;
    return { at: this.#begin, term: this.#text.slice(this.#begin, end).trimEnd() };
  }

  /** Return the next term; `null` at the end. */
  next(): Term | null {
    this.#take(SPACES);
    this.#begin = this.#at;
    if (this.#at >= this.#text.length) return null;
    const isNegated = this.#text[this.#at] === "-";
    if (isNegated) this.#at += 1;
    if (isNegated && this.#isAtEndOfTerm()) throw new BadTerm("nothing_negated");
    const head = this.#head();
    const { key, operator } = head ?? { key: null, operator: null };
    if (head === null && /[><=]/.test(this.#text[this.#at] ?? "")) throw new BadTerm("measure_missing");
    const comparison = operator === null || operator === ":" ? null : operator;
    if (key !== null && operator === ":" && /[><=]/.test(this.#text[this.#at] ?? ""))
      throw new BadTerm("colon_before_comparison", `${key}${this.#rest()}`);
    const values = this.#values(key, comparison);
    const text = this.#text.slice(this.#begin, this.#at);
    return { text, at: this.#begin, isNegated, key, comparison, values };
  }

  /** Read a key and its operator. Reads nothing before a word. */
  #head(): { readonly key: string; readonly operator: ":" | Comparison } | null {
    const begin = this.#at;
    if (matchAt(IPV6, this.#text, begin) !== null) return null;
    const key = this.#take(NAME);
    const operator = key === "" ? "" : this.#take(OPERATOR).trim();
    if (operator === "") {
      this.#at = begin;
      return null;
    }
    return { key, operator: operator as ":" | Comparison };
  }

  #values(key: string | null, comparison: Comparison | null): readonly Value[] {
    const values: Value[] = [];
    do {
      if (values.length > 0) this.#refuseKey();
      const begin = this.#at;
      const value = this.#value(key === null);
      if (this.#at === begin) this.#refuseMissing(key, comparison, values.length > 0);
      values.push(value);
    } while (this.#takeComma());
    return values;
  }

  /** Read up to a space or comma outside quotes. */
  #value(isWord: boolean): Value {
    const parts = [""];
    let text = "";
    while (!this.#isAtEndOfTerm() && this.#text[this.#at] !== ",") {
      const character = this.#text[this.#at] ?? "";
      let added = character;
      if (QUOTES.includes(character)) added = this.#quoted();
      else this.#at += 1;
      if (isWord && /^[<>]$/.test(character)) throw new BadTerm("quotes_expected");
      text += added;
      if (character === "*") parts.push("");
      else parts[parts.length - 1] += folded(added);
    }
    return { text, pattern: parts };
  }

  /** Read a quoted text; a backslash keeps a quote or a backslash after it. */
  #quoted(): string {
    let text = "";
    this.#at += 1;
    while (this.#at < this.#text.length) {
      let character = this.#text[this.#at] ?? "";
      const next = this.#text[this.#at + 1] ?? "";
      this.#at += 1;
      if (QUOTES.includes(character)) return text;
      if (character === "\\" && next !== "" && `\\${QUOTES}`.includes(next)) {
        character = next;
        this.#at += 1;
      }
      text += character;
    }
    throw new BadTerm("quote_open");
  }

  /** An alternative belongs to the key of its term, so its own key is probably a mistake. */
  #refuseKey(): void {
    const begin = this.#at;
    if (this.#head() === null) return;
    this.#at = begin;
    throw new BadTerm("alternative_with_key", this.#rest());
  }

  #refuseMissing(key: string | null, comparison: Comparison | null, isAlternative: boolean): never {
    if (comparison !== null) throw new BadTerm("number_expected");
    if (isAlternative || key === null || this.#text[this.#at] === ",") throw new BadTerm("alternative_missing");
    throw new BadTerm("value_missing", key);
  }

  /** The text up to the next space or comma. */
  #rest(): string {
    return this.#text.slice(this.#at).match(/^[^\s,]*/)?.[0] ?? "";
  }

  #takeComma(): boolean {
    if (this.#text[this.#at] !== ",") return false;
    this.#at += 1;
    return true;
  }

  #isAtEndOfTerm(): boolean {
    return this.#at >= this.#text.length || /\s/.test(this.#text[this.#at] ?? "");
  }

  #take(pattern: RegExp): string {
    const found = matchAt(pattern, this.#text, this.#at) ?? "";
    this.#at += found.length;
    return found;
  }
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}
