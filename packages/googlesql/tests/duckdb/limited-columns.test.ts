import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

let warehouse: LocalWarehouse;
beforeEach(async () => {
  warehouse = await openLocalWarehouse();
  await warehouse.run("create schema d");
});
afterEach(() => warehouse.close());

const rows = async (sql: string) => (await warehouse.run(sql)).rows;
const message = async (sql: string) =>
  await warehouse.run(sql).then(
    () => "no error",
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );
const tooLong = "sql.evaluation: STRING(3) has maximum length 3 but got a value with length 4";

// https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#parameterized_data_types
describe("a column with limits", () => {
  beforeEach(async () => {
    await warehouse.run(
      "create table d.t (k int64, s string(3), b bytes(2), n numeric(4, 1), w numeric(3), x bignumeric(5, 2), a array<string(3)>, r struct<p string(3), q int64>)",
    );
  });

  test.each([
    ["insert into d.t (k, s) values (1, 'abcd')"],
    ["insert into d.t (k, s) select 1, 'abcd'"],
    ["insert into d.t (k, s) values (1, null), (2, 'äöüß')"],
    ["insert into d.t (k, a) values (1, ['a', 'abcd'])"],
    ["insert into d.t (k, r) values (1, ('abcd', 1))"],
    ["update d.t set s = concat(s, 'd') where true"],
    ["update d.t set r.p = 'abcd' where true"],
    ["merge d.t using (select 7 as k, 'abcd' as s) u on t.k = u.k when matched then update set s = u.s"],
    ["merge d.t using (select 8 as k, 'abcd' as s) u on t.k = u.k when not matched then insert (k, s) values (k, s)"],
    ["create table d.u (s string(3)) as select 'abcd' as s"],
    ["create table d.u (s string(3) default 'abcd', k int64); insert into d.u (k) values (1)"],
    ["alter table d.t add column z string(3); insert into d.t (z) values ('abcd')"],
    ["create table d.u like d.t; insert into d.u (s) values ('abcd')"],
    ["create table d.u copy d.t; insert into d.u (s) values ('abcd')"],
    ["declare s string(3); set s = 'abcd'"],
    ["declare s string(3) default 'abcd'"],
  ])("when %s, then the text is too long", async (sql) => {
    await warehouse.run("insert into d.t (k, s, r) values (7, 'abc', ('abc', 1))");
    expect(await message(sql)).toBe(tooLong);
    expect(await rows("select count(*), max(s) from d.t")).toEqual([[1n, "abc"]]);
  });

  test("when values fit, they are kept; decimals are rounded to the scale, half away from zero", async () => {
    await warehouse.run(
      "insert into d.t (k, s, b, n, w, x, a, r) values (1, 'abc', b'ab', 123.45, 999.4, bignumeric '123.455', ['abc', ''], ('abc', 1)), (2, '', b'', -0.05, -1.5, bignumeric '-0.005', [], (null, null))",
    );
    expect(
      await rows(
        "select s, length(b), cast(n as string), cast(w as string), cast(x as string), a, r.p from d.t order by k",
      ),
    ).toEqual([
      ["abc", 2n, "123.5", "999", "123.46", ["abc", ""], "abc"],
      ["", 0n, "-0.1", "-2", "-0.01", [], null],
    ]);
    expect(await message("insert into d.t (n) values (999.95)")).toMatch(
      /^sql.evaluation: NUMERIC\(4, 1\) has precision 4/,
    );
    expect(await message("insert into d.t (w) values (999.5)")).toMatch(
      /^sql.evaluation: NUMERIC\(3, 0\) has precision 3/,
    );
    expect(await message("insert into d.t (b) values (b'abc')")).toBe(
      "sql.evaluation: BYTES(2) has maximum length 2 but got a value with length 3",
    );
  });

  test("when records are asked, types are spelled with their limits; a table made of a query of it has none", async () => {
    await warehouse.run(
      "create table d.u as select s, n, r from d.t; insert into d.u values ('abcd', 12345.67, ('abcd', 1))",
    );
    expect(
      await rows(
        "select table_name, column_name, data_type from d.INFORMATION_SCHEMA.COLUMNS order by 1, ordinal_position",
      ),
    ).toEqual([
      ["t", "k", "INT64"],
      ["t", "s", "STRING(3)"],
      ["t", "b", "BYTES(2)"],
      ["t", "n", "NUMERIC(4, 1)"],
      ["t", "w", "NUMERIC(3)"],
      ["t", "x", "BIGNUMERIC(5, 2)"],
      ["t", "a", "ARRAY<STRING(3)>"],
      ["t", "r", "STRUCT<p STRING(3), q INT64>"],
      ["u", "s", "STRING"],
      ["u", "n", "NUMERIC"],
      ["u", "r", "STRUCT<p STRING, q INT64>"],
    ]);
  });

  test("when a column gets wider limits or a wider kind of number, values are kept; narrower is an error", async () => {
    await warehouse.run("insert into d.t (k, s, n) values (1, 'abc', 123.4)");
    await warehouse.run("alter table d.t alter column s set data type string(4); insert into d.t (s) values ('abcd')");
    expect(await message("insert into d.t (s) values ('abcde')")).toMatch(/STRING\(4\) has maximum length 4/);
    await warehouse.run(
      "alter table d.t alter column s set data type string, alter column n set data type numeric(6, 2)",
    );
    await warehouse.run("insert into d.t (k, s, n) values (2, 'abcdefgh', 1234.567)");
    await warehouse.run(
      "alter table d.t alter column k set data type bignumeric, alter column n set data type numeric",
    );
    expect(
      await rows("select cast(k as string), s, cast(n as string) from d.t where k is not null order by k"),
    ).toEqual([
      ["1", "abc", "123.4"],
      ["2", "abcdefgh", "1234.57"],
    ]);
    expect(
      await rows(
        "select data_type from d.INFORMATION_SCHEMA.COLUMNS where column_name in ('k', 's', 'n') order by ordinal_position",
      ),
    ).toEqual([["BIGNUMERIC"], ["STRING"], ["NUMERIC"]]);
    for (const type of ["string(2)", "int64", "bytes"])
      expect(await message(`alter table d.t alter column s set data type ${type}`)).toMatch(
        /^sql.analysis: ALTER TABLE ALTER COLUMN/,
      );
    expect(await message("alter table d.t alter column w set data type numeric(4, 2)")).toMatch(/^sql.analysis: /);
  });

  test("when limits are none that GoogleSQL has, the table is not made", async () => {
    for (const type of ["string(0)", "numeric(40)", "int64(3)", "string(3, 1)", "numeric(3, 10)"])
      expect(await message(`create table d.u (s ${type})`)).toMatch(/^(sql|refused)\./);
  });

  test("when a variable with limits would get a value elsewhere than in DECLARE or SET, it is refused by name", async () => {
    for (const sql of ["set (s) = 'abc'", "execute immediate 'select 1' into s", "set (s, t) = ('a', 'b')"])
      expect(await message(`declare s string(3); declare t string; ${sql}`)).toMatch(
        /^(no error|refused.parameterized_type)/,
      );
    expect(await message("declare s string(3); execute immediate \"select 'abcd'\" into s")).toMatch(
      /^refused.parameterized_type/,
    );
    expect(await rows("declare s string(3) default 'a'; set s = concat(s, 'bc'); select s")).toEqual([["abc"]]);
  });
});
