/** All texts that the script writes into pages. The other texts are in the templates. */

import { LANGUAGE } from "./language.ts";
import { en, type Wording } from "./wording/en.ts";
import { fr } from "./wording/fr.ts";

export const wording: Wording = LANGUAGE === "fr" ? fr : en;

/** Return the text for `word` in `words`. A word of a later release is returned unchanged. */
export function wordFor(words: Readonly<Record<string, string>>, word: string): string {
  return Object.hasOwn(words, word) ? (words[word] as string) : word;
}
