/** Compiles a search into a function that selects nodes or alerts. */

import type { Labels } from "../contract.ts";
import { compares, type Figure, figureNamed, numberIn } from "./measures.ts";
import { folded, isGlob, matchesWhole, type Pattern } from "./patterns.ts";
import { BadTerm, type SearchError } from "./search_error.ts";
import { isError, type Term, termsOf } from "./terms.ts";

/** What a key of the language reads from a subject. */
export interface Key<Subject> {
  /** Folded values. The term matches if one of them matches. */
  readonly valuesOf: (subject: Subject) => readonly string[];
  /** All possible values; `null`: any text. */
  readonly allowed: readonly string[] | null;
}

/** What a page searches. */
export interface SearchKind<Subject> {
  /** Folded whole names, which a word with a star matches. */
  readonly nameOf: (subject: Subject) => string;
  /** Folded texts that a word may be a part of, besides label values. */
  readonly textsOf: readonly ((subject: Subject) => string)[];
  readonly labelsOf: (subject: Subject) => Labels | undefined;
  readonly keys: ReadonlyMap<string, Key<Subject>>;
  /** `null` if the subjects have no measures. */
  readonly figureOf: ((subject: Subject, figure: Figure) => number | null | undefined) | null;
  /** Why a key of the language that is not in `keys` is refused. */
  readonly refusal: "key_of_nodes" | "key_of_alerts";
}

/** A search without errors. */
export interface Query<Subject> {
  /** The search as it was written, without spaces around it; empty if it matches everything. */
  readonly text: string;
  readonly matches: (subject: Subject) => boolean;
}

/** Keys with a meaning of their own on any page. A label with such a name is written `labels.<name>`. */
const BUILT_IN = ["node", "address", "role", "status", "rule", "severity", "state", "transition", "subject"];

export const EVERYTHING: Query<unknown> = { text: "", matches: () => true };

/** Return the query, or the first error of `text`. Never throws. */
export function compile<Subject>(kind: SearchKind<Subject>, text: string): Query<Subject> | SearchError {
  const terms = termsOf(text);
  if (isError(terms)) return terms;
  const tests: ((subject: Subject) => boolean)[] = [];
  for (const term of terms) {
    const test = testOf(kind, term);
    if (typeof test !== "function") return test;
    tests.push(test);
  }
  if (tests.length === 0) return EVERYTHING;
  return { text: text.trim(), matches: (subject) => tests.every((test) => test(subject)) };
}

/** Return the terms of `text` that `kind` understands; empty if `text` has an error of its own. */
export function portable<Subject>(kind: SearchKind<Subject>, text: string): string {
  const terms = termsOf(text);
  if (isError(terms)) return "";
  return terms
    .filter((term) => typeof testOf(kind, term) === "function")
    .map((term) => term.text.trim())
    .join(" ");
}

function testOf<Subject>(kind: SearchKind<Subject>, term: Term): ((subject: Subject) => boolean) | SearchError {
  try {
    const test = positiveTestOf(kind, term);
    return term.isNegated ? (subject) => !test(subject) : test;
  } catch (error) {
    if (!(error instanceof BadTerm)) throw error;
    const { reason, detail, allowed } = error;
    return { reason, detail, allowed, at: term.at, term: term.text.trim() };
  }
}

function positiveTestOf<Subject>(kind: SearchKind<Subject>, term: Term): (subject: Subject) => boolean {
  const patterns = term.values.map(({ pattern }) => pattern);
  if (term.key === null) {
    const tests = patterns.map((pattern) => wordTest(kind, pattern));
    return (subject) => tests.some((test) => test(subject));
  }
  if (term.comparison !== null) return comparisonTest(kind, term);
  const name = term.key.toLowerCase();
  const key = kind.keys.get(name);
  if (key !== undefined) return keyTest(key, name, patterns);
  if (BUILT_IN.includes(name)) throw new BadTerm(kind.refusal, name);
  const label = name.startsWith("labels.") ? name.slice("labels.".length) : name;
  return (subject) => {
    const labels = kind.labelsOf(subject);
    for (const own in labels)
      if (own.toLowerCase() === label && matchesOne(patterns, folded(labels[own] ?? ""))) return true;
    return false;
  };
}

function wordTest<Subject>(
  { nameOf, textsOf, labelsOf }: SearchKind<Subject>,
  pattern: Pattern,
): (subject: Subject) => boolean {
  if (isGlob(pattern)) return (subject) => matchesWhole(pattern, nameOf(subject));
  const [word = ""] = pattern;
  return (subject) => {
    for (const textOf of textsOf) if (textOf(subject).includes(word)) return true;
    const labels = labelsOf(subject);
    for (const name in labels) if (folded(labels[name] ?? "").includes(word)) return true;
    return false;
  };
}

function keyTest<Subject>(
  key: Key<Subject>,
  name: string,
  patterns: readonly Pattern[],
): (subject: Subject) => boolean {
  const { valuesOf, allowed } = key;
  if (allowed !== null) {
    for (const pattern of patterns) {
      if (!allowed.some((value) => matchesWhole(pattern, value))) throw new BadTerm("value_unknown", name, allowed);
    }
  }
  return (subject) => valuesOf(subject).some((value) => matchesOne(patterns, value));
}

function comparisonTest<Subject>({ figureOf }: SearchKind<Subject>, term: Term): (subject: Subject) => boolean {
  const { key, comparison, values } = term;
  const [value] = values;
  if (key === null || comparison === null || value === undefined) throw new TypeError("not a comparison");
  const colon = `${key}:${values.map(({ text }) => text).join(",")}`;
  if (comparison === "=" && (BUILT_IN.includes(key.toLowerCase()) || key.toLowerCase().startsWith("labels.")))
    throw new BadTerm("colon_expected", colon);
  const figure = figureOrHint(key, comparison, colon);
  if (figureOf === null) throw new BadTerm("measure_of_alerts", key);
  if (values.length > 1) throw new BadTerm("number_expected", values.map(({ text }) => text).join(","));
  const limit = numberIn(value.text);
  return (subject) => compares(figureOf(subject, figure), comparison, limit);
}

/** `rack=a` is a label with the wrong sign, not a measure. */
function figureOrHint(key: string, comparison: string, colon: string): Figure {
  try {
    return figureNamed(key);
  } catch (error) {
    if (error instanceof BadTerm && comparison === "=") throw new BadTerm("colon_expected", colon);
    throw error;
  }
}

function matchesOne(patterns: readonly Pattern[], value: string): boolean {
  for (const pattern of patterns) if (matchesWhole(pattern, value)) return true;
  return false;
}
