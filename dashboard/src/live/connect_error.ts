/** Reads the server's error from a failed connection to a namespace. */

import type { ServerError } from "../contract.ts";

/** Return the data of a `connect_error`; empty if the attempt did not reach the server. */
export function errorDataOf(error: Error): Partial<ServerError> {
  return (error as Error & { readonly data?: Partial<ServerError> }).data ?? {};
}

/** Return the error that the namespace sent; `code` is empty if the server sent no code. */
export function serverErrorOf(error: Error): ServerError {
  return { code: "", message: error.message, ...errorDataOf(error) };
}
