/** Positions of the wall's cells in blocks, one for each group, that flow in lines like words. All cells have one size. */

import { ASPECT, type Box, boxOf, type Grid, indexAt } from "./grid.ts";

/** The area and its fixed sizes. `headPixels` is 0 for blocks without heads. */
export interface BlockArea {
  readonly width: number;
  readonly height: number;
  /** Height of the head above the cells of a block. */
  readonly headPixels: number;
  /** Distance between blocks. */
  readonly gapPixels: number;
}

/** A group with `count` cells. `minWidth`: width of the block's head. */
export interface BlockSize {
  readonly count: number;
  readonly minWidth: number;
}

/** The cells of a group. `x` and `y`: position of the grid in the area. `first`: index of its first cell. */
export interface Block {
  readonly head: Box;
  readonly x: number;
  readonly y: number;
  readonly first: number;
  readonly grid: Grid;
}

export interface Blocks {
  readonly blocks: readonly Block[];
  /** Height of a cell before rounding. */
  readonly cellPixels: number;
}

interface Word extends BlockSize {
  readonly columns: number;
  readonly rows: number;
}
type Line = readonly Word[];

/** Steps of a search that halves an interval: more precise than a pixel of any screen. */
const HALVINGS = 16;
/** Numbers of rows that are tried for every group; above, only those that change the columns of the largest group. */
const ALL_ROWS_BELOW = 24;

/** Return blocks with the largest cells for groups of these sizes; none if the heads alone do not fit. */
export function blocksFor(groups: readonly BlockSize[], area: BlockArea): Blocks {
  let best: { readonly lines: readonly Line[]; readonly size: number } = { lines: [], size: 0 };
  for (const rows of rowsToTry(Math.max(0, ...groups.map(({ count }) => count)))) {
    const size = largest(
      area.height,
      (tried) => heightOf(linesOf(groups, rows, tried, area), tried, area) <= area.height,
    );
    if (size > best.size + 1e-9) best = { lines: linesOf(groups, rows, size, area), size };
  }
  return best.lines.length === 0 ? { blocks: [], cellPixels: 0 } : placed(best.lines, area);
}

/** Return the cell at a position, or `null` outside the cells. */
export function indexInBlocks(blocks: readonly Block[], x: number, y: number): number | null {
  for (const block of blocks) {
    const index = indexAt(block.grid, x - block.x, y - block.y);
    if (index !== null) return block.first + index;
  }
  return null;
}

/** Return the boxes of all cells. */
export function boxesOf(blocks: readonly Block[]): Box[] {
  return blocks.flatMap(({ x, y, grid }) =>
    Array.from({ length: grid.count }, (_, index) => {
      const box = boxOf(grid, index);
      return { ...box, x: box.x + x, y: box.y + y };
    }),
  );
}

/**
 * Return the cell to which `key` moves from the cell `from` (`null`: no cell is selected), or `null` for other keys. Up
 * and down move to the nearest cell in the same column of the screen, also in another block.
 */
export function nextInBlocks(boxes: readonly Box[], from: number | null, key: string): number | null {
  const last = boxes.length - 1;
  if (last < 0) return null;
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(key)) return null;
  const box = from === null ? undefined : boxes[from];
  if (from === null || box === undefined) return 0;
  if (key === "ArrowLeft") return Math.max(0, from - 1);
  if (key === "ArrowRight") return Math.min(last, from + 1);
  const middle = box.x + box.width / 2;
  let nearest = from;
  let least = Number.POSITIVE_INFINITY;
  for (const [index, other] of boxes.entries()) {
    if (other.x > middle || other.x + other.width <= middle) continue;
    const distance = key === "ArrowDown" ? other.y - box.y : box.y - other.y;
    if (distance <= 0 || distance >= least) continue;
    nearest = index;
    least = distance;
  }
  return nearest;
}

