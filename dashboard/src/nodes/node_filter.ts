/** Which nodes are wanted, and in which order: as the address says it, and as the controls of the page show it. */

import { nonEmpty, parameter, setParameters } from "../address.ts";
import { MEASURES, type Node, RESOURCES, type Severity } from "../contract.ts";
import { compareCodePoints } from "../live/delta.ts";
import { bySeverity } from "../live/verdict.ts";

export const STATUSES = ["", "trouble", "online", "offline", "unknown"] as const;
export type StatusFilter = (typeof STATUSES)[number];

/** What can be sorted by; "-" before it: the highest first. */
const SORT_FIELDS = ["node", "status", ...MEASURES] as const;
export type SortField = (typeof SORT_FIELDS)[number];
const SORTS = SORT_FIELDS.flatMap((field) => [field, `-${field}`]);
/** The worst first. */
const STATUS_ORDER = ["offline", "unknown", "online"];

export interface NodeFilter {
  readonly text: string;
  readonly status: StatusFilter;
  /** A `SortField`, with "-" before it for the highest first. */
  readonly sort: string;
}

export function filterFromAddress(): NodeFilter {
  return {
    text: parameter("q", ""),
    status: parameter("status", "", STATUSES) as StatusFilter,
    sort: parameter("sort", "node", SORTS),
  };
}

export function writeToAddress({ text, status, sort }: NodeFilter): void {
  setParameters({ q: text, status, sort: sort === "node" ? "" : sort });
}

/** The nodes that `filter` lets through, sorted; of equal ones, and of unknown values last, by name. */
export function filtered(nodes: readonly Node[], filter: NodeFilter, alertingNodes: ReadonlySet<string>): Node[] {
  const text = filter.text.trim().toLowerCase();
  const found = nodes.filter(
    (node) =>
      (text === "" || node.node.toLowerCase().includes(text) || node.address.toLowerCase().includes(text)) &&
      matchesStatus(node, filter.status, alertingNodes),
  );
  const descending = filter.sort.startsWith("-");
  const field = (descending ? filter.sort.slice(1) : filter.sort) as SortField;
  if (field === "node") return descending ? found.sort((a, b) => compareCodePoints(b.node, a.node)) : found;
  return found.sort((a, b) => compare(a, b, field, descending) || compareCodePoints(a.node, b.node));
}

/** Address of the nodes that `filter` lets through, as a table; sorted by name. */
export function nodesCsvAddress({ text, status }: NodeFilter): string {
  return `${RESOURCES.nodes}?${new URLSearchParams(nonEmpty({ format: "csv", q: text.trim(), status }))}`;
}

/** The nodes in the order of their gravest alert; those in no trouble last, and equal ones as they stood. */
export function mostSevereFirst(
  nodes: readonly Node[],
  alertSummaries: ReadonlyMap<string, { readonly severity: Severity }>,
): Node[] {
  // No alert may fire for an offline node: not yet, or by no rule. The pages show it as a warning then.
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
