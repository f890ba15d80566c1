/** How the collector's texts are put into French: by their patterns, of which the first that fits counts. */

/** A text's pattern, and what says it in French from the parts that stand for themselves. */
export type Rule = readonly [RegExp, (...parts: string[]) => string];

/** `text` in French; `null` where no rule knows it. */
export function firstThatFits(rules: readonly Rule[], text: string): string | null {
  for (const [pattern, say] of rules) {
    const found = pattern.exec(text);
    // A part that is not there is an empty one.
    if (found !== null) return say(...found.slice(1).map((part: string | undefined) => part ?? ""));
  }
  return null;
}
