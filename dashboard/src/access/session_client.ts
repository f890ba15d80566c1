/** Asks what stands behind this page. */

import { RESOURCES } from "../contract.ts";
import { get, RestFailed } from "../rest.ts";

/** `valid`: somebody is signed in, or nobody needs to. `ended`: nobody is. `unknown`: no answer that says so. */
export type SessionState = "valid" | "ended" | "unknown";

/** `fetchState()` also renews the time for which the session may be idle, as every request does. */
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
