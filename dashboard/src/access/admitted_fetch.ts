/** The `fetch` of a page that may have to be signed in. */

import { ERROR_CODES, type ServerError } from "../contract.ts";
import { RestFailed } from "../rest.ts";
import { wording } from "../wording.ts";
import type { Admission } from "./admission.ts";

/**
 * Return a `fetch` that asks for nothing while nobody is signed in, and tells `admission` when an answer says so.
 *
 * It rejects with `RestFailed` in both cases. A 401 that is not the api's, of a proxy for instance, is an answer
 * like any.
 */
export function admittedFetch(
  admission: Pick<Admission, "state" | "checkSession">,
  fetcher: typeof fetch = (...call) => fetch(...call),
): typeof fetch {
  return async (...call) => {
    if (admission.state === "signed_out") throw new RestFailed(wording.notSignedIn, 401);
    const response = await fetcher(...call);
    if (response.status !== 401 || !(await wantsSession(response))) return response;
    admission.checkSession();
    throw new RestFailed(wording.notSignedIn, 401);
  };
}

async function wantsSession(response: Response): Promise<boolean> {
  try {
    const problem = (await response.clone().json()) as Partial<ServerError>;
    return problem.code === ERROR_CODES.signInRequired;
  } catch {
    return false;
  }
}
