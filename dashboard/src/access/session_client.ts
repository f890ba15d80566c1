/** Reads the state of the session. */

import { RESOURCES } from "../contract.ts";
import { get, RestFailed } from "../rest.ts";

/**
 * `valid`: somebody is signed in, or signing in is not required. `ended`: a sign-in is required. `unknown`: the api did
 * not answer.
 */
export type SessionState = "valid" | "ended" | "unknown";

/** `fetchState()` also resets the idle time of the session, as every request does. */
export class SessionClient {
  readonly #fetch: typeof fetch;

  constructor(fetcher: typeof fetch = (...call) => fetch(...call)) {
    this.#fetch = fetcher;
  }

  async fetchState(): Promise<SessionState> {
    try {
      await get(this.#fetch, RESOURCES.session);
      return "valid";
    } catch (error) {
      return error instanceof RestFailed && error.status === 401 ? "ended" : "unknown";
    }
  }
}
