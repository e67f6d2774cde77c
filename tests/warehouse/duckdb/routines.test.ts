import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";

vi.setConfig({ testTimeout: 120_000 });

let dir: string;
let warehouse: DuckDbWarehouse;
const reopen = async () => {
  await warehouse.close();
  warehouse = await openDuckDbWarehouse({ path: join(dir, "warehouse.duckdb") });
};
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "inboxloop-routines-"));
  warehouse = await openDuckDbWarehouse({ path: join(dir, "warehouse.duckdb") });
  await warehouse.execute("create schema fn");
});
afterEach(async () => {
  await warehouse.close();
  await rm(dir, { recursive: true, force: true });
});

const value = async (sql: string): Promise<unknown> => Object.values((await warehouse.query(sql)).rows[0] ?? {})[0];
/** On a connection of its own, several at once so that each has another. */
const everywhere = async (sql: string): Promise<readonly unknown[]> => {
  const answers = await Promise.allSettled(
    [1, 2, 3].map(() => warehouse.inTransaction(async (on) => Object.values((await on.query(sql)).rows[0] ?? {})[0])),
  );
  return answers.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
};

describe("a function that was made to last", () => {
  test.each([
    ["create function fn.twice(n int64) returns int64 as (n * 2)", "select `p.fn.twice`(21)", 42n],
    ["create function p.fn.twice(n any type) as (n * 2)", "select fn.twice(1.5)", 3],
    ["create function fn.half(n float64) returns float64 language js as 'return n / 2'", "select fn.half(5)", 2.5],
    [
      "create aggregate function fn.spread(x int64) as (max(x) - min(x))",
      "select fn.spread(v) from unnest([3, 9]) v",
      6n,
    ],
    [
      "create table function fn.upto(n int64) as (select v from unnest(generate_array(1, n)) v)",
      "select sum(v) from p.fn.upto(4)",
      10n,
    ],
    [
      "create procedure fn.grow(n int64, out bigger int64) begin set bigger = n + 1; end",
      "declare n int64; call fn.grow(41, n); select n",
      42n,
    ],
    ["execute immediate 'create function fn.late() as (7)'", "select fn.late()", 7n],
  ])("when %s, then every connection knows it, and whoever opens the warehouse next", async (make, ask, answer) => {
    // Both connections speak before the function is there.
    await everywhere("select 1");
    await warehouse.execute(make);
    expect(await value(ask)).toEqual(answer);
    expect(await everywhere(ask)).toEqual([answer, answer, answer]);
    await reopen();
    expect(await value(ask)).toEqual(answer);
  });

  test("when a transaction that made it is undone, it was never there; when it is kept, it is everywhere", async () => {
    const make = (fails: boolean) =>
      warehouse.inTransaction(async (on) => {
        await on.execute("create function fn.once() as (1)");
        expect((await on.query("select fn.once() as v")).rows).toEqual([{ v: 1n }]);
        if (fails) throw new Error("undone");
      });
    await expect(make(true)).rejects.toThrow("undone");
    await expect(value("select fn.once()")).rejects.toThrow(/Function not found: fn\.once; nothing has made it here/);
    await expect(everywhere("select fn.once()")).rejects.toThrow(/Function not found/);
    await make(false);
    expect(await everywhere("select fn.once()")).toEqual([1n, 1n, 1n]);
  });

  test("when it is replaced or dropped, every connection hears of it", async () => {
    await warehouse.execute("create function fn.f() as (1)");
    expect(await everywhere("select fn.f()")).toEqual([1n, 1n, 1n]);
    await expect(warehouse.execute("create function fn.f() as (2)")).rejects.toThrow("already exists");
    await warehouse.execute("create or replace function fn.f() as (2)");
    expect(await everywhere("select fn.f()")).toEqual([2n, 2n, 2n]);
    await warehouse.execute("drop function fn.f");
    await expect(everywhere("select fn.f()")).rejects.toThrow("Function not found: fn.f");
    await reopen();
    await expect(value("select fn.f()")).rejects.toThrow("Function not found: fn.f");
  });

  test("when its dataset is dropped, it goes too", async () => {
    await warehouse.execute("create function fn.f() as (1)");
    await warehouse.execute("drop schema fn cascade");
    await expect(value("select fn.f()")).rejects.toThrow("Function not found: fn.f");
  });

  test("when a view calls it, in SQL or JavaScript, the view reads in the next opening too", async () => {
    await warehouse.execute("create function fn.sql(n int64) as (n + 1)");
    await warehouse.execute("create function fn.js(n float64) returns float64 language js as 'return n * 10'");
    await warehouse.execute("create view fn.both as select fn.sql(1) + fn.js(2) as v");
    await reopen();
    expect(await value("select v from fn.both")).toBe(22);
  });

  test("when a function is temporary, it lasts as long as its script, and hides none that lasts", async () => {
    await warehouse.execute("create function fn.f() as (1)");
    expect(await value("create temp function g() as (5); select g() + fn.f()")).toBe(6n);
    await expect(value("select g()")).rejects.toMatchObject({ code: "refused.G" });
    expect(await value("select fn.f()")).toBe(1n);
  });
});
