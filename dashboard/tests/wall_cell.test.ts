import assert from "node:assert/strict";
import test from "node:test";
import type { Node } from "../src/contract.ts";
import { cellTextFor } from "../src/wall/cell_text.ts";
import { sharedDomain, shortened } from "../src/wall/node_names.ts";
import { inkOn, luminance, paletteOf, rgbOf, shadeOf } from "../src/wall/palette.ts";
import { scaleText, shareOf, shortValue } from "../src/wall/wall_measure.ts";
import { SNAPSHOT } from "./golden.ts";

function node(change: Partial<Node>): Node {
  const [example] = SNAPSHOT.nodes;
  assert.ok(example !== undefined);
  return { ...example, status: "online", ...change };
}

test("a value has its share of the scale, limited to its ends", () => {
  assert.equal(shareOf(node({ cpu_usage: 25 }), "cpu_usage"), 0.25);
  assert.equal(shareOf(node({ temperature: 55 }), "temperature"), 0.5);
  assert.equal(shareOf(node({ temperature: 10 }), "temperature"), 0);
  assert.equal(shareOf(node({ temperature: 120 }), "temperature"), 1);
  assert.equal(shareOf(node({ temperature: null }), "temperature"), null);
  assert.equal(shareOf(node({}), "status"), null);
});

test("a cell shows the value with its unit, or that the node is offline", () => {
  assert.equal(shortValue(node({ cpu_usage: 34.4 }), "cpu_usage"), "34\u00a0%");
  assert.equal(shortValue(node({ temperature: null }), "temperature"), "–");
  assert.equal(shortValue(node({}), "status"), "Online");
  assert.equal(shortValue(node({ status: "offline", cpu_usage: null }), "cpu_usage"), "Offline");
  assert.equal(shortValue(node({ status: "unknown", cpu_usage: null }), "cpu_usage"), "–");
});

test("the ends of a scale have its unit, and the status has no scale", () => {
  assert.deepEqual([scaleText("disk_usage", "low"), scaleText("disk_usage", "high")], ["0\u00a0%", "100\u00a0%"]);
  assert.equal(scaleText("temperature", "high"), "90\u00a0°C");
  assert.equal(scaleText("status", "low"), "");
});

test("a domain is left out when all names share it", () => {
  assert.equal(sharedDomain(["a.lab.lan", "b.lab.lan"]), ".lab.lan");
  assert.equal(sharedDomain(["a.x.lan", "b.y.lan"]), ".lan");
  assert.equal(sharedDomain(["a.lab.lan", "b"]), "");
  assert.equal(sharedDomain(["a.lab.lan"]), "");
  assert.equal(sharedDomain(["10.0.1.7", "10.0.2.7"]), "");
});

test("a long name loses its middle and keeps its number", () => {
  const widthOf = (text: string): number => [...text].length;
  assert.equal(shortened("node-7", 6, widthOf), "node-7");
  assert.equal(shortened("compute-node-0012", 9, widthOf), "comp…0012");
  assert.equal(shortened("compute-node-0012", 2, widthOf), "");
});

test("text is readable on every shade of a ramp", () => {
  const colors: Readonly<Record<string, string>> = {
    "--heat-0": "rgb(213, 233, 230)",
    "--heat-2": "rgb(85, 165, 181)",
    "--heat-4": "rgb(18, 58, 97)",
    "--heat-hot": "rgb(125, 42, 0)",
  };
  const { heat, warmth } = paletteOf((property) => colors[property] ?? "rgb(120, 120, 120)");
  for (const { fills, inks } of [heat, warmth]) {
    fills.forEach((fill, index) => {
      const ground = luminance(rgbOf(fill));
      const ink = inks[index] === "#000" ? 0 : 1;
      const contrast = (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
      assert.ok(contrast >= 4.5, `${fill}: ${contrast}`);
    });
  }
  assert.equal(heat.fills[shadeOf(0)], colors["--heat-0"]);
  assert.equal(heat.fills[shadeOf(1)], colors["--heat-4"]);
  assert.equal(warmth.fills[shadeOf(1)], colors["--heat-hot"]);
  assert.equal(inkOn([255, 255, 255]), "#000");
});

test("cells show the text that fits", () => {
  assert.equal(cellTextFor(140, 100, 1, 90).mode, "full");
  assert.equal(cellTextFor(50, 40, 1, 90).mode, "value");
  assert.equal(cellTextFor(20, 16, 1, 90).mode, "none");
  assert.equal(cellTextFor(140, 100, 3, 90).mode, "value");
});

test("letters stop growing when cells are huge", () => {
  assert.equal(cellTextFor(3000, 1500, 1, 120).valuePixels, 120);
});
