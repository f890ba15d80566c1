/** The colour theme: light, dark, or the system's. A button changes the theme, and the browser stores the choice. */

import { wording } from "./wording.ts";

const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const STORAGE_KEY = "theme";

/** Called after every change of the page's colours. */
type Listener = () => void;

const listeners = new Set<Listener>();

/** Call `listener` after every change of the colours. Return a function that removes `listener`. */
export function onThemeChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return the current colour of a custom property such as `--accent`, as `rgb(…)`. */
export function color(property: string): string {
  // A property that depends on the theme is computed only on an element that uses it.
  const sample = document.getElementById("color-probe");
  if (sample === null) return "";
  sample.style.color = `var(${property})`;
  return getComputedStyle(sample).color;
}

/** Switches between the themes. The constructor applies the stored theme before the page is painted. */
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
      localStorage.setItem(STORAGE_KEY, this.#theme);
    } catch {
      // Without storage, the choice is valid for this page only.
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
    const value = localStorage.getItem(STORAGE_KEY);
    return THEMES.find((theme) => theme === value) ?? "system";
  } catch {
    return "system";
  }
}
