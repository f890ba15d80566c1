import assert from "node:assert/strict";
import test from "node:test";
import { selectRows } from "../src/csv_rows.ts";

const CSV = 'node,message,id\r\na,"said ""x"",\r\ny",1\r\n\'=b,,2\r\n"c,d",z,3\r\n';

test("the header and the rows of the given keys remain, byte for byte", () => {
  assert.equal(selectRows(CSV, "node", ["a", "c,d"]), CSV.replace("'=b,,2\r\n", ""));
  assert.equal(selectRows(CSV, "id", ["2"]), "node,message,id\r\n'=b,,2\r\n");
  assert.equal(selectRows(CSV, "node", []), "node,message,id\r\n");
});

test("a key matches its cell with the apostrophe against formulas", () => {
  assert.equal(selectRows(CSV, "node", ["=b"]), "node,message,id\r\n'=b,,2\r\n");
});

test("a broken file selects nothing and does not throw", () => {
  for (const text of ["", "node", 'node\r\n"a', `node\r\n${'"'.repeat(99)}`])
    assert.ok(selectRows(text, "node", ["a"]).length <= text.length);
});
