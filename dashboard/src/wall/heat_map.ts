/** The cluster as cells of one canvas: a cell for each node, in the order of the nodes, in a grid or in blocks. */

import type { Node } from "../contract.ts";
import { attribute } from "../fields.ts";
import { color, onThemeChange } from "../theme.ts";
import { wording } from "../wording.ts";
import type { Box } from "./grid.ts";
import { groupLayout, plainLayout, type WallGroup, type WallLayout } from "./layout.ts";
import { sharedDomain } from "./node_names.ts";
import { WallPainter } from "./painter.ts";
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
  /** The groups, whose nodes follow each other in `nodes`; missing without groups. */
  readonly groups?: readonly WallGroup[];
}

/** Opacity of a dimmed cell: its place and its colour remain, and the other cells stand out. */
const DIMMED_ALPHA = 0.18;
const NO_LAYOUT = plainLayout(0, { width: 1, height: 1, ratio: 1, fontPixels: 1 });

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
  #layout: WallLayout = NO_LAYOUT;
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

  /** Boxes of the groups' heads in the container, in pixels of the page; empty without heads. */
  get heads(): readonly Box[] {
    return this.#layout.heads.map((box) => this.#onPage(box));
  }

  draw(view: HeatMapView): void {
    const previous = this.#view;
    this.#view = view;
    this.#sizeCanvas();
    const { nodes, groups } = view;
    const isSameLayout = this.#layout.count === nodes.length && areSame(groups, previous.groups);
    if (this.#painter === null || !isSameLayout) {
      this.#layout = this.#layoutFor(nodes.length, groups);
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
    return this.#layout.indexAt(x * this.#ratio, y * this.#ratio);
  }

  /** Return the box of a cell in the container, in pixels of the page. */
  boxOf(index: number): Box {
    return this.#onPage(this.#layout.boxOf(index));
  }

  /** Return the node to which a key moves from a node (`null`: no node is selected), or `null` for other keys. */
  next(from: number | null, key: string): number | null {
    return this.#layout.next(from, key);
  }

  #onPage({ x, y, width, height }: Box): Box {
    return { x: x / this.#ratio, y: y / this.#ratio, width: width / this.#ratio, height: height / this.#ratio };
  }

  #layoutFor(count: number, groups: readonly WallGroup[] | undefined): WallLayout {
    const { width, height } = this.#canvas;
    const fontPixels = Number.parseFloat(getComputedStyle(this.#container).fontSize) * this.#ratio;
    const size = { width, height, ratio: this.#ratio, fontPixels };
    return groups === undefined ? plainLayout(count, size) : groupLayout(groups, size);
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
    this.#painter ??= new WallPainter(pen, this.#palette, this.#layout.boxOf(0), this.#ratio, maxFontPixels);
    for (const [index, node] of nodes.entries()) {
      pen.globalAlpha = isDimmed?.(node) ? DIMMED_ALPHA : 1;
      this.#painter.paint(this.#layout.boxOf(index), node, this.#names[index] ?? node.node, markOf(node), measure);
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

function areSame(a: readonly WallGroup[] | undefined, b: readonly WallGroup[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.length === b.length &&
    a.every(({ count, letters }, index) => count === b[index]?.count && letters === b[index]?.letters)
  );
}

/** Describe the map to screen readers, in the label of `container`. */
export function labelMap(container: HTMLElement, nodes: readonly Node[], troubles: readonly TroubledNode[]): void {
  const offline = troubles.filter(({ mark }) => mark === "offline").length;
  attribute(container, "aria-label", wording.wallSummary(nodes.length, offline, troubles.length - offline));
}
