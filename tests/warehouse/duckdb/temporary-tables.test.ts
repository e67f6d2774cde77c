import { afterAll, describe, expect, test } from "vitest";
import { openLocalWarehouse } from "../../../packages/googlesql/index.ts";
import { engineOver } from "../../../warehouse/dataform/engine.ts";
import { planBuild } from "../../../warehouse/dataform/plan.ts";
import { runPlan } from "../../../warehouse/dataform/run.ts";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { graphOf, table } from "../dataform/graphs.ts";

const program = await openLocalWarehouse();
const port = await openDuckDbWarehouse({ path: ":memory:", threads: 1 });
afterAll(async () => {
  program.close();
  await port.close();
});

const roads: Readonly<Record<string, (sql: string) => Promise<unknown>>> = {
  "a program": async (sql) => (await program.run(sql)).rows.map(([value]) => value),
  "the port": async (sql) => (await port.query(sql)).rows.map((row) => Object.values(row)[0]),
  "a transaction of the port": (sql) =>
    port.inTransaction(async (inside) => (await inside.query(sql)).rows.map((row) => Object.values(row)[0])),
};
const made = "create temp table picked as select 7 as n; select n from picked";
const scripts: readonly string[] = [
  made,
  "declare x int64 default 1; create temp table picked as select 6 + x as n; select n from picked",
  "if true then create temp table picked as select 7 as n; end if; select n from picked",
  "execute immediate 'create temp table picked as select 7 as n'; select n from picked",
];

describe.each(Object.entries(roads))("when %s has run a script", (_road, run) => {
  test.each(scripts)("then its temporary tables have gone with it: %s", async (script) => {
    expect(await run(script)).toEqual([7n]);
    await expect(run("select n from picked")).rejects.toMatchObject({ message: "Table not found: picked" });
    expect(await run(made)).toEqual([7n]);
  });

  test("then they have gone too where it failed", async () => {
    await expect(run("create temp table picked as select 1 as n; select 1 / 0")).rejects.toMatchObject({
      code: "sql.evaluation",
    });
    await expect(run("select n from picked")).rejects.toMatchObject({ message: "Table not found: picked" });
    expect(await run(made)).toEqual([7n]);
  });
});

test("when one is called as a table that stays, then that is there again when the script has ended", async () => {
  await port.execute("create schema if not exists s; create or replace table s.picked as select 1 as n");
  expect(await roads["the port"]!("create temp table picked as select 7 as n; select n from s.picked")).toEqual([1n]);
  expect(await roads["the port"]!("select n from s.picked")).toEqual([1n]);
});

test("when two actions prepare a table of one name, then each has its own, and none has another's", async () => {
  const engine = { ...engineOver(port, 1), ignoresDatabases: true };
  const preOps = (n: number) => [`create temp table near as select ${n} as n`];
  const graph = graphOf(
    table("s.a", [], { preOps: preOps(1), query: "select n from near" }),
    table("s.b", ["s.a"], { preOps: preOps(2), query: "select n from near" }),
    table("s.c", ["s.b"], { query: "select n from near" }),
  );
  const plan = planBuild(graph, { relations: new Map() });
  let id = 0;
  const { results } = await runPlan(plan, engine, { now: () => new Date(0), newId: () => `${++id}` });
  expect(results.map((result) => result.error?.message ?? result.outcome)).toEqual([
    "done",
    "done",
    "Table not found: near",
  ]);
  expect((await port.query("select a.n, b.n as m from s.a cross join s.b")).rows).toEqual([{ n: 1n, m: 2n }]);
});
