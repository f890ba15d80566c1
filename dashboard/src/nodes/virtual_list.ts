/**
 * A list of items of one height, of which only those on the screen are elements, however many there are.
 *
 * The style of the container says how high an item is (`--item-height`), how wide at least (`--item-width`; 0: as wide as
 * the container) and how far apart (`--item-gap`), in pixels.
 */

import { Fields } from "../fields.ts";

/** Rows beyond the screen's edges that are there too. */
const OVERSCAN_ROWS = 4;

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
  /** Told the keys of the items that are elements, whenever these become others. */
  readonly onWindow: (keys: readonly string[]) => void;
  /** An element comes, or goes for good. */
  readonly onMade?: (key: string, fields: Fields) => void;
  readonly onGone?: (key: string) => void;
}

/** `start()` follows scrolling and resizing, `stop()` lets go. */
export class VirtualList<Item> {
  readonly #options: VirtualListOptions<Item>;
  readonly #resize = new ResizeObserver(() => this.#plan());
  readonly #plan = (): void => {
    this.#planned ||= requestAnimationFrame(() => {
      this.#planned = 0;
      this.#draw();
    });
  };
  #items: readonly Item[] = [];
  #elements = new Map<string, Fields>();
  #window = "";
  #planned = 0;

  constructor(options: VirtualListOptions<Item>) {
    this.#options = options;
  }

  start(): void {
    window.addEventListener("scroll", this.#plan, { passive: true });
    this.#resize.observe(document.documentElement);
    this.#resize.observe(this.#options.container);
  }

  stop(): void {
    window.removeEventListener("scroll", this.#plan);
    this.#resize.disconnect();
    cancelAnimationFrame(this.#planned);
    this.#planned = 0;
  }

  /** Show `items`, in their order, with different keys. */
  show(items: readonly Item[]): void {
    this.#items = items;
    this.#draw();
  }

  #draw(): void {
    const { container, keyOf, fill, onWindow, onMade, onGone, template } = this.#options;
    const layout = layoutOf(container);
    const rows = Math.ceil(this.#items.length / layout.columns);
    const pitch = layout.rowPixels + layout.gapPixels;
    const height = `${Math.max(0, rows * pitch - layout.gapPixels)}px`;
    if (container.style.height !== height) container.style.height = height;
    const top = container.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / pitch) - OVERSCAN_ROWS);
    const last = Math.min(rows, Math.ceil((window.innerHeight - top) / pitch) + OVERSCAN_ROWS);
    const former = this.#elements;
    this.#elements = new Map();
    const keys: string[] = [];
    for (let index = first * layout.columns; index < Math.min(last * layout.columns, this.#items.length); index += 1) {
      const item = this.#items[index] as Item;
      const key = keyOf(item);
      const known = former.get(key);
      const fields = known ?? Fields.of(template);
      former.delete(key);
      this.#elements.set(key, fields);
      keys.push(key);
      if (known === undefined) onMade?.(key, fields);
      fill(fields, item);
      place(fields.root, index, layout);
      if (fields.root.parentElement !== container) container.append(fields.root);
    }
    for (const [key, fields] of former) {
      fields.root.remove();
      onGone?.(key);
    }
    const window_ = keys.join("\n");
    if (window_ === this.#window) return;
    this.#window = window_;
    onWindow(keys);
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
  // The order for those who hear the page, whatever the order of the elements.
  const position = `${index + 1}`;
  const role = element.getAttribute("role") === "row" ? "aria-rowindex" : "aria-posinset";
  if (element.getAttribute(role) !== position) element.setAttribute(role, position);
}
