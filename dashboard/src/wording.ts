/** Every sentence and word that the script puts on a page; what is there from the start stands in the templates. */

import { LANGUAGE } from "./language.ts";
import { en, type Wording } from "./wording/en.ts";
import { fr } from "./wording/fr.ts";

export const wording: Wording = LANGUAGE === "fr" ? fr : en;

/** What `words` has for `word`; a word of a later release stands for itself. */
export function wordFor(words: Readonly<Record<string, string>>, word: string): string {
  return Object.hasOwn(words, word) ? (words[word] as string) : word;
}
