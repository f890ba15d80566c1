/** Keeps the newest of messages that may arrive late, twice or from another collector. */

import type { Position } from "../contract.ts";

/**
 * What happened to a message: it replaced an older message (`newer`), replaced its equal (`same`), or was dropped
 * (`older`).
 */
export type MessageOrder = "newer" | "same" | "older";

/** Seconds without a newer message after which a lower epoch is accepted. */
export const LOWER_EPOCH_AFTER_SECONDS = 10;

/**
 * The latest message of one kind. Within an epoch, a message with a lower seq is dropped, and an equal message
 * replaces.
 */
export class LatestMessage<M extends Position> {
  #value: M | null = null;
  #newerAtSeconds = Number.NEGATIVE_INFINITY;

  get value(): M | null {
    return this.#value;
  }

  /** Accept `message` unless it is older. `nowSeconds`: any monotonic clock. */
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
