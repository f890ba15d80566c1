/** A small line, drawn into an SVG path of a 100 × 100 view box. Missing values leave gaps. */

import { attribute } from "../fields.ts";

/** Draw `values` from 0 to `ceiling` into `path`, with the newest value at the right. */
export function drawLine(path: SVGPathElement, values: readonly (number | null)[], ceiling: number): void {
  attribute(path, "d", pathOf(values, ceiling));
}

/** Return SVG path data over the whole width, from the first known value. A value without known neighbours is a dot. */
export function pathOf(given: readonly (number | null)[], ceiling: number): string {
  const values = given.slice(
    Math.max(
      0,
      given.findIndex((value) => value !== null),
    ),
  );
  const step = 100 / Math.max(1, values.length - 1);
  let path = "";
  let drawing = false;
  values.forEach((value, index) => {
    if (value === null) {
      drawing = false;
      return;
    }
    const x = (index * step).toFixed(1);
    const y = (100 - (Math.min(value, ceiling) / ceiling) * 100).toFixed(1);
    path += drawing ? `L${x} ${y}` : `M${x} ${y}h0`;
    drawing = true;
  });
  return path;
}
