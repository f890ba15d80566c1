/** What a namespace says when it lets nobody in. */

import type { ServerError } from "../contract.ts";

/** `error` of a `connect_error`; an attempt that failed on the way to the server has nothing of it. */
export function errorDataOf(error: Error): Partial<ServerError> {
  return (error as Error & { readonly data?: Partial<ServerError> }).data ?? {};
}

/** `error` of a `connect_error` that the namespace sent; `code` is empty where it said none. */
export function serverErrorOf(error: Error): ServerError {
  return { code: "", message: error.message, ...errorDataOf(error) };
}
