/** What a search finds in an alert, an entry of the log or an incident. */

import type { Labels, LogEntry } from "../contract.ts";
import { messageText } from "../message_texts.ts";
import { folded } from "./patterns.ts";
import type { Key, SearchKind } from "./query.ts";

/** The common fields. `state`: the state of an alert, or the transition of an entry. */
export interface SearchedAlert
  extends Pick<LogEntry, "rule" | "node" | "severity" | "message" | "code" | "args" | "labels" | "subject"> {
  readonly state: string;
}

const STATES = ["firing", "resolved", "pending", "changed", "pended", "started"];
const nameOf = ({ node }: SearchedAlert): string => folded(node ?? "");
const subjectOf = ({ subject }: SearchedAlert): string => folded(subject?.name ?? "");
/** The message that the page shows, in its language. */
const messageOf = (alert: SearchedAlert): string => folded(messageText(alert));
const STATE: Key<SearchedAlert> = { valuesOf: statesOf, allowed: STATES };

const KEYS: Readonly<Record<string, Key<SearchedAlert>>> = {
  node: { valuesOf: (alert) => [nameOf(alert)], allowed: null },
  rule: { valuesOf: ({ rule }) => [folded(rule ?? "")], allowed: null },
  severity: { valuesOf: ({ severity }) => [severity ?? ""], allowed: ["critical", "warning", "info"] },
  state: STATE,
  transition: STATE,
  subject: { valuesOf: (alert) => [subjectOf(alert)], allowed: null },
};

export const ALERT_SEARCH: SearchKind<SearchedAlert> = {
  nameOf,
  textsOf: [nameOf, subjectOf, messageOf],
  labelsOf,
  keys: new Map(Object.entries(KEYS)),
  figureOf: null,
  refusal: "key_of_nodes",
};

/** An alert that came and went was pending too. */
function statesOf({ state }: SearchedAlert): readonly string[] {
  return state === "pended" ? ["pended", "pending"] : [state];
}

const groupLabels = new Map<string, Labels>();

/** The alert of a group has no node, but the label that the group is named after. */
function labelsOf({ labels, subject }: SearchedAlert): Labels | undefined {
  if (subject?.kind !== "group" || (labels !== undefined && Object.keys(labels).length > 0)) return labels;
  const { name } = subject;
  let own = groupLabels.get(name);
  if (own === undefined) {
    const end = name.indexOf("=");
    own = end < 0 ? {} : { [name.slice(0, end)]: name.slice(end + 1) };
    groupLabels.set(name, own);
  }
  return own;
}
