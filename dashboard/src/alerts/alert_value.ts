/** The value of an alert, in the unit of its rule. */

import type { Alert } from "../contract.ts";
import { bytes, bytesPerSecond, celsius, decimal, percent, UNKNOWN } from "../format.ts";
import { unitOf } from "../wording/metrics.ts";

/**
 * Return a text such as `92.5 %`, or "–" for a rule without a value. The value of an unknown rule has no unit. A rule of
 * the operator's own names its metric in `args`.
 */
export function alertValue({ rule, value, code, args }: Pick<Alert, "rule" | "value" | "code" | "args">): string {
  if (value === null) return UNKNOWN;
  const metric = args?.["metric"];
  switch (code === "offline_share_high" ? "percent" : unitOf(metric)) {
    case "percent":
      return percent(value);
    case "celsius":
      return celsius(value);
    case "bytes":
      return bytes(value);
    case "bytes_per_second":
      return bytesPerSecond(value);
    case "number":
      return decimal(value, 2);
    case null:
      return builtInValue(rule, value);
  }
}

function builtInValue(rule: string, value: number): string {
  switch (rule) {
    case "memory":
    case "filesystem_full":
    case "cpu":
    case "swap":
    case "pressure":
      return percent(value);
    case "temperature":
      return celsius(value);
    case "clock_offset":
      return `${decimal(value, 1)}\u00a0s`;
    default:
      return decimal(value, 1);
  }
}
