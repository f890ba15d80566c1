/** Downloads the rows of a CSV file of the api that a search on the page selects. The api does not know the search. */

import { RestFailed } from "./rest.ts";
import { wording } from "./wording.ts";

/** Milliseconds in which a browser begins a download. */
const DOWNLOAD_MS = 10_000;
/** Return `csv` with its header and the rows whose cell in `column` is one of `keys`. */
export function selectRows(csv: string, column: string, keys: Iterable<string>): string {
  const wanted = new Set([...keys].map(plain));
  const [header = "", ...rows] = recordsOf(csv);
  const index = cellsOf(header).indexOf(column);
  return header + rows.filter((row) => wanted.has(plain(cellsOf(row)[index] ?? ""))).join("");
}

/** Download the file at `path` as `name` with the selected rows. Rejects with `RestFailed`. */
export async function downloadRows(
  fetcher: typeof fetch,
  path: string,
  name: string,
  column: string,
  keys: Iterable<string>,
): Promise<void> {
  const response = await fetcher(path, { cache: "no-store" }).catch(() => null);
  if (response === null) throw new RestFailed(wording.noAnswer);
  if (!response.ok) throw new RestFailed(wording.httpStatus(response.status), response.status);
  const rows = selectRows(await response.text(), column, keys);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([rows], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), DOWNLOAD_MS);
}

/** The api puts an apostrophe before a text that a spreadsheet would run as a formula. */
function plain(text: string): string {
  return text.replaceAll("'", "");
}

/** Return the records with their line ends. A quoted cell may contain line ends. */
function recordsOf(csv: string): string[] {
  const records: string[] = [];
  let begin = 0;
  let isQuoted = false;
  for (let at = 0; at < csv.length; at += 1) {
    if (csv[at] === '"') isQuoted = !isQuoted;
    if (csv[at] !== "\n" || isQuoted) continue;
    records.push(csv.slice(begin, at + 1));
    begin = at + 1;
  }
  if (begin < csv.length) records.push(csv.slice(begin));
  return records;
}

/** Return the cells of a record. Two quotes in a quoted cell stand for a quote. */
function cellsOf(record: string): string[] {
  const cells: string[] = [];
  let begin = 0;
  let isQuoted = false;
  const line = record.replace(/\r?\n$/, "");
  for (let at = 0; at <= line.length; at += 1) {
    if (line[at] === '"') isQuoted = !isQuoted;
    if (at < line.length && (line[at] !== "," || isQuoted)) continue;
    const cell = line.slice(begin, at);
    cells.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    begin = at + 1;
  }
  return cells;
}
