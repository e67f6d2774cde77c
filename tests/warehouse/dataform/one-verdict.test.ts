import { afterEach, expect, test } from "vitest";
import { openLocalWarehouse } from "../../../packages/googlesql/index.ts";
import { compareWithLastBuild, withData } from "../../../warehouse/dataform/changes.ts";
import { type BuildEngine, engineOver } from "../../../warehouse/dataform/engine.ts";
import type { Action, TableAction } from "../../../warehouse/dataform/graph.ts";
import { certify } from "../../../warehouse/dataform/parity.ts";
import { planBuild } from "../../../warehouse/dataform/plan.ts";
import { runPlan } from "../../../warehouse/dataform/run.ts";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { graphOf, incremental, table, view } from "./graphs.ts";

const plain = table("s.plain", []).storage;
const guarded: TableAction["storage"] = { ...plain, partitionBy: "day", requirePartitionFilter: true };
const days = "select date '2026-01-31' as day, k from unnest([1, 2]) as k";
const source = table("s.days", [], { query: days, storage: guarded });
const reader = (make: typeof table, query: string): readonly Action[] => [source, make("s.r", ["s.days"], { query })];
const all = "select k from `p.s.days`";
const some = "select k, day from `p.s.days` where day = '2026-01-31'";
const merged = (updatePartitionFilter?: string): readonly Action[] => [
  incremental(
    "s.m",
    [],
    { query: days, uniqueKey: ["k"] },
    { query: days, storage: { ...guarded, updatePartitionFilter } },
  ),
];

const engines: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

async function emptyEngine(): Promise<BuildEngine> {
  const warehouse = await openDuckDbWarehouse({ path: ":memory:" });
  engines.push(warehouse);
  return { ...engineOver(warehouse, 1), ignoresDatabases: true };
}

/** The actions that a build fails at, the second time included. */
async function failedBuilds(actions: readonly Action[]): Promise<readonly string[]> {
  const engine = await emptyEngine();
  const failed = new Set<string>();
  for (let round = 0; round < 2; round++) {
    const plan = planBuild(graphOf(...actions), { relations: await engine.relations(actions) });
    let id = 0;
    const { results } = await runPlan(plan, engine, { now: () => new Date(0), newId: () => `${++id}` });
    for (const result of results) if (result.outcome === "failed") failed.add(result.id);
  }
  return [...failed];
}

async function invalidModels(actions: readonly Action[]): Promise<readonly string[]> {
  const local = await openLocalWarehouse();
  try {
    const { models } = await certify(graphOf(...actions), {
      run: (sql, file) => local.run(sql, { file }),
      columnsOf: async () => undefined,
    });
    return models.filter(({ verdict }) => verdict === "invalid" || verdict === "refused").map(({ id }) => id);
  } finally {
    local.close();
  }
}

/** What a plan says cannot be told, of a project that has not been built yet. */
async function problemsOf(actions: readonly Action[]): Promise<readonly string[]> {
  const { warehouse, ensureSchemas } = await emptyEngine();
  const trial = {
    warehouse,
    ensureSchemas,
    dropSchemas: async (schemas: readonly string[]) => {
      for (const schema of schemas) await warehouse.execute(`drop schema \`${schema}\` cascade`);
    },
  };
  const graph = graphOf(...actions);
  const changes = await withData(graph, compareWithLastBuild(graph, new Map()), new Map(), trial);
  return changes.filter(({ problem }) => problem !== undefined).map(({ id }) => id);
}

