/** Choices of a reader, kept for all pages of a tab. */

/** Return the value of `name`; `null` if there is none or the browser has no storage. */
export function readTabValue(name: string): string | null {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

export function writeTabValue(name: string, value: string): void {
  try {
    sessionStorage.setItem(name, value);
  } catch {
    // Without storage, the next page uses its default.
  }
}
