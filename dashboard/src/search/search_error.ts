/** Why a term of a search cannot be understood. */

/** The reasons. `wording.search.reasons` has a sentence for each of them. */
export type Reason =
  /** A quote is not closed. */
  | "quote_open"
  /** A minus sign without a term. */
  | "nothing_negated"
  /** A comparison without a measure before it. */
  | "measure_missing"
  /** `detail`: the name that no measure has. */
  | "measure_unknown"
  /** `detail`: the text in place of a number. */
  | "number_expected"
  /** `detail`: the key. */
  | "value_missing"
  | "alternative_missing"
  /** `detail`: the alternative, which has a key of its own. */
  | "alternative_with_key"
  /** `rack=a`. `detail`: the term in its correct form. */
  | "colon_expected"
  /** `temp:>70`. `detail`: the term in its correct form. */
  | "colon_before_comparison"
  /** A word with `<` or `>`. */
  | "quotes_expected"
  /** `detail`: the key; `allowed`: its values. */
  | "value_unknown"
  /** A measure on the page of alerts. `detail`: its name. */
  | "measure_of_alerts"
  /** A key of nodes on the page of alerts, or a key of alerts on a page of nodes. `detail`: the key. */
  | "key_of_nodes"
  | "key_of_alerts";

/** `at`: index of the first character of `term` in the search, from 0. */
export interface SearchError {
  readonly reason: Reason;
  readonly at: number;
  readonly term: string;
  readonly detail: string;
  readonly allowed: readonly string[];
}

/** Carries a reason out of the parser. Only this folder throws and catches it. */
export class BadTerm extends Error {
  readonly reason: Reason;
  readonly detail: string;
  readonly allowed: readonly string[];

  constructor(reason: Reason, detail = "", allowed: readonly string[] = []) {
    super(reason);
    this.reason = reason;
    this.detail = detail;
    this.allowed = allowed;
  }
}
