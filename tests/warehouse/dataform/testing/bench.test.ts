import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TableAction } from "../../../../warehouse/dataform/graph.ts";
import { Bench, type BenchWarehouse } from "../../../../warehouse/dataform/testing/bench.ts";
import { openBench } from "../../../../warehouse/duckdb/bench-warehouse.ts";
import { source, table, view } from "../graphs.ts";

const actions = [
  source("raw.a"),
  view("s.kept", ["raw.a"], { query: "select k, s from `p.raw.a` where k > 0" }),
  table("s.counted", ["s.kept"], { query: "select count(*) as n from `p.s.kept`" }),
  table("s.inverse", ["s.kept"], { query: "select div(10, k - 1) as i from `p.s.kept`" }),
  table("s.both", ["s.kept", "s.counted"], {
    query: "select n, (select count(*) from `p.s.kept`) as m from `p.s.counted`",
  }),
  view("s.timed", ["raw.timed"], {
    query: "select *, _PARTITIONTIME as pt from `p.raw.timed` where _PARTITIONDATE = '2026-01-02'",
  }),
  source("raw.timed"),
  table("s.read", ["s.inverse"], { query: "select i from `p.s.inverse`" }),
];
const columns = [
  { name: "k", type: "INT64" },
  { name: "s", type: "STRING" },
];

let warehouse: BenchWarehouse;
let bench: Bench;
beforeAll(async () => {
  warehouse = await openBench();
  bench = new Bench(warehouse, ({ name }) =>
    name === "timed" ? [...columns, { name: "_PARTITIONTIME", type: "TIMESTAMP" }] : columns,
  );
  await bench.use({ actions, tests: [], errors: [], defaultSchema: "s", vars: {} }, "a graph");
});
afterAll(() => warehouse.close());

const actionOf = (name: string) => bench.resolve(name) as TableAction;
const answer = async (name: string) => (await bench.query(actionOf(name), actionOf(name).query)).rows;

describe("what lies between the given rows and a model", () => {
  test("when rows are given, it is computed of them; when more come, again; another test sees none of it", async () => {
    const both = actionOf("s.both");
    await bench.layOut(both, new Map([["raw.a", [{ k: 1 }, { k: 2 }, { k: -1 }]]]));
    expect(await answer("s.both")).toEqual([{ n: 2n, m: 2n }]);
    await bench.fill("raw.a", [{ k: 3 }]);
    expect(await answer("s.both")).toEqual([{ n: 3n, m: 3n }]);
    await bench.layOut(both, new Map([["s.kept", [{ k: 7 }]]]));
    expect(await answer("s.both")).toEqual([{ n: 1n, m: 1n }]);
    await bench.layOut(both, new Map([["s.counted", [{ n: 5 }]]]));
    expect(await answer("s.both")).toEqual([{ n: 5n, m: 0n }]);
  });

  test("when rows say when they arrived, a model reads that and `*` does not give it", async () => {
    const given = [{ k: 1, _PARTITIONTIME: "2026-01-02" }, { k: 2, _PARTITIONTIME: "2026-01-03" }, { k: 3 }];
    await bench.layOut(actionOf("s.timed"), new Map([["raw.timed", given]]));
    expect(await answer("s.timed")).toEqual([{ k: 1n, s: null, pt: "2026-01-02T00:00:00Z" }]);
  });

  test("when tables are given without a row, an aggregate of them still has one", async () => {
    await bench.layOut(actionOf("s.both"), new Map([["raw.a", []]]));
    expect(await answer("s.both")).toEqual([{ n: 0n, m: 0n }]);
  });

  test("when it fails on the rows, the error is that of its own data", async () => {
    await bench.layOut(actionOf("s.read"), new Map([["raw.a", [{ k: 1 }]]]));
    await expect(answer("s.read")).rejects.toMatchObject({ code: "sql.evaluation", message: /division by zero/ });
    await bench.layOut(actionOf("s.read"), new Map([["raw.a", [{ k: 3 }]]]));
    expect(await answer("s.read")).toEqual([{ i: 5n }]);
  });
});
