/** What an alert says, where the name of its node stands beside it. */

import type { Alert } from "../contract.ts";
import { wording } from "../wording.ts";

/** `node37: / is 98 % full` → `/ is 98 % full`; a message that begins otherwise is whole. */
export function textBesideName({ node, message }: Pick<Alert, "node" | "message">): string {
  const text = wording.collectorText(message);
  const rest = text.startsWith(node) ? /^\s?:\s*(.+)$/s.exec(text.slice(node.length)) : null;
  return rest?.[1] ?? text;
}
