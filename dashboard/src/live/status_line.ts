/** The freshness indicator and the banner. */

import { attribute, byId, Fields } from "../fields.ts";
import { wording } from "../wording.ts";
import { type BannerMessage, bannerMessages, type ConnectionStatus } from "./banner_messages.ts";
import type { Connection } from "./connection.ts";

const TICK_MS = 1000;

/** Shows both between `start()` and `stop()`, at every change and every second. */
export class StatusLine {
  readonly #connection: Connection;
  readonly #pageVersion: string | null;
  readonly #onShown: (now: ConnectionStatus) => void;
  readonly #indicator = new Fields(byId("freshness", HTMLElement));
  readonly #banner = byId("banner", HTMLElement);
  #shown = "";
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #show = (): void => this.show();

  /** `onShown` receives the state every time that it is shown. */
  constructor(connection: Connection, pageVersion: string | null, onShown: (now: ConnectionStatus) => void) {
    this.#connection = connection;
    this.#pageVersion = pageVersion;
    this.#onShown = onShown;
  }

  start(): void {
    this.show();
    this.#connection.onChange = this.#show;
    this.#timer = setInterval(this.#show, TICK_MS);
    document.addEventListener("visibilitychange", this.#show);
  }

  stop(): void {
    this.#connection.onChange = () => undefined;
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#show);
  }

  /** Show the current state. */
  show(): void {
    const now = this.#connection.status();
    document.body.dataset["freshness"] = now.freshness;
    this.#indicator.setData("state", now.freshness);
    this.#indicator.show("state", now.freshness, (state) => wording.freshness[state]);
    const age = now.ageSeconds === null ? wording.noDataYet : wording.age(now.ageSeconds);
    this.#indicator.show("age", age, String);
    this.#showBanner(bannerMessages(now, this.#pageVersion));
    this.#onShown(now);
  }

  #showBanner(found: readonly BannerMessage[]): void {
    const text = found.map((problem) => problem.text).join("\n");
    if (text !== this.#shown) {
      this.#shown = text;
      this.#banner.replaceChildren(...found.map(paragraphOf));
      this.#banner.hidden = found.length === 0;
    }
    // The address of the page may change while the banner stays.
    const addresses = found.flatMap(({ link }) => (link === null ? [] : [link.address]));
    this.#banner.querySelectorAll("a").forEach((link, index) => {
      attribute(link, "href", addresses[index] ?? "");
    });
  }
}

function paragraphOf({ text, link }: BannerMessage): HTMLElement {
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  if (link === null) return paragraph;
  const anchor = document.createElement("a");
  anchor.textContent = link.text;
  paragraph.append(" ", anchor);
  return paragraph;
}
