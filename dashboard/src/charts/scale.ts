/** From where to where the vertical axis of a chart goes. */

/** More than the highest value, so that its line is not at the edge. */
const HEADROOM = 1.08;

/**
 * `fixed`: from `low` to `high` always, as percentages. `usual`: likewise, widened in whole `step`s where values lie
 * outside. `from_zero`: from 0 to the highest value, or to `high` where all are lower.
 */
export type Scale =
  | { readonly kind: "fixed"; readonly low: number; readonly high: number }
  | { readonly kind: "usual"; readonly low: number; readonly high: number; readonly step: number }
  | { readonly kind: "from_zero"; readonly high: number };

/** The ends of the axis for values between `low` and `high`, which are `null` where there are none. */
export function bounds(scale: Scale, low: number | null, high: number | null): [number, number] {
  switch (scale.kind) {
    case "fixed":
      return [scale.low, scale.high];
    case "usual": {
      const { step } = scale;
      return [
        Math.min(scale.low, Math.floor((low ?? scale.low) / step) * step),
        Math.max(scale.high, Math.ceil((high ?? scale.high) / step) * step),
      ];
    }
    case "from_zero":
      return [0, Math.max(scale.high, (high ?? 0) * HEADROOM)];
  }
}
