/** The list of nodes in trouble, readable from a distance: as many rows as fit, and the number of the others. */

import { nodeAddress } from "../address.ts";
import { asIs, type Fields, write } from "../fields.ts";
import { elapsed } from "../format.ts";
import { KeyedList } from "../keyed_list.ts";
import { wording } from "../wording.ts";
import type { TroubledNode } from "./troubled_nodes.ts";

/** Maximum number of rows, on the highest screen. */
const ROWS = 24;
/** Maximum number of rows on a page that scrolls, where the list has no limit. */
const ROWS_OF_LONG_PAGE = 8;

export interface TroubledNodeListElements {
  readonly heading: HTMLElement;
  readonly list: HTMLElement;
  readonly row: HTMLTemplateElement;
  readonly more: HTMLElement;
}

/** Follows the size of the list between `start()` and `stop()`. */
export class TroubledNodeList {
  readonly #elements: TroubledNodeListElements;
  readonly #rows: KeyedList<TroubledNode>;
  readonly #resize = new ResizeObserver(() => this.#fit());
  #troubles: readonly TroubledNode[] = [];
  /** The texts that determine the heights of the rows. */
  #texts = "";
  #now = "";

  constructor(elements: TroubledNodeListElements) {
    this.#elements = elements;
    this.#rows = new KeyedList(
      elements.list,
      elements.row,
      (trouble) => trouble.node.node,
      (fields, trouble) => this.#fill(fields, trouble),
    );
  }

  start(): void {
    this.#resize.observe(this.#elements.list);
  }

  stop(): void {
    this.#resize.disconnect();
  }

  /** `now`: timestamp of the server, like the times of `troubles`. */
  show(troubles: readonly TroubledNode[], now: string): void {
    this.#troubles = troubles;
    this.#now = now;
    const { heading } = this.#elements;
    const text = troubles.length === 0 ? wording.noNodeInTrouble : wording.nodesInTrouble(troubles.length);
    write(heading, text);
    const shown = troubles.slice(0, ROWS);
    this.#rows.show(shown);
    const texts = JSON.stringify([troubles.length, shown.map(({ node, mark, reason }) => [node.node, mark, reason])]);
    if (texts === this.#texts) return;
    // Measuring rows takes longer than everything else.
    this.#texts = texts;
    this.#fit();
  }

  /** Hide the rows that do not fit, because half a row could look complete. */
  #fit(): void {
    const { list, more } = this.#elements;
    const rows = [...list.children] as HTMLElement[];
    for (const row of rows) row.hidden = false;
    const fitting = fittingRows(list, rows);
    for (const row of rows.slice(fitting)) row.hidden = true;
    const rest = this.#troubles.length - fitting;
    const text = rest > 0 ? wording.andMore(rest) : "";
    write(more, text);
    more.hidden = rest <= 0;
  }

  #fill(fields: Fields, { node, mark, severity, reason, since }: TroubledNode): void {
    fields.setData("node", node.node);
    fields.setData("status", mark === "offline" ? mark : "");
    fields.setData("severity", severity);
    fields.show("node", node.node, asIs);
    fields.show("state", mark, () => (mark === "offline" ? wording.nodeStatus.offline : wording.severity[mark]));
    fields.show("since", elapsed(since, this.#now), wording.forDuration);
    fields.show("reason", reason, asIs);
    fields.setLinks(nodeAddress(node.node));
  }
}

/** Return how many of `rows` fit into `list`. If `list` has no limit, return the number for a long page. */
function fittingRows(list: HTMLElement, rows: readonly HTMLElement[]): number {
  if (getComputedStyle(list).overflowY === "visible") return Math.min(rows.length, ROWS_OF_LONG_PAGE);
  const bottom = list.getBoundingClientRect().bottom + 1;
  const first = rows.findIndex((row) => row.getBoundingClientRect().bottom > bottom);
  return first < 0 ? rows.length : Math.max(1, first);
}
