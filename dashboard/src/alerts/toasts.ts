/**
 * Short notices of alerts that have just begun to fire. Each notice is shown once per tab, on whichever page is open.
 */

import { nodeAddress } from "../address.ts";
import type { Alert, Alerts } from "../contract.ts";
import { messageText } from "../message_texts.ts";
import { wordFor, wording } from "../wording.ts";

const STORAGE_KEY = "alerts-noticed";
/** Maximum number of notices on the screen. A last notice counts the others. */
const MAX_TOASTS = 3;
const TOAST_MS = 12_000;

/** `container` is a live region. Alerts that already fire when the tab opens its first page are not shown. */
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
    const fresh = firing.filter((alert) => !noticed.has(occurrenceKey(alert)));
    for (const alert of fresh.slice(0, MAX_TOASTS)) this.#add(toastOf(alert));
    if (fresh.length > MAX_TOASTS) this.#add(moreToast(fresh.length - MAX_TOASTS));
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
    while (this.#container.childElementCount > MAX_TOASTS + 1) this.#container.firstElementChild?.remove();
    this.#removeLater(toast);
  }

  /** Remove `toast` after a while, unless the reader points at it or has the focus in it. */
  #removeLater(toast: HTMLElement): void {
    setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) this.#removeLater(toast);
      else toast.remove();
    }, TOAST_MS);
  }
}

/** Distinguishes two firings of the same alert. */
function occurrenceKey({ id, since }: Alert): string {
  return `${id} ${since}`;
}

function toastOf(alert: Alert): HTMLElement {
  const toast = linkToast(alert.node === "" ? "/alerts" : nodeAddress(alert.node), messageText(alert));
  toast.dataset["alert"] = alert.id;
  toast.dataset["severity"] = alert.severity;
  const severity = document.createElement("span");
  severity.className = "status";
  severity.textContent = wordFor(wording.severity, alert.severity);
  toast.prepend(severity);
  return toast;
}

function moreToast(count: number): HTMLElement {
  return linkToast("/alerts", wording.moreAlerts(count));
}

function linkToast(address: string, text: string): HTMLElement {
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
    const text = sessionStorage.getItem(STORAGE_KEY);
    return text === null ? null : new Set(JSON.parse(text) as string[]);
  } catch {
    return null;
  }
}

function remember(firing: readonly Alert[]): void {
  try {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(firing.map(occurrenceKey)));
  } catch {
    // Without storage the browser shows no notices. The page itself shows all alerts.
  }
}
