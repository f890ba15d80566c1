/** The moments of the history that a reader can choose: the starts of its steps, finer for younger moments. */

import { RESOLUTIONS } from "../contract.ts";

/** A step of the history becomes known some seconds after its end. */
const MARGIN_SECONDS = 30;

/** Return the starts of all known steps in Unix seconds, oldest first. Each moment has its finest step. */
export function momentsUntil(nowSeconds: number, resolutions: typeof RESOLUTIONS = RESOLUTIONS): number[] {
  const found: number[] = [];
  // The newest step has ended.
  let before = nowSeconds - MARGIN_SECONDS - (resolutions[0]?.stepSeconds ?? 0);
  for (const { stepSeconds, rangeSeconds } of resolutions) {
    const oldest = nowSeconds - rangeSeconds;
    for (let at = (Math.ceil(before / stepSeconds) - 1) * stepSeconds; at >= oldest; at -= stepSeconds) found.push(at);
    before = found.at(-1) ?? before;
  }
  return found.reverse();
}

/** Return the place of the moment that is nearest to `seconds` and not after it; 0 if all are after it. */
export function placeOf(moments: readonly number[], seconds: number): number {
  const later = moments.findIndex((at) => at > seconds);
  return later === -1 ? Math.max(0, moments.length - 1) : Math.max(0, later - 1);
}
