/** Moments as charts write them, where the reader is and in 24 hours. */

import { LANGUAGE } from "../language.ts";

const DAY_SECONDS = 86_400;
const timeOfDay = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const withSeconds = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const weekday = new Intl.DateTimeFormat(LANGUAGE, { weekday: "short" });

/** Below an axis over `rangeSeconds`, which is labelled every `stepSeconds`. */
export function tick(atSeconds: number, rangeSeconds: number, stepSeconds: number): string {
  const date = new Date(atSeconds * 1000);
  if (stepSeconds < 60) return withSeconds.format(date);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0;
  return rangeSeconds > 2 * DAY_SECONDS || midnight ? day(date) : timeOfDay.format(date);
}

/** A moment within a range: with its day where the range has several, and its second where steps are below a minute. */
export function clock(atSeconds: number, rangeSeconds: number, stepSeconds = 60): string {
  const date = new Date(atSeconds * 1000);
  const time = (stepSeconds < 60 ? withSeconds : timeOfDay).format(date);
  return rangeSeconds >= DAY_SECONDS ? `${day(date)} ${time}` : time;
}

/** `Sun 29`: by itself English would write it the other way round. */
function day(date: Date): string {
  return `${weekday.format(date)} ${date.getDate()}`;
}
