/** Names of nodes in little room. */

/** The domain that all of `names` end in, with its dot (`.lab.lan`), or nothing: it tells none of them from another. */
export function sharedDomain(names: readonly string[]): string {
  const [first, ...others] = names;
  if (first === undefined || others.length === 0) return "";
  for (let dot = first.indexOf("."); dot > 0; dot = first.indexOf(".", dot + 1)) {
    const domain = first.slice(dot);
    // The end of an address is no domain.
    if (!/^\.\p{L}/u.test(domain)) continue;
    if (others.every((name) => name.length > domain.length && name.endsWith(domain))) return domain;
  }
  return "";
}

/** `text` with its middle left out until `widthOf` it is at most `room`: names often differ at their ends. */
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
