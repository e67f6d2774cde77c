import { afterAll, beforeAll, expect, test } from "vitest";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { ownBigQuery } from "./support/own-bigquery.ts";

/** The adapter as it is shipped, with Google's own clients, against an emulator that nobody here wrote. */
const bigquery = await ownBigQuery();
let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await connectBigQuery({ projectId: "adapter", ...bigquery });
  await warehouse.execute("create schema shop");
});
afterAll(() => warehouse.close());

test("when a query has every type then each arrives as the port promises", async () => {
  const { columns, rows } = await warehouse.query(`
    select
      9007199254740993 as i, 0.1 as f, cast('nan' as float64) as nan, numeric '0.1' as n, b'\\x00\\x01' as b, true as ok, 'ä' as s,
      date '2024-01-31' as d, time '09:30:00.123' as t, datetime '2024-01-31 09:30:00' as dt,
      timestamp '2023-11-14 22:13:20.123456+00' as at, json '{"a":[1,2]}' as j, ['a', 'b'] as tags,
      struct(1 as x, ['y'] as ys) as st, cast(null as string) as none`);
  expect(rows).toEqual([
    {
      i: 9007199254740993n,
      f: 0.1,
      nan: Number.NaN,
      n: "0.1",
      b: new Uint8Array([0, 1]),
      ok: true,
      s: "ä",
      d: "2024-01-31",
      t: "09:30:00.123",
      dt: "2024-01-31T09:30:00",
      at: "2023-11-14T22:13:20.123456Z",
      j: '{"a":[1,2]}',
      tags: ["a", "b"],
      st: { x: 1n, ys: ["y"] },
      none: null,
    },
  ]);
  expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
    "i INT64", "f FLOAT64", "nan FLOAT64", "n NUMERIC", "b BYTES", "ok BOOL", "s STRING", "d DATE", "t TIME", "dt DATETIME",
    "at TIMESTAMP", "j JSON", "tags ARRAY<STRING>", "st STRUCT<x INT64, ys ARRAY<STRING>>", "none STRING",
  ]); // biome-ignore format: one line a row reads better
});

test("when a query has parameters then they arrive with the types that the port documents", async () => {
  const { rows } = await warehouse.query(
    "select @i + 1 as i, @f as f, @s as s, @b as b, @at as at, @list as list, @none is null as none",
    { params: { i: 41n, f: 1.5, s: "it's", b: true, at: new Date(0), list: ["a", "b"], none: null } },
  );
  expect(rows).toEqual([
    { i: 42n, f: 1.5, s: "it's", b: true, at: "1970-01-01T00:00:00Z", list: ["a", "b"], none: true },
  ]);
});

test("when a result is longer than a page then all of it arrives", async () => {
  const { rows } = await warehouse.query("select n from unnest(generate_array(1, 60000)) as n order by n");
  expect(rows.length).toBe(60_000);
  expect(rows.at(-1)).toEqual({ n: 60_000n });
});

test("when tables are made, changed and copied then columns and counts say so", async () => {
  await warehouse.execute(
    "create table shop.orders (id int64, at timestamp, note string, tags array<string>) partition by date(at)",
  );
  expect(await warehouse.columns("shop.orders")).toEqual([
    { name: "id", type: "INT64" },
    { name: "at", type: "TIMESTAMP" },
    { name: "note", type: "STRING" },
    { name: "tags", type: "ARRAY<STRING>" },
  ]);
  expect(await warehouse.columns("shop.missing")).toBeUndefined();
  expect(await warehouse.columns("nowhere.missing")).toBeUndefined();
  expect(
    await warehouse.execute("insert into shop.orders (id, at) values (1, '2024-01-01'), (2, '2024-01-02'), (3, null)"),
  ).toEqual({ rowsAffected: 3 });
  expect(await warehouse.execute("update shop.orders set id = 20 where id = 2")).toEqual({ rowsAffected: 1 });
  const merge = `merge shop.orders t using (select 20 as id union all select 4) s on t.id = s.id
    when matched then update set note = 'seen' when not matched then insert (id) values (s.id)`;
  expect(await warehouse.execute(merge)).toEqual({ rowsAffected: 2 });
  await warehouse.execute("create table shop.copied copy shop.orders; alter table shop.copied add column more string");
  expect((await warehouse.query("select id, note, tags from shop.copied order by id")).rows).toEqual([
    { id: 1n, note: null, tags: [] },
    { id: 3n, note: null, tags: [] },
    { id: 4n, note: null, tags: [] },
    { id: 20n, note: "seen", tags: [] },
  ]);
  expect((await warehouse.columns("shop.copied"))?.at(-1)).toEqual({ name: "more", type: "STRING" });
  await warehouse.execute("create view shop.seen as select id from shop.orders where note is not null");
  expect(
    (await warehouse.query("select table_name, table_type from shop.INFORMATION_SCHEMA.TABLES order by 1")).rows,
  ).toEqual([
    { table_name: "copied", table_type: "BASE TABLE" },
    { table_name: "orders", table_type: "BASE TABLE" },
    { table_name: "seen", table_type: "VIEW" },
  ]);
  await warehouse.execute("drop view shop.seen; drop table shop.copied; drop table shop.orders");
  expect(await warehouse.columns("shop.orders")).toBeUndefined();
});

