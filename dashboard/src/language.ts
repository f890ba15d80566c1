/** The language of this page, which the server writes into `<html lang>`. */

export type Language = "en" | "fr";

/** English without a document, as in tests. */
export const LANGUAGE: Language = globalThis.document?.documentElement.lang.startsWith("fr") ? "fr" : "en";
