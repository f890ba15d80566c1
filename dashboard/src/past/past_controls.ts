/** The slider, the field and the buttons that choose a past moment of the wall. */

import { fromLocalInput, localInput, utc } from "../charts/span.ts";
import { attribute, byId, write } from "../fields.ts";
import { moment as wholeMoment } from "../format.ts";

export interface PastTarget {
  readonly open: () => void;
  readonly leave: () => void;
  /** A place of the slider was chosen. */
  readonly choosePlace: (place: number) => void;
  /** A moment was entered, in Unix seconds. */
  readonly chooseMoment: (seconds: number) => void;
}

/** Attached between `start()` and `stop()`. `Escape` leaves the past. */
export class PastControls {
  readonly #target: PastTarget;
  readonly #bar = byId("past", HTMLElement);
  readonly #said = byId("past-said", HTMLElement);
  readonly #problem = byId("past-problem", HTMLElement);
  readonly #open = byId("past-open", HTMLButtonElement);
  readonly #leave = byId("past-leave", HTMLButtonElement);
  readonly #slider = byId("past-slider", HTMLInputElement);
  readonly #field = byId("past-at", HTMLInputElement);
  readonly #onKey = (event: KeyboardEvent): void => {
    // In the search field and in its help, the key clears and closes.
    if (event.key !== "Escape" || event.defaultPrevented || document.fullscreenElement !== null) return;
    this.#target.leave();
  };

  constructor(target: PastTarget) {
    this.#target = target;
  }

  start(): void {
    this.#open.onclick = this.#target.open;
    this.#leave.onclick = this.#target.leave;
    this.#slider.oninput = () => this.#target.choosePlace(Number(this.#slider.value));
    this.#field.onchange = () => {
      const seconds = fromLocalInput(this.#field.value);
      if (seconds !== null) this.#target.chooseMoment(seconds);
    };
    document.addEventListener("keydown", this.#onKey);
  }

  stop(): void {
    for (const button of [this.#open, this.#leave]) button.onclick = null;
    this.#slider.oninput = null;
    this.#field.onchange = null;
    document.removeEventListener("keydown", this.#onKey);
  }

  /** Show the chosen moment; `null`: the wall is live. `place`: place of the moment among `moments`. */
  show(at: number | null, moments: readonly number[], place: number): void {
    this.#bar.hidden = at === null;
    this.#open.hidden = at !== null;
    if (at === null) return;
    attribute(this.#slider, "max", `${Math.max(0, moments.length - 1)}`);
    this.#slider.value = `${place}`;
    attribute(this.#slider, "aria-valuetext", wholeMoment(utc(at)));
    const first = moments[0];
    if (first !== undefined) attribute(this.#field, "min", localInput(first));
    // A reader who types must not be interrupted.
    if (fromLocalInput(this.#field.value) !== at) this.#field.value = localInput(at);
  }

  say(text: string, isFailure: boolean): void {
    write(this.#said, text);
    this.#said.classList.toggle("trouble", isFailure);
  }

  /** Show a problem beside the live wall; empty: no problem. */
  showProblem(text: string): void {
    write(this.#problem, text);
  }

  focus(): void {
    this.#slider.focus({ preventScroll: true });
  }

  focusOpen(): void {
    this.#open.focus({ preventScroll: true });
  }
}
