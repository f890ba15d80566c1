/** Makes a sentence from a message code and its arguments, which the collector sends. */

import type { Argument, Arguments, Coded } from "../contract.ts";
import type { Language } from "../language.ts";

/** Makes a sentence from its arguments; throws if an argument is missing or has another type. */
export type Sentence = (args: SentenceArguments) => string;

export type Unit = "percent" | "celsius" | "bytes" | "bytes_per_second" | "number";

/** The sentences of one language, and its units of bytes. */
export interface SentenceCatalogue {
  readonly language: Language;
  readonly sentences: Readonly<Record<string, Sentence>>;
  readonly kibibytes: string;
  readonly mebibytes: string;
  readonly megabytes: string;
  /** Units of bytes, each 1024 of the previous one; of bytes per second, each 1000 of the previous one. */
  readonly binaryUnits: readonly string[];
  readonly decimalUnits: readonly string[];
  /** Whether this count takes the singular. */
  readonly isOne: (count: number) => boolean;
}

/** Sentences inside each other: a sentence and its cause. A cause has no cause of its own. */
const NESTING_LIMIT = 2;

/** Return the sentence of `coded`, or `text` (the same in English) if the code is absent or unknown to this version. */
export function compose(catalogue: SentenceCatalogue, coded: Coded | null | undefined, text: string): string {
  try {
    return coded ? sentenceOf(catalogue, coded, NESTING_LIMIT) : text;
  } catch {
    return text;
  }
}

function sentenceOf(catalogue: SentenceCatalogue, { code, args }: Coded, levelsLeft: number): string {
  if (levelsLeft === 0) throw new Error(code);
  return entryOf(catalogue.sentences, code)(new SentenceArguments(catalogue, args, levelsLeft));
}

/** The arguments of a sentence, formatted for its language. */
export class SentenceArguments {
  readonly #catalogue: SentenceCatalogue;
  readonly #args: Arguments;
  readonly #levelsLeft: number;

  constructor(catalogue: SentenceCatalogue, args: Arguments, levelsLeft: number) {
    this.#catalogue = catalogue;
    this.#args = args;
    this.#levelsLeft = levelsLeft;
  }

  text(name: string): string {
    const value = this.#args[name];
    if (typeof value !== "string") throw new Error(name);
    return value;
  }

  /** The number itself, unformatted. */
  count(name: string): number {
    const value = this.#args[name];
    if (typeof value !== "number") throw new Error(name);
    return value;
  }

  /** The number as the language writes it. */
  number(name: string): string {
    return formatNumber(this.#catalogue, this.count(name));
  }

  /** The digits alone, for a status code or a line number. */
  digits(name: string): string {
    return `${this.count(name)}`;
  }

  /** `1 target`, `2 targets`. */
  plural(name: string, one: string, many = `${one}s`): string {
    return `${this.number(name)} ${this.form(name, one, many)}`;
  }

  /** `one` or `many`, depending on the number. */
  form(name: string, one: string, many: string): string {
    return this.#catalogue.isOne(this.count(name)) ? one : many;
  }

  /** Bytes as whole mebibytes or kibibytes. */
  size(name: string): string {
    const bytes = this.count(name);
    const isWhole = bytes % 2 ** 20 === 0;
    const figure = formatNumber(this.#catalogue, Math.floor(bytes / (isWhole ? 2 ** 20 : 2 ** 10)));
    return `${figure}\u00a0${isWhole ? this.#catalogue.mebibytes : this.#catalogue.kibibytes}`;
  }

  /** Bytes as megabytes: `12.0 MB`. */
  megabytes(name: string): string {
    const { language, megabytes } = this.#catalogue;
    const options = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
    return `${new Intl.NumberFormat(language, options).format(this.count(name) / 1_000_000)}\u00a0${megabytes}`;
  }

  /** The number with its unit; bytes with the largest unit that fits: `64 GiB`. */
  measure(name: string, unit: Unit): string {
    switch (unit) {
      case "percent":
        return `${this.number(name)}\u00a0%`;
      case "celsius":
        return `${this.number(name)}\u00a0°C`;
      case "bytes":
        return this.#scaled(name, 1024, this.#catalogue.binaryUnits);
      case "bytes_per_second":
        return this.#scaled(name, 1000, this.#catalogue.decimalUnits);
      case "number":
        return this.number(name);
    }
  }

  #scaled(name: string, step: number, units: readonly string[]): string {
    let value = this.count(name);
    let exponent = 0;
    while (value >= step && exponent < units.length - 1) {
      value /= step;
      exponent += 1;
    }
    return `${formatNumber(this.#catalogue, Math.round(value * 10) / 10)}\u00a0${units[exponent]}`;
  }

  /** Whether the argument is `null`. */
  isNull(name: string): boolean {
    return this.#argument(name) === null;
  }

  /** `text`, followed by the argument in brackets unless the argument is `null`. */
  withDetail(text: string, name: string): string {
    return this.isNull(name) ? text : `${text} (${this.text(name)})`;
  }

  /** The cause as a sentence; a cause without a code is returned as it is. */
  cause(name: string): string {
    const cause = this.#argument(name);
    if (cause === null || typeof cause === "number") throw new Error(name);
    return typeof cause === "string" ? cause : sentenceOf(this.#catalogue, cause, this.#levelsLeft - 1);
  }

  #argument(name: string): Argument {
    const value = this.#args[name];
    if (value === undefined) throw new Error(name);
    return value;
  }
}

/** Return the value of `key`; throws if the key is missing. */
export function entryOf<V>(values: Readonly<Record<string, V>>, key: string): V {
  if (!Object.hasOwn(values, key)) throw new Error(key);
  return values[key] as V;
}

const formats = new Map<Language, Intl.NumberFormat>();

function formatNumber({ language }: SentenceCatalogue, value: number): string {
  let format = formats.get(language);
  if (format === undefined) {
    format = new Intl.NumberFormat(language, { maximumFractionDigits: 3 });
    formats.set(language, format);
  }
  return format.format(value);
}
