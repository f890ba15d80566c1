import assert from "node:assert/strict";
import test from "node:test";
import type { Node } from "../src/contract.ts";
import { NODE_SEARCH } from "../src/search/node_search.ts";
import { matchesWhole } from "../src/search/patterns.ts";
import { compile, portable } from "../src/search/query.ts";
import { isError } from "../src/search/terms.ts";
import { SNAPSHOT } from "./golden.ts";

function node(name: string, change: Partial<Node> = {}): Node {
  const base: Partial<Node> = { role: "worker", status: "online", cpu_count: 4, memory_total_bytes: 8e9, labels: {} };
  return { ...SNAPSHOT.nodes[0]!, ...base, node: name, address: `${name}.lan:9100`, ...change };
}

const NODES = [
  node("node17", { labels: { rack: "a", owner: "Physics" }, temperature: 71.5, cpu_usage: 90 }),
  node("node18", { labels: { rack: "b", role: "login" }, temperature: null, cpu_usage: 20, role: "master" }),
  node("node2", { labels: { rack: "row 7", note: "x*y" }, temperature: 70, status: "offline", cpu_usage: null }),
  node("oven", { address: "[2001:db8::1]:9100", labels: { Rack: "A-1" }, temperature: 40, memory_total_bytes: 16e9 }),
];

/** Return the numbers of the nodes that a search matches. */
function found(text: string, nodes: readonly Node[] = NODES): string {
  const query = compile(NODE_SEARCH, text);
  if (isError(query)) return `${query.reason}@${query.at} ${query.term}`;
  return nodes.flatMap((each, index) => (query.matches(each) ? [index] : [])).join("");
}

for (const [text, expected] of [
  // Words
  ["", "0123"],
  ["  ", "0123"],
  ["node1", "01"],
  ["NODE17", "0"],
  [".lan:9100", "012"],
  [".lan", "012"],
  ["physics", "0"],
  ["node lan 18", "1"],
  ["nothing", ""],
  ["2001:db8::1", "3"],
  ["[2001:db8", "3"],
  ["db8::1", "3"],
  ["node17.lan:9100", "0"],
  ["10.0.0.4:9100", ""],
  // Alternatives
  ["node17,node18", "01"],
  ["node17,OVEN nod", "0"],
  ["rack:a,b", "01"],
  ["node17.lan:9100,node18.lan:9100", "01"],
  // Globs cover the whole name
  ["node1*", "01"],
  ["*1*", "01"],
  ["ode1*", ""],
  ["*", "0123"],
  ["node*7", "0"],
  ["node17*7", ""],
  ["n*o*e*1*8", "1"],
  ["node1*,oven", "013"],
  ["*.lan", ""],
  // Keys and labels
  ["node:node1", ""],
  ["node:Node17,oven", "03"],
  ["node:*8", "1"],
  ["address:node17.lan", "0"],
  ["address:node17.lan:9100", "0"],
  ["address:2001:db8::1", "3"],
  ["address:*:9100", "0123"],
  ["rack:a", "0"],
  ["rack:a*", "03"],
  ["RACK:A", "0"],
  ["rack:*", "0123"],
  ["zone:*", ""],
  ["role:worker", "023"],
  ["labels.role:login", "1"],
  ["labels.rack:a", "0"],
  ["status:offline", "2"],
  ["Status:on*", "013"],
  ["status:offline,online", "0123"],
  ["constructor:a", ""],
  ["__proto__:a", ""],
  // Negation and quotes
  ["-node1", "23"],
  ["-rack:a", "123"],
  ["rack:* -rack:a,b", "23"],
  ["-temp>70", "123"],
  ['rack:"row 7"', "2"],
  ['rack:row" "7', "2"],
  ["rack:“row 7”", "2"],
  ['"row 7"', "2"],
  ['note:"x*y"', "2"],
  ['"x*y"', "2"],
  ['"*"', "2"],
  ['"\\"a\\\\"', ""],
  ['-"row 7"', "013"],
  ["--x", "0123"],
  ['""', "0123"],
  // Measures
  ["temp>70", "0"],
  ["temp>=70", "02"],
  ["temp > 70", "0"],
  ["temp<70", "3"],
  ["temp<=70", "23"],
  ["temp=70", "2"],
  ["temp>70°C", "0"],
  ["TEMP>.5", "023"],
  ["temperature>70 rack:a", "0"],
  ["cpu<50%", "1"],
  ["cpu_usage>=90", "0"],
  ["memory_total_bytes>=16G", "3"],
  ["memory_total_bytes<15Gi", "0123"],
  ["cores>-1", "0123"],
] as const) {
  test(`the search ${JSON.stringify(text)} finds the nodes ${expected}`, () => assert.equal(found(text), expected));
}

