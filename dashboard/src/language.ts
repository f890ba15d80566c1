/** The language of this page, as the server chose it and wrote it into `<html lang>`. */

export type Language = "en" | "fr";

/** English where there is no page, as in tests. */
export const LANGUAGE: Language = globalThis.document?.documentElement.lang.startsWith("fr") ? "fr" : "en";
