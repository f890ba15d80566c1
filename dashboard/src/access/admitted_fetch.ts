/** The `fetch` of a page that may need a session. */

import { ERROR_CODES, type ServerError } from "../contract.ts";
import { RestFailed } from "../rest.ts";
import { wording } from "../wording.ts";
import type { Admission } from "./admission.ts";

/**
 * Return a `fetch` that sends no request while the session has ended, and starts a session check when the api refuses a
 * request for lack of a session.
 *
 * In both cases the `fetch` rejects with `RestFailed`. A 401 from elsewhere, a proxy for instance, is returned like any
 * response.
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