for (const [text, expected] of [
  ["rack:a -", "nothing_negated@7 -"],
  ['a "b c', 'quote_open@2 "b c'],
  ["a >70", "measure_unknown@0 a >70"],
  [">70", "measure_missing@0 >70"],
  ["rack:a >70", "measure_missing@7 >70"],
  ["rack:a hot>70 b", "measure_unknown@7 hot>70"],
  ["constructor>70", "measure_unknown@0 constructor>70"],
  ["temp>hot", "number_expected@0 temp>hot"],
  ["temp>", "number_expected@0 temp>"],
  ["temp>70,5", "number_expected@0 temp>70,5"],
  ["temp>1e9", "number_expected@0 temp>1e9"],
  ["x rack: y", "value_missing@2 rack:"],
  ["node17,", "alternative_missing@0 node17,"],
  [",a", "alternative_missing@0 ,a"],
  ["rack:a,,b", "alternative_missing@0 rack:a,,b"],
  ["rack:a,role:worker x", "alternative_with_key@0 rack:a,role:worker"],
  ["a,temp>70", "alternative_with_key@0 a,temp>70"],
  ["rack=a", "colon_expected@0 rack=a"],
  ["status=offline", "colon_expected@0 status=offline"],
  ["temp:>70", "colon_before_comparison@0 temp:>70"],
  ["node-3>5", "quotes_expected@0 node-3>5"],
  ["-status:of", "value_unknown@0 -status:of"],
  ["role:worker,boss", "value_unknown@0 role:worker,boss"],
  ["a severity:critical", "key_of_alerts@2 severity:critical"],
] as const) {
  test(`the search ${JSON.stringify(text)} has an error with its place`, () => assert.equal(found(text), expected));
}

test("a node of an older collector has neither labels nor new measures", () => {
  const { labels: _, iowait: __, ...older } = node("old");
  assert.equal(found("rack:*", [older as Node]), "");
  assert.equal(found("iowait<100", [older as Node]), "");
  assert.equal(found("old", [older as Node]), "0");
});

test("labels named like properties of objects are found", () => {
  const labels = JSON.parse('{"__proto__": "a", "constructor": "b"}');
  assert.equal(found("__proto__:a constructor:b", [node("x", { labels })]), "0");
});

test("random text never throws, and a search and its negation split the nodes", () => {
  const pieces = [
    "node",
    "1",
    "*",
    ",",
    " ",
    ":",
    "-",
    '"',
    "\\",
    ">",
    "<",
    "=",
    "temp",
    "rack",
    "labels.",
    "role:",
    "[",
    "“",
    "\u00a0",
    "é",
    "status:o*",
  ];
  let seed = 27;
  const next = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  let valid = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const text = Array.from({ length: next(9) }, () => pieces[next(pieces.length)]).join("");
    const query = compile(NODE_SEARCH, text);
    if (isError(query)) {
      assert.ok(text.startsWith(query.term, query.at), JSON.stringify([text, query]));
      continue;
    }
    valid += 1;
    assert.equal(portable(NODE_SEARCH, text) === "", text.trim() === "", text);
    assert.equal(found(portable(NODE_SEARCH, text)), found(text), text);
    if (/[\s"“-]/.test(text) || text === "") continue;
    const both = [...found(text), ...found(`-${text}`)].sort().join("");
    assert.equal(both, "0123", text);
  }
  assert.ok(valid > 4000, `${valid}`);
});

test("a glob with many stars takes time in proportion to the text", () => {
  const pattern = [...Array.from({ length: 200 }, () => "a"), "b"];
  const begin = performance.now();
  for (let round = 0; round < 1000; round += 1) assert.equal(matchesWhole(pattern, "a".repeat(250)), false);
  assert.ok(performance.now() - begin < 1000);
});

test("four thousand nodes are filtered within a small part of a round", () => {
  const nodes = Array.from({ length: 4000 }, (_, index) =>
    node(`node${index}`, {
      labels: { rack: `${index % 40}`, owner: "physics", zone: "north" },
      temperature: index % 90,
    }),
  );
  const query = compile(NODE_SEARCH, "rack:1*,2* -owner:chem* node,oven temp>70");
  assert.ok(!isError(query));
  const times = Array.from({ length: 30 }, () => {
    const begin = performance.now();
    nodes.filter(query.matches);
    return performance.now() - begin;
  }).sort((a, b) => a - b);
  // A busy machine is slower than one that only runs this.
  assert.ok(times[15]! < 20, `${times[15]} ms`);
});
