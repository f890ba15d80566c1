/** The nodes in trouble as a list to be read from afar: as many as fit, and how many more there are. */

import { nodeAddress } from "../address.ts";
import { asIs, type Fields, write } from "../fields.ts";
import { elapsed } from "../format.ts";
import { KeyedList } from "../keyed_list.ts";
import { wording } from "../wording.ts";
import type { TroubledNode } from "./troubled_nodes.ts";

/** Rows at most, on the highest screen. */
const ROWS = 24;
/** Rows where the list is as long as it likes: on a page that scrolls. */
const ROWS_OF_LONG_PAGE = 8;

export interface TroubledNodeListElements {
  readonly heading: HTMLElement;
  readonly list: HTMLElement;
  readonly row: HTMLTemplateElement;
  readonly more: HTMLElement;
}

/** Follows the size of the list from `start()` to `stop()`. */
export class TroubledNodeList {
  readonly #elements: TroubledNodeListElements;
  readonly #rows: KeyedList<TroubledNode>;
  readonly #resize = new ResizeObserver(() => this.#fit());
  #troubles: readonly TroubledNode[] = [];
  /** What the heights of the rows depend on. */
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

  /** `now` is the server's, as the times of the troubles are. */
  show(troubles: readonly TroubledNode[], now: string): void {
    this.#troubles = troubles;
    this.#now = now;
    const { heading } = this.#elements;
    const text = troubles.length === 0 ? wording.wallWell : wording.wallTrouble(troubles.length);
    write(heading, text);
    const shown = troubles.slice(0, ROWS);
    this.#rows.show(shown);
    const texts = JSON.stringify([troubles.length, shown.map(({ node, mark, reason }) => [node.node, mark, reason])]);
    if (texts === this.#texts) return;
    // To measure rows takes longer than all the rest.
    this.#texts = texts;
    this.#fit();
  }

  /** Hide the rows for which there is no room: half a row could be mistaken for a whole one. */
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

/** How many of `rows` are whole within `list`, or the most of a long page where `list` is cut off nowhere. */
function fittingRows(list: HTMLElement, rows: readonly HTMLElement[]): number {
  if (getComputedStyle(list).overflowY === "visible") return Math.min(rows.length, ROWS_OF_LONG_PAGE);
  const bottom = list.getBoundingClientRect().bottom + 1;
  const first = rows.findIndex((row) => row.getBoundingClientRect().bottom > bottom);
  return first < 0 ? rows.length : Math.max(1, first);
}
