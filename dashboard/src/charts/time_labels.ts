/** Moments as texts in charts: 24 hours, in the reader's time zone. */

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

/** Label of an axis over `rangeSeconds`, with a label every `stepSeconds`. */
export function axisLabel(atSeconds: number, rangeSeconds: number, stepSeconds: number): string {
  const date = new Date(atSeconds * 1000);
  if (stepSeconds < 60) return withSeconds.format(date);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0;
  return rangeSeconds > 2 * DAY_SECONDS || midnight ? day(date) : timeOfDay.format(date);
}

/** A moment within a range. Long ranges add the day, and steps below a minute add the seconds. */
export function timeLabel(atSeconds: number, rangeSeconds: number, stepSeconds = 60): string {
  const date = new Date(atSeconds * 1000);
  return withDay(date, (stepSeconds < 60 ? withSeconds : timeOfDay).format(date), rangeSeconds);
}

/**
 * The moment when the data begins. Only the step that begins at `atSeconds` is known: steps up to a minute give the
 * exact minute, longer steps an approximate time, steps from half an hour an approximate hour. `endSeconds`: start of
 * the last step.
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

/** Round to the nearest full `unitSeconds` of the reader's clock. */
function rounded(atSeconds: number, unitSeconds: number): number {
  const shift = new Date(atSeconds * 1000).getTimezoneOffset() * 60;
  return Math.round((atSeconds - shift) / unitSeconds) * unitSeconds + shift;
}

/** Return the weekday before the day, `Sun 29`, in both languages. */
function day(date: Date): string {
  return `${weekday.format(date)} ${date.getDate()}`;
}