function rowsToTry(most: number): Set<number> {
  const rows = new Set<number>();
  for (let columns = 1; columns <= most; columns += 1) {
    const tried = Math.ceil(most / columns);
    rows.add(tried);
    if (tried <= ALL_ROWS_BELOW) break;
  }
  for (let tried = 1; tried <= Math.min(most, ALL_ROWS_BELOW); tried += 1) rows.add(tried);
  return rows;
}

/** Return the largest number up to `limit` for which `fits` is true, if all smaller numbers fit; 0 if none fits. */
function largest(limit: number, fits: (tried: number) => boolean): number {
  if (fits(limit)) return limit;
  let [low, high] = [0, limit];
  for (let step = 0; step < HALVINGS; step += 1) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Return the lines of blocks with at most `rows` rows; a group wider than the area has more rows. */
function linesOf(groups: readonly BlockSize[], rows: number, cellHeight: number, area: BlockArea): Line[] {
  const cellWidth = cellHeight * ASPECT;
  const mostColumns = Math.max(1, Math.floor(area.width / cellWidth));
  const lines: Word[][] = [];
  let right = Number.POSITIVE_INFINITY;
  for (const { count, minWidth } of groups) {
    const ownRows = Math.ceil(count / Math.min(mostColumns, Math.ceil(count / rows)));
    const word = { count, minWidth, rows: ownRows, columns: Math.ceil(count / ownRows) };
    const width = Math.min(area.width, Math.max(minWidth, word.columns * cellWidth));
    if (right + area.gapPixels + width > area.width) {
      lines.push([word]);
      right = width;
    } else {
      lines.at(-1)?.push(word);
      right += area.gapPixels + width;
    }
  }
  return lines;
}

/** Return the height of all lines; infinite if a cell is wider than the area. */
function heightOf(lines: readonly Line[], cellHeight: number, area: BlockArea): number {
  if (cellHeight * ASPECT > area.width) return Number.POSITIVE_INFINITY;
  return fixedHeight(lines, area) + rowsOf(lines) * cellHeight;
}

function fixedHeight(lines: readonly Line[], { headPixels, gapPixels }: BlockArea): number {
  return lines.length * (headPixels + gapPixels) - gapPixels;
}

function rowsOf(lines: readonly Line[]): number {
  return lines.reduce((sum, line) => sum + mostRows(line), 0);
}

function mostRows(line: Line): number {
  return Math.max(...line.map(({ rows }) => rows));
}

/** Return the blocks of `lines`, with cells that fill the area. */
function placed(lines: readonly Line[], area: BlockArea): Blocks {
  const cellHeight = (area.height - fixedHeight(lines, area)) / Math.max(1, rowsOf(lines));
  const cellWidth = largest(area.width, (tried) => lines.every((line) => widthOf(line, tried, area) <= area.width));
  const blocks: Block[] = [];
  let first = 0;
  let top = 0;
  for (const line of lines) {
    let left = 0;
    for (const { count, minWidth, columns, rows } of line) {
      const width = Math.min(area.width, Math.max(minWidth, columns * cellWidth));
      const x = Math.round(left);
      const headTop = Math.round(top);
      const y = Math.round(top + area.headPixels);
      const grid = {
        count,
        columns,
        rows,
        width: Math.round(left + columns * cellWidth) - x,
        height: Math.round(top + area.headPixels + rows * cellHeight) - y,
      };
      blocks.push({
        head: { x, y: headTop, width: Math.round(left + width) - x, height: y - headTop },
        x,
        y,
        first,
        grid,
      });
      first += count;
      left += width + area.gapPixels;
    }
    top += area.headPixels + mostRows(line) * cellHeight + area.gapPixels;
  }
  return { blocks, cellPixels: cellHeight };
}

function widthOf(line: Line, cellWidth: number, area: BlockArea): number {
  const widths = line.map(({ minWidth, columns }) => Math.max(Math.min(area.width, minWidth), columns * cellWidth));
  return widths.reduce((sum, width) => sum + width, (line.length - 1) * area.gapPixels);
}
