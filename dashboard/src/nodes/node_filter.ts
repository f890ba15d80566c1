/** Filters and orders nodes. The address keeps the filter. */

import { nonEmpty, parameter, setParameters } from "../address.ts";
import { MEASURES, type Node, RESOURCES, type Severity } from "../contract.ts";
import { compareCodePoints } from "../live/delta.ts";
import { bySeverity } from "../live/verdict.ts";
import type { Query } from "../search/query.ts";

export const STATUSES = ["", "trouble", "online", "offline", "unknown"] as const;
export type StatusFilter = (typeof STATUSES)[number];

/** Fields to sort by. A "-" before the field sorts the highest first. */
const SORT_FIELDS = ["node", "status", ...MEASURES] as const;
export type SortField = (typeof SORT_FIELDS)[number];
const SORTS = SORT_FIELDS.flatMap((field) => [field, `-${field}`]);
/** Worst first. */
const STATUS_ORDER = ["offline", "unknown", "online"];

export interface NodeFilter {
  readonly query: Query<Node>;
  readonly status: StatusFilter;
  /** A `SortField`, or "-" and a `SortField` for the highest first. */
  readonly sort: string;
}

export function choicesFromAddress(): Pick<NodeFilter, "status" | "sort"> {
  return {
    status: parameter("status", "", STATUSES) as StatusFilter,
    sort: parameter("sort", "node", SORTS),
  };
}

export function writeToAddress({ status, sort }: Pick<NodeFilter, "status" | "sort">): void {
  setParameters({ status, sort: sort === "node" ? "" : sort });
}

/** Return the nodes that match `filter`, sorted. Equal nodes are sorted by name, and unknown values come last. */
export function filtered(nodes: readonly Node[], filter: NodeFilter, alertingNodes: ReadonlySet<string>): Node[] {
  const found = nodes.filter((node) => filter.query.matches(node) && matchesStatus(node, filter.status, alertingNodes));
  const descending = filter.sort.startsWith("-");
  const field = (descending ? filter.sort.slice(1) : filter.sort) as SortField;
  if (field === "node") return descending ? found.sort((a, b) => compareCodePoints(b.node, a.node)) : found;
  return found.sort((a, b) => compare(a, b, field, descending) || compareCodePoints(a.node, b.node));
}

/** Address of the CSV file with the nodes of a status, sorted by name. The api does not know the search. */
export function nodesCsvAddress({ status }: Pick<NodeFilter, "status">): string {
  return `${RESOURCES.nodes}?${new URLSearchParams(nonEmpty({ format: "csv", status }))}`;
}

/** Sort nodes by their most severe alert. Nodes without alerts come last, and equal nodes keep their order. */
export function mostSevereFirst(
  nodes: readonly Node[],
  alertSummaries: ReadonlyMap<string, { readonly severity: Severity }>,
): Node[] {
  // An offline node may have no alert, because its alert does not fire yet or no rule applies. Pages then show a
  // warning.
  const severityOf = ({ node, status }: Node): Severity | null =>
    alertSummaries.get(node)?.severity ?? (status === "offline" ? "warning" : null);
  return [...nodes].sort((a, b) => {
    const [first, second] = [severityOf(a), severityOf(b)];
    if (first === null || second === null) return Number(first === null) - Number(second === null);
    return bySeverity(first, second);
  });
}

function matchesStatus(node: Node, status: StatusFilter, alertingNodes: ReadonlySet<string>): boolean {
  if (status === "") return true;
  if (status === "trouble") return node.status === "offline" || alertingNodes.has(node.node);
  return node.status === status;
}

function compare(a: Node, b: Node, field: Exclude<SortField, "node">, descending: boolean): number {
  const direction = descending ? -1 : 1;
  if (field === "status") return direction * (STATUS_ORDER.indexOf(a.status) - STATUS_ORDER.indexOf(b.status));
  const first = a[field] ?? null;
  const second = b[field] ?? null;
  if (first === null || second === null) return Number(first === null) - Number(second === null);
  return direction * (first - second);
}
