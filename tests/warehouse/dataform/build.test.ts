import { spawn } from "node:child_process";
import { appendFile, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { buildProject } from "../../../warehouse/dataform/build.ts";
import { type Graph, inDependencyOrder } from "../../../warehouse/dataform/graph.ts";
import { planBuild } from "../../../warehouse/dataform/plan.ts";
import { runPlan } from "../../../warehouse/dataform/run.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { feedSources } from "../../../warehouse/duckdb/feed-sources.ts";
import { type LocalEngine, localEngine } from "../../../warehouse/duckdb/local-engine.ts";
import { readSourceFeeds } from "../../../warehouse/duckdb/source-files.ts";
import { graphOf, incremental, table } from "./graphs.ts";

// Each starts processes of its own; on a busy machine these take their time.
vi.setConfig({ testTimeout: 180_000 });

const fixtures = join(import.meta.dirname, "fixtures");
let cacheDir: string;
let dir: string;
let warehouse: DuckDbWarehouse;
let engine: LocalEngine;
let serial = 0;
const world = { now: () => new Date("2026-03-10T12:00:00Z"), newId: () => `stamp-${++serial}` };

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "inboxloop-cache-"));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "inboxloop-build-"));
  await cp(join(fixtures, "shop/sources"), join(dir, "sources"), { recursive: true });
  warehouse = await openDuckDbWarehouse({
    path: join(dir, "warehouse.duckdb"),
    directories: [join(dir, "sources")],
  });
  engine = localEngine(warehouse, "shop");
});
afterEach(async () => {
  await warehouse.close();
  await rm(dir, { recursive: true, force: true });
});

const rows = async (sql: string) => (await warehouse.query(sql)).rows;

describe("a project that is not ours", () => {
  const build = async (more: { fullRefresh?: boolean; select?: readonly string[] } = {}) => {
    await feedSources(warehouse.lane, await readSourceFeeds(join(dir, "sources")));
    const { result } = await buildProject({ projectDir: join(fixtures, "shop"), cacheDir, engine, ...world, ...more });
    return Object.fromEntries(result.results.map((step) => [step.id.split(".")[1], step.outcome]));
  };

  test("when it is built, built again and built after new rows came, its tables are what they ought to be", async () => {
    const first = await build();
    expect(first).toEqual({
      stg_orders: "done",
      placed_orders: "done",
      customer_summary: "done",
      placed_2026_02: "done",
      placed_2026_03: "done",
      revenue_daily: "done",
      assert_placed_orders__customer_is_known: "done",
      assert_placed_orders__price_is_positive: "violated",
      shop_placed_orders_assertions_rowConditions: "done",
      shop_placed_orders_assertions_uniqueKey_0: "done",
    });
    expect(await rows("select * from shop.revenue_daily order by placed_on")).toEqual([
      { placed_on: "2026-02-27", orders: 1n, revenue: 4.99 },
      { placed_on: "2026-03-01", orders: 1n, revenue: 10 },
      { placed_on: "2026-03-02", orders: 1n, revenue: 25.5 },
    ]);
    expect(await rows("select order_id from shop.placed_2026_03 order by 1")).toEqual([
      { order_id: "o1" },
      { order_id: "o2" },
      { order_id: "o3" },
    ]);
    expect(await rows("select * from shop.customer_summary order by customer_id")).toEqual([
      { customer_id: "c1", name: "Ada", orders: 2n },
      { customer_id: "c2", name: "Grace", orders: 2n },
      { customer_id: "c3", name: "Edsger", orders: 0n },
    ]);

    expect(new Set(Object.values(await build()))).toEqual(new Set(["unchanged", "violated"]));

    await appendFile(
      join(dir, "sources/shop_raw.orders.csv"),
      "o3,c1,Paid,1250,2026-03-02 12:00:00+00,2026-03-03 08:00:00+00\no5,c3,Paid,100,2026-03-03 07:00:00+00,2026-03-03 07:00:01+00\n",
    );
    expect((await build())["revenue_daily"]).toBe("done");
    expect(await rows("select order_id, status, price from shop.placed_orders order by order_id")).toEqual([
      { order_id: "o1", status: "paid", price: 10 },
      { order_id: "o2", status: "paid", price: 25.5 },
      { order_id: "o3", status: "paid", price: 12.5 },
      { order_id: "o4", status: "paid", price: 4.99 },
      { order_id: "o5", status: "paid", price: 1 },
    ]);
    const merged = await rows("select * from shop.placed_orders order by order_id");
    expect((await build({ fullRefresh: true }))["placed_orders"]).toBe("done");
    expect(await rows("select * from shop.placed_orders order by order_id")).toEqual(merged);
  });

  test("when an order is of nobody, the stop assertion keeps what stands on the orders from being built", async () => {
    await appendFile(
      join(dir, "sources/shop_raw.orders.csv"),
      "o6,c9,Paid,100,2026-03-03 07:00:00+00,2026-03-03 07:00:01+00\n",
    );
    const outcomes = await build();
    expect(outcomes["assert_placed_orders__customer_is_known"]).toBe("violated");
    expect([outcomes["placed_orders"], outcomes["revenue_daily"], outcomes["placed_2026_03"]]).toEqual([
      "done",
      "skipped",
      "skipped",
    ]);
  });

  test("when a source has no rows yet, what fails for it says where rows may come from", async () => {
    await rm(join(dir, "sources/shop_raw.orders.ndjson"), { force: true });
    await rm(join(dir, "sources/shop_raw.orders.csv"), { force: true });
    await feedSources(warehouse.lane, await readSourceFeeds(join(dir, "sources")));
    const { result } = await buildProject({ projectDir: join(fixtures, "shop"), cacheDir, engine, ...world });
    const failed = result.results.find((step) => step.id === "shop_staging.stg_orders");
    expect(failed?.error).toMatchObject({
      code: "sql.analysis",
      next: "inboxloop build --sources <folder with shop_raw.orders.csv, .ndjson or .parquet>",
    });
  });

  test("when a source file cannot be read or does not say which table it is, the error names it", async () => {
    await writeFile(join(dir, "sources/notes.csv"), "a\n1\n");
    await expect(build()).rejects.toMatchObject({ code: "sources.name", where: join(dir, "sources/notes.csv") });
    await rm(join(dir, "sources/notes.csv"));
    await writeFile(join(dir, "sources/shop_raw.broken.parquet"), "no parquet at all");
    await expect(build()).rejects.toMatchObject({
      code: "sources.unreadable",
      where: join(dir, "sources/shop_raw.broken.parquet"),
    });
  });
});

