/** What the collector says as a code with arguments, made a sentence. */

import type { Argument, Arguments, Coded } from "../contract.ts";
import type { Language } from "../language.ts";

/** Makes a sentence of its arguments; throws where one is missing, or of another kind. */
export type Sentence = (given: Given) => string;

/** How a language says what the collector says. */
export interface Tongue {
  readonly language: Language;
  readonly sentences: Readonly<Record<string, Sentence>>;
  readonly kibibytes: string;
  readonly mebibytes: string;
  readonly megabytes: string;
  /** Whether so many of something are one of it. */
  readonly isOne: (count: number) => boolean;
}

/** A cause has no cause. */
const LONGEST_CHAIN = 2;

/** `coded` in `tongue`; `text`, which says the same in English, where the code is absent or not known here. */
export function said(tongue: Tongue, coded: Coded | null | undefined, text: string): string {
  try {
    return coded ? composed(tongue, coded, LONGEST_CHAIN) : text;
  } catch {
    return text;
  }
}

function composed(tongue: Tongue, { code, args }: Coded, chain: number): string {
  if (chain === 0) throw new Error(code);
  return known(tongue.sentences, code)(new Given(tongue, args, chain));
}

/** The arguments of a sentence, as text in its language. */
export class Given {
  readonly #tongue: Tongue;
  readonly #args: Arguments;
  readonly #chain: number;

  constructor(tongue: Tongue, args: Arguments, chain: number) {
    this.#tongue = tongue;
    this.#args = args;
    this.#chain = chain;
  }

  text(name: string): string {
    const value = this.#args[name];
    if (typeof value !== "string") throw new Error(name);
    return value;
  }

  /** A number as it is, to compare or to count by. */
  count(name: string): number {
    const value = this.#args[name];
    if (typeof value !== "number") throw new Error(name);
    return value;
  }

  /** A number as the language writes it. */
  number(name: string): string {
    return written(this.#tongue, this.count(name));
  }

  /** Digits alone, as in the code of a status. */
  digits(name: string): string {
    return `${this.count(name)}`;
  }

  /** `1 target`, `2 targets`. */
  plural(name: string, one: string, many = `${one}s`): string {
    return `${this.number(name)} ${this.form(name, one, many)}`;
  }

  /** `one` or `many`, as the number wants it. */
  form(name: string, one: string, many: string): string {
    return this.#tongue.isOne(this.count(name)) ? one : many;
  }

  /** Bytes as whole mebibytes or kibibytes. */
  size(name: string): string {
    const bytes = this.count(name);
    const isWhole = bytes % 2 ** 20 === 0;
    const figure = written(this.#tongue, Math.floor(bytes / (isWhole ? 2 ** 20 : 2 ** 10)));
    return `${figure}\u00a0${isWhole ? this.#tongue.mebibytes : this.#tongue.kibibytes}`;
  }

  /** Bytes as megabytes: `12.0 MB`. */
  megabytes(name: string): string {
    const { language, megabytes } = this.#tongue;
    const options = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
    return `${new Intl.NumberFormat(language, options).format(this.count(name) / 1_000_000)}\u00a0${megabytes}`;
  }

  /** Whether the argument is not known, or there is none. */
  lacks(name: string): boolean {
    return this.#argument(name) === null;
  }

  /** `text`, and in brackets the argument if there is one. */
  aside(text: string, name: string): string {
    return this.lacks(name) ? text : `${text} (${this.text(name)})`;
  }

  /** A cause as a sentence; one that is told in words alone as it is. */
  cause(name: string): string {
    const cause = this.#argument(name);
    if (cause === null || typeof cause === "number") throw new Error(name);
    return typeof cause === "string" ? cause : composed(this.#tongue, cause, this.#chain - 1);
  }

  #argument(name: string): Argument {
    const value = this.#args[name];
    if (value === undefined) throw new Error(name);
    return value;
  }
}

/** The value of a key that must be there. */
export function known<V>(values: Readonly<Record<string, V>>, key: string): V {
  if (!Object.hasOwn(values, key)) throw new Error(key);
  return values[key] as V;
}

const formats = new Map<Language, Intl.NumberFormat>();

function written({ language }: Tongue, value: number): string {
  let format = formats.get(language);
  if (format === undefined) {
    format = new Intl.NumberFormat(language, { maximumFractionDigits: 3 });
    formats.set(language, format);
  }
  return format.format(value);
}
