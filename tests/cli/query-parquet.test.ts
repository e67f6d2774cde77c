import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "inboxloop-query-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const query = (...words: string[]) =>
  spawnSync(
    "node",
    [
      "--import",
      pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href,
      join(root, "cli/main.ts"),
      "--home",
      join(folder, "home"),
      "--json",
      "--quiet",
      "query",
      ...words,
    ],
    { cwd: folder, encoding: "utf8" },
  );
const numbers =
  "select x, cast(x as numeric) / 8 as eighth, concat('n', cast(x as string)) as name from unnest(generate_array(1, 3000)) as x";

test("when rows are wanted as Parquet, then all are in the file with their types, and nothing is left half", async () => {
  const done = query("--format", "parquet", "--out", "deep/rows.parquet", numbers);
  expect(JSON.parse(done.stdout)).toEqual({ file: join(folder, "deep/rows.parquet"), rows: 3000 });
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const read = await connection.runAndReadAll(
    `select count(*), sum(x), max(eighth)::double, typeof(any_value(x)), typeof(any_value(eighth)) from '${join(folder, "deep/rows.parquet")}'`,
  );
  expect(read.getRows()).toEqual([[3000n, 4_501_500n, 375, "BIGINT", "DECIMAL(38,9)"]]);
  connection.closeSync();
});

test.each([
  [["--format", "parquet", "select 1 as a"], "wants a file to write to"],
  [["--out", "rows.csv", "select 1 as a"], "writes Parquet alone"],
  [
    ["--format", "parquet", "--out", "rows.parquet", "--role", "analyst", "select 1 as a"],
    "csv and ndjson have every row",
  ],
  [["--format", "parquet", "--out", "rows.parquet", "select 1 as a; select 2 as a"], "One query is wanted"],
])("when it is asked for as %j, then it is refused and no file is there", (words, said) => {
  const done = query(...words);
  expect(done.status).not.toBe(0);
  expect(done.stdout + done.stderr).toContain(said);
  expect(existsSync(join(folder, "rows.parquet"))).toBe(false);
});
