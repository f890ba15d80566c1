/** The cluster as cells of one canvas: a cell for each node, in the order of the nodes. */

import type { Node } from "../contract.ts";
import { attribute } from "../fields.ts";
import { color, onThemeChange } from "../theme.ts";
import { wording } from "../wording.ts";
import { type Box, boxOf, type Grid, gridFor, indexAt } from "./grid.ts";
import { sharedDomain } from "./node_names.ts";
import { gapOf, WallPainter } from "./painter.ts";
import { type Palette, paletteOf } from "./palette.ts";
import type { CellMark, TroubledNode } from "./troubled_nodes.ts";
import type { WallMeasure } from "./wall_measure.ts";

/** The data to draw. */
export interface HeatMapView {
  readonly nodes: readonly Node[];
  readonly markOf: (node: Node) => CellMark | null;
  readonly measure: WallMeasure;
  /** Nodes that the search does not select. */
  readonly isDimmed?: (node: Node) => boolean;
}

/** Opacity of a dimmed cell: its place and its colour remain, and the other cells stand out. */
const DIMMED_ALPHA = 0.18;

/** Fills `container` between `start()` and `stop()`. `onDrawn` is called after every drawing. */
export class HeatMap {
  readonly #container: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #onDrawn: () => void;
  readonly #resize = new ResizeObserver(() => this.#fit());
  #view: HeatMapView = { nodes: [], markOf: () => null, measure: "cpu_usage" };
  #palette: Palette | null = null;
  #painter: WallPainter | null = null;
  /** In pixels of the canvas. */
  #grid: Grid = gridFor(0, 1, 1);
  #ratio = 1;
  #names: readonly string[] = [];
  #unlisten: () => void = () => undefined;

  constructor(container: HTMLElement, canvas: HTMLCanvasElement, onDrawn: () => void) {
    this.#container = container;
    this.#canvas = canvas;
    this.#onDrawn = onDrawn;
  }

  start(): void {
    this.#resize.observe(this.#container);
    this.#unlisten = onThemeChange(() => {
      this.#palette = null;
      this.#painter = null;
      this.draw(this.#view);
    });
  }

  stop(): void {
    this.#resize.disconnect();
    this.#unlisten();
  }

  get view(): HeatMapView {
    return this.#view;
  }

  get grid(): Grid {
    return this.#grid;
  }

  draw(view: HeatMapView): void {
    const previous = this.#view;
    this.#view = view;
    this.#sizeCanvas();
    const { width, height } = this.#canvas;
    const { nodes } = view;
    if (this.#painter === null || this.#grid.count !== nodes.length) {
      this.#grid = gridFor(nodes.length, width, height);
      // There is no gap after the last column and the last row.
      const gap = gapOf(boxOf(this.#grid, 0), this.#ratio);
      this.#grid = { ...this.#grid, width: width + gap, height: height + gap };
      this.#painter = null;
    }
    if (
      nodes.length !== previous.nodes.length ||
      nodes.some((node, index) => node.node !== previous.nodes[index]?.node)
    ) {
      const domain = sharedDomain(nodes.map((node) => node.node)).length;
      this.#names = nodes.map(({ node }) => node.slice(0, node.length - domain));
    }
    this.#paint();
    this.#onDrawn();
  }

  /** Return the node at a position in the container, in pixels of the page. */
  indexAt(x: number, y: number): number | null {
    return indexAt(this.#grid, x * this.#ratio, y * this.#ratio);
  }

  /** Return the box of a cell in the container, in pixels of the page. */
  boxOf(index: number): Box {
    const { x, y, width, height } = boxOf(this.#grid, index);
    return { x: x / this.#ratio, y: y / this.#ratio, width: width / this.#ratio, height: height / this.#ratio };
  }

  #paint(): void {
    const pen = this.#canvas.getContext("2d");
    if (pen === null) return;
    const { nodes, markOf, measure, isDimmed } = this.#view;
    pen.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    if (nodes.length === 0) return;
    this.#palette ??= paletteOf(color);
    // In a few large cells, the letters stop growing.
    const maxFontPixels = Math.min(this.#canvas.width, this.#canvas.height) / 7;
    this.#painter ??= new WallPainter(pen, this.#palette, boxOf(this.#grid, 0), this.#ratio, maxFontPixels);
    for (const [index, node] of nodes.entries()) {
      pen.globalAlpha = isDimmed?.(node) ? DIMMED_ALPHA : 1;
      this.#painter.paint(boxOf(this.#grid, index), node, this.#names[index] ?? node.node, markOf(node), measure);
    }
    pen.globalAlpha = 1;
  }

  #fit(): void {
    if (this.#sizeCanvas()) this.draw(this.#view);
  }

  /** Set the size of the canvas to the pixels of the screen; return whether the size changed. */
  #sizeCanvas(): boolean {
    this.#ratio = devicePixelRatio;
    const width = Math.max(1, Math.round(this.#container.clientWidth * this.#ratio));
    const height = Math.max(1, Math.round(this.#container.clientHeight * this.#ratio));
    if (this.#canvas.width === width && this.#canvas.height === height) return false;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#painter = null;
    return true;
  }
}

/** Describe the map to screen readers, in the label of `container`. */
export function labelMap(container: HTMLElement, nodes: readonly Node[], troubles: readonly TroubledNode[]): void {
  const offline = troubles.filter(({ mark }) => mark === "offline").length;
  attribute(container, "aria-label", wording.wallSummary(nodes.length, offline, troubles.length - offline));
}
