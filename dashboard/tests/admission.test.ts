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

class Page extends EventTarget {
  visibilityState: DocumentVisibilityState = "visible";

  see(state: DocumentVisibilityState): void {
    this.visibilityState = state;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

let nowSeconds: number;
let asked: string[];
let told: string[];
let answer: () => Response | Promise<Response>;
let page: Page;
let admission: Admission;

const valid = (): Response => Response.json({ user: "ada", by: "session" });
const ended = (): Response => Response.json({ code: "sign_in_required" }, { status: 401 });
const away = (): Promise<Response> => Promise.reject(new TypeError("Failed to fetch"));

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  nowSeconds = 1000;
  asked = [];
  told = [];
  answer = valid;
  page = new Page();
  const client = new SessionClient((async (path: unknown) => {
    asked.push(path as string);
    return answer();
  }) as typeof fetch);
  admission = new Admission(
    () => client.fetchState(),
    () => nowSeconds,
    page as unknown as PageVisibility,
  );
  admission.onAdmitted = () => told.push("admitted");
  admission.onSignedOut = () => told.push("signed out");
  admission.start();
});

afterEach(() => {
  admission.stop();
  mock.timers.reset();
});

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

async function pass(seconds: number): Promise<void> {
  nowSeconds += seconds;
  mock.timers.tick(seconds * 1000);
  await settled();
}

async function signedOut(): Promise<void> {
  answer = ended;
  admission.checkSession();
  await settled();
  assert.equal(admission.state, "signed_out");
  asked = [];
  told = [];
}

test("a page that is not refused asks for nothing", async () => {
  page.see("hidden");
  page.see("visible");
  await pass(3600);
  assert.deepEqual([asked, told], [[], []]);
});

test("many refusals at once ask about the session once", async () => {
  admission.checkSession();
  admission.checkSession();
  assert.equal(admission.state, "checking");
  await settled();
  assert.deepEqual(asked, [RESOURCES.session]);
  assert.deepEqual(told, ["admitted"]);
  assert.equal(admission.state, "admitted");
});

test("a page refused again and again asks every ten seconds and no sooner", async () => {
  admission.onAdmitted = () => admission.checkSession();
  admission.checkSession();
  await settled();
  assert.equal(asked.length, 1);
  await pass(MIN_CHECK_INTERVAL_SECONDS - 1);
  assert.equal(asked.length, 1);
  await pass(1);
  assert.equal(asked.length, 2);
  for (let round = 0; round < 5; round += 1) await pass(MIN_CHECK_INTERVAL_SECONDS);
  assert.equal(asked.length, 7);
});

test("no answer about the session is as with any lost connection", async () => {
  answer = away;
  admission.checkSession();
  await settled();
  assert.deepEqual(told, ["admitted"]);
  answer = () => new Response("<h1>no</h1>", { status: 502 });
  await pass(MIN_CHECK_INTERVAL_SECONDS);
  admission.checkSession();
  await settled();
  assert.deepEqual(told, ["admitted", "admitted"]);
});

test("a page whose session has ended says so once and asks for nothing on refusals", async () => {
  answer = ended;
  admission.checkSession();
  await settled();
  assert.deepEqual(told, ["signed out"]);
  admission.checkSession();
  await admission.renew();
  await pass(SIGNED_OUT_POLL_SECONDS - 1);
  assert.deepEqual([asked.length, told.length], [1, 1]);
});

test("a signed-out page looks every minute while it is seen", async () => {
  await signedOut();
  for (let minute = 0; minute < 5; minute += 1) await pass(SIGNED_OUT_POLL_SECONDS * 1.1);
  assert.equal(asked.length, 5);
  page.see("hidden");
  await pass(SIGNED_OUT_POLL_SECONDS * 20);
  assert.equal(asked.length, 5);
  assert.deepEqual(told, []);
});

test("a signed-out page looks at once when it is seen again, and goes on where somebody has signed in", async () => {
  await signedOut();
  page.see("hidden");
  page.see("visible");
  await settled();
  assert.deepEqual([asked.length, told], [1, []]);
  answer = valid;
  page.see("hidden");
  page.see("visible");
  await settled();
  assert.deepEqual([asked.length, told], [2, ["admitted"]]);
  await pass(3600);
  assert.equal(asked.length, 2);
});

test("a signed-out page stays so without an answer", async () => {
  await signedOut();
  answer = away;
  await pass(SIGNED_OUT_POLL_SECONDS * 1.1);
  assert.equal(asked.length, 1);
  assert.equal(admission.state, "signed_out");
});

test("looks that overlap are one", async () => {
  await signedOut();
  let release = (): void => undefined;
  answer = () => new Promise((resolve) => (release = () => resolve(valid())));
  for (let turn = 0; turn < 5; turn += 1) {
    page.see("hidden");
    page.see("visible");
  }
  await settled();
  assert.equal(asked.length, 1);
  release();
  await settled();
  assert.deepEqual(told, ["admitted"]);
});

test("a connection that is let in ends the signed-out state", async () => {
  await signedOut();
  admission.connectionAccepted();
  assert.equal(admission.state, "admitted");
  assert.deepEqual(told, ["admitted"]);
  await pass(3600);
  assert.deepEqual(asked, []);
});

test("after stop nothing is asked and nobody told", async () => {
  await signedOut();
  admission.stop();
  answer = valid;
  page.see("visible");
  await pass(3600);
  assert.deepEqual([asked, told], [[], []]);
});

test("an open page renews its session every five minutes, until it has ended", async () => {
  const renewal = new SessionRenewal(admission);
  renewal.start();
  await pass(RENEW_EVERY_SECONDS * 0.89);
  assert.equal(asked.length, 0);
  for (let round = 0; round < 4; round += 1) await pass(RENEW_EVERY_SECONDS);
  assert.equal(asked.length, 4);
  assert.deepEqual(told, []);
  answer = ended;
  page.visibilityState = "hidden";
  for (let round = 0; round < 4; round += 1) await pass(RENEW_EVERY_SECONDS);
  assert.equal(asked.length, 5);
  assert.deepEqual(told, ["signed out"]);
  renewal.stop();
});

test("a fetch tells of a missing session, and after that asks for nothing", async () => {
  let fetched = 0;
  let response = ended;
  const fetcher = admittedFetch(admission, async () => {
    fetched += 1;
    return response();
  });
  answer = ended;
  await assert.rejects(get(fetcher, "/api/alerts"), (error) => {
    return error instanceof RestFailed && error.message === "not signed in";
  });
  await settled();
  assert.equal(admission.state, "signed_out");
  await assert.rejects(get(fetcher, "/api/alerts"), RestFailed);
  assert.equal(fetched, 1);
  admission.connectionAccepted();
  response = valid;
  assert.deepEqual((await get(fetcher, "/api/alerts")).body, { user: "ada", by: "session" });
});

test("a 401 that is not the api's is an answer like any", async () => {
  for (const body of ["<h1>who are you?</h1>", '{"code": "other"}', "null"]) {
    const fetcher = admittedFetch(admission, async () => new Response(body, { status: 401 }));
    await assert.rejects(get(fetcher, "/api/alerts"), /HTTP status 401/);
  }
  assert.deepEqual([asked, admission.state], [[], "admitted"]);
});
