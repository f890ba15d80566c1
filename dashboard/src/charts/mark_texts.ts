/** Events as sentences in the language of the page. */

import type { Mark } from "../contract.ts";
import { messageText } from "../message_texts.ts";
import { wording } from "../wording.ts";
import type { TimedMark } from "./mark_lines.ts";
import { timeLabel } from "./time_labels.ts";

/** Events in a tooltip. */
const MAX_LINES = 3;

/** The sentence of an event, without its time. */
export function markText({ node, kind, message, code, args, rule }: Mark): string {
  if (kind === "alert_began" || kind === "alert_ended") {
    const text = messageText({ message: message ?? rule ?? node, code, args: args ?? {} });
    return kind === "alert_began" ? wording.alertBegan(text) : wording.alertEnded(text);
  }
  const words: Readonly<Record<string, (node: string) => string>> = wording.nodeEvent;
  return Object.hasOwn(words, kind) ? (words[kind]?.(node) ?? kind) : `${node}: ${kind}`;
}

/** Return a line for each event near the cursor, with its time, and a line that counts the others. */
export function markLines(marks: readonly TimedMark[], rangeSeconds: number): string[] {
  const lines = marks
    .slice(0, MAX_LINES)
    .map(({ at, mark }) => `${timeLabel(at, rangeSeconds, 1)} · ${markText(mark)}`);
  return marks.length > MAX_LINES ? [...lines, wording.andMore(marks.length - MAX_LINES)] : lines;
}
