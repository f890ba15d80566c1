/**
 * The button that ends the session.
 *
 * The token of the form is valid for one session. The page may be older than the session, if somebody signed in again
 * in another tab, so the script reads a new token before it sends the form.
 */

import { currentAddress, signInAddress } from "../address.ts";

const TIMEOUT_MS = 5000;
const TOKEN = "input[name=csrf]";

/** Works from `start()` to `stop()`. Without the script, the browser sends the form unchanged. */
export class SignOut {
  readonly #form: HTMLFormElement;
  readonly #onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    void this.#send();
  };

  constructor(form: HTMLFormElement) {
    this.#form = form;
  }

  start(): void {
    this.#form.addEventListener("submit", this.#onSubmit);
  }

  stop(): void {
    this.#form.removeEventListener("submit", this.#onSubmit);
  }

  async #send(): Promise<void> {
    const token = await freshToken();
    if (token === "") {
      // The session has ended already.
      location.assign(signInAddress(currentAddress()));
      return;
    }
    const own = this.#form.querySelector<HTMLInputElement>(TOKEN);
    if (own !== null && token !== null) own.value = token;
    this.#form.submit();
  }
}

/**
 * Return the token of a fresh copy of this page, the empty string if the server redirects to the sign-in page, or
 * `null` if there is no token.
 */
async function freshToken(): Promise<string | null> {
  try {
    const response = await fetch(location.href, {
      cache: "no-store",
      headers: { Accept: "text/html" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const token = page.querySelector<HTMLInputElement>(`#sign-out ${TOKEN}`)?.value;
    return token ?? (response.redirected ? "" : null);
  } catch {
    return null;
  }
}
