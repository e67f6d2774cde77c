import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { GoogleSqlError, openLocalWarehouse, UnsupportedGoogleSql } from "../../index.ts";

test("when a query is run, names, GoogleSQL types and exact values come back", async () => {
  const warehouse = await openLocalWarehouse();
  const result = await warehouse.run(
    "SELECT 9007199254740993 AS i, 0.1 AS f, NUMERIC '1.10' AS n, b'\\xff' AS b, DATE '2024-01-31' AS d, TIMESTAMP '2024-01-31 10:00:00.5+01' AS t, JSON '{\"b\": 1, \"a\": null}' AS j, [1, NULL] AS a, STRUCT(1 AS x, 'y') AS s, INTERVAL 90 MINUTE, @p AS p",
    { params: { p: { type: "DATE", value: "2024-02-01" } } },
  );
  expect(result.columns.map((column) => column.type)).toEqual([
    "INT64",
    "FLOAT64",
    "NUMERIC",
    "BYTES",
    "DATE",
    "TIMESTAMP",
    "JSON",
    "ARRAY<INT64>",
    "STRUCT<x INT64, STRING>",
    "INTERVAL",
    "DATE",
  ]);
  expect(result.rows).toEqual([
    [
      9007199254740993n,
      0.1,
      "1.1",
      new Uint8Array([255]),
      "2024-01-31",
      "2024-01-31 09:00:00.500+00",
      '{"a":null,"b":1}',
      [1n, null],
      [
        { name: "x", value: 1n },
        { name: "", value: "y" },
      ],
      "0-0 0 1:30:0",
      "2024-02-01",
    ],
  ]);
  warehouse.close();
});

test("when tables are made, changed and read, their GoogleSQL types stay", async () => {
  const warehouse = await openLocalWarehouse();
  await warehouse.run(`
    CREATE SCHEMA ds;
    CREATE TABLE ds.t (id INT64 NOT NULL, s STRUCT<a INT64, b ARRAY<STRING>>, n NUMERIC DEFAULT 5);
    INSERT INTO ds.t VALUES (1, (7, ['x']), DEFAULT), (2, NULL, 2.5);
    UPDATE ds.t SET s.a = s.a + 1, n = n * 2 WHERE id = 1;
    MERGE ds.t AS t USING (SELECT 2 AS id, 9 AS n UNION ALL SELECT 3, 1) AS u ON t.id = u.id
    WHEN MATCHED THEN UPDATE SET n = u.n WHEN NOT MATCHED THEN INSERT (id, n) VALUES (u.id, u.n);
    DELETE FROM ds.t WHERE id = 3;
    CREATE VIEW ds.v AS SELECT id, s, n / 4 AS q FROM ds.t;`);
  const result = await warehouse.run("SELECT * FROM `some-project.ds.v` ORDER BY id");
  expect(result.columns.map((column) => column.type)).toEqual(["INT64", "STRUCT<a INT64, b ARRAY<STRING>>", "NUMERIC"]);
  expect(result.rows).toEqual([
    [
      1n,
      [
        { name: "a", value: 8n },
        { name: "b", value: ["x"] },
      ],
      "2.5",
    ],
    [2n, null, "2.25"],
  ]);
  warehouse.close();
});

test("when a row of the target meets two of the source, nothing is changed", async () => {
  const warehouse = await openLocalWarehouse();
  await warehouse.run("CREATE TABLE t AS SELECT 1 AS id, 1 AS n");
  const merge =
    "MERGE t USING (SELECT 1 AS id UNION ALL SELECT 1) AS u ON t.id = u.id WHEN MATCHED THEN UPDATE SET n = 2";
  await expect(warehouse.run(merge)).rejects.toMatchObject({ code: "sql.evaluation" });
  expect((await warehouse.run("SELECT n FROM t")).rows).toEqual([[1n]]);
  warehouse.close();
});

test("when a script declares, loops, defines and catches, it runs to its end", async () => {
  const warehouse = await openLocalWarehouse();
  const result = await warehouse.run(`
    DECLARE n INT64 DEFAULT 0; DECLARE said STRING;
    CREATE TEMP FUNCTION twice(x ANY TYPE) AS (x * 2);
    CREATE TEMP FUNCTION shout(s STRING) RETURNS STRING LANGUAGE js AS "return s.toUpperCase() + '!';";
    WHILE true DO SET n = twice(n + 1); IF n > 10 THEN BREAK; END IF; END WHILE;
    FOR row IN (SELECT 1 AS a UNION ALL SELECT 2) DO SET n = n + row.a; END FOR;
    BEGIN SELECT 1 / 0; EXCEPTION WHEN ERROR THEN SET said = @@error.message; END;
    SELECT n, shout('done'), said;`);
  expect(result.rows).toEqual([[17n, "DONE!", "division by zero: 1 / 0"]]);
  warehouse.close();
});

test("when a file is opened again, tables and views answer as before", async () => {
  const folder = await mkdtemp(join(tmpdir(), "inboxloop-"));
  const path = join(folder, "w.duckdb");
  const first = await openLocalWarehouse({ path });
  await first.run(
    "CREATE TABLE t AS SELECT BIGNUMERIC '1.5' AS b, STRUCT('k' AS name) AS s; CREATE VIEW v AS SELECT b / 2 AS h, s.name FROM t",
  );
  first.close();
  const second = await openLocalWarehouse({ path });
  const result = await second.run("SELECT * FROM v");
  expect(result.columns).toEqual([
    { name: "h", type: "BIGNUMERIC" },
    { name: "name", type: "STRING" },
  ]);
  expect(result.rows).toEqual([["0.75", "k"]]);
  second.close();
  await rm(folder, { recursive: true });
});

test("when something is not on the verified list, the refusal names it and its place", async () => {
  const warehouse = await openLocalWarehouse();
  const refused = warehouse.run("SELECT\n  ST_AREA(x) FROM (SELECT 1 AS x)", { file: "a.sqlx" });
  await expect(refused).rejects.toBeInstanceOf(UnsupportedGoogleSql);
  await expect(refused).rejects.toBeInstanceOf(GoogleSqlError);
  await expect(refused).rejects.toMatchObject({ code: "refused.ST_AREA", where: "a.sqlx:2:3" });
  warehouse.close();
});

test("when the data make a statement fail, the message is GoogleSQL's and not the engine's", async () => {
  const warehouse = await openLocalWarehouse();
  const messageOf = (sql: string) => warehouse.run(sql).then(String, (error: Error) => error.message);
  expect(await messageOf("select (select x from unnest([1, 2]) x)")).toBe(
    "Scalar subquery produced more than one element",
  );
  expect(await messageOf("select extract(hour from date '2026-01-31')")).toMatch(/does not support the HOUR date part/);
  warehouse.close();
});
