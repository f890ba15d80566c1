/**
 * A list of items of equal height. Only items on the screen have elements, however long the list is.
 *
 * The style of the container sets the height of an item (`--item-height`), the minimum width (`--item-width`; 0: as
 * wide as the container) and the distance between items (`--item-gap`), in pixels.
 */

import { attribute, Fields } from "../fields.ts";

/** Height beyond both edges of the screen in which items have elements too. */
const OVERSCAN_PIXELS = 130;

interface Layout {
  readonly columns: number;
  readonly rowPixels: number;
  readonly gapPixels: number;
}

export interface VirtualListOptions<Item> {
  readonly container: HTMLElement;
  readonly template: HTMLTemplateElement;
  readonly keyOf: (item: Item) => string;
  readonly fill: (fields: Fields, item: Item) => void;
  /** Receives the keys of the items with elements, after every change. */
  readonly onVisibleChange: (keys: readonly string[]) => void;
  /** An element was removed. */
  readonly onRemove?: (key: string) => void;
}

/** `start()` follows scrolling and resizing until `stop()`. */
export class VirtualList<Item> {
  readonly #options: VirtualListOptions<Item>;
  readonly #resize = new ResizeObserver(() => this.#scheduleDraw());
  readonly #scheduleDraw = (): void => {
    this.#drawHandle ||= requestAnimationFrame(() => {
      this.#drawHandle = 0;
      this.#draw();
    });
  };
  #items: readonly Item[] = [];
  #elements = new Map<string, Fields>();
  #visibleKeys = "";
  #drawHandle = 0;

  constructor(options: VirtualListOptions<Item>) {
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

  /** Show `items` in their order. Their keys must differ. */
  show(items: readonly Item[]): void {
    this.#items = items;
    this.#draw();
  }

  #draw(): void {
    const { container, keyOf, fill, onVisibleChange, onRemove, template } = this.#options;
    const layout = layoutOf(container);
    const rows = Math.ceil(this.#items.length / layout.columns);
    const pitch = layout.rowPixels + layout.gapPixels;
    const height = `${Math.max(0, rows * pitch - layout.gapPixels)}px`;
    if (container.style.height !== height) container.style.height = height;
    const top = container.getBoundingClientRect().top;
    const overscan = Math.ceil(OVERSCAN_PIXELS / pitch);
    const first = Math.max(0, Math.floor(-top / pitch) - overscan);
    const last = Math.min(rows, Math.ceil((window.innerHeight - top) / pitch) + overscan);
    const previous = this.#elements;
    this.#elements = new Map();
    const begin = first * layout.columns;
    const shown = this.#items.slice(begin, last * layout.columns);
    const keys = shown.map(keyOf);
    const kept = new Set(keys);
    for (const [key, fields] of previous) {
      if (kept.has(key)) continue;
      fields.root.remove();
      onRemove?.(key);
    }
    // The Tab key follows the order of the elements, so they need the order of the items.
    let next = container.firstElementChild;
    for (const [position, item] of shown.entries()) {
      const index = begin + position;
      const key = keys[position] as string;
      const known = previous.get(key);
      const fields = known ?? Fields.of(template);
      this.#elements.set(key, fields);
      if (fields.root === next) next = next.nextElementSibling;
      else container.insertBefore(fields.root, next);
      fill(fields, item);
      place(fields.root, index, layout);
      number(fields.root, index, this.#items.length);
    }
    const visibleKeys = keys.join("\n");
    if (visibleKeys === this.#visibleKeys) return;
    this.#visibleKeys = visibleKeys;
    onVisibleChange(keys);
  }
}

function layoutOf(container: HTMLElement): Layout {
  const style = getComputedStyle(container);
  const pixels = (name: string): number => Number.parseFloat(style.getPropertyValue(name)) || 0;
  const gapPixels = pixels("--item-gap");
  const width = pixels("--item-width");
  const columns = width === 0 ? 1 : Math.max(1, Math.floor((container.clientWidth + gapPixels) / (width + gapPixels)));
  return { columns, rowPixels: pixels("--item-height") || 1, gapPixels };
}

function place(element: HTMLElement, index: number, { columns, rowPixels, gapPixels }: Layout): void {
  const column = index % columns;
  const row = Math.floor(index / columns);
  const top = `${row * (rowPixels + gapPixels)}px`;
  const share = 100 / columns;
  const left = columns === 1 ? "0px" : `calc(${column * share}% + ${(column * gapPixels) / columns}px)`;
  const width = columns === 1 ? "100%" : `calc(${share}% - ${(gapPixels * (columns - 1)) / columns}px)`;
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
