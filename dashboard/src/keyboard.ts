/** Keys that a page reacts to. */

/** Whether the target of a key event takes the character, so that the key is no shortcut. */
export function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}
