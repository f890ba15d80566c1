/** What a search finds in a node. */

import type { Node } from "../contract.ts";
import type { Key, SearchKind } from "./query.ts";

// Names and addresses have no spaces that `folded()` would replace.
const nameOf = ({ node }: Node): string => node.toLowerCase();
const addressOf = ({ address }: Node): string => address.toLowerCase();

const KEYS: Readonly<Record<string, Key<Node>>> = {
  node: { valuesOf: (node) => [nameOf(node)], allowed: null },
  address: { valuesOf: (node) => withAndWithoutPort(addressOf(node)), allowed: null },
  role: { valuesOf: ({ role }) => [role], allowed: ["worker", "master"] },
  status: { valuesOf: ({ status }) => [status], allowed: ["online", "offline", "unknown"] },
};

export const NODE_SEARCH: SearchKind<Node> = {
  nameOf,
  textsOf: [nameOf, addressOf],
  labelsOf: ({ labels }) => labels,
  keys: new Map(Object.entries(KEYS)),
  figureOf: (node, figure) => node[figure],
  refusal: "key_of_alerts",
};

/** `10.0.0.4:9100` is also `10.0.0.4`, and `[::1]:9100` is also `::1`. */
function withAndWithoutPort(address: string): readonly string[] {
  const host = address.slice(0, Math.max(0, address.lastIndexOf(":")));
  return [address, host.replace(/^\[|\]$/g, "")];
}
