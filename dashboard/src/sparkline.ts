/** A small line of the last values, drawn into an SVG path of a 100 × 100 view box. Gaps stay gaps. */

const POINTS = 60;

/** Values from 0 to `ceiling`, newest at the right. */
export class Sparkline {
  readonly #path: SVGPathElement;
  readonly #ceiling: number;
  readonly #values: (number | null)[] = [];

  constructor(path: SVGPathElement, ceiling = 100) {
    this.#path = path;
    this.#ceiling = ceiling;
  }

  /** Add a value without drawing it; `null`: not known. */
  add(value: number | null): void {
    this.#values.push(value);
    if (this.#values.length > POINTS) this.#values.shift();
  }

  draw(): void {
    this.#path.setAttribute("d", pathOf(this.#values, this.#ceiling));
  }
}

/** SVG path data. A value with none beside it is a dot. */
export function pathOf(values: readonly (number | null)[], ceiling: number): string {
  const step = 100 / (POINTS - 1);
  let path = "";
  let drawing = false;
  values.forEach((value, index) => {
    if (value === null) {
      drawing = false;
      return;
    }
    const x = (100 - (values.length - 1 - index) * step).toFixed(1);
    const y = (100 - (Math.min(value, ceiling) / ceiling) * 100).toFixed(1);
    path += drawing ? `L${x} ${y}` : `M${x} ${y}h0`;
    drawing = true;
  });
  return path;
}
