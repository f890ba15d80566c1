/**
 * A list of items of equal height, in sections with or without heads. Only items on the screen have elements, however
 * long the list is.
 *
 * The style of the container sets the height of an item (`--item-height`), the minimum width (`--item-width`; 0: as
 * wide as the container), the distance between items (`--item-gap`) and the height of a head (`--head-height`), in
 * pixels.
 */

import { attribute, Fields } from "../fields.ts";
import { type ListSizes, placesOf, visiblePart } from "./list_geometry.ts";

/** Height beyond both edges of the screen in which items have elements too. */
const OVERSCAN_PIXELS = 130;

/** How items, or heads, become elements. Keys are unique within the list. */
export interface ElementKind<T> {
  readonly template: HTMLTemplateElement;
  readonly keyOf: (item: T) => string;
  readonly fill: (fields: Fields, item: T) => void;
}

/** Items below an optional head. */
export interface ListSection<Item, Head> {
  readonly head: Head | null;
  readonly items: readonly Item[];
}

export interface VirtualListOptions<Item, Head> extends ElementKind<Item> {
  readonly container: HTMLElement;
  readonly heads: ElementKind<Head>;
  /** Receives the keys of the items with elements, after every change. */
  readonly onVisibleChange: (keys: readonly string[]) => void;
  /** The element of an item was removed. */
  readonly onRemove?: (key: string) => void;
}

/** An element to show. */
interface Shown {
  readonly key: string;
  readonly create: () => Fields;
  readonly fill: (fields: Fields) => void;
  readonly place: (element: HTMLElement) => void;
  /** Number of heads and items before this one. */
  readonly position: number;
}

/** Separates the keys of heads from those of items. */
const HEAD_PREFIX = "\n";

/** `start()` follows scrolling and resizing until `stop()`. */
export class VirtualList<Item, Head> {
  readonly #options: VirtualListOptions<Item, Head>;
  readonly #resize = new ResizeObserver(() => this.#scheduleDraw());
  readonly #scheduleDraw = (): void => {
    this.#drawHandle ||= requestAnimationFrame(() => {
      this.#drawHandle = 0;
      this.#draw();
    });
  };
  #sections: readonly ListSection<Item, Head>[] = [];
  #elements = new Map<string, Fields>();
  #visibleKeys = "";
  #drawHandle = 0;

  constructor(options: VirtualListOptions<Item, Head>) {
    this.#options = options;
  }

  start(): void {
    window.addEventListener("scroll", this.#scheduleDraw, { passive: true });
    this.#resize.observe(document.documentElement);
    this.#resize.observe(this.#options.container);
  }

  stop(): void {
    window.removeEventListener("scroll", this.#scheduleDraw);
    this.#resize.disconnect();
    cancelAnimationFrame(this.#drawHandle);
    this.#drawHandle = 0;
  }

  /** Show `sections` in their order. */
  show(sections: readonly ListSection<Item, Head>[]): void {
    this.#sections = sections;
    this.#draw();
  }

  #draw(): void {
    const { container, onVisibleChange, onRemove } = this.#options;
    const sizes = sizesOf(container);
    const { sections, heightPixels, total } = placesOf(
      this.#sections.map(({ head, items }) => ({ hasHead: head !== null, count: items.length })),
      sizes,
    );
    const height = `${heightPixels}px`;
    if (container.style.height !== height) container.style.height = height;
    const from = -container.getBoundingClientRect().top;
    const shown: Shown[] = [];
    const keys: string[] = [];
    for (const [number, place] of sections.entries()) {
      const { head, items } = this.#sections[number] as ListSection<Item, Head>;
      const visible = visiblePart(place, from, from + window.innerHeight, OVERSCAN_PIXELS, sizes);
      if (head !== null && visible.isHeadVisible) shown.push(this.#head(head, place.top, place.position));
      const begin = visible.firstRow * sizes.columns;
      const end = Math.min(items.length, visible.lastRow * sizes.columns);
      for (let index = begin; index < end; index += 1) {
        const item = this.#item(items[index] as Item, index, place.itemsTop, sizes);
        shown.push({ ...item, position: place.position + Number(place.hasHead) + index });
        keys.push(item.key);
      }
    }
    this.#replace(shown, total, onRemove);
    const visibleKeys = keys.join("\n");
    if (visibleKeys === this.#visibleKeys) return;
    this.#visibleKeys = visibleKeys;
    onVisibleChange(keys);
  }

  #item(item: Item, index: number, itemsTop: number, sizes: ListSizes): Omit<Shown, "position"> {
    const { template, keyOf, fill } = this.#options;
    return {
      key: keyOf(item),
      create: () => Fields.of(template),
      fill: (fields) => fill(fields, item),
      place: (element) => placeItem(element, index, itemsTop, sizes),
    };
  }

  #head(head: Head, top: number, position: number): Shown {
    const { template, keyOf, fill } = this.#options.heads;
    return {
      key: `${HEAD_PREFIX}${keyOf(head)}`,
      create: () => Fields.of(template),
      fill: (fields) => fill(fields, head),
      place: (element) => placeAt(element, `${top}px`, "0px", "100%"),
      position,
    };
  }

  /** Show exactly the elements `shown`, of `total` heads and items. */
  #replace(shown: readonly Shown[], total: number, onRemove?: (key: string) => void): void {
    const previous = this.#elements;
    this.#elements = new Map();
    const kept = new Set(shown.map(({ key }) => key));
    for (const [key, fields] of previous) {
      if (kept.has(key)) continue;
      fields.root.remove();
      if (!key.startsWith(HEAD_PREFIX)) onRemove?.(key);
    }
    // The Tab key follows the order of the elements, so they need the order of the items.
    let next = this.#options.container.firstElementChild;
    for (const { key, create, fill, place, position } of shown) {
      const fields = previous.get(key) ?? create();
      this.#elements.set(key, fields);
      if (fields.root === next) next = next.nextElementSibling;
      else this.#options.container.insertBefore(fields.root, next);
      fill(fields);
      place(fields.root);
      number(fields.root, position, total);
    }
  }
}

