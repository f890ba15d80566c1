import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { RetryWait } from "../src/login/retry_wait.ts";

let nowSeconds: number;
let shown: (number | string)[];

beforeEach(() => {
  mock.timers.enable({ apis: ["setInterval"] });
  nowSeconds = 50;
  shown = [];
});

afterEach(() => mock.timers.reset());

function retryWait(seconds: number): RetryWait {
  const view = { remaining: (remaining: number) => shown.push(remaining), over: () => shown.push("over") };
  return new RetryWait(seconds, () => nowSeconds, view);
}

function advance(seconds: number): void {
  for (let half = 0; half < seconds * 2; half += 1) {
    nowSeconds += 0.5;
    mock.timers.tick(500);
  }
}

test("a wait counts down to its end and no further", () => {
  retryWait(3).start();
  advance(10);
  assert.deepEqual([...new Set(shown)], [3, 2, 1, "over"]);
  assert.equal(shown.filter((text) => text === "over").length, 1);
});

test("a wait is over when the machine slept through it", () => {
  retryWait(600).start();
  nowSeconds += 3600;
  advance(0.5);
  assert.equal(shown.at(-1), "over");
});

test("a stopped wait shows nothing more", () => {
  const wait = retryWait(3);
  wait.start();
  wait.stop();
  advance(10);
  assert.deepEqual(shown, [3]);
});
