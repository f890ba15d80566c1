/** Decides how much text fits into a cell. */

/** `full`: name and value; `value`: only the value. Sizes in pixels of the canvas. */
export interface CellText {
  readonly mode: "full" | "value" | "none";
  readonly padding: number;
  /** Width between the paddings. */
  readonly room: number;
  readonly namePixels: number;
  readonly valuePixels: number;
  /** Smallest readable font. */
  readonly minFontPixels: number;
  readonly badgePixels: number;
}

/** In pixels of the page. */
const MIN_FONT_PIXELS = 10;

/** Return the text sizes of a cell. `maxFontPixels`: upper limit, even for a huge cell. */
export function cellTextFor(width: number, height: number, ratio: number, maxFontPixels: number): CellText {
  const padding = Math.round(Math.min(width, height) * 0.12);
  const minFontPixels = MIN_FONT_PIXELS * ratio;
  // A small cell shows its name in the smallest font rather than no name.
  const isTight = width >= 5.5 * minFontPixels && height >= 3.6 * minFontPixels;
  const fitting = Math.floor(Math.min(height * 0.2, width / 8, maxFontPixels * 0.5));
  const namePixels = isTight ? Math.max(fitting, minFontPixels) : fitting;
  const hasName = namePixels >= minFontPixels;
  const largest = hasName ? Math.min(height * 0.36, width / 5, maxFontPixels) : Math.min(height * 0.5, width / 3.4);
  const valuePixels = Math.floor(hasName ? Math.max(largest, namePixels) : largest);
  return {
    mode: hasName ? "full" : valuePixels >= minFontPixels ? "value" : "none",
    padding,
    room: width - 2 * padding,
    namePixels,
    valuePixels,
    minFontPixels,
    badgePixels: Math.round(Math.min(height * 0.34, width * 0.26, maxFontPixels)),
  };
}
