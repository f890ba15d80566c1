/** Patterns of the search: texts in lower case, in which `*` stands for any characters. */

/** The texts between the stars of a pattern. A pattern without a star has one part. */
export type Pattern = readonly string[];

const NO_BREAK = /[\u00a0\u202f]/g;

/** Return the form of a text in which a search compares it: in lower case, without no-break spaces. */
export function folded(text: string): string {
  return text.toLowerCase().replace(NO_BREAK, " ");
}

export function isGlob(pattern: Pattern): boolean {
  return pattern.length > 1;
}

/**
 * Whether the pattern matches the whole of a folded text. The first place of each part is the right one, because a
 * star follows. So no part is searched again, however many stars a pattern has.
 */
export function matchesWhole(pattern: Pattern, text: string): boolean {
  const first = pattern[0] ?? "";
  if (pattern.length < 2) return text === first;
  const last = pattern[pattern.length - 1] ?? "";
  if (!text.startsWith(first)) return false;
  const end = text.length - last.length;
  let from = first.length;
  for (let index = 1; index < pattern.length - 1; index += 1) {
    const part = pattern[index] ?? "";
    const found = text.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return from <= end && text.endsWith(last);
}
