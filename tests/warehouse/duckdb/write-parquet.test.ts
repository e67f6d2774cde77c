import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestOfFiles } from "../../../retrain/snapshot/verify-snapshot.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { writeParquet } from "../../../warehouse/duckdb/write-parquet.ts";
import type { Row } from "../../../warehouse/warehouse.ts";

let folder: string;
let warehouse: DuckDbWarehouse;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-parquet-"));
  warehouse = await openDuckDbWarehouse({ path: ":memory:", directories: [folder] });
});
afterAll(async () => {
  await warehouse.close();
  await rm(folder, { recursive: true, force: true });
});

const sql = `select
  i as id, concat('text "', cast(i as string), '"\\n ä') as text, i / 3 as share, mod(i, 2) = 0 as is_even,
  timestamp_add(timestamp '1969-12-31 23:59:59.999999+00', interval i second) as happened_at,
  date_add(date '2024-02-28', interval i day) as day, numeric '1.5' * i as money, nullif(i, 3) as gap,
  if(i = 1, cast('nan' as float64), if(i = 2, cast('-inf' as float64), 1e-300)) as odd
from unnest(generate_array(0, 6)) as i`;

async function* inPages(rows: readonly Row[]): AsyncIterable<readonly Row[]> {
  for (let at = 0; at < rows.length; at += 3) yield rows.slice(at, at + 3);
}

test("when rows are written page by page then the file holds what an export holds", async () => {
  const { columns, rows } = await warehouse.query(sql);
  const [ours, exported] = [join(folder, "ours.parquet"), join(folder, "exported.parquet")];
  expect(await writeParquet(ours, columns, inPages(rows))).toEqual({ rows: 7 });
  await warehouse.exportParquet(sql, exported);
  const digest = await digestOfFiles([ours], columns);
  expect(digest).toEqual(await digestOfFiles([exported], columns));
  expect(digest.rows).toBe(7);
});

test("when the rows end with an error then there is no file", async () => {
  async function* failing(): AsyncIterable<readonly Row[]> {
    yield [{ id: 1n }];
    throw new Error("the connection broke");
  }
  const path = join(folder, "half.parquet");
  await expect(writeParquet(path, [{ name: "id", type: "INT64" }], failing())).rejects.toThrowError(/connection broke/);
  expect((await readdir(folder)).filter((name) => name.startsWith("half"))).toEqual([]);
});

test("when a column has a type that is not written then it is named", async () => {
  const write = writeParquet(join(folder, "x.parquet"), [{ name: "tags", type: "ARRAY<STRING>" }], inPages([]));
  await expect(write).rejects.toThrowError(/column tags is ARRAY<STRING>/);
});
