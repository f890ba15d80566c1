/** From where to where a chart's values go. */

/**
 * Bottom and top for values from `low` to `high`, both `null` where there are none.
 *
 * `ceiling` is the top where it is fixed, `topOfNothing` the one where there are no values, or all of them are 0.
 */
export function yRange(
  low: number | null,
  high: number | null,
  ceiling: number | null,
  topOfNothing: number,
): [number, number] {
  if (ceiling !== null) return [0, ceiling];
  if (low === null || high === null) return [0, topOfNothing];
  // A flat line in the middle of nothing says nothing: the scale begins at 0 unless the values lie far from it.
  const isFarFromZero = low > 0 && (high - low) / high < 0.5 && high < 200;
  const bottom = isFarFromZero ? Math.max(0, Math.floor(low - (high - low) * 0.2 - 1)) : Math.min(0, low);
  return [bottom, high === bottom ? bottom + topOfNothing : high + (high - bottom) * 0.08];
}
