/** How much text a cell has room for. */

/** `full`: name and value; `value`: only that; `none`. Sizes in pixels of the canvas. */
export interface CellText {
  readonly mode: "full" | "value" | "none";
  readonly padding: number;
  /** Width between the paddings. */
  readonly room: number;
  readonly namePixels: number;
  readonly valuePixels: number;
  /** The smallest letters that can be read. */
  readonly leastPixels: number;
  readonly badgePixels: number;
}

/** Pixels of the page. */
const LEAST = 10;

/** For cells of that size; `most`: pixels of the largest value, however large a cell may be. */
export function textFor(width: number, height: number, ratio: number, most: number): CellText {
  const padding = Math.round(Math.min(width, height) * 0.12);
  const leastPixels = LEAST * ratio;
  // A small cell has its name in the smallest letters rather than none.
  const isTight = width >= 5.5 * leastPixels && height >= 3.6 * leastPixels;
  const fitting = Math.floor(Math.min(height * 0.2, width / 8, most * 0.5));
  const namePixels = isTight ? Math.max(fitting, leastPixels) : fitting;
  const hasName = namePixels >= leastPixels;
  const largest = hasName ? Math.min(height * 0.36, width / 5, most) : Math.min(height * 0.5, width / 3.4);
  const valuePixels = Math.floor(hasName ? Math.max(largest, namePixels) : largest);
  return {
    mode: hasName ? "full" : valuePixels >= leastPixels ? "value" : "none",
    padding,
    room: width - 2 * padding,
    namePixels,
    valuePixels,
    leastPixels,
    badgePixels: Math.round(Math.min(height * 0.34, width * 0.26, most)),
  };
}
