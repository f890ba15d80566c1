import assert from "node:assert/strict";
import test from "node:test";
import { type ListSizes, placesOf, type SectionPlace, visiblePart } from "../src/nodes/list_geometry.ts";

const ROW: ListSizes = { columns: 1, rowPixels: 30, gapPixels: 0, headPixels: 40 };
const CARDS: ListSizes = { columns: 3, rowPixels: 100, gapPixels: 10, headPixels: 40 };

test("a list without heads has rows from its top", () => {
  const { sections, heightPixels, total } = placesOf([{ hasHead: false, count: 7 }], CARDS);
  assert.equal(heightPixels, 3 * 110 - 10);
  assert.equal(total, 7);
  assert.deepEqual([sections[0]?.itemsTop, sections[0]?.rows], [0, 3]);
});

test("sections follow each other, each with its head above full rows", () => {
  const { sections, heightPixels, total } = placesOf(
    [4, 0, 3].map((count) => ({ hasHead: true, count })),
    CARDS,
  );
  assert.deepEqual(
    sections.map(({ top, itemsTop }) => [top, itemsTop]),
    [
      [0, 50],
      [270, 320],
      [320, 370],
    ],
  );
  assert.equal(heightPixels, 370 + 100);
  assert.equal(total, 10);
  assert.deepEqual(
    sections.map(({ position }) => position),
    [0, 5, 6],
  );
});

test("an empty list has no height", () => {
  assert.equal(placesOf([], CARDS).heightPixels, 0);
  assert.equal(placesOf([{ hasHead: false, count: 0 }], CARDS).heightPixels, 0);
});

test("only rows on the screen, and some around, are visible", () => {
  const place = placesOf([{ hasHead: true, count: 1000 }], ROW).sections[0] as SectionPlace;
  assert.deepEqual(visiblePart(place, 0, 300, 60, ROW), { isHeadVisible: true, firstRow: 0, lastRow: 11 });
  assert.deepEqual(visiblePart(place, 3040, 3340, 60, ROW), { isHeadVisible: false, firstRow: 98, lastRow: 112 });
});

test("sections off the screen show nothing", () => {
  const { sections } = placesOf(
    [100, 100, 100].map((count) => ({ hasHead: true, count })),
    ROW,
  );
  const seen = sections.map((place) => {
    const { isHeadVisible, firstRow, lastRow } = visiblePart(place, 4000, 4600, 60, ROW);
    return [isHeadVisible, Math.max(0, lastRow - firstRow)];
  });
  assert.deepEqual(seen[0], [false, 0]);
  assert.ok((seen[1]?.[1] as number) > 20 && (seen[1]?.[1] as number) < 30, `${seen[1]}`);
  assert.deepEqual(seen[2], [false, 0]);
});

test("each pixel of the screen is covered by visible rows and heads", () => {
  const { sections, heightPixels } = placesOf(
    [3, 0, 50, 1].map((count) => ({ hasHead: true, count })),
    ROW,
  );
  for (let from = 0; from < heightPixels; from += 17) {
    let covered = 0;
    const to = Math.min(heightPixels, from + 500);
    for (const place of sections) {
      const { isHeadVisible, firstRow, lastRow } = visiblePart(place, from, to, 0, ROW);
      const within = (top: number, bottom: number): number => Math.max(0, Math.min(to, bottom) - Math.max(from, top));
      if (isHeadVisible) covered += within(place.top, place.top + 40);
      covered += within(place.itemsTop + firstRow * 30, place.itemsTop + Math.max(firstRow, lastRow) * 30);
    }
    assert.equal(covered, to - from, `${from}`);
  }
});
