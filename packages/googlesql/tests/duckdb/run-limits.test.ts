import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

const largeJoin =
  "select count(*) from unnest(generate_array(1, 1000000)) a, unnest(generate_array(1, 1000000)) b where a * b = 7";

describe("limits of a run", () => {
  let warehouse: LocalWarehouse;
  // Of its own, so that a slow machine meets no limit of time where another one is meant.
  let hurried: LocalWarehouse;
  beforeAll(async () => {
    warehouse = await openLocalWarehouse({ limits: { loopRounds: 1000, resultValues: 5000 } });
    hurried = await openLocalWarehouse({ limits: { runMs: 500 } });
  });
  afterAll(() => {
    warehouse.close();
    hurried.close();
  });

  const refusals: readonly (readonly [what: string, sql: string, code: string])[] = [
    ["a loop has no end", "loop end loop", "refused.loop_limit"],
    ["loops in each other have many rounds", "loop loop break; end loop; end loop", "refused.loop_limit"],
    [
      "an exception handler stands around it",
      "begin loop end loop; exception when error then select 1; end",
      "refused.loop_limit",
    ],
    ["a result has many rows", "select x from unnest(generate_array(1, 5001)) x", "refused.result_limit"],
    ["a result has a long array", "select generate_array(1, 5001)", "refused.result_limit"],
    [
      "a result has many fields",
      "select array_agg(struct(x, x + 1, x + 2, x + 3)) from unnest(generate_array(1, 1300)) x",
      "refused.result_limit",
    ],
    ["a script gives many results", "while true do select generate_array(1, 100); end while", "refused.result_limit"],
    ["expressions stand in each other deeply", `select ${Array(20_000).fill("1").join("+")}`, "refused.deep_nesting"],
    [
      "functions call each other without bound",
      `${Array.from({ length: 20 }, (_, i) => `create or replace temp function f${i}(x int64) as (${i === 0 ? "x" : `f${i - 1}(x) + f${i - 1}(x)`});`).join("\n")} select f19(1)`,
      "refused.function_expansion",
    ],
    [
      "BETWEEN stands within BETWEEN",
      `select ${"(".repeat(40)}x = 1${") between false and true".repeat(40)} from (select 1 as x)`,
      "",
    ],
  ];
  for (const [what, sql, code] of refusals) {
    test(`when ${what}, then ${code === "" ? "it is served" : `it ends with ${code}`}`, async () => {
      if (code === "") await warehouse.run(sql);
      else await expect(warehouse.run(sql)).rejects.toMatchObject({ code });
      expect((await warehouse.run("select 1")).rows).toEqual([[1n]]);
    });
  }

  test("when a join is too large, then it ends with refused.time_limit, and the next run has its own time", async () => {
    await expect(hurried.run(largeJoin)).rejects.toMatchObject({ code: "refused.time_limit" });
    expect((await hurried.run("select 1")).rows).toEqual([[1n]]);
  });

  test("when a run is within the limits, then a later one has all of them again", async () => {
    for (let i = 0; i < 3; i++) {
      expect((await warehouse.run("select x from unnest(generate_array(1, 4000)) x")).rows).toHaveLength(4000);
    }
  });

  test("when the caller's signal says so, then the run ends with its reason", async () => {
    const signal = AbortSignal.timeout(50);
    await expect(warehouse.run(largeJoin, { signal })).rejects.toThrow(/timeout|aborted/i);
    expect((await warehouse.run("select 1")).rows).toEqual([[1n]]);
  });

  test("when runs are asked for at the same time, then each has its own answer", async () => {
    const runs = [1, 2, 3, 4].map((n) => warehouse.run("declare x int64 default @n; select x", { params: { n } }));
    expect((await Promise.all(runs)).map((run) => run.rows[0]![0])).toEqual([1n, 2n, 3n, 4n]);
  });

  test("when tables change in a transaction that is undone, then they are as before", async () => {
    await warehouse.run("create table t as select 1 as x");
    await warehouse.run("begin transaction; drop table t; create table u as select 2 as y; rollback transaction");
    expect((await warehouse.run("select x from t")).rows).toEqual([[1n]]);
    await expect(warehouse.run("select y from u")).rejects.toMatchObject({ code: "sql.analysis" });
  });
});
