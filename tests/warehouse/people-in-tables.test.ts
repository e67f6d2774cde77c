import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";
import {
  deleteRows,
  findInTables,
  namesSubject,
  readFromTables,
  subjectParams,
  textsOfTable,
} from "../../warehouse/people-in-tables.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";

const idOf = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;
const subject = { ids: [idOf(1), idOf(2)], messages: ["m-own"] };
const folder = mkdtempSync(join(tmpdir(), "inboxloop-people-"));
let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openDuckDbWarehouse({ path: join(folder, "w.duckdb") });
});
afterAll(async () => {
  await warehouse?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Each row says in `why` whether it is the subject's. */
const rows = [
  ["a whole id", `'${idOf(1)}', null, 'x', null, null, null`],
  ["a message of theirs", "'z', 'm-own', 'x', null, null, null"],
  ["a message that carries their id", `'z', 'abc:${idOf(2).slice(7, 23)}', 'x', null, null, null`],
  ["within a text", `'z', 'm', 'see ${idOf(2)} there', null, null, null`],
  ["within JSON", `'z', 'm', 'x', json '{"a": {"b": "${idOf(1)}"}}', null, null`],
  ["within an array", `'z', 'm', 'x', null, ['q', '${idOf(1)}'], null`],
  ["within a struct", `'z', 'm', 'x', null, null, struct('${idOf(1)}' as who, 2 as n)`],
  [
    "not: somebody else",
    `'${idOf(3)}', 'm', '${idOf(3)}', json '{"a": "${idOf(3)}"}', ['${idOf(3)}'], struct('${idOf(3)}' as who, 2 as n)`,
  ],
  ["not: their message as a word", "'z', 'm', 'm-own', null, null, null"],
  ["not: nothing at all", "null, null, null, null, null, null"],
] as const;

test("when rows of a table name somebody in any column then they are found, read and deleted, and no others", async () => {
  await warehouse.execute(`create schema shop;
create table shop.acts (why string, user_id_hash string, message_id string, note string, j json, tags array<string>, st struct<who string, n int64>);
create table shop.numbers (n int64);
insert into shop.numbers values (1)`);
  for (const [why, values] of rows) await warehouse.execute(`insert into shop.acts values ('${why}', ${values})`);
  const columns = (await warehouse.columns("shop.acts"))!;
  const tables = [
    { name: "shop.acts", columns },
    { name: "shop.numbers", columns: (await warehouse.columns("shop.numbers"))! },
  ];
  const theirs = rows.map(([why]) => why).filter((why) => !why.startsWith("not"));
  expect(await findInTables(warehouse, tables, subject)).toEqual([{ table: "shop.acts", rows: theirs.length }]);
  const read: string[] = [];
  for await (const { row } of readFromTables(warehouse, tables, subject))
    read.push((JSON.parse(row) as { why: string }).why);
  expect(read.sort()).toEqual([...theirs].sort());
  await deleteRows(warehouse, "shop.acts", namesSubject(columns)!, subjectParams(subject));
  const left = await warehouse.query("select why from shop.acts");
  expect(left.rows.map((row) => String(row["why"])).every((why) => why.startsWith("not"))).toBe(true);
  expect(left.rows).toHaveLength(rows.length - theirs.length);
  expect(namesSubject([{ name: "n", type: "INT64" }])).toBeUndefined();
});

test("when every text of a table is read, in parts or at once, then each is there once with its rows, and what is quoted in JSON and nested ones", async () => {
  await warehouse.execute(`create schema texts;
create table texts.said (who string, j json, tags array<string>, st struct<who string, n int64>, n int64);
insert into texts.said values ('a', json '{"m": ["${idOf(1)}", "with \\\\"quotes\\\\""], "k": 1}', ['x', 'y'], struct('z' as who, 7 as n), 5), ('a', null, ['x'], null, 6), (null, null, null, null, 7)`);
  const table = { name: "texts.said", columns: (await warehouse.columns("texts.said"))! };
  const read = async (atOnce?: number) => {
    const found: string[] = [];
    for await (const { column, text, rows: n } of textsOfTable(warehouse, table, undefined, atOnce))
      found.push(`${column} ${text} ${n}`);
    return found.sort();
  };
  const all = await read();
  expect(all).toEqual(
    [
      "who a 2",
      `j "m" 1`,
      `j "${idOf(1)}" 1`,
      `j "with \\"quotes\\"" 1`,
      `j "k" 1`,
      `tags "x" 2`,
      `tags "y" 1`,
      `st "who" 1`,
      `st "z" 1`,
      `st "n" 1`,
    ].sort(),
  );
  // Three rows in parts of one: four parts, which together are all of it.
  expect(await read(1)).toEqual(all);
});

test("when BigQuery does not let rows go yet, or too many are asked for, then the error says what to do", async () => {
  const buffer = {
    query: warehouse.query,
    execute: () =>
      Promise.reject(new Error("UPDATE or DELETE statement over table a.b would affect rows in the streaming buffer")),
  };
  await expect(deleteRows(buffer, "a.b", "true", {})).rejects.toMatchObject({ code: "bigquery.streaming-buffer" });
  const ids = Array.from({ length: 60_001 }, (_, n) => idOf(n));
  expect(() => subjectParams({ ids, messages: [] })).toThrow(expect.objectContaining({ code: "privacy.too-many" }));
});
