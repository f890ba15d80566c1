/** What a namespace says when it lets nobody in. */

import type { Refusal } from "../contract.ts";

/** `error` of a `connect_error`; an attempt that failed on the way to the server has nothing of it. */
export function saidIn(error: Error): Partial<Refusal> {
  return (error as Error & { readonly data?: Partial<Refusal> }).data ?? {};
}

/** `error` of a `connect_error` that the namespace sent; `code` is empty where it said none. */
export function refusalOf(error: Error): Refusal {
  return { code: "", message: error.message, ...saidIn(error) };
}
