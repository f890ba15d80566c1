/** Selects a part of a chart by dragging with a mouse, a pen or a finger. */

import type uPlot from "uplot";
import { spanBetween, type ZoomTarget } from "./span.ts";

/** A shorter movement is a click. */
const MIN_DRAG_PIXELS = 8;

/** Listens on the drawing of `plot` between `start()` and `stop()`. A double click leaves the zoomed range. */
export class DragZoom {
  readonly #plot: uPlot;
  readonly #target: ZoomTarget;
  readonly #listeners: readonly [string, (event: never) => void][];
  /** Where the drag began, in pixels of the drawing. */
  #begin: number | null = null;
  #isDragging = false;

  constructor(plot: uPlot, target: ZoomTarget) {
    this.#plot = plot;
    this.#target = target;
    this.#listeners = [
      ["pointerdown", (event: PointerEvent) => this.#press(event)],
      ["pointermove", (event: PointerEvent) => this.#move(event)],
      ["pointerup", (event: PointerEvent) => this.#release(event)],
      ["pointercancel", () => this.#cancel()],
      ["dblclick", () => this.#target.leave()],
    ];
  }

  start(): void {
    for (const [name, react] of this.#listeners) this.#plot.over.addEventListener(name, react as EventListener);
  }

  stop(): void {
    for (const [name, react] of this.#listeners) this.#plot.over.removeEventListener(name, react as EventListener);
  }

  #press(event: PointerEvent): void {
    if (event.button !== 0 || !event.isPrimary) return;
    this.#begin = this.#position(event);
    this.#isDragging = false;
  }

  #move(event: PointerEvent): void {
    if (this.#begin === null || !event.isPrimary) return;
    const now = this.#position(event);
    if (!this.#isDragging) {
      if (Math.abs(now - this.#begin) < MIN_DRAG_PIXELS) return;
      this.#isDragging = true;
      this.#plot.over.setPointerCapture(event.pointerId);
    }
    this.#mark(Math.min(this.#begin, now), Math.abs(now - this.#begin));
  }

  #release(event: PointerEvent): void {
    const begin = this.#begin;
    const wasDragging = this.#isDragging;
    this.#cancel();
    if (begin === null || !wasDragging) return;
    const at = (pixels: number): number => this.#plot.posToVal(pixels, "x");
    this.#target.select(spanBetween(at(begin), at(this.#position(event))));
  }

  #cancel(): void {
    this.#begin = null;
    this.#isDragging = false;
    this.#mark(0, 0);
  }

  #mark(left: number, width: number): void {
    this.#plot.setSelect({ left, width, top: 0, height: this.#plot.over.clientHeight }, false);
  }

  #position({ clientX }: PointerEvent): number {
    const { left, width } = this.#plot.over.getBoundingClientRect();
    return Math.min(width, Math.max(0, clientX - left));
  }
}
