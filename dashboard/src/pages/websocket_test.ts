/** `/websocket-test`: controls the connection by hand and shows every event. */

import { EVENTS, NAMESPACES, type Namespace } from "../contract.ts";
import { EventLog } from "../event_log.ts";
import { byId } from "../fields.ts";
import type { Push } from "../live/push.ts";
import { wording } from "../wording.ts";
import { Page, type PageServices } from "./page.ts";

export class WebsocketTestPage extends Page {
  readonly #log = new EventLog();
  readonly #state = byId("connection-state", HTMLElement);
  readonly #pause = byId("pause", HTMLButtonElement);
  readonly #actions: ReadonlyMap<HTMLButtonElement, () => void>;
  #push: Push | null = null;
  #replica: string | null = null;

  constructor() {
    super();
    const button = (id: string): HTMLButtonElement => byId(id, HTMLButtonElement);
    this.#actions = new Map([
      [button("connect"), () => this.#push?.start()],
      [button("disconnect"), () => this.#push?.stop()],
      [button("request-health"), () => this.#request(NAMESPACES.health, EVENTS.requestHealth)],
      [button("request-nodes"), () => this.#request(NAMESPACES.monitoring, EVENTS.requestNodesStatus)],
      [button("request-cluster"), () => this.#request(NAMESPACES.monitoring, EVENTS.requestClusterStatus)],
      [this.#pause, () => this.#togglePause()],
      [button("clear"), () => this.#log.clear()],
    ]);
  }

  override start({ push }: PageServices): void {
    this.#push = push;
    for (const [button, action] of this.#actions) button.onclick = action;
    this.#showState();
  }

  override stop(): void {
    for (const button of this.#actions.keys()) button.onclick = null;
  }

  /** Show an event. The tap of the push connection. */
  readonly tap = (namespace: Namespace, event: string, args: readonly unknown[]): void => {
    this.#log.add(namespace, event, args);
    if (event === EVENTS.connectionConfirmed) this.#replica = (args[0] as { replica?: string }).replica ?? null;
    if (event === "disconnect" && namespace === NAMESPACES.root) this.#replica = null;
    this.#showState();
  };

  #request(namespace: Namespace, event: string): void {
    this.#log.add(namespace, event, [], true);
    this.#push?.request(namespace, event);
  }

  #togglePause(): void {
    this.#log.pause(!this.#log.paused);
    this.#pause.textContent = this.#log.paused ? wording.resume : wording.pause;
    this.#pause.setAttribute("aria-pressed", `${this.#log.paused}`);
  }

  #showState(): void {
    const transport = this.#push?.transport ?? null;
    this.#state.dataset["connected"] = `${transport !== null}`;
    if (transport === null) this.#state.textContent = wording.disconnected;
    else if (this.#replica === null) this.#state.textContent = wording.connected;
    else this.#state.textContent = wording.connectedTo(this.#replica, transport);
  }
}
