/** Reads a resource of the api. */

import { wording } from "./wording.ts";

const TIMEOUT_MS = 10_000;

export interface RestResponse<Body> {
  readonly body: Body;
  readonly headers: Headers;
}

/** Why there is no answer, in words for people. */
export class RestFailed extends Error {
  /** HTTP status of the answer; `null` where none came. */
  readonly status: number | null;

  constructor(message: string, status: number | null = null) {
    super(message);
    this.status = status;
  }
}

/** Return what stands at `path`; rejects with `RestFailed`, or as `aborted` says. */
export async function get<Body>(
  fetcher: typeof fetch,
  path: string,
  aborted?: AbortSignal,
): Promise<RestResponse<Body>> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const signal = aborted === undefined ? timeout : AbortSignal.any([aborted, timeout]);
  try {
    const response = await fetcher(path, { cache: "no-store", headers: { Accept: "application/json" }, signal });
    if (!response.ok) throw new RestFailed(wording.httpStatus(response.status), response.status);
    return { body: (await response.json()) as Body, headers: response.headers };
  } catch (error) {
    if (error instanceof RestFailed || aborted?.aborted === true) throw error;
    throw new RestFailed(wording.noAnswer);
  }
}
