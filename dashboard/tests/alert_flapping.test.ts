import assert from "node:assert/strict";
import { test } from "node:test";
import { withFlapping } from "../src/alerts/rows.ts";
import { en } from "../src/wording/en.ts";
import { fr } from "../src/wording/fr.ts";

test("a flapping alert shows how often it fired", () => {
  assert.equal(withFlapping("offline", { flapping: 7 }), "offline · flapping, 7\u00a0×");
  assert.equal(en.flapping(7), "flapping, 7\u00a0×");
  assert.equal(fr.flapping(7), "instable, 7\u00a0×");
});

test("an alert that does not flap, or without the field, has no note", () => {
  assert.equal(withFlapping("offline", { flapping: 0 }), "offline");
  assert.equal(withFlapping("offline", {}), "offline");
});
