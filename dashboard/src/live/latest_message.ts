/** Keep the newest of messages that may arrive late, twice or from another collector. */

import type { Position } from "../contract.ts";

/** What became of a message: it replaced an older one, replaced its equal, or was dropped. */
export type MessageOrder = "newer" | "same" | "older";

/** Seconds without anything newer after which a lower epoch is believed. */
export const LOWER_EPOCH_AFTER_SECONDS = 10;

/** The latest message of one kind. A message of the same epoch and a lower seq is dropped, an equal one replaces. */
export class LatestMessage<M extends Position> {
  #value: M | null = null;
  #newerAtSeconds = Number.NEGATIVE_INFINITY;

  get value(): M | null {
    return this.#value;
  }

  /** Take `message` if it follows. `nowSeconds`: any monotonic clock. */
  accept(message: M, nowSeconds: number): MessageOrder {
    const order = this.#order(message, nowSeconds);
    if (order !== "older") this.#value = message;
    if (order === "newer") this.#newerAtSeconds = nowSeconds;
    return order;
  }

  #order(message: M, nowSeconds: number): MessageOrder {
    const value = this.#value;
    if (value === null || message.epoch > value.epoch) return "newer";
    if (message.epoch < value.epoch) {
      return nowSeconds - this.#newerAtSeconds >= LOWER_EPOCH_AFTER_SECONDS ? "newer" : "older";
    }
    if (message.seq === value.seq) return "same";
    return message.seq > value.seq ? "newer" : "older";
  }
}
