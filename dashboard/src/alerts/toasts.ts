/** Short notices of alerts that have just begun to fire. Each is shown once, whichever page of the tab is open. */

import { nodeAddress } from "../address.ts";
import type { Alert, Alerts } from "../contract.ts";
import { messageText } from "../message_texts.ts";
import { wordFor, wording } from "../wording.ts";

const KEY = "alerts-noticed";
/** Notices on the screen at once; of more at a time, the rest is a number. */
const SHOWN = 3;
const SHOWN_MS = 12_000;

/** `container` is a live region. What fires when the first page of the tab opens is no news. */
export class Toasts {
  readonly #container: HTMLElement;

  constructor(container: HTMLElement) {
    this.#container = container;
  }

  showAlerts({ active_alerts }: Alerts): void {
    const firing = active_alerts.filter((alert) => alert.state === "firing");
    const noticed = remembered();
    remember(firing);
    for (const toast of [...this.#container.children]) {
      const id = (toast as HTMLElement).dataset["alert"];
      if (id !== undefined && !firing.some((alert) => alert.id === id)) toast.remove();
    }
    if (noticed === null) return;
    const fresh = firing.filter((alert) => !noticed.has(occurrence(alert)));
    for (const alert of fresh.slice(0, SHOWN)) this.#add(toastOf(alert));
    if (fresh.length > SHOWN) this.#add(moreToast(fresh.length - SHOWN));
  }

  #add(toast: HTMLElement): void {
    const close = document.createElement("button");
    close.type = "button";
    close.className = "toast-close";
    close.textContent = "×";
    close.setAttribute("aria-label", wording.dismiss);
    close.onclick = () => toast.remove();
    toast.append(close);
    this.#container.append(toast);
    while (this.#container.childElementCount > SHOWN + 1) this.#container.firstElementChild?.remove();
    this.#removeLater(toast);
  }

  /** Not under the pointer or the focus of a reader. */
  #removeLater(toast: HTMLElement): void {
    setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) this.#removeLater(toast);
      else toast.remove();
    }, SHOWN_MS);
  }
}

/** The same alert may fire again another time. */
function occurrence({ id, since }: Alert): string {
  return `${id} ${since}`;
}

function toastOf(alert: Alert): HTMLElement {
  const toast = linked(alert.node === "" ? "/alerts" : nodeAddress(alert.node), messageText(alert));
  toast.dataset["alert"] = alert.id;
  toast.dataset["severity"] = alert.severity;
  const severity = document.createElement("span");
  severity.className = "status";
  severity.textContent = wordFor(wording.severity, alert.severity);
  toast.prepend(severity);
  return toast;
}

function moreToast(count: number): HTMLElement {
  return linked("/alerts", wording.moreAlerts(count));
}

function linked(address: string, text: string): HTMLElement {
  const toast = document.createElement("div");
  toast.className = "toast";
  const link = document.createElement("a");
  link.href = address;
  link.textContent = text;
  toast.append(link);
  return toast;
}

function remembered(): ReadonlySet<string> | null {
  try {
    const text = sessionStorage.getItem(KEY);
    return text === null ? null : new Set(JSON.parse(text) as string[]);
  } catch {
    return null;
  }
}

function remember(firing: readonly Alert[]): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(firing.map(occurrence)));
  } catch {
    // A browser that keeps nothing shows no notices; the page itself shows all.
  }
}
