/** Light, dark, or as the system has it: chosen by a button and remembered. */

import { wording } from "./wording.ts";

const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const KEY = "theme";

/** Told when the colours of the page change, whoever changed them. */
type Listener = () => void;

const listeners = new Set<Listener>();

/** Call `listener` whenever the colours change; returns what ends that. */
export function onThemeChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The colour that a custom property such as `--accent` has now, as `rgb(…)`. */
export function color(property: string): string {
  // A property that depends on the theme is computed only where it is used.
  const sample = document.getElementById("color-probe");
  if (sample === null) return "";
  sample.style.color = `var(${property})`;
  return getComputedStyle(sample).color;
}

/** See the module. Applies the remembered theme when it is made, which is before the page is painted. */
export class ThemeSwitch {
  readonly #button: HTMLButtonElement;
  #theme: Theme = remembered();
  readonly #system = matchMedia("(prefers-color-scheme: dark)");
  readonly #notify = (): void => {
    for (const listener of listeners) listener();
  };

  constructor(button: HTMLButtonElement) {
    this.#button = button;
    this.#apply();
  }

  start(): void {
    this.#button.onclick = () => this.#next();
    this.#system.addEventListener("change", this.#notify);
  }

  stop(): void {
    this.#button.onclick = null;
    this.#system.removeEventListener("change", this.#notify);
  }

  #next(): void {
    this.#theme = THEMES[(THEMES.indexOf(this.#theme) + 1) % THEMES.length] as Theme;
    try {
      localStorage.setItem(KEY, this.#theme);
    } catch {
      // A browser that keeps nothing: it holds for this page.
    }
    this.#apply();
    this.#notify();
  }

  #apply(): void {
    document.documentElement.dataset["theme"] = this.#theme;
    this.#button.title = wording.theme[this.#theme];
    this.#button.setAttribute("aria-label", wording.theme[this.#theme]);
  }
}

function remembered(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === value) ?? "system";
  } catch {
    return "system";
  }
}
