import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import {
  Admission,
  MIN_CHECK_INTERVAL_SECONDS,
  type PageVisibility,
  SIGNED_OUT_POLL_SECONDS,
} from "../src/access/admission.ts";
import { admittedFetch } from "../src/access/admitted_fetch.ts";
import { SessionClient } from "../src/access/session_client.ts";
import { RENEW_EVERY_SECONDS, SessionRenewal } from "../src/access/session_renewal.ts";
import { RESOURCES } from "../src/contract.ts";
import { get, RestFailed } from "../src/rest.ts";

class FakePage extends EventTarget {
  visibilityState: DocumentVisibilityState = "visible";

  setVisibility(state: DocumentVisibilityState): void {
    this.visibilityState = state;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

let nowSeconds: number;
let requests: string[];
let events: string[];
let respond: () => Response | Promise<Response>;
let page: FakePage;
let admission: Admission;

const valid = (): Response => Response.json({ user: "ada", by: "session" });
const ended = (): Response => Response.json({ code: "sign_in_required" }, { status: 401 });
const away = (): Promise<Response> => Promise.reject(new TypeError("Failed to fetch"));

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  nowSeconds = 1000;
  requests = [];
  events = [];
  respond = valid;
  page = new FakePage();
  const client = new SessionClient((async (path: unknown) => {
    requests.push(path as string);
    return respond();
  }) as typeof fetch);
  admission = new Admission(
    () => client.fetchState(),
    () => nowSeconds,
    page as unknown as PageVisibility,
  );
  admission.onAdmitted = () => events.push("admitted");
  admission.onSignedOut = () => events.push("signed out");
  admission.start();
});

