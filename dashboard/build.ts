/**
 * Bundle `src/main.ts` and its style sheets into the api service's static folder. With `--check`, only compare, and
 * exit with 1 if a file differs.
 *
 * The same sources and lock file give the same bytes on every machine.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const HERE = import.meta.dirname;
const SCRIPT = join(HERE, "../services/api/static/dashboard.js");
const STYLES = join(HERE, "../services/api/static/dashboard.css");
const LICENSES = join(HERE, "../services/api/static/dashboard.licenses.txt");
const BANNER =
  '/*! DispyCluster Live. Built from dashboard/ by "npm run build": edit there. Licences: dashboard.licenses.txt */';

const bundle = await build({
  absWorkingDir: HERE,
  entryPoints: ["src/main.ts"],
  outfile: SCRIPT,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none",
  banner: { js: BANNER, css: BANNER },
  metafile: true,
  write: false,
});

/** Return the licence texts of the bundled packages, sorted by package. */
async function licenses(inputs: Iterable<string>): Promise<string> {
  const packages = new Set<string>();
  for (const input of inputs) {
    const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found?.[1] !== undefined) packages.add(found[1]);
  }
  const texts = [];
  for (const name of [...packages].sort()) {
    const folder = join(HERE, "node_modules", name);
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { version: string };
    texts.push(`${name} ${version}\n\n${(await readFile(join(folder, "LICENSE"), "utf8")).trim()}\n`);
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

const outputs = new Map(bundle.outputFiles.map((file) => [file.path, file.text]));
if (!outputs.has(SCRIPT) || !outputs.has(STYLES)) throw new Error("esbuild did not write a script and a style sheet");
outputs.set(LICENSES, await licenses(Object.keys(bundle.metafile.inputs)));

if (process.argv.includes("--check")) {
  for (const [path, text] of outputs) {
    const committed = await readFile(path, "utf8").catch(() => null);
    if (committed !== text) {
      console.error(`${path} differs from the build of dashboard/: run "npm run build" and commit the result`);
      process.exitCode = 1;
    }
  }
} else {
  for (const [path, text] of outputs) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}
