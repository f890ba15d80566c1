/**
 * The selected cell, chosen by pointer or keys: a ring around the cell, a tooltip, and the way to the page of the node.
 */

import { nodeAddress } from "../address.ts";
import type { Node } from "../contract.ts";
import { asIs, Fields } from "../fields.ts";
import type { HeatMap } from "./heat_map.ts";

/** The tooltip of a node. Parts that are `null` are left out. */
export interface CellDescription {
  readonly status: string;
  readonly value: string | null;
  readonly trouble: string | null;
  /** Name of the node's group; missing without groups. */
  readonly group?: string | null;
  /** The whole tooltip as a sentence, for screen readers. */
  readonly sentence: string;
}

export interface CursorElements {
  /** Receives pointer and key events. */
  readonly container: HTMLElement;
  readonly ring: HTMLElement;
  readonly tip: HTMLElement;
  /** A polite live region. */
  readonly announcement: HTMLElement;
}

/**
 * Reacts to events between `start()` and `stop()`. The selected node stays selected when other nodes appear or
 * disappear.
 */
export class WallCursor {
  readonly #elements: CursorElements;
  readonly #map: HeatMap;
  readonly #describe: (node: Node) => CellDescription;
  readonly #tip: Fields;
  readonly #listeners: readonly [string, (event: never) => void][];
  #node: string | null = null;
  /** On a touch screen, the first touch selects a cell and the second touch opens the page of the node. */
  #wasShownBeforeTouch = true;

  constructor(elements: CursorElements, map: HeatMap, describe: (node: Node) => CellDescription) {
    this.#elements = elements;
    this.#map = map;
    this.#describe = describe;
    this.#tip = new Fields(elements.tip);
    this.#listeners = [
      ["pointermove", (event: PointerEvent) => this.#point(event)],
      ["pointerdown", (event: PointerEvent) => this.#press(event)],
      ["pointerleave", (event: PointerEvent) => this.#leave(event)],
      ["click", (event: MouseEvent) => this.#click(event)],
      ["keydown", (event: KeyboardEvent) => this.#key(event)],
      ["blur", () => this.#choose(null)],
    ];
  }

  start(): void {
    for (const [name, react] of this.#listeners)
      this.#elements.container.addEventListener(name, react as EventListener);
  }

  stop(): void {
    for (const [name, react] of this.#listeners)
      this.#elements.container.removeEventListener(name, react as EventListener);
  }

  /** Move the ring and the tooltip to the selected cell after a drawing. */
  update(): void {
    const index = this.#index();
    const { ring, tip, container } = this.#elements;
    ring.hidden = index === null;
    tip.hidden = index === null;
    container.classList.toggle("is-over", index !== null);
    const node = index === null ? undefined : this.#map.view.nodes[index];
    if (index === null || node === undefined) return;
    const box = this.#map.boxOf(index);
    ring.style.transform = `translate(${box.x}px, ${box.y}px)`;
    ring.style.width = `${box.width}px`;
    ring.style.height = `${box.height}px`;
    const { status, value, trouble, group } = this.#describe(node);
    this.#tip.setData("status", node.status);
    this.#tip.show("node", node.node, asIs);
    this.#tip.show("status", status, asIs);
    this.#tip.show("value", value, asIs);
    this.#tip.show("trouble", trouble, asIs);
    this.#tip.show("group", group ?? null, asIs);
    this.#place(box.x + box.width / 2, box.y, box.y + box.height);
  }

  /** Place the tooltip above the cell, or below if there is no room, and within the sides of the container. */
  #place(middle: number, top: number, bottom: number): void {
    const { tip, container } = this.#elements;
    const left = Math.max(0, Math.min(container.clientWidth - tip.offsetWidth, middle - tip.offsetWidth / 2));
    const above = top - tip.offsetHeight - 6;
    const below = Math.max(0, Math.min(container.clientHeight - tip.offsetHeight, bottom + 6));
    tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(above >= 0 ? above : below)}px)`;
  }

  #index(): number | null {
    if (this.#node === null) return null;
    const index = this.#map.view.nodes.findIndex((node) => node.node === this.#node);
    return index < 0 ? null : index;
  }

  #choose(index: number | null): void {
    const node = index === null ? null : (this.#map.view.nodes[index]?.node ?? null);
    if (node === this.#node) return;
    this.#node = node;
    this.update();
  }

  #point(event: PointerEvent): void {
    if (event.pointerType !== "touch") this.#choose(this.#indexUnder(event));
  }

  #press(event: PointerEvent): void {
    const index = this.#indexUnder(event);
    this.#wasShownBeforeTouch = event.pointerType !== "touch" || index === this.#index();
    this.#choose(index);
  }

  #leave(event: PointerEvent): void {
    if (event.pointerType !== "touch") this.#choose(null);
  }

  #click(event: MouseEvent): void {
    const index = this.#indexUnder(event);
    if (index === null || !this.#wasShownBeforeTouch) return;
    this.#choose(index);
    this.#open();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") this.#open();
    else if (event.key === "Escape") this.#choose(null);
    else {
      const index = this.#map.next(this.#index(), event.key);
      const node = index === null ? undefined : this.#map.view.nodes[index];
      if (node === undefined) return;
      event.preventDefault();
      this.#choose(index);
      this.#elements.announcement.textContent = this.#describe(node).sentence;
    }
  }

  #open(): void {
    if (this.#node !== null) location.assign(nodeAddress(this.#node));
  }

  #indexUnder({ clientX, clientY }: MouseEvent): number | null {
    const { left, top } = this.#elements.container.getBoundingClientRect();
    const { clientLeft, clientTop } = this.#elements.container;
    return this.#map.indexAt(clientX - left - clientLeft, clientY - top - clientTop);
  }
}