test.each<[string, readonly Action[], readonly string[]]>([
  ["a table without a filter", reader(table, all), ["s.r"]],
  ["a table with one", reader(table, some), []],
  ["a view without a filter, that nobody reads", reader(view, all), []],
  ["a table that reads such a view", [...reader(view, all), table("s.t", ["s.r"])], ["s.t"]],
  [
    "a table that reads a view with a filter of its own",
    [...reader(view, some), table("s.t", ["s.r"], { query: "select k from `p.s.r` where day = '2026-01-31'" })],
    [],
  ],
  ["a column that is not there", reader(table, "select nope from `p.s.days` where day = '2026-01-31'"), ["s.r"]],
])("when there is %s, then build, parity and plan say the same of it", async (_what, actions, wrong) => {
  expect(await failedBuilds(actions)).toEqual(wrong);
  expect(await invalidModels(actions)).toEqual(wrong);
  expect(await problemsOf(actions)).toEqual(wrong);
});

test.each<[string, readonly Action[], readonly string[]]>([
  ["without a filter on its partitions", merged(), ["s.m"]],
  ["with one", merged("day = '2026-01-31'"), []],
  [
    "on a key that it does not give",
    [incremental("s.m", [], { query: days, uniqueKey: ["nope"] }, { query: days })],
    ["s.m"],
  ],
  [
    "what its own table holds",
    [
      incremental(
        "s.m",
        [],
        { query: `select * from (${days}) where k > (select max(k) from \`p.s.m\`)`, uniqueKey: ["k"] },
        { query: days },
      ),
    ],
    [],
  ],
  [
    "what only its first query can read",
    [incremental("s.m", [], { query: "select k, nope from `p.s.m`", uniqueKey: ["k"] }, { query: days })],
    ["s.m"],
  ],
  [
    "nothing, and overwrites partitions",
    [
      incremental(
        "s.m",
        [],
        { query: days, uniqueKey: [], strategy: "overwrite" },
        { query: days, storage: { ...plain, partitionBy: "day" } },
      ),
    ],
    [],
  ],
  [
    "what its pre-operations prepare",
    [
      incremental(
        "s.m",
        [],
        {
          query: "select * from near where k > least_k",
          preOps: [`declare least_k int64 default 0; create temp table near as ${days};`],
          uniqueKey: ["k"],
        },
        { query: "select * from near", preOps: [`create temp table near as ${days}`] },
      ),
      table("s.t", ["s.m"], { query: "select k from `p.s.m`" }),
    ],
    [],
  ],
])("when an incremental merges %s, then build, parity and plan say the same of it", async (_what, actions, wrong) => {
  expect(await failedBuilds(actions)).toEqual(wrong);
  expect(await invalidModels(actions)).toEqual(wrong);
  expect(await problemsOf(actions)).toEqual(wrong);
});

test("when a pre-operation would leave something behind, then a plan does not do it", async () => {
  const { warehouse, ensureSchemas } = await emptyEngine();
  await ensureSchemas(["s"]);
  await warehouse.execute("create table s.kept as select 1 as n");
  const trial = { warehouse, ensureSchemas, dropSchemas: async () => {} };
  const preOps = ["create temp table near as select 1 as n", "delete from `s.kept` where true"];
  const graph = graphOf(table("s.a", [], { preOps, query: "select n from near" }));
  const [change] = await withData(graph, compareWithLastBuild(graph, new Map()), new Map(), trial);
  expect(change?.problem).toBe("Table not found: near [sql.analysis]");
  expect((await warehouse.query("select n from s.kept")).rows).toEqual([{ n: 1n }]);
});

test("when the table that stands wants a filter, then a plan tells its columns and says nothing of its rows", async () => {
  const { warehouse, ensureSchemas } = await emptyEngine();
  await ensureSchemas(["s"]);
  await warehouse.execute(
    "create table s.days (day date, k int64) partition by day options (require_partition_filter = true)",
  );
  const graph = graphOf({ ...source, query: `select *, 'x' as more from (${days})` });
  const trial = { warehouse, ensureSchemas, dropSchemas: async () => {} };
  const [change] = await withData(graph, compareWithLastBuild(graph, new Map()), new Map(), trial);
  expect(change).toMatchObject({ id: "s.days", isBreaking: false, columns: [{ name: "more", after: "STRING" }] });
  expect(change).not.toHaveProperty("problem");
  expect(change?.rows).toBeUndefined();
});