describe("incrementals on DuckDB", () => {
  const build = async (graph: Graph, fullRefresh = false) => {
    const plan = planBuild(graph, { relations: await engine.relations(graph.actions), fullRefresh });
    const { results } = await runPlan(plan, engine, { ...world, force: true });
    for (const step of results)
      if (step.error !== undefined) throw new Error(`${step.id}: ${step.error.message} [${step.error.code}]`);
    return results;
  };
  const events = (list: string) =>
    table("s.src", [], { query: `select * from unnest([struct<k int64, day date, v string>${list}])` });

  test("when a filter on the partitions is required, a model that reads without one fails as on BigQuery", async () => {
    const storage = { ...table("s.t", []).storage, partitionBy: "day", requirePartitionFilter: true };
    const src = events("(1, date '2026-03-01', 'a')");
    const held = table("s.t", ["s.src"], { storage, query: "select * from `p.s.src`" });
    const reader = (where: string) => table("s.reader", ["s.t"], { query: `select k from \`p.s.t\` ${where}` });
    await build(graphOf(src, held, reader("where day = '2026-03-01'")));
    expect(await rows("select k from s.reader")).toEqual([{ k: 1n }]);
    await expect(build(graphOf(src, held, reader("where k = 1")))).rejects.toThrow(
      "Cannot query over table 'p.s.t' without a filter over column(s) 'day' that can be used for partition elimination [sql.analysis]",
    );
  });

  test.each([
    ["", false],
    [" though a filter on the partitions is required", true],
  ])(
    "when it overwrites, the partitions that come are replaced whole and the others stay%s",
    async (_, requirePartitionFilter) => {
      const storage = { ...table("s.t", []).storage, partitionBy: "day", requirePartitionFilter };
      const target = incremental(
        "s.t",
        ["s.src"],
        { strategy: "overwrite", uniqueKey: [], query: "select * from `p.s.src`" },
        { storage, query: "select * from `p.s.src`" },
      );
      await build(
        graphOf(
          events("(1, date '2026-03-01', 'a'), (2, date '2026-03-01', 'b'), (3, date '2026-03-02', 'c')"),
          target,
        ),
      );
      await build(graphOf(events("(9, date '2026-03-01', 'z')"), target));
      expect(await rows("select k, v from s.t where day is not null order by k")).toEqual([
        { k: 3n, v: "c" },
        { k: 9n, v: "z" },
      ]);
    },
  );

  test("when it appends, rows come to those that are there", async () => {
    const target = incremental(
      "s.t",
      ["s.src"],
      { strategy: "append", uniqueKey: [], query: "select * from `p.s.src`" },
      { query: "select * from `p.s.src`" },
    );
    const graph = graphOf(events("(1, date '2026-03-01', 'a')"), target);
    await build(graph);
    expect((await build(graph)).find((step) => step.id === "s.t")).toMatchObject({
      mode: "append",
      rows: 2,
      rowsWritten: 1,
    });
  });

  test("when a column is new, the policy adds it and fills it, drops it, ignores it or refuses", async () => {
    const target = (columns: string, onSchemaChange: "IGNORE" | "FAIL" | "EXTEND" | "SYNCHRONIZE") =>
      incremental(
        "s.t",
        ["s.src"],
        { query: `select ${columns} from \`p.s.src\``, onSchemaChange },
        { query: `select ${columns} from \`p.s.src\`` },
      );
    const src = events("(1, date '2026-03-01', 'a')");
    await build(graphOf(src, target("k, v", "IGNORE")));
    await build(graphOf(src, target("k, v, day, [k] as list", "EXTEND")));
    expect(await rows("select * from s.t")).toEqual([{ k: 1n, v: "a", day: "2026-03-01", list: [1n] }]);
    await expect(build(graphOf(src, target("k, v", "FAIL")))).rejects.toThrow("dataform.schema-change");
    await build(graphOf(src, target("k, v", "SYNCHRONIZE")));
    expect(await rows("select * from s.t")).toEqual([{ k: 1n, v: "a" }]);
  });

  test("when the query reads a temporary table of its pre-operations, the policy sees its columns all the same", async () => {
    const target = (columns: string) =>
      incremental(
        "s.t",
        ["s.src"],
        {
          query: `select ${columns} from picked`,
          preOps: [
            "declare least int64 default 0",
            "create temp table picked as select * from `p.s.src` where k > least",
          ],
          onSchemaChange: "SYNCHRONIZE",
        },
        { query: `select ${columns} from \`p.s.src\`` },
      );
    const src = events("(1, date '2026-03-01', 'a')");
    await build(graphOf(src, target("k, v")));
    await build(graphOf(src, target("k, day")));
    expect(await rows("select * from s.t")).toEqual([{ k: 1n, day: "2026-03-01" }]);
  });

  test("when a post-operation fails, the table is as it was before", async () => {
    const src = events("(1, date '2026-03-01', 'a')");
    await build(graphOf(src, table("s.t", ["s.src"])));
    const broken = table("s.t", ["s.src"], { query: "select 2 as other", postOps: ["select error('too late')"] });
    await expect(build(graphOf(src, broken))).rejects.toThrow("too late");
    expect(await rows("select k from s.t")).toEqual([{ k: 1n }]);
    expect(await warehouse.columns("s.t")).toHaveLength(3);
  });
});

