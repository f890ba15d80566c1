import assert from "node:assert/strict";
import test from "node:test";
import { HistoryClient, requestBatches } from "../src/charts/history_client.ts";
import { RESOURCES } from "../src/contract.ts";
import { RestFailed } from "../src/rest.ts";

const QUESTION = { nodes: ["a b", "é"], rangeSeconds: 900, points: 90, measures: ["cpu_usage", "load1"] } as const;

function answering(response: () => Response): HistoryClient {
  return new HistoryClient(async () => response());
}

test("a question names nodes, measures, range and points", async () => {
  let asked = "";
  const client = new HistoryClient(async (path) => {
    asked = String(path);
    return Response.json({ step_seconds: 10 });
  });
  assert.deepEqual(await client.fetchHistory(QUESTION), { step_seconds: 10 });
  const address = new URL(asked, "http://x");
  assert.equal(address.pathname, RESOURCES.history);
  assert.deepEqual(address.searchParams.getAll("node"), ["a b", "é"]);
  assert.deepEqual(address.searchParams.getAll("measure"), ["cpu_usage", "load1"]);
  assert.deepEqual([address.searchParams.get("range_seconds"), address.searchParams.get("points")], ["900", "90"]);
});

test("what fails says why, in its body too", async () => {
  await assert.rejects(answering(() => Response.json({}, { status: 503 })).fetchHistory(QUESTION), (error) => {
    return error instanceof RestFailed && /503/.test(error.message);
  });
  await assert.rejects(answering(() => new Response('{"half')).fetchHistory(QUESTION), RestFailed);
  await assert.rejects(answering(() => Response.error()).fetchHistory(QUESTION), RestFailed);
});

test("a question that is given up is no failure", async () => {
  const stopped = new AbortController();
  stopped.abort();
  const client = new HistoryClient(async (_path, options) => {
    options?.signal?.throwIfAborted();
    return Response.json({});
  });
  await assert.rejects(client.fetchHistory(QUESTION, stopped.signal), (error) => !(error instanceof RestFailed));
});

test("a request names at most fifty nodes, fewer where names are long, and all stand in one", () => {
  const short = Array.from({ length: 120 }, (_, index) => `node${index}`);
  assert.deepEqual(
    requestBatches(short).map(({ length }) => length),
    [50, 50, 20],
  );
  assert.deepEqual(requestBatches(short).flat(), short);
  const long = Array.from({ length: 50 }, (_, index) => `${"é".repeat(100)}${index}`);
  assert.ok(requestBatches(long).every((names) => names.map(encodeURIComponent).join("&node=").length < 4000));
  assert.deepEqual(requestBatches(long).flat(), long);
  assert.deepEqual(requestBatches([]), []);
});
