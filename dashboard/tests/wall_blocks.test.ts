import assert from "node:assert/strict";
import test from "node:test";
import { type BlockArea, blocksFor, boxesOf, indexInBlocks, nextInBlocks } from "../src/wall/blocks.ts";
import type { Box } from "../src/wall/grid.ts";
import { groupLayout, plainLayout, type WallSize } from "../src/wall/layout.ts";

const AREA: BlockArea = { width: 1000, height: 560, headPixels: 22, gapPixels: 6 };
const SCREEN: WallSize = { width: 1000, height: 560, ratio: 1, fontPixels: 15 };
const RACKS = Array.from({ length: 40 }, () => 25);

function boxes(counts: readonly number[], area = AREA, minWidth = 80): Box[] {
  return boxesOf(
    blocksFor(
      counts.map((count) => ({ count, minWidth })),
      area,
    ).blocks,
  );
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

for (const [name, counts] of Object.entries({
  racks: RACKS,
  uneven: [600, 3, 1, 40, 200, 12, 144],
  single: [17],
  many: Array.from({ length: 120 }, (_, index) => (index % 7) + 1),
})) {
  test(`all cells of ${name} have one size, lie in the area, and overlap neither each other nor a head`, () => {
    const { blocks } = blocksFor(
      counts.map((count) => ({ count, minWidth: 80 })),
      AREA,
    );
    const cells = boxesOf(blocks);
    const first = cells[0] as Box;
    assert.equal(
      cells.length,
      counts.reduce((sum, count) => sum + count, 0),
    );
    for (const [index, cell] of cells.entries()) {
      assert.ok(cell.x >= 0 && cell.y >= 0 && cell.x + cell.width <= 1000 && cell.y + cell.height <= 560, `${index}`);
      assert.ok(cell.width >= 1 && cell.height >= 1, `${index}`);
      assert.ok(Math.abs(cell.width - first.width) <= 1 && Math.abs(cell.height - first.height) <= 1, `${index}`);
    }
    const all = [...cells, ...blocks.map(({ head }) => head)];
    for (const [index, one] of all.entries()) {
      for (const other of all.slice(index + 1)) assert.ok(!overlap(one, other), JSON.stringify([one, other]));
    }
    for (const { head } of blocks) assert.ok(head.width >= 80 && head.x + head.width <= 1000, JSON.stringify(head));
  });
}

test("blocks take most of the area", () => {
  const covered = boxes(RACKS).reduce((sum, { width, height }) => sum + width * height, 0);
  assert.ok(covered > 0.7 * 1000 * 560, `${covered}`);
  const even = boxes([500, 500], { ...AREA, headPixels: 0, gapPixels: 0 }, 0);
  assert.ok(even.reduce((sum, { width, height }) => sum + width * height, 0) > 0.9 * 1000 * 560);
});

test("gaps separate blocks in both directions", () => {
  const { blocks } = blocksFor(
    RACKS.map((count) => ({ count, minWidth: 80 })),
    AREA,
  );
  const [first, second] = blocks.map(({ head }) => head) as [Box, Box];
  assert.ok(second.x - first.x - first.width >= AREA.gapPixels - 1, JSON.stringify([first, second]));
  const below = blocks.find(({ head }) => head.y > first.y)?.head as Box;
  const bottom = Math.max(
    ...boxes(RACKS)
      .slice(0, 25)
      .map(({ y, height }) => y + height),
  );
  assert.ok(below.y - bottom >= AREA.gapPixels - 1, JSON.stringify([below, bottom]));
});

test("the cell at a position is the cell with the box there", () => {
  const { blocks } = blocksFor(
    RACKS.map((count) => ({ count, minWidth: 80 })),
    AREA,
  );
  for (const [index, { x, y, width, height }] of boxesOf(blocks).entries()) {
    assert.equal(indexInBlocks(blocks, x + width / 2, y + height / 2), index);
  }
  const head = blocks[7]?.head as Box;
  assert.equal(indexInBlocks(blocks, head.x + 5, head.y + 5), null);
});

test("arrow keys move within a block, and to the block below", () => {
  // Two lines of two blocks, each with two rows of two cells.
  const cells = boxes([4, 4, 4, 4], { width: 210, height: 180, headPixels: 20, gapPixels: 4 }, 100);
  assert.deepEqual([...new Set(cells.map(({ y }) => y))].length, 4, JSON.stringify(cells));
  assert.equal(nextInBlocks(cells, 0, "ArrowRight"), 1);
  assert.equal(nextInBlocks(cells, 0, "ArrowDown"), 2);
  assert.equal(nextInBlocks(cells, 2, "ArrowDown"), 8);
  assert.equal(nextInBlocks(cells, 8, "ArrowUp"), 2);
  assert.equal(nextInBlocks(cells, 3, "ArrowRight"), 4);
  assert.equal(nextInBlocks(cells, 7, "ArrowDown"), 13);
  assert.equal(nextInBlocks(cells, 14, "ArrowDown"), 14);
  assert.equal(nextInBlocks(cells, 0, "ArrowUp"), 0);
  assert.equal(nextInBlocks(cells, 0, "ArrowLeft"), 0);
  assert.equal(nextInBlocks(cells, 15, "ArrowRight"), 15);
  assert.equal(nextInBlocks(cells, 9, "Home"), 0);
  assert.equal(nextInBlocks(cells, 9, "End"), 15);
  assert.equal(nextInBlocks(cells, null, "ArrowUp"), 0);
  assert.equal(nextInBlocks(cells, 9, "a"), null);
  assert.equal(nextInBlocks([], null, "Home"), null);
});

test("every cell is reached by keys", () => {
  const cells = boxes([30, 7, 1, 25, 60]);
  const reached = new Set([0]);
  for (const from of reached) {
    for (const key of ["ArrowRight", "ArrowDown"]) reached.add(nextInBlocks(cells, from, key) as number);
  }
  assert.equal(reached.size, 123);
});

test("heads are left out if cells were too small with them", () => {
  assert.equal(
    groupLayout(
      RACKS.map((count) => ({ count, letters: 2 })),
      SCREEN,
    ).heads.length,
    40,
  );
  const single = groupLayout(
    Array.from({ length: 1000 }, () => ({ count: 1, letters: 12 })),
    SCREEN,
  );
  assert.equal(single.heads.length, 0);
  assert.equal(single.count, 1000);
  assert.ok(single.boxOf(999).height >= 6, JSON.stringify(single.boxOf(999)));
});

test("more groups than pixels between them still have cells", () => {
  const layout = groupLayout(
    Array.from({ length: 4000 }, () => ({ count: 1, letters: 12 })),
    { ...SCREEN, height: 200 },
  );
  assert.equal(layout.count, 4000);
  assert.ok(layout.boxOf(3999).height >= 1);
});

test("a long name widens the head until it would shrink the cells", () => {
  const widthOf = (letters: number): number =>
    groupLayout(
      [
        { count: 1, letters },
        { count: 900, letters: 1 },
      ],
      SCREEN,
    ).heads[0]?.width ?? 0;
  assert.ok(widthOf(12) > widthOf(1));
  assert.equal(widthOf(200), widthOf(14));
});

test("without groups the cells fill the area as one grid", () => {
  const layout = plainLayout(6, { width: 300, height: 200, ratio: 1, fontPixels: 15 });
  assert.deepEqual(layout.heads, []);
  const box = layout.boxOf(5);
  assert.equal(layout.indexAt(box.x + 1, box.y + 1), 5);
  assert.equal(layout.next(0, "ArrowDown"), 3);
});
