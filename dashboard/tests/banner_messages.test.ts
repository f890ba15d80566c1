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

function bannerText(change: Partial<ConnectionStatus>): string {
  return textOf(bannerMessages({ ...WELL, ...change }));
}

function textOf(found: readonly BannerMessage[]): string {
  return found.map(({ text }) => text).join("\n");
}

test("the banner is empty when all is well or the connection was lost just now", () => {
  assert.equal(bannerText({}), "");
  assert.equal(bannerText({ push: { kind: "lost" }, freshness: "reconnecting" }), "");
});

test("the banner shows the age of old data and the possible causes", () => {
  const sentence = "The data is 40\u00a0s old: the collector or Redis may be down.";
  assert.equal(bannerText({ freshness: "stale", ageSeconds: 42 }), sentence);
  assert.match(bannerText({ freshness: "stale", ageSeconds: 200 }), /3\u00a0min old/);
  assert.match(bannerText({ freshness: "stale", ageSeconds: Number.POSITIVE_INFINITY }), /age of the data is unknown/);
});

test("the banner shows a known cause instead of possible causes", () => {
  const redis = bannerText({ freshness: "stale", ageSeconds: 42, redisDownSince: "2026-11-23T09:41:07.120Z" });
  assert.match(redis, /^Redis has been unavailable since .+\nThe data is 40\u00a0s old\.$/s);
  const collector = bannerText({ freshness: "stale", ageSeconds: 42, collectorDown: true });
  assert.match(collector, /^The collector is not running.+\nThe data is 40\u00a0s old\.$/s);
});

test("the banner names a refused origin and the setting that allows it", () => {
  const sentences = bannerText({ push: { kind: "refused", origin: "http://pi.lan:8085" }, freshness: "polling" });
  assert.match(
    sentences,
    /^The push service refuses this page's origin http:\/\/pi\.lan:8085\. Set WS_ALLOWED_ORIGINS=http:\/\/pi\.lan:8085 \(or PUBLIC_URL\) for the ws service and restart it\.\n/,
  );
  assert.match(sentences, /requests the data every 30 s/);
});

test("the banner shows the interval of polls", () => {
  const sentences = bannerText({ push: { kind: "lost" }, freshness: "polling" });
  assert.equal(
    sentences,
    "The push connection is down: the ws service does not answer.\nUntil then, the page requests the data every 30 s.",
  );
});

test("the banner shows why a connection ended and what to do", () => {
  const ended = (code: string): string =>
    bannerText({ push: { kind: "ended", serverError: { code, message: "by hand" } } });
  assert.match(ended("bad_request"), /\(by hand\)\. Reload/);
  assert.match(ended("forbidden"), /\(this user has no access\)\. Reload/);
  assert.match(bannerText({ push: { kind: "ended", serverError: null } }), /connection\. Reload/);
});

test("the banner names the limit of connections and the next attempt", () => {
  const sentences = bannerText({ push: { kind: "limited" }, freshness: "polling" });
  assert.match(
    sentences,
    /no more connections.+tries again about every half minute\.\nUntil then, the page requests the data every 30 s\./,
  );
});

test("the banner of a signed-out page has one sentence and a link back to the page's state", () => {
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

test("the banner is silent about the connection while the session is checked", () => {
  assert.equal(bannerText({ admission: "checking", push: { kind: "unadmitted" }, pollFailure: "not signed in" }), "");
  assert.equal(bannerText({ push: { kind: "unadmitted" }, freshness: "reconnecting" }), "");
});

test("the banner reports a server without an answer", () => {
  const sentences = bannerText({ push: { kind: "lost" }, freshness: "stale", ageSeconds: 9, pollFailure: "no answer" });
  assert.equal(sentences, "The server does not answer (no answer). The page keeps trying.\nThe data is 5\u00a0s old.");
});

test("the banner reports a failure of the script", () => {
  assert.match(bannerText({ scriptFailure: "snapshot" }), /\(snapshot\)/);
});

test("the banner reports that the page is older than the server", () => {
  assert.match(
    textOf(bannerMessages({ ...WELL, serverVersion: "1.1" }, "1.0")),
    /version 1\.1, but this page is from version 1\.0/,
  );
  assert.deepEqual(bannerMessages({ ...WELL, serverVersion: "1.0" }, "1.0"), []);
  assert.deepEqual(bannerMessages(WELL, "1.0"), []);
});
