import assert from "node:assert/strict";
import test from "node:test";
import { boxOf, gridFor, indexAt, nextIndex } from "../src/wall/grid.ts";

const COUNTS = [1, 2, 3, 7, 50, 199, 2000];
const AREAS: readonly (readonly [number, number])[] = [
  [390, 400],
  [1400, 700],
  [3840, 1700],
];

test("grid has a place for every node and no empty row or column", () => {
  for (const count of COUNTS) {
    for (const [width, height] of AREAS) {
      const { columns, rows } = gridFor(count, width, height);
      assert.ok(columns * rows >= count && (rows - 1) * columns < count, `${count} in ${columns} × ${rows}`);
      assert.ok(count < columns || Math.ceil(count / rows) === columns);
    }
  }
});

test("cells keep their proportions when there are many", () => {
  for (const [width, height] of AREAS) {
    const { width: wide, height: high } = boxOf(gridFor(2000, width, height), 0);
    assert.ok(wide / high > 0.9 && wide / high < 2, `${wide} × ${high}`);
  }
});

test("cells fill the area without gap or overlap, in whole pixels", () => {
  const grid = gridFor(50, 1003, 611);
  for (let index = 0; index < grid.count; index += 1) {
    const box = boxOf(grid, index);
    assert.ok(Number.isInteger(box.x) && Number.isInteger(box.width));
    const next = boxOf(grid, index + 1);
    if ((index + 1) % grid.columns !== 0) assert.equal(box.x + box.width, next.x);
    else assert.equal(box.x + box.width, 1003);
  }
});

test("the middle of a cell belongs to the cell", () => {
  for (const count of COUNTS) {
    const grid = gridFor(count, 1403, 707);
    for (let index = 0; index < count; index += 1) {
      const { x, y, width, height } = boxOf(grid, index);
      assert.equal(indexAt(grid, x + width / 2, y + height / 2), index);
    }
  }
});

test("there is no cell outside the grid or after the last cell", () => {
  const grid = { count: 5, columns: 3, rows: 2, width: 300, height: 200 };
  assert.equal(indexAt(grid, 299, 199), null);
  assert.equal(indexAt(grid, -1, 10), null);
  assert.equal(indexAt(grid, 10, 200), null);
  assert.equal(indexAt(gridFor(0, 300, 200), 10, 10), null);
});

test("arrow keys move to the neighbour and stay within the cells", () => {
  const grid = { count: 5, columns: 3, rows: 2, width: 300, height: 200 };
  assert.equal(nextIndex(grid, null, "ArrowDown"), 0);
  assert.equal(nextIndex(grid, 0, "ArrowRight"), 1);
  assert.equal(nextIndex(grid, 0, "ArrowLeft"), 0);
  assert.equal(nextIndex(grid, 1, "ArrowDown"), 4);
  assert.equal(nextIndex(grid, 2, "ArrowDown"), 2);
  assert.equal(nextIndex(grid, 4, "ArrowUp"), 1);
  assert.equal(nextIndex(grid, 4, "ArrowRight"), 4);
  assert.equal(nextIndex(grid, 2, "Home"), 0);
  assert.equal(nextIndex(grid, null, "End"), 4);
});

test("all arrow keys move in a single column", () => {
  const grid = { count: 2, columns: 1, rows: 2, width: 100, height: 200 };
  assert.equal(nextIndex(grid, 0, "ArrowDown"), 1);
  assert.equal(nextIndex(grid, 1, "ArrowDown"), 1);
  assert.equal(nextIndex(grid, 1, "ArrowUp"), 0);
});

test("Home and End work in a single row", () => {
  const grid = { count: 3, columns: 3, rows: 1, width: 300, height: 100 };
  assert.equal(nextIndex(grid, 1, "Home"), 0);
  assert.equal(nextIndex(grid, 1, "End"), 2);
  assert.equal(nextIndex(grid, 1, "ArrowDown"), 1);
});

test("other keys and a wall without nodes select no cell", () => {
  assert.equal(nextIndex(gridFor(5, 300, 200), 0, "a"), null);
  assert.equal(nextIndex(gridFor(0, 300, 200), null, "ArrowDown"), null);
});
