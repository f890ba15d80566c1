import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";

const SOURCES = join(import.meta.dirname, "../src");

/** Matches the imported file in `from "./…"`, `import "./…"` and `import("./…")`, including type imports. */
const IMPORTED = /\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;

/** Return each file of `src` with the files that it imports. */
function importsByFile(): Map<string, string[]> {
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return new Map(files.map((file) => [file, importsOf(file, readFileSync(join(SOURCES, file), "utf8"))]));
}

function importsOf(file: string, text: string): string[] {
  const paths = [...text.matchAll(IMPORTED)].map(([, path]) => join(dirname(file), path as string));
  return paths.filter((path) => !path.endsWith(".css"));
}

/** Return a cycle as a path from a file to itself, or `null`. */
function findCycle(imports: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();

  function follow(file: string, path: readonly string[]): string[] | null {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const next of imports.get(file) ?? []) {
      const cycle = follow(next, [...path, file]);
      if (cycle !== null) return cycle;
    }
    done.add(file);
    return null;
  }

  for (const file of imports.keys()) {
    const cycle = follow(file, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

test("imports have no cycle", () => {
  assert.equal(findCycle(importsByFile())?.join(" → "), undefined);
});

test("every imported file is among the searched files", () => {
  const imports = importsByFile();

  assert.ok(imports.get("main.ts")?.includes("live/connection.ts"));
  for (const [file, imported] of imports) for (const path of imported) assert.ok(imports.has(path), `${file}: ${path}`);
});

for (const way of [
  'import type { B } from "./b.ts";',
  'export * from "./b.ts";',
  'import "./b.ts";',
  'import("./b.ts")',
]) {
  test(`a cycle is found through ${way}`, () => {
    const imports = new Map([
      ["x/a.ts", importsOf("x/a.ts", way)],
      ["x/b.ts", importsOf("x/b.ts", 'import {\n  a,\n} from "../y/c.ts";')],
      ["y/c.ts", importsOf("y/c.ts", 'import { a } from "../x/a.ts";')],
    ]);
    assert.deepEqual(findCycle(imports), ["x/a.ts", "x/b.ts", "y/c.ts", "x/a.ts"]);
  });
}
