/** Positions of the wall's cells, with or without groups. Sizes in pixels of the canvas. */

import { type BlockArea, type BlockSize, blocksFor, boxesOf, indexInBlocks, nextInBlocks } from "./blocks.ts";
import { type Box, boxOf, gridFor, indexAt, nextIndex } from "./grid.ts";
import { gapOf } from "./painter.ts";

export interface WallLayout {
  readonly count: number;
  readonly boxOf: (index: number) => Box;
  /** The cell at a position, or `null` outside the cells. */
  readonly indexAt: (x: number, y: number) => number | null;
  /** The cell to which a key moves from a cell (`null`: no cell is selected), or `null` for other keys. */
  readonly next: (from: number | null, key: string) => number | null;
  /** The heads of the groups; empty without groups, or if there is no room for heads. */
  readonly heads: readonly Box[];
}

/** `ratio`: pixels of the canvas per pixel of the page. */
export interface WallSize {
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
  /** Font of the heads. */
  readonly fontPixels: number;
}

/** Cells below this height, in pixels of the page, are larger without heads. */
const MIN_CELL_PIXELS = 6;
/** In fonts of the heads. */
const HEAD_HEIGHT = 1.55;
const BLOCK_GAP = 0.45;
/** Width of a head with a name of no letters, and of a letter. Longer names are cut. */
const HEAD_WIDTH = 5;
const LETTER_WIDTH = 0.6;
const MOST_LETTERS = 14;
/** Letters of a name that is cut to make room for larger cells. */
const FEW_LETTERS = 2;

/** Return a grid of `count` cells that fills the area. */
export function plainLayout(count: number, { width, height, ratio }: WallSize): WallLayout {
  const tight = gridFor(count, width, height);
  // There is no gap after the last column and the last row.
  const gap = gapOf(boxOf(tight, 0), ratio);
  const grid = { ...tight, width: width + gap, height: height + gap };
  return {
    count,
    boxOf: (index) => boxOf(grid, index),
    indexAt: (x, y) => indexAt(grid, x, y),
    next: (from, key) => nextIndex(grid, from, key),
    heads: [],
  };
}

/** A group with `count` cells and a name of `letters` letters. */
export interface WallGroup {
  readonly count: number;
  readonly letters: number;
}

/** Return a block of cells for each group. If there is no room for heads, only gaps separate the blocks. */
export function groupLayout(groups: readonly WallGroup[], size: WallSize): WallLayout {
  const { width, height, fontPixels } = size;
  const gapPixels = Math.round(BLOCK_GAP * fontPixels);
  const withHeads: BlockArea = { width, height, gapPixels, headPixels: Math.round(HEAD_HEIGHT * fontPixels) };
  const withGaps = { ...withHeads, headPixels: 0 };
  const blocks = (most: number): BlockSize[] =>
    groups.map(({ count, letters }) => ({
      count,
      minWidth: Math.round((HEAD_WIDTH + LETTER_WIDTH * Math.min(most, letters)) * fontPixels),
    }));
  const bare = groups.map(({ count }) => ({ count, minWidth: 0 }));
  const tries: [BlockSize[], BlockArea][] = [
    [blocks(MOST_LETTERS), withHeads],
    [blocks(FEW_LETTERS), withHeads],
    [bare, withGaps],
  ];
  const good = tries.find(([sizes, area]) => blocksFor(sizes, area).cellPixels >= MIN_CELL_PIXELS * size.ratio);
  return layoutOf(...(good ?? [bare, { ...withGaps, gapPixels: 0 }]), size.ratio);
}

function layoutOf(sizes: readonly BlockSize[], area: BlockArea, ratio: number): WallLayout {
  const tight = boxesOf(blocksFor(sizes, area).blocks)[0];
  const gap = tight === undefined ? 0 : gapOf(tight, ratio);
  const { blocks } = blocksFor(sizes, { ...area, width: area.width + gap, height: area.height + gap });
  const boxes = boxesOf(blocks);
  return {
    count: boxes.length,
    boxOf: (index) => boxes[index] as Box,
    indexAt: (x, y) => indexInBlocks(blocks, x, y),
    next: (from, key) => nextInBlocks(boxes, from, key),
    heads: area.headPixels === 0 ? [] : blocks.map(({ head }) => ({ ...head, width: head.width - gap })),
  };
}
