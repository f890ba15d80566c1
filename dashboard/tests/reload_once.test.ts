import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { reloadOnce } from "../src/live/reload_once.ts";

const storage = new Map<string, string>();
let reloads = 0;
const reload = (): void => {
  reloads += 1;
};

beforeEach(() => {
  storage.clear();
  reloads = 0;
  Object.assign(globalThis, {
    sessionStorage: {
      getItem: (key: string) => storage.get(key) ?? null,
      setItem: (key: string, value: string) => storage.set(key, value),
    },
  });
});

test("a page of the server's version or an unknown version does not reload", () => {
  reloadOnce("1.0", "1.0", reload);
  reloadOnce(null, "1.0", reload);
  reloadOnce("1.0", null, reload);
  assert.equal(reloads, 0);
});

test("an older page reloads once per version of the server", () => {
  reloadOnce("1.0", "1.1", reload);
  reloadOnce("1.0", "1.1", reload);
  assert.equal(reloads, 1);
  reloadOnce("1.0", "1.2", reload);
  assert.equal(reloads, 2);
});

test("a browser without storage does not reload", () => {
  Object.assign(globalThis, {
    sessionStorage: {
      getItem: () => {
        throw new Error("not allowed");
      },
    },
  });
  reloadOnce("1.0", "1.1", reload);
  assert.equal(reloads, 0);
});
