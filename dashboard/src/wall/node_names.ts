/** Shortens the names of nodes for small cells. */

/**
 * Return the domain at the end of all `names`, with its dot (`.lab.lan`), or the empty string. A shared domain does not
 * distinguish nodes.
 */
export function sharedDomain(names: readonly string[]): string {
  const [first, ...others] = names;
  if (first === undefined || others.length === 0) return "";
  for (let dot = first.indexOf("."); dot > 0; dot = first.indexOf(".", dot + 1)) {
    const domain = first.slice(dot);
    // The last digits of an IP address are not a domain.
    if (!/^\.\p{L}/u.test(domain)) continue;
    if (others.every((name) => name.length > domain.length && name.endsWith(domain))) return domain;
  }
  return "";
}

/** Return `text` without its middle, such that `widthOf` is at most `room`. Names often differ at their ends. */
export function shortened(text: string, room: number, widthOf: (text: string) => number): string {
  const width = widthOf(text);
  if (width <= room) return text;
  const characters = [...text];
  const likely = Math.floor((characters.length * room) / width);
  for (let kept = Math.min(characters.length - 1, likely); kept >= 2; kept -= 1) {
    const tail = Math.ceil(kept / 2);
    const shorter = `${characters.slice(0, kept - tail).join("")}…${characters.slice(-tail).join("")}`;
    if (widthOf(shorter) <= room) return shorter;
  }
  return "";
}
