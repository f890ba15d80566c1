/** What a reader chose, kept from page to page of one tab. */

/** The value kept under `name`; `null` where none is, or the browser keeps nothing. */
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
    // A browser that keeps nothing: the next page begins with its default.
  }
}
