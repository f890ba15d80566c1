/** The part of the history that all charts of a page show: chosen in a chart or with fields, kept in the address. */

import { followParameters } from "../address.ts";
import { byId, write } from "../fields.ts";
import { momentAfter, shortMoment } from "../format.ts";
import { wording } from "../wording.ts";
import { fromLocalInput, localInput, type Span, spanBetween, spanFromAddress, widened, writeSpan } from "./span.ts";

/**
 * `span` is `null` while the charts follow the live data. `onChange` is called between `start()` and `stop()`. The page
 * has the form `zoom`.
 */
export class Zoom {
  readonly #form = byId("zoom", HTMLFormElement);
  readonly #said = byId("zoom-said", HTMLElement);
  readonly #wider = byId("zoom-wider", HTMLButtonElement);
  readonly #end = byId("zoom-end", HTMLButtonElement);
  readonly #problem = byId("zoom-problem", HTMLElement);
  readonly #rangeSeconds: () => number;
  readonly #onChange: () => void;
  #span: Span | null = spanFromAddress();
  #unfollow: () => void = () => undefined;

  /** `rangeSeconds`: the range while the charts follow the live data. */
  constructor(rangeSeconds: () => number, onChange: () => void) {
    this.#rangeSeconds = rangeSeconds;
    this.#onChange = onChange;
  }

  get span(): Span | null {
    return this.#span;
  }

  /** Length of the shown part, or of the range. */
  get seconds(): number {
    return this.#span === null ? this.#rangeSeconds() : this.#span.to - this.#span.from;
  }

  start(): void {
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      this.#submit();
    };
    this.#wider.onclick = () => this.#widen();
    this.#end.onclick = () => this.leave();
    this.#unfollow = followParameters(["from", "to"], () => this.#adopt(spanFromAddress()));
    this.#show();
  }

  stop(): void {
    this.#form.onsubmit = null;
    this.#wider.onclick = null;
    this.#end.onclick = null;
    this.#unfollow();
  }

  readonly select = (span: Span): void => {
    this.#set(span);
  };

  /** Follow the live data again. */
  readonly leave = (): void => {
    if (this.#span !== null) this.#set(null);
  };

  /** The first part has an entry in the browser's history, so that the way back leads to the live data. */
  #set(span: Span | null): void {
    writeSpan(span, this.#span === null);
    this.#adopt(span);
  }

  #adopt(span: Span | null): void {
    const hadFocus = this.#end === document.activeElement || this.#wider === document.activeElement;
    this.#span = span;
    this.#show();
    // The focused button disappears.
    if (span === null && hadFocus) this.#form.querySelector("summary")?.focus();
    this.#onChange();
  }

  #submit(): void {
    const [from, to] = [fromLocalInput(this.#input("from").value), fromLocalInput(this.#input("to").value)];
    const isValid = from !== null && to !== null && from < to;
    write(this.#problem, isValid ? "" : wording.zoomInvalid);
    if (isValid) this.#set(spanBetween(from, to));
  }

  #widen(): void {
    if (this.#span === null) return;
    const wider = widened(this.#span, Date.now() / 1000);
    if (wider.to - wider.from > Math.max(this.#rangeSeconds(), 86_400)) this.leave();
    else this.#set(wider);
  }

  #show(): void {
    const span = this.#span;
    this.#form.dataset["zoomed"] = `${span !== null}`;
    document.body.toggleAttribute("data-zoomed", span !== null);
    this.#wider.hidden = span === null;
    this.#end.hidden = span === null;
    write(this.#said, span === null ? "" : wording.zoomed(spanText(span)));
    write(this.#problem, "");
    const now = Date.now() / 1000;
    const { from, to } = span ?? { from: now - this.#rangeSeconds(), to: now };
    this.#input("from").value = localInput(from);
    this.#input("to").value = localInput(to);
  }

  #input(name: "from" | "to"): HTMLInputElement {
    return this.#form.elements.namedItem(name) as HTMLInputElement;
  }
}

/** `30 Nov 03:00:00 – 04:00:00` */
export function spanText({ from, to }: Span): string {
  const [begin, end] = [new Date(from * 1000).toISOString(), new Date(to * 1000).toISOString()];
  return `${shortMoment(begin)} – ${momentAfter(end, begin)}`;
}
