import assert from "node:assert/strict";
import { test } from "node:test";
import { byUrgency } from "../src/alerts/active_alerts.ts";
import type { Alert } from "../src/contract.ts";
import { ALERTS } from "./golden.ts";

const ALERT = ALERTS.active_alerts[0] as Alert;

test("active alerts are sorted by state, severity and age", () => {
  const expected: Alert[] = [
    { ...ALERT, id: "1", state: "firing", severity: "critical", since: "2026-11-23T09:00:00.000Z" },
    { ...ALERT, id: "2", state: "firing", severity: "critical", since: "2026-11-23T09:00:00.500Z" },
    { ...ALERT, id: "3", state: "firing", severity: "warning", since: "2026-11-23T08:00:00.000Z" },
    { ...ALERT, id: "4", state: "firing", severity: "info", since: "2026-11-23T08:00:00.000Z" },
    { ...ALERT, id: "5", state: "pending", severity: "critical", since: "2026-11-23T07:00:00.000Z" },
  ];
  assert.deepEqual([...expected].reverse().sort(byUrgency), expected);
});
