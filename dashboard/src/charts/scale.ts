/** Bounds of the vertical axis of a chart. */

/** Factor above the highest value, so that the line does not touch the edge. */
const HEADROOM = 1.08;

/**
 * `fixed`: always from `low` to `high`, for percentages. `usual`: from `low` to `high`, widened in whole `step`s for
 * values outside. `from_zero`: from 0 to the highest value, at least to `high`.
 */
export type Scale =
  | { readonly kind: "fixed"; readonly low: number; readonly high: number }
  | { readonly kind: "usual"; readonly low: number; readonly high: number; readonly step: number }
  | { readonly kind: "from_zero"; readonly high: number };

/** Return the bounds of the axis for values between `low` and `high`; both are `null` if there are no values. */
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