function sizesOf(container: HTMLElement): ListSizes {
  const style = getComputedStyle(container);
  const pixels = (name: string): number => Number.parseFloat(style.getPropertyValue(name)) || 0;
  const gapPixels = pixels("--item-gap");
  const width = pixels("--item-width");
  const columns = width === 0 ? 1 : Math.max(1, Math.floor((container.clientWidth + gapPixels) / (width + gapPixels)));
  return { columns, rowPixels: pixels("--item-height") || 1, gapPixels, headPixels: pixels("--head-height") };
}

function placeItem(element: HTMLElement, index: number, itemsTop: number, sizes: ListSizes): void {
  const { columns, rowPixels, gapPixels } = sizes;
  const column = index % columns;
  const top = `${itemsTop + Math.floor(index / columns) * (rowPixels + gapPixels)}px`;
  const share = 100 / columns;
  const left = columns === 1 ? "0px" : `calc(${column * share}% + ${(column * gapPixels) / columns}px)`;
  const width = columns === 1 ? "100%" : `calc(${share}% - ${(gapPixels * (columns - 1)) / columns}px)`;
  placeAt(element, top, left, width);
}

function placeAt(element: HTMLElement, top: string, left: string, width: string): void {
  if (element.style.top !== top) element.style.top = top;
  if (element.style.left !== left) element.style.left = left;
  if (element.style.width !== width) element.style.width = width;
}

/** Set the position and the total for screen readers, since only some items have elements. */
function number(element: HTMLElement, index: number, total: number): void {
  if (element.getAttribute("role") === "row") {
    // Row 1 is the header.
    attribute(element, "aria-rowindex", `${index + 2}`);
    return;
  }
  attribute(element, "aria-posinset", `${index + 1}`);
  attribute(element, "aria-setsize", `${total}`);
}
