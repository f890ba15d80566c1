import assert from "node:assert/strict";
import test from "node:test";
import { type BannerMessage, bannerMessages, type ConnectionStatus } from "../src/live/banner_messages.ts";

const WELL: ConnectionStatus = {
  freshness: "live",
  ageSeconds: 1,
  admission: "admitted",
  address: "/nodes?q=a&sort=-cpu_usage",
  push: { kind: "connected" },
  redisDownSince: null,
  collectorDown: false,
  pollFailure: null,
  pollIntervalSeconds: 30,
  scriptFailure: null,
  serverVersion: null,
};

function said(change: Partial<ConnectionStatus>): string {
  return textOf(bannerMessages({ ...WELL, ...change }));
}

function textOf(found: readonly BannerMessage[]): string {
  return found.map(({ text }) => text).join("\n");
}

test("nothing is said when all is well, or a connection has only just gone", () => {
  assert.equal(said({}), "");
  assert.equal(said({ push: { kind: "lost" }, freshness: "reconnecting" }), "");
});

test("old data is named with its age and what may be down", () => {
  const sentence = "The data is 40\u00a0s old: the collector or Redis may be down.";
  assert.equal(said({ freshness: "stale", ageSeconds: 42 }), sentence);
  assert.match(said({ freshness: "stale", ageSeconds: 200 }), /3\u00a0min old/);
  assert.match(said({ freshness: "stale", ageSeconds: Number.POSITIVE_INFINITY }), /age of the data is unknown/);
});

test("a known cause takes the place of a guess", () => {
  const redis = said({ freshness: "stale", ageSeconds: 42, redisDownSince: "2026-11-23T09:41:07.120Z" });
  assert.match(redis, /^Redis has been unavailable since .+\nThe data is 40\u00a0s old\.$/s);
  const collector = said({ freshness: "stale", ageSeconds: 42, collectorDown: true });
  assert.match(collector, /^The collector is not running.+\nThe data is 40\u00a0s old\.$/s);
});

test("a refused origin is named with the setting that allows it", () => {
  const sentences = said({ push: { kind: "refused", origin: "http://pi.lan:8085" }, freshness: "polling" });
  assert.match(
    sentences,
    /^The push service refuses this page's origin http:\/\/pi\.lan:8085\. Set WS_ALLOWED_ORIGINS=http:\/\/pi\.lan:8085 \(or PUBLIC_URL\) for the ws service and restart it\.\n/,
  );
  assert.match(sentences, /asks the server every 30 s/);
});

test("polling says how often it asks", () => {
  const sentences = said({ push: { kind: "lost" }, freshness: "polling" });
  assert.equal(
    sentences,
    "The push connection is down: the ws service does not answer.\nMeanwhile, the page asks the server every 30 s.",
  );
});

test("an ended connection says why and what to do", () => {
  const ended = (code: string): string => said({ push: { kind: "ended", serverError: { code, message: "by hand" } } });
  assert.match(ended("bad_request"), /\(by hand\)\. Reload/);
  assert.match(ended("forbidden"), /\(this user has no access\)\. Reload/);
  assert.match(said({ push: { kind: "ended", serverError: null } }), /connection\. Reload/);
});

test("a limit of connections is named, and that the page tries again", () => {
  const sentences = said({ push: { kind: "limited" }, freshness: "polling" });
  assert.match(
    sentences,
    /no more connections.+tries again about every half minute\.\nMeanwhile, the page asks the server every 30 s\./,
  );
});

test("nobody signed in leaves one sentence, and a link that leads back to this page as it is", () => {
  const now: ConnectionStatus = {
    ...WELL,
    admission: "signed_out",
    freshness: "signed_out",
    ageSeconds: 900,
    push: { kind: "unadmitted" },
    pollFailure: "not signed in",
    collectorDown: true,
  };
  const [only, ...rest] = bannerMessages(now);
  assert.deepEqual(rest, []);
  assert.match(only?.text ?? "", /^Please sign in/);
  const address = new URL(only?.link?.address ?? "", "http://x");
  assert.equal(address.pathname, "/login");
  assert.equal(address.searchParams.get("next"), WELL.address);
});

test("nothing is said of the connection while it is found out whether anybody is signed in", () => {
  assert.equal(said({ admission: "checking", push: { kind: "unadmitted" }, pollFailure: "not signed in" }), "");
  assert.equal(said({ push: { kind: "unadmitted" }, freshness: "reconnecting" }), "");
});

test("a silent server is named instead of a guess", () => {
  const sentences = said({ push: { kind: "lost" }, freshness: "stale", ageSeconds: 9, pollFailure: "no answer" });
  assert.equal(sentences, "The server does not answer (no answer). The page keeps trying.\nThe data is 5\u00a0s old.");
});

test("a failure of the script is not kept silent", () => {
  assert.match(said({ scriptFailure: "snapshot" }), /\(snapshot\)/);
});

test("a page older than the server says so", () => {
  assert.match(
    textOf(bannerMessages({ ...WELL, serverVersion: "1.1" }, "1.0")),
    /version 1\.1, but this page is from version 1\.0/,
  );
  assert.deepEqual(bannerMessages({ ...WELL, serverVersion: "1.0" }, "1.0"), []);
  assert.deepEqual(bannerMessages(WELL, "1.0"), []);
});