test("when the process is killed at any moment and the build runs again, the tables are those of a build that was left alone", async () => {
  const steps = graphOf(
    table("s.a", [], {
      query: "select x as k, mod(x, 97) as g, repeat('x', 50) as pad from unnest(generate_array(1, 40000)) as x",
    }),
    incremental("s.b", ["s.a"], { query: "select * from `p.s.a`" }, { query: "select * from `p.s.a`" }),
    table("s.c", ["s.b"], { query: "select g, count(*) as n, sum(k) as total from `p.s.b` group by g" }),
    incremental(
      "s.d",
      ["s.c"],
      { uniqueKey: ["g"], query: "select * from `p.s.c`" },
      { query: "select * from `p.s.c`" },
    ),
  );
  const path = join(dir, "killed.duckdb");
  const file = join(dir, "graph.json");
  await writeFile(file, JSON.stringify({ ...steps, actions: inDependencyOrder(steps.actions) }));
  const run = async (killAfterMs?: number): Promise<number | null> => {
    const child = spawn(process.execPath, ["--import", "tsx", join(import.meta.dirname, "build-once.ts"), path, file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    if (killAfterMs !== undefined) {
      await new Promise((resolve) => child.stdout.once("data", resolve));
      setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    }
    return await ended;
  };
  for (const ms of [5, 60, 150, 300]) await run(ms);
  expect(await run()).toBe(0);
  const killed = await openDuckDbWarehouse({ path });
  const { rows: found } = await killed.query(
    "select (select count(*) from s.b) as b, (select sum(k) from s.b) as k, (select count(*) from s.d) as d, (select sum(total) from s.d) as total",
  );
  await killed.close();
  expect(found).toEqual([{ b: 40000n, k: 800020000n, d: 97n, total: 800020000n }]);
});