test("when a script declares, loops and calls JavaScript then it runs as one job", async () => {
  await warehouse.execute(`
    declare i int64 default 0;
    create temp function double_it(x float64) returns float64 language js as "return x * 2;";
    create or replace table shop.doubled (n float64);
    while i < 3 do
      insert into shop.doubled select double_it(i);
      set i = i + 1;
    end while`);
  expect((await warehouse.query("select n from shop.doubled order by n")).rows).toEqual([{ n: 0 }, { n: 2 }, { n: 4 }]);
});

test("when a statement is wrong then it is the text that is told, with its file", async () => {
  const invalid = { code: "bigquery.invalid-query", exitCode: 4 };
  await expect(warehouse.query("selct 1", { file: "a.sqlx" })).rejects.toMatchObject({
    ...invalid,
    where: expect.stringMatching(/^a\.sqlx/),
  });
  await expect(warehouse.query("select no_such_column from (select 1 as x)")).rejects.toMatchObject(invalid);
  await expect(warehouse.query("select 1 / 0")).rejects.toMatchObject(invalid);
  await expect(warehouse.query("select cast('x' as int64)")).rejects.toMatchObject(invalid);
  await expect(warehouse.query("select * from shop.missing")).rejects.toMatchObject({
    code: "bigquery.not-found",
    exitCode: 4,
  });
});

test("when a query is called off then nobody waits for it", async () => {
  const stop = new AbortController();
  stop.abort(new Error("called off"));
  await expect(warehouse.query("select 1", { signal: stop.signal })).rejects.toThrow("called off");
});

test("when rows are appended through the Storage Write API then they are in the table as they were", async () => {
  await warehouse.execute(
    "create or replace table shop.events (id string, n int64, ok bool, f float64, at timestamp, d date, meta json, raw bytes)",
  );
  const row = {
    id: "e1",
    n: 9007199254740993n,
    ok: false,
    f: 0.1,
    at: "2023-11-14T22:13:20.123456Z",
    d: "2024-01-31",
    meta: { a: 1 },
    raw: new Uint8Array([0, 255]),
  };
  expect(await warehouse.append("shop.events", [row, { id: "e2", n: null }])).toEqual({ kind: "written", rows: 2 });
  expect((await warehouse.query("select * from shop.events order by id")).rows).toEqual([
    { ...row, meta: '{"a":1}' },
    { id: "e2", n: null, ok: null, f: null, at: null, d: null, meta: null, raw: null },
  ]);
  expect(await warehouse.append("shop.events", [{ ...row, brand_new: 1 }])).toMatchObject({ kind: "schema-lagging" });
  await warehouse.execute("alter table shop.events add column brand_new int64");
  expect(await warehouse.append("shop.events", [{ id: "e3", brand_new: 1 }])).toEqual({ kind: "written", rows: 1 });
  await expect(warehouse.append("shop.missing", [{ id: "e1" }])).rejects.toMatchObject({
    code: "bigquery.table-missing",
  });
});
