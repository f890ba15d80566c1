/** Values as text. What is not known is "–"; a no-break space stands between figure and unit. */

export const UNKNOWN = "–";
const SPACE = "\u00a0";
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const DECIMAL = ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"];

/** `12.34` → `12.3 %`. */
export function percent(value: number | null): string {
  return value === null ? UNKNOWN : `${value.toFixed(1)}${SPACE}%`;
}

/** `51.2` → `51.2 °C`. */
export function celsius(value: number | null): string {
  return value === null ? UNKNOWN : `${value.toFixed(1)}${SPACE}°C`;
}

/** `0.41` → `0.41`. */
export function load(value: number | null): string {
  return value === null ? UNKNOWN : value.toFixed(2);
}

export function count(value: number | null): string {
  return value === null ? UNKNOWN : value.toFixed(0);
}

/** `8201310208` → `7.6 GiB`, as memory and disks are stated by the system. */
export function bytes(value: number | null): string {
  return scaled(value, 1024, BINARY);
}

/** `1234` → `1.2 kB/s`, `734100` → `734 kB/s`. */
export function bytesPerSecond(value: number | null): string {
  return scaled(value, 1000, DECIMAL);
}

function scaled(value: number | null, base: number, units: readonly string[]): string {
  if (value === null) return UNKNOWN;
  let rest = value;
  let unit = 0;
  // 999.7 would be written 1000.
  while (rest >= base - 0.5 && unit < units.length - 1) {
    rest /= base;
    unit += 1;
  }
  return `${rest.toFixed(unit === 0 || rest >= 99.95 ? 0 : 1)}${SPACE}${units[unit]}`;
}

/** A span in its largest unit, `3 min`; under a second `0 s`. Infinite: "–". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}${SPACE}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${SPACE}min`;
  if (whole < 48 * 3600) return `${Math.floor(whole / 3600)}${SPACE}h`;
  return `${Math.floor(whole / 86400)}${SPACE}days`;
}

/** From `since` to `until`, both timestamps of the server, so that the browser's clock does not matter. */
export function elapsed(since: string | null, until: string): string {
  if (since === null) return UNKNOWN;
  return duration((Date.parse(until) - Date.parse(since)) / 1000);
}

/** Time of day where the reader is and as the reader writes it, with the date when it is not today's. */
export function moment(timestamp: string, today = new Date(), locale?: string): string {
  const date = new Date(timestamp);
  const time = date.toLocaleTimeString(locale);
  return date.toDateString() === today.toDateString() ? time : `${date.toLocaleDateString(locale)} ${time}`;
}
