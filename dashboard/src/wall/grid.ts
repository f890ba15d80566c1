/** Positions of the wall's cells: rows and columns that fill an area, numbered in reading order. */

export interface Grid {
  readonly count: number;
  readonly columns: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
}

/** Whole pixels give sharp edges. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Preferred ratio of a cell's width to its height, because a name is wider than high. */
export const ASPECT = 1.35;

/**
 * Return the grid with the largest cells for `count` cells. Among equal grids, the grid with the fewest empty places
 * wins.
 */
export function gridFor(count: number, width: number, height: number): Grid {
  let columns = 1;
  let best = 0;
  for (let tried = 1; tried <= count; tried += 1) {
    const rows = Math.ceil(count / tried);
    // With this number of columns, some columns would stay empty.
    if (Math.ceil(count / rows) !== tried) continue;
    const size = Math.min(width / tried / ASPECT, height / rows);
    if (size > best + 1e-9) {
      best = size;
      columns = tried;
    }
  }
  return { count, columns, rows: Math.max(1, Math.ceil(count / columns)), width, height };
}

/** Return the box of a cell. Neighbours share an edge. */
export function boxOf({ columns, rows, width, height }: Grid, index: number): Box {
  const column = index % columns;
  const row = Math.floor(index / columns);
  const x = Math.round((column * width) / columns);
  const y = Math.round((row * height) / rows);
  return {
    x,
    y,
    width: Math.round(((column + 1) * width) / columns) - x,
    height: Math.round(((row + 1) * height) / rows) - y,
  };
}

/** Return the cell at a position, or `null` outside the cells. */
export function indexAt({ count, columns, rows, width, height }: Grid, x: number, y: number): number | null {
  if (x < 0 || y < 0 || x >= width || y >= height) return null;
  const index = Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width);
  return index < count ? index : null;
}

/**
 * Return the cell to which `key` moves from the cell `from` (`null`: no cell is selected), or `null` for other keys.
 */
export function nextIndex({ count, columns }: Grid, from: number | null, key: string): number | null {
  if (count === 0) return null;
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
  };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = steps[key];
  if (step === undefined) return null;
  if (from === null) return 0;
  const to = from + step;
  return to < 0 || to >= count ? from : to;
}
