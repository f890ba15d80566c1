/** The list of events on the test page: newest first, limited, with a counter for each event. */

import type { Namespace } from "./contract.ts";
import { byId, Fields } from "./fields.ts";
import { KeyedList } from "./keyed_list.ts";
import { wording } from "./wording.ts";

/** Maximum number of entries on the page. */
const ENTRIES = 200;
/** Maximum number of JSON characters that an entry shows. */
const SHOWN_CHARACTERS = 20_000;

interface Counter {
  readonly namespace: Namespace;
  readonly event: string;
  readonly count: number;
}

/** `add()` shows an event. While `paused`, `add()` only counts the event. */
export class EventLog {
  readonly #list = byId("events", HTMLElement);
  readonly #template = byId("event", HTMLTemplateElement);
  readonly #hiddenText = byId("held", HTMLElement);
  readonly #counters = new Map<string, Counter>();
  readonly #table = new KeyedList<Counter>(
    byId("counters", HTMLElement),
    byId("counter", HTMLTemplateElement),
    ({ namespace, event }) => `${namespace} ${event}`,
    (fields, { namespace, event, count }) => {
      fields.setData("counter", event);
      fields.show("namespace", namespace, String);
      fields.show("event", event, String);
      fields.show("count", count, String);
    },
  );
  #paused = false;
  #hiddenCount = 0;

  get paused(): boolean {
    return this.#paused;
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    this.#hiddenCount = 0;
    this.#hiddenText.textContent = "";
  }

  clear(): void {
    this.#list.replaceChildren();
    this.#counters.clear();
    this.#table.show([]);
    this.#hiddenCount = 0;
    this.#hiddenText.textContent = "";
  }

  /** `sent`: the page sent the event to the server. */
  add(namespace: Namespace, event: string, args: readonly unknown[], sent = false): void {
    if (!sent) this.#count(namespace, event);
    if (this.#paused) {
      this.#hiddenCount += 1;
      this.#hiddenText.textContent = wording.hiddenWhilePaused(this.#hiddenCount);
      return;
    }
    const fields = Fields.of(this.#template);
    fields.setData("event", event);
    fields.setData("namespace", namespace);
    fields.setData("direction", sent ? "sent" : "received");
    fields.show("time", timeOfDay(new Date()), String);
    fields.show("namespace", namespace, String);
    fields.show("event", event, String);
    fields.show("data", pretty(args), String);
    this.#list.prepend(fields.root);
    while (this.#list.childElementCount > ENTRIES) this.#list.lastElementChild?.remove();
  }

  #count(namespace: Namespace, event: string): void {
    const key = `${namespace} ${event}`;
    this.#counters.set(key, { namespace, event, count: (this.#counters.get(key)?.count ?? 0) + 1 });
    this.#table.show([...this.#counters.values()]);
  }
}

function pretty(args: readonly unknown[]): string {
  const text = args.map((arg) => JSON.stringify(arg, null, 2) ?? String(arg)).join("\n");
  if (text.length <= SHOWN_CHARACTERS) return text;
  return `${text.slice(0, SHOWN_CHARACTERS)}\n${wording.moreCharacters(text.length - SHOWN_CHARACTERS)}`;
}

function timeOfDay(date: Date): string {
  const part = (value: number, digits = 2): string => `${value}`.padStart(digits, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => part(value)).join(":");
  return `${time}.${part(date.getMilliseconds(), 3)}`;
}
