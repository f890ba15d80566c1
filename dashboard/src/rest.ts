/** Reads a resource of the api. */

import { wording } from "./wording.ts";

const TIMEOUT_MS = 10_000;

export interface RestResponse<Body> {
  readonly body: Body;
  readonly headers: Headers;
}

/** A request failed. The message is for readers. */
export class RestFailed extends Error {
  /** HTTP status of the response; `null` without a response. */
  readonly status: number | null;

  constructor(message: string, status: number | null = null) {
    super(message);
    this.status = status;
  }
}

/** Return the resource at `path`. Rejects with `RestFailed`, or with the reason of `aborted`. */
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
