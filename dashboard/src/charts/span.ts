/** A part of the time, as a page's address has it. */

import { parameter, setParameters } from "../address.ts";

/** Shortest part that a chart shows. */
export const MIN_SPAN_SECONDS = 60;
/** RFC 3339 in UTC, with whole seconds or with a fraction. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/;

/** Both in whole Unix seconds; `from` is before `to`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What a chart tells its page. */
export interface ZoomTarget {
  readonly select: (span: Span) => void;
  readonly leave: () => void;
}

/** `2026-11-30T03:00:00Z` */
export function utc(seconds: number): string {
  return `${new Date(Math.round(seconds) * 1000).toISOString().slice(0, 19)}Z`;
}

/** Return the Unix seconds of a timestamp in UTC; `null` if `text` is not a timestamp. */
export function secondsOf(text: string): number | null {
  const at = TIMESTAMP.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isFinite(at) ? Math.floor(at / 1000) : null;
}

/** Return the part between two moments in any order, at least a minute long. */
export function spanBetween(one: number, other: number): Span {
  const [from, to] = [Math.floor(Math.min(one, other)), Math.ceil(Math.max(one, other))];
  const missing = Math.max(0, MIN_SPAN_SECONDS - (to - from));
  return { from: from - Math.ceil(missing / 2), to: to + Math.floor(missing / 2) };
}

/** Return a part that is twice as long around the same middle and ends at `nowSeconds` at the latest. */
export function widened({ from, to }: Span, nowSeconds: number): Span {
  const length = 2 * (to - from);
  const end = Math.min(Math.ceil((from + to + length) / 2), Math.floor(nowSeconds));
  return { from: end - length, to: end };
}

/** Return the part in the address; `null` without a valid part. */
export function spanFromAddress(): Span | null {
  const [from, to] = [secondsOf(parameter("from", "")), secondsOf(parameter("to", ""))];
  return from === null || to === null || from >= to ? null : spanBetween(from, to);
}

export function writeSpan(span: Span | null, isNewEntry: boolean): void {
  const values = { from: span === null ? "" : utc(span.from), to: span === null ? "" : utc(span.to) };
  setParameters(values, isNewEntry);
}

/** Value of `<input type="datetime-local">` in the reader's time zone. */
export function localInput(seconds: number): string {
  const shift = new Date(seconds * 1000).getTimezoneOffset() * 60;
  return new Date((seconds - shift) * 1000).toISOString().slice(0, 19);
}

/** Return the Unix seconds of such a value; `null` if the value is empty or incomplete. */
export function fromLocalInput(value: string): number | null {
  const at = value === "" ? Number.NaN : new Date(value).getTime();
  return Number.isFinite(at) ? Math.floor(at / 1000) : null;
}