afterEach(() => {
  admission.stop();
  mock.timers.reset();
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

async function advance(seconds: number): Promise<void> {
  nowSeconds += seconds;
  mock.timers.tick(seconds * 1000);
  await settle();
}

async function signedOut(): Promise<void> {
  respond = ended;
  admission.checkSession();
  await settle();
  assert.equal(admission.state, "signed_out");
  requests = [];
  events = [];
}

test("admission checks nothing while no request is refused", async () => {
  page.setVisibility("hidden");
  page.setVisibility("visible");
  await advance(3600);
  assert.deepEqual([requests, events], [[], []]);
});

test("admission checks the session once when many requests are refused together", async () => {
  admission.checkSession();
  admission.checkSession();
  assert.equal(admission.state, "checking");
  await settle();
  assert.deepEqual(requests, [RESOURCES.session]);
  assert.deepEqual(events, ["admitted"]);
  assert.equal(admission.state, "admitted");
});

test("admission checks the session at most every ten seconds when refusals continue", async () => {
  admission.onAdmitted = () => admission.checkSession();
  admission.checkSession();
  await settle();
  assert.equal(requests.length, 1);
  await advance(MIN_CHECK_INTERVAL_SECONDS - 1);
  assert.equal(requests.length, 1);
  await advance(1);
  assert.equal(requests.length, 2);
  for (let round = 0; round < 5; round += 1) await advance(MIN_CHECK_INTERVAL_SECONDS);
  assert.equal(requests.length, 7);
});

test("admission lets the page try again when the session check has no answer", async () => {
  respond = away;
  admission.checkSession();
  await settle();
  assert.deepEqual(events, ["admitted"]);
  respond = () => new Response("<h1>no</h1>", { status: 502 });
  await advance(MIN_CHECK_INTERVAL_SECONDS);
  admission.checkSession();
  await settle();
  assert.deepEqual(events, ["admitted", "admitted"]);
});

test("admission reports an ended session once and ignores later refusals", async () => {
  respond = ended;
  admission.checkSession();
  await settle();
  assert.deepEqual(events, ["signed out"]);
  admission.checkSession();
  await admission.renew();
  await advance(SIGNED_OUT_POLL_SECONDS - 1);
  assert.deepEqual([requests.length, events.length], [1, 1]);
});

test("a signed-out page checks the session every minute while it is visible", async () => {
  await signedOut();
  for (let minute = 0; minute < 5; minute += 1) await advance(SIGNED_OUT_POLL_SECONDS * 1.1);
  assert.equal(requests.length, 5);
  page.setVisibility("hidden");
  await advance(SIGNED_OUT_POLL_SECONDS * 20);
  assert.equal(requests.length, 5);
  assert.deepEqual(events, []);
});

test("a signed-out page checks the session when it becomes visible, and continues after a sign-in", async () => {
  await signedOut();
  page.setVisibility("hidden");
  page.setVisibility("visible");
  await settle();
  assert.deepEqual([requests.length, events], [1, []]);
  respond = valid;
  page.setVisibility("hidden");
  page.setVisibility("visible");
  await settle();
  assert.deepEqual([requests.length, events], [2, ["admitted"]]);
  await advance(3600);
  assert.equal(requests.length, 2);
});

test("a signed-out page stays signed out when the session check has no answer", async () => {
  await signedOut();
  respond = away;
  await advance(SIGNED_OUT_POLL_SECONDS * 1.1);
  assert.equal(requests.length, 1);
  assert.equal(admission.state, "signed_out");
});

test("overlapping session checks send one request", async () => {
  await signedOut();
  let release = (): void => undefined;
  respond = () => new Promise((resolve) => (release = () => resolve(valid())));
  for (let turn = 0; turn < 5; turn += 1) {
    page.setVisibility("hidden");
    page.setVisibility("visible");
  }
  await settle();
  assert.equal(requests.length, 1);
  release();
  await settle();
  assert.deepEqual(events, ["admitted"]);
});

test("an accepted connection ends the signed-out state", async () => {
  await signedOut();
  admission.connectionAccepted();
  assert.equal(admission.state, "admitted");
  assert.deepEqual(events, ["admitted"]);
  await advance(3600);
  assert.deepEqual(requests, []);
});

test("admission sends no request and calls no listener after stop", async () => {
  await signedOut();
  admission.stop();
  respond = valid;
  page.setVisibility("visible");
  await advance(3600);
  assert.deepEqual([requests, events], [[], []]);
});

test("an open page renews its session every five minutes until the session ends", async () => {
  const renewal = new SessionRenewal(admission);
  renewal.start();
  await advance(RENEW_EVERY_SECONDS * 0.89);
  assert.equal(requests.length, 0);
  for (let round = 0; round < 4; round += 1) await advance(RENEW_EVERY_SECONDS);
  assert.equal(requests.length, 4);
  assert.deepEqual(events, []);
  respond = ended;
  page.visibilityState = "hidden";
  for (let round = 0; round < 4; round += 1) await advance(RENEW_EVERY_SECONDS);
  assert.equal(requests.length, 5);
  assert.deepEqual(events, ["signed out"]);
  renewal.stop();
});

test("admitted fetch reports a missing session and then sends no request", async () => {
  let fetched = 0;
  let response = ended;
  const fetcher = admittedFetch(admission, async () => {
    fetched += 1;
    return response();
  });
  respond = ended;
  await assert.rejects(get(fetcher, "/api/alerts"), (error) => {
    return error instanceof RestFailed && error.message === "not signed in";
  });
  await settle();
  assert.equal(admission.state, "signed_out");
  await assert.rejects(get(fetcher, "/api/alerts"), RestFailed);
  assert.equal(fetched, 1);
  admission.connectionAccepted();
  response = valid;
  assert.deepEqual((await get(fetcher, "/api/alerts")).body, { user: "ada", by: "session" });
});

test("admitted fetch returns a 401 that is not from the api", async () => {
  for (const body of ["<h1>who are you?</h1>", '{"code": "other"}', "null"]) {
    const fetcher = admittedFetch(admission, async () => new Response(body, { status: 401 }));
    await assert.rejects(get(fetcher, "/api/alerts"), /HTTP status 401/);
  }
  assert.deepEqual([requests, admission.state], [[], "admitted"]);
});
