/** English texts of the search. */

import type { Reason } from "../search/search_error.ts";

type Sentence = (detail: string, allowed: readonly string[]) => string;

export const SEARCH_EN = {
  /** `position`: number of the term's first character, from 1. `applied`: the search that the page still applies. */
  badTerm: (term: string, position: number, reason: string, applied: string): string =>
    `${term} (character ${position}): ${reason} ` +
    (applied === "" ? "The page shows everything." : `The page still shows the result of ${applied}.`),
  reasons: {
    quote_open: () => "the closing quote is missing.",
    nothing_negated: () => "a term follows the minus sign, as in -rack:a.",
    measure_missing: () => "a measure precedes the comparison, as in temp>70. Quotes search for the character itself.",
    measure_unknown: (name) =>
      `no measure is called ${name}. Measures are cpu, mem, disk, temp, load, swap, iowait and those in the help.`,
    number_expected: (text) =>
      text === "" ? "a number follows the comparison, as in temp>70." : `${text} is not a number, such as 70 or 0.5.`,
    value_missing: (key) => `a value follows the colon, as in ${key}:a or ${key}:*.`,
    alternative_missing: () => "a value is missing beside the comma.",
    alternative_with_key: (alternative) =>
      `all alternatives of a term have the same key. Write ${alternative} as its own term, or in quotes.`,
    colon_expected: (term) => `labels and names take a colon: ${term}.`,
    colon_before_comparison: (term) => `a comparison takes no colon: ${term}.`,
    quotes_expected: () => "a word with < or > needs quotes.",
    value_unknown: (key, allowed) => `${key} is one of ${allowed.join(", ")}.`,
    measure_of_alerts: (name) => `alerts have no measures, so this page cannot compare ${name}.`,
    key_of_nodes: (key) => `alerts have no ${key}. A label of this name is written labels.${key}:…`,
    key_of_alerts: (key) => `only alerts have ${key}. A label of this name is written labels.${key}:…`,
  } as Readonly<Record<Reason, Sentence>>,
};

export type SearchWording = typeof SEARCH_EN;
