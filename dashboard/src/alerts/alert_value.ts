/** The value of an alert, in the unit of its rule. */

import type { Alert } from "../contract.ts";
import { celsius, decimal, percent, UNKNOWN } from "../format.ts";

/** `92.5 %`; "–" where the rule has no value. The value of a rule that is not known here stands without a unit. */
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
