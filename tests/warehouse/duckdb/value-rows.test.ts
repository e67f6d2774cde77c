import { afterAll, beforeAll, expect, test } from "vitest";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";

let warehouse: DuckDbWarehouse;
beforeAll(async () => {
  warehouse = await openDuckDbWarehouse({ path: ":memory:", threads: 1 });
});
afterAll(() => warehouse.close());

test.each([
  ["select as struct 1 as x, 'b' as y", [{ x: 1n, y: "b" }]],
  ["select as struct * from (select 1 as a, [2] as b)", [{ a: 1n, b: [2n] }]],
  ["select as value struct(1 as x, struct(2 as z) as y)", [{ x: 1n, y: { z: 2n } }]],
  ["select as value cast(null as struct<x int64, y string>)", [{ x: null, y: null }]],
  ["select as value 5", [{ f0_: 5n }]],
  ["select struct(1 as x) as s", [{ s: { x: 1n } }]],
])("when rows are STRUCTs, then each field is a column: %s", async (sql, rows) => {
  const result = await warehouse.query(sql);
  expect(result.rows).toEqual(rows);
  expect(result.columns.map((column) => column.name)).toEqual(Object.keys(rows[0]!));
});
