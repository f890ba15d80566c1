import assert from "node:assert/strict";
import test from "node:test";
import { marksNear } from "../src/charts/mark_lines.ts";
import { markLines, markText } from "../src/charts/mark_texts.ts";
import { keyOf, Marks, timed } from "../src/charts/marks.ts";
import { type HistoryMarks, type Mark, RESOURCES } from "../src/contract.ts";
import { ErrorFunnel } from "../src/errors.ts";
import { golden } from "./golden.ts";

const AT = "2026-11-30T03:00:00Z";
const NODE = { rule: null, severity: null, message: null, code: null, args: {} };
const ALERT: Mark = {
  node: "node17",
  at: AT,
  kind: "alert_began",
  rule: "memory",
  severity: "warning",
  message: "node17: memory is 97.2 % in use",
  code: "no_such_code",
  args: {},
};

test("golden events have sentences", () => {
  const { marks, is_complete } = golden("rest/history_marks") as HistoryMarks;
  assert.equal(typeof is_complete, "boolean");
  assert.ok(marks.length > 0);
  for (const mark of marks) assert.doesNotMatch(markText(mark), /undefined|null/);
});

test("each kind of event has its sentence", () => {
  const sentences = ["offline", "online", "reboot"].map((kind) => markText({ node: "a", at: AT, kind, ...NODE }));
  assert.deepEqual(sentences, ["a went offline", "a came online", "a started again (reboot)"]);
  assert.equal(markText(ALERT), "Alert: node17: memory is 97.2 % in use");
  assert.equal(markText({ ...ALERT, kind: "alert_ended" }), "Alert ended: node17: memory is 97.2 % in use");
});

test("an event of a later release is named", () => {
  assert.equal(markText({ node: "a", at: AT, kind: "moved", ...NODE }), "a: moved");
  assert.equal(markText({ node: "a", at: AT, kind: "toString", ...NODE }), "a: toString");
});

test("the nearest events are under the cursor", () => {
  const marks = [100, 103, 110].map((at) => ({ at, mark: ALERT }));
  assert.deepEqual(
    marksNear(marks, 102, 5).map(({ at }) => at),
    [103, 100],
  );
});

test("a tooltip counts the events that it does not name", () => {
  const marks = [1, 2, 3, 4, 5].map((at) => ({ at, mark: ALERT }));
  assert.equal(markLines(marks, 3600).length, 4);
  assert.match(markLines(marks, 3600).at(-1)!, /2 more/);
});

test("events of several answers are in the order of time", () => {
  const later = { ...ALERT, at: "2026-11-30T04:00:00Z" };
  const found = timed([{ marks: [later] }, { marks: [ALERT] }]);
  assert.deepEqual(
    found.map(({ mark }) => mark.at),
    [AT, later.at],
  );
  assert.notEqual(keyOf(found[0]!), keyOf(found[1]!));
});

/** Return a promise and the function that fulfils it. */
function signal(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

test("events are read for the nodes and the range of the page", async () => {
  let asked = "";
  const answer = signal();
  const fetcher = async (path: RequestInfo | URL): Promise<Response> => {
    asked = String(path);
    return Response.json({ marks: [ALERT], is_complete: false });
  };
  const marks = new Marks(fetcher, new ErrorFunnel(), answer.resolve);
  marks.select({ nodes: ["node17", "b c"], rangeSeconds: 3600, span: null });
  await answer.promise;
  marks.stop();
  const address = new URL(asked, "http://x");
  assert.equal(address.pathname, RESOURCES.historyMarks);
  assert.deepEqual(address.searchParams.getAll("node"), ["node17", "b c"]);
  assert.equal(address.searchParams.get("range_seconds"), "3600");
  assert.deepEqual([marks.of("node17").length, marks.of("other").length, marks.isComplete], [1, 0, false]);
});

test("events that could not be read have a reason", async () => {
  const answer = signal();
  const marks = new Marks(async () => Response.json({}, { status: 503 }), new ErrorFunnel(), answer.resolve);
  marks.select({ nodes: ["a"], rangeSeconds: 3600, span: { from: 0, to: 60 } });
  await answer.promise;
  marks.stop();
  assert.match(marks.failure ?? "", /503/);
});
