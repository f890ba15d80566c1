/** Texts of the collector's in the page's language. */

import type { Health, LogEntry, Node } from "./contract.ts";
import { wording } from "./wording.ts";

/** Why `node` is offline; empty where it is not, or nobody knows. */
export function errorOf({ error, error_coded }: Pick<Node, "error" | "error_coded">): string {
  return error === null ? "" : wording.said(error_coded, error);
}

/** What an alert, or an entry of the log, says. */
export function messageOf({ message, code, args }: Pick<LogEntry, "message" | "code" | "args">): string {
  return wording.said(code == null ? null : { code, args: args ?? {} }, message);
}

/** What may follow a name: a colon, or the verb of a sentence; "is" says nothing by itself. */
const AFTER_NAME = /^(?:\s?: | (?:is |est )?)(.+)$/s;

/** The same without the name of the node, for where that stands beside it. */
export function messageBeside(subject: Pick<LogEntry, "node" | "message" | "code" | "args">): string {
  const message = messageOf(subject);
  const [before, after] = [subject.node ?? "", message.slice(subject.node?.length ?? 0)];
  const rest = AFTER_NAME.exec(after)?.[1];
  return before !== "" && message.startsWith(before) && rest !== undefined ? rest : message;
}

/** The issues of the health. */
export function issuesOf({ issues, issues_coded }: Pick<Health, "issues" | "issues_coded">): string[] {
  return issues.map((issue, index) => wording.said(issues_coded?.[index], issue));
}
