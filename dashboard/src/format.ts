/**
 * Values as text in the page's language. An unknown value is "–". A no-break space separates a number from its unit.
 */

import { LANGUAGE, type Language } from "./language.ts";

export const UNKNOWN = "–";
const SPACE = "\u00a0";

interface Units {
  readonly binary: readonly string[];
  readonly decimal: readonly string[];
  readonly days: string;
}

const UNITS: Readonly<Record<Language, Units>> = {
  en: {
    binary: ["B", "KiB", "MiB", "GiB", "TiB", "PiB"],
    decimal: ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"],
    days: "days",
  },
  fr: {
    binary: ["o", "Kio", "Mio", "Gio", "Tio", "Pio"],
    decimal: ["o/s", "ko/s", "Mo/s", "Go/s", "To/s"],
    days: "jours",
  },
};
const units = UNITS[LANGUAGE];

const numbers = [0, 1, 2].map(
  (digits) =>
    new Intl.NumberFormat(LANGUAGE, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      useGrouping: false,
    }),
);

/** Return `value` with 0, 1 or 2 digits after the decimal separator. */
export function decimal(value: number, digits: 0 | 1 | 2): string {
  return (numbers[digits] as Intl.NumberFormat).format(value);
}

/** `12.34` → `12.3 %`. */
export function percent(value: number | null): string {
  return value === null ? UNKNOWN : `${decimal(value, 1)}${SPACE}%`;
}

/** `12.34` → `12 %`, for small places. */
export function wholePercent(value: number | null): string {
  return value === null ? UNKNOWN : `${decimal(value, 0)}${SPACE}%`;
}

/** `51.2` → `51.2 °C`. */
export function celsius(value: number | null): string {
  return value === null ? UNKNOWN : `${decimal(value, 1)}${SPACE}°C`;
}

/** `51.2` → `51 °C`, for small places. */
export function wholeCelsius(value: number | null): string {
  return value === null ? UNKNOWN : `${decimal(value, 0)}${SPACE}°C`;
}

/** `0.41` → `0.41`. */
export function load(value: number | null): string {
  return value === null ? UNKNOWN : decimal(value, 2);
}

export function count(value: number | null): string {
  return value === null ? UNKNOWN : decimal(value, 0);
}

/** `8201310208` → `7.6 GiB`, in the units of operating systems for memory and disks. */
export function bytes(value: number | null): string {
  return scaled(value, 1024, units.binary);
}

/** `1234` → `1.2 kB/s`, `734100` → `734 kB/s`. */
export function bytesPerSecond(value: number | null): string {
  return scaled(value, 1000, units.decimal);
}

function scaled(value: number | null, base: number, names: readonly string[]): string {
  if (value === null) return UNKNOWN;
  let rest = value;
  let unit = 0;
  // 999.7 would become 1000.
  while (rest >= base - 0.5 && unit < names.length - 1) {
    rest /= base;
    unit += 1;
  }
  return `${decimal(rest, unit === 0 || rest >= 99.95 ? 0 : 1)}${SPACE}${names[unit]}`;
}

/** Return a duration in its largest unit, `3 min`; below a second `0 s`; infinite "–". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}${SPACE}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${SPACE}min`;
  if (whole < 48 * 3600) return `${Math.floor(whole / 3600)}${SPACE}h`;
  return `${Math.floor(whole / 86400)}${SPACE}${units.days}`;
}

/**
 * Return the duration from `since` to `until`. Both are timestamps of the server, so the browser's clock does not
 * matter.
 */
export function elapsed(since: string | null, until: string): string {
  if (since === null) return UNKNOWN;
  return duration((Date.parse(until) - Date.parse(since)) / 1000);
}

const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;

/** About eleven months. Up to this age, a day and a month identify a date without the year. */
const MAX_DAYS_WITHOUT_YEAR = 330;
const DAY_MS = 86_400_000;

/** Return the time of day in 24 hours and in the reader's time zone, with the date unless that is today. */
export function moment(timestamp: string, today = new Date(), locale: string = readersLocale()): string {
  const date = new Date(timestamp);
  return isSameDay(date, today) ? timeOfDay(date, locale) : wholeMoment(timestamp, locale);
}

/** Date and time of day: `30/11/2026 00:04:31`. */
export function wholeMoment(timestamp: string, locale: string = readersLocale()): string {
  const date = new Date(timestamp);
  return `${date.toLocaleDateString(locale)} ${timeOfDay(date, locale)}`;
}

/** Short form of `moment`: `30 Nov 00:04:31`, with the year only if the date is older than about eleven months. */
export function shortMoment(timestamp: string, today = new Date(), locale: string = readersLocale()): string {
  const date = new Date(timestamp);
  return isSameDay(date, today) ? timeOfDay(date, locale) : shortDated(date, today, locale);
}

/** Short form of a moment that is shown next to `from`. The date appears only if it differs from the date of `from`. */
export function momentAfter(
  timestamp: string,
  from: string,
  today = new Date(),
  locale: string = readersLocale(),
): string {
  const date = new Date(timestamp);
  return isSameDay(date, new Date(from)) ? timeOfDay(date, locale) : shortDated(date, today, locale);
}

function shortDated(date: Date, today: Date, locale: string): string {
  const isNear = Math.abs(today.getTime() - date.getTime()) < MAX_DAYS_WITHOUT_YEAR * DAY_MS;
  if (!isNear) return wholeMoment(date.toISOString(), locale);
  const day = date.toLocaleDateString(locale, { day: "numeric", month: "short" });
  return `${day.replaceAll(" ", SPACE)} ${timeOfDay(date, locale)}`;
}

function isSameDay(one: Date, other: Date): boolean {
  return one.toDateString() === other.toDateString();
}

function timeOfDay(date: Date, locale: string): string {
  return new Intl.DateTimeFormat(locale, CLOCK).format(date);
}

/** The reader's time zone at this moment: `Europe/Berlin, UTC+01:00`. */
export function timeZone(at = new Date()): string {
  const minutes = -at.getTimezoneOffset();
  const two = (value: number): string => `${Math.floor(value)}`.padStart(2, "0");
  const offset =
    minutes === 0
      ? "UTC"
      : `UTC${minutes < 0 ? "−" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
  const name = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name === undefined || name === "UTC" ? offset : `${name}, ${offset}`;
}

/**
 * Return the reader's locale if it matches the page's language, because `en-GB` and `en-US` write dates differently.
 */
export function readersLocale(): string {
  const own = globalThis.navigator?.language ?? LANGUAGE;
  return own.startsWith(LANGUAGE) ? own : LANGUAGE;
}
