/** Moments as charts write them, where the reader is and in 24 hours. */

import { LANGUAGE } from "../language.ts";
import { wording } from "../wording.ts";

const DAY_SECONDS = 86_400;
const HALF_HOUR_SECONDS = 1800;
const timeOfDay = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const withSeconds = new Intl.DateTimeFormat(LANGUAGE, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const weekday = new Intl.DateTimeFormat(LANGUAGE, { weekday: "short" });

/** Below an axis over `rangeSeconds`, which is labelled every `stepSeconds`. */
export function axisLabel(atSeconds: number, rangeSeconds: number, stepSeconds: number): string {
  const date = new Date(atSeconds * 1000);
  if (stepSeconds < 60) return withSeconds.format(date);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0;
  return rangeSeconds > 2 * DAY_SECONDS || midnight ? day(date) : timeOfDay.format(date);
}

/** A moment within a range: with its day where the range has several, and its second where steps are below a minute. */
export function timeLabel(atSeconds: number, rangeSeconds: number, stepSeconds = 60): string {
  const date = new Date(atSeconds * 1000);
  return withDay(date, (stepSeconds < 60 ? withSeconds : timeOfDay).format(date), rangeSeconds);
}

/**
 * The moment when data dataStartLabel, of which only the step is known that begins at `atSeconds`: to the minute where steps are
 * that short, else about; to the hour where steps are half an hour or longer. `endSeconds`: the begin of the last step.
 */
export function dataStartLabel(
  atSeconds: number,
  rangeSeconds: number,
  stepSeconds: number,
  endSeconds: number,
): string {
  if (stepSeconds <= 60) return timeLabel(atSeconds, rangeSeconds);
  const unit = stepSeconds < HALF_HOUR_SECONDS ? 300 : 3600;
  const middle = rounded(atSeconds + stepSeconds / 2, unit);
  const date = new Date((middle > endSeconds ? middle - unit : middle) * 1000);
  return withDay(date, wording.about(timeOfDay.format(date)), rangeSeconds);
}

function withDay(date: Date, time: string, rangeSeconds: number): string {
  return rangeSeconds >= DAY_SECONDS ? `${day(date)} ${time}` : time;
}

/** To the nearest full `unitSeconds` of the reader's clock. */
function rounded(atSeconds: number, unitSeconds: number): number {
  const shift = new Date(atSeconds * 1000).getTimezoneOffset() * 60;
  return Math.round((atSeconds - shift) / unitSeconds) * unitSeconds + shift;
}

/** `Sun 29`: by itself English would write it the other way round. */
function day(date: Date): string {
  return `${weekday.format(date)} ${date.getDate()}`;
}
