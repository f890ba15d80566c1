/** The events of a page's charts as a list, for the keyboard and for screen readers. */

import { asIs, byId, type Fields, write } from "../fields.ts";
import { shortMoment } from "../format.ts";
import { KeyedList } from "../keyed_list.ts";
import { wording } from "../wording.ts";
import type { TimedMark } from "./mark_lines.ts";
import { markText } from "./mark_texts.ts";
import { keyOf, type Marks } from "./marks.ts";
import { type Span, spanBetween } from "./span.ts";

/** Rows of the list. */
const MAX_ROWS = 100;
/** Half of the part that a click on an event shows. */
const AROUND_SECONDS = 900;

export interface MarkListTarget {
  /** Emphasize an event in the charts. */
  readonly pointAt: (seconds: number | null) => void;
  readonly select: (span: Span) => void;
}

/** Fills the section `marks` of the page. */
export class MarkList {
  readonly #target: MarkListTarget;
  readonly #section = byId("marks", HTMLDetailsElement);
  readonly #count = byId("marks-count", HTMLElement);
  readonly #note = byId("marks-note", HTMLElement);
  readonly #rows = new KeyedList<TimedMark>(
    byId("marks-list", HTMLElement),
    byId("mark-row", HTMLTemplateElement),
    keyOf,
    (fields, mark) => this.#fill(fields, mark),
  );

  constructor(target: MarkListTarget) {
    this.#target = target;
  }

  /** Show the events, the newest first. */
  show(marks: Marks): void {
    const { all, failure, isComplete } = marks;
    this.#section.hidden = all.length === 0 && failure === null;
    write(this.#count, wording.eventsShown(all.length));
    const notes = [];
    if (failure !== null) notes.push(wording.eventsFailed(failure));
    if (all.length > MAX_ROWS || !isComplete) notes.push(wording.newestEventsOnly(Math.min(MAX_ROWS, all.length)));
    write(this.#note, notes.join(" "));
    this.#rows.show(all.slice(-MAX_ROWS).reverse());
  }

  #fill(fields: Fields, { at, mark }: TimedMark): void {
    fields.setData("kind", mark.kind);
    fields.setData("severity", mark.severity ?? "");
    fields.show("at", mark.at, shortMoment);
    fields.show("text", markText(mark), asIs);
    const button = fields.root.querySelector("button");
    if (button === null) return;
    button.onfocus = () => this.#target.pointAt(at);
    button.onblur = () => this.#target.pointAt(null);
    button.onpointerenter = () => this.#target.pointAt(at);
    button.onpointerleave = () => this.#target.pointAt(null);
    button.onclick = () => this.#target.select(spanBetween(at - AROUND_SECONDS, at + AROUND_SECONDS));
  }
}
