/** The colours of the wall in the current theme. */

/** Colours along a scale from low to high, and the text colour for each. */
export interface Ramp {
  readonly fills: readonly string[];
  readonly inks: readonly string[];
}

export interface Palette {
  readonly heat: Ramp;
  /** For temperature: the upper end has another hue. */
  readonly warmth: Ramp;
  readonly online: string;
  readonly onlineInk: string;
  readonly surface: string;
  readonly hollow: string;
  readonly edge: string;
  readonly text: string;
  readonly quiet: string;
  readonly bad: string;
  readonly warn: string;
  readonly info: string;
}

type Rgb = readonly [number, number, number];

/** Number of shades of a ramp, more than an eye can distinguish. */
const SHADES = 32;

/** `color` returns the current value of a custom property as `rgb(…)`. */
export function paletteOf(color: (property: string) => string): Palette {
  const stops = ["--heat-0", "--heat-1", "--heat-2", "--heat-3", "--heat-4"].map((name) => rgbOf(color(name)));
  const online = rgbOf(color("--wall-online"));
  return {
    heat: rampOf(stops),
    warmth: rampOf([...stops.slice(0, 4), rgbOf(color("--heat-hot"))]),
    online: textOf(online),
    onlineInk: inkOn(online),
    surface: color("--surface"),
    hollow: color("--sunken"),
    edge: color("--wall-edge"),
    text: color("--text"),
    quiet: color("--quiet"),
    bad: color("--bad"),
    warn: color("--warn"),
    info: color("--accent"),
  };
}

/** Return the index of the shade for a share from 0 to 1. */
export function shadeOf(share: number): number {
  return Math.round(share * (SHADES - 1));
}

/** Return black or white for text on `rgb`, with a contrast of at least 4.5 to 1. */
export function inkOn(rgb: Rgb): string {
  return luminance(rgb) > 0.179 ? "#000" : "#fff";
}

/** Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
export function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Return the numbers of `rgb(1, 2, 3)`; black for other texts. */
export function rgbOf(text: string): Rgb {
  const [r = 0, g = 0, b = 0] = (text.match(/[\d.]+/g) ?? []).map(Number);
  return [r, g, b];
}

function rampOf(stops: readonly Rgb[]): Ramp {
  const shades = Array.from({ length: SHADES }, (_, index) => mixed(stops, index / (SHADES - 1)));
  return { fills: shades.map(textOf), inks: shades.map(inkOn) };
}

function mixed(stops: readonly Rgb[], share: number): Rgb {
  const place = share * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(place));
  const [from, to] = [stops[below] as Rgb, stops[below + 1] as Rgb];
  const mix = (part: 0 | 1 | 2): number => Math.round(from[part] + (to[part] - from[part]) * (place - below));
  return [mix(0), mix(1), mix(2)];
}

function textOf(rgb: Rgb): string {
  return `rgb(${rgb.join(", ")})`;
}
