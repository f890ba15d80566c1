/** The value of an alert, in the unit of its rule. */

import type { Alert } from "../contract.ts";
import { celsius, decimal, percent, UNKNOWN } from "../format.ts";

/** Return a text such as `92.5 %`, or "–" for a rule without a value. The value of an unknown rule has no unit. */
export function alertValue({ rule, value }: Pick<Alert, "rule" | "value">): string {
  if (value === null) return UNKNOWN;
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
