/**
 * The button that ends the session.
 *
 * A form is good for the session that it was made for. This one may stand on a page that is older than the session,
 * where somebody has signed in again in another tab: it is made anew before it is sent.
 */

import { currentAddress, signInAddress } from "../address.ts";

const TIMEOUT_MS = 5000;
const TOKEN = "input[name=csrf]";

/** From `start()` to `stop()`; without it the form is sent as it is. */
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
      // Nobody is signed in any more.
      location.assign(signInAddress(currentAddress()));
      return;
    }
    const own = this.#form.querySelector<HTMLInputElement>(TOKEN);
    if (own !== null && token !== null) own.value = token;
    this.#form.submit();
  }
}

/** The token of a new copy of this page; empty where that leads to signing in instead, `null` without either. */
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
