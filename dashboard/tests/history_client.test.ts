import assert from "node:assert/strict";
import test from "node:test";
import { HistoryClient, requestBatches } from "../src/charts/history_client.ts";
import { RESOURCES } from "../src/contract.ts";
import { RestFailed } from "../src/rest.ts";

const QUESTION = { nodes: ["a b", "é"], rangeSeconds: 900, points: 90, measures: ["cpu_usage", "load1"] } as const;

function clientWithResponse(response: () => Response): HistoryClient {
  return new HistoryClient(async () => response());
}

test("a history request has nodes, measures, range and points", async () => {
  let requested = "";
  const client = new HistoryClient(async (path) => {
    requested = String(path);
    return Response.json({ step_seconds: 10 });
  });
  assert.deepEqual(await client.fetchHistory(QUESTION), { step_seconds: 10 });
  const address = new URL(requested, "http://x");
  assert.equal(address.pathname, RESOURCES.history);
  assert.deepEqual(address.searchParams.getAll("node"), ["a b", "é"]);
  assert.deepEqual(address.searchParams.getAll("measure"), ["cpu_usage", "load1"]);
  assert.deepEqual([address.searchParams.get("range_seconds"), address.searchParams.get("points")], ["900", "90"]);
});

test("a failed history request has a reason, also for a broken body", async () => {
  await assert.rejects(clientWithResponse(() => Response.json({}, { status: 503 })).fetchHistory(QUESTION), (error) => {
    return error instanceof RestFailed && /503/.test(error.message);
  });
  await assert.rejects(clientWithResponse(() => new Response('{"half')).fetchHistory(QUESTION), RestFailed);
  await assert.rejects(clientWithResponse(() => Response.error()).fetchHistory(QUESTION), RestFailed);
});

test("an aborted history request is not a failure", async () => {
  const stopped = new AbortController();
  stopped.abort();
  const client = new HistoryClient(async (_path, options) => {
    options?.signal?.throwIfAborted();
    return Response.json({});
  });
  await assert.rejects(client.fetchHistory(QUESTION, stopped.signal), (error) => !(error instanceof RestFailed));
});

test("batches have at most fifty nodes, fewer with long names, and contain all nodes", () => {
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
