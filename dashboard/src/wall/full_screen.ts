/** A button and a key that show an element in full screen. */

import { isWriting } from "../keyboard.ts";
import { wording } from "../wording.ts";

const KEY = "f";

/** Works between `start()` and `stop()`. The button is hidden if the browser has no full screen. */
export class FullScreen {
  readonly #button: HTMLButtonElement;
  readonly #element: HTMLElement;
  readonly #onChange = (): void => this.#show();
  readonly #onKey = (event: KeyboardEvent): void => {
    const isShortcut = event.key.toLowerCase() === KEY && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isShortcut && !event.repeat && !isWriting(event.target)) this.#toggle();
  };

  constructor(button: HTMLButtonElement, element: HTMLElement) {
    this.#button = button;
    this.#element = element;
  }

  start(): void {
    if (!document.fullscreenEnabled) return;
    this.#button.hidden = false;
    this.#button.onclick = () => this.#toggle();
    document.addEventListener("fullscreenchange", this.#onChange);
    document.addEventListener("keydown", this.#onKey);
    this.#show();
  }

  stop(): void {
    this.#button.onclick = null;
    document.removeEventListener("fullscreenchange", this.#onChange);
    document.removeEventListener("keydown", this.#onKey);
  }

  #toggle(): void {
    // If the browser refuses, nothing changes, and the reader sees this.
    if (document.fullscreenElement === null) this.#element.requestFullscreen().catch(() => undefined);
    else document.exitFullscreen().catch(() => undefined);
  }

  #show(): void {
    const text = document.fullscreenElement === null ? wording.fullScreen : wording.leaveFullScreen;
    this.#button.textContent = text;
    this.#button.title = `${text} (${KEY})`;
  }
}
