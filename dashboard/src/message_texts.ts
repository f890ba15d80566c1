/** The collector's messages in the language of the page. */

import type { Health, LogEntry, Node } from "./contract.ts";
import { wording } from "./wording.ts";

/** Why `node` is offline; empty if the node is not offline or the cause is unknown. */
export function errorText({ error, error_coded }: Pick<Node, "error" | "error_coded">): string {
  return error === null ? "" : wording.sentence(error_coded, error);
}

/** The message of an alert or of a log entry. */
export function messageText({ message, code, args }: Pick<LogEntry, "message" | "code" | "args">): string {
  return wording.sentence(code == null ? null : { code, args: args ?? {} }, message);
}

/** The separator between a node's name and the rest: a colon, or a verb. "is" and "est" are not part of the rest. */
const AFTER_NAME = /^(?:\s?: | (?:is |est )?)(.+)$/s;

/** The message without the node's name, for places that show the name beside the message. */
export function messageWithoutNode(subject: Pick<LogEntry, "node" | "message" | "code" | "args">): string {
  const message = messageText(subject);
  const [before, after] = [subject.node ?? "", message.slice(subject.node?.length ?? 0)];
  const rest = AFTER_NAME.exec(after)?.[1];
  return before !== "" && message.startsWith(before) && rest !== undefined ? rest : message;
}

export function issueTexts({ issues, issues_coded }: Pick<Health, "issues" | "issues_coded">): string[] {
  return issues.map((issue, index) => wording.sentence(issues_coded?.[index], issue));
}
