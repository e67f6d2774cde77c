import { describe, expect, test } from "vitest";
import { code, rows, types } from "./support.ts";

/** GoogleSQL expressions and what they are worth. */
const values: Readonly<Record<string, string>> = {
  "1 / 2": "0.5",
  "7 / 2 * 2": "7",
  "NUMERIC '1' / 3": "0.333333333",
  "NUMERIC '12345678901.5' * NUMERIC '0.000000002'": "24.691357803",
  "BIGNUMERIC '1' / 3": "0.33333333333333333333333333333333333333",
  "1.5 + 1": "2.5",
  "-9223372036854775808": "-9223372036854775808",
  "CAST('nan' AS FLOAT64) = CAST('nan' AS FLOAT64)": "false",
  "CAST('nan' AS FLOAT64) > 1": "false",
  "CAST('nan' AS FLOAT64) <> 1": "true",
  "CAST(NULL AS INT64) = 1": "NULL",
  "1 IN (2, NULL)": "NULL",
  "1 IN (1, NULL)": "true",
  "1 NOT IN (2, NULL)": "NULL",
  "NULL IN UNNEST(ARRAY<INT64>[])": "false",
  "3 IN UNNEST([1, 2])": "false",
  "(1, NULL) = (1, 2)": "NULL",
  "(1, NULL) = (2, NULL)": "false",
  "STRUCT(1 AS a, 'x' AS b).b": "x",
  "[10, 20][OFFSET(1)]": "20",
  "[10, 20][ORDINAL(1)]": "10",
  "[10, 20][SAFE_OFFSET(-1)]": "NULL",
  'JSON \'{"a": {"b": [1, 2]}}\'.a.b[1]': "2",
  "'a' < 'B'": "false",
  "b'\\x01' || b'\\x02'": "b:0102",
  "[1] || CAST(NULL AS ARRAY<INT64>)": "NULL",
  "DATE '2024-01-31' + INTERVAL 1 MONTH": "2024-02-29 00:00:00",
  "DATE '2024-01-31' + 1": "2024-02-01",
  "DATE '2024-03-01' - DATE '2024-02-01'": "0-0 29 0:0:0",
  "CAST(2.5 AS INT64)": "3",
  "CAST(-2.5 AS INT64)": "-3",
  "CAST(1e20 AS STRING)": "1e+20",
  "CAST(1 / 3 AS STRING)": "0.33333333333333331",
  "CAST('0x1F' AS INT64)": "31",
  "SAFE_CAST('x' AS INT64)": "NULL",
  "CAST('2024-1-5' AS DATE)": "2024-01-05",
  "CAST(TIMESTAMP '2024-01-05 10:00:00.1+02' AS STRING)": "2024-01-05 08:00:00.100+00",
  "CAST(1.5 AS NUMERIC) = NUMERIC '1.5'": "true",
  "IF(true, 1, 1 / 0)": "1",
  "COALESCE(1, 1 / 0)": "1",
  "CASE WHEN false THEN ERROR('no') ELSE 'yes' END": "yes",
  "IFERROR(1 / 0, -1)": "-1",
  "SAFE.SUBSTR('abc', 1, -1)": "NULL",
  "'50%' LIKE '50\\\\%'": "true",
  "'abc' LIKE 'a_c'": "true",
  "ARRAY(SELECT x * 2 FROM UNNEST([3, 1, 2]) AS x ORDER BY x)": "[2, 4, 6]",
  "(SELECT SUM(x) FROM UNNEST([1, 2, 3]) AS x)": "6",
  "INTERVAL '1-2 3 4:5:6.5' YEAR TO SECOND": "1-2 3 4:5:6.500",
  "5 & 3 | 8": "9",
  "1 << 63": "-9223372036854775808",
  "WITH(a AS 2, b AS a * 3, a + b)": "8",
};

describe("an expression gives GoogleSQL's value", () => {
  test.each(Object.entries(values))("%s", async (expression, expected) => {
    expect(await rows(`SELECT ${expression}`)).toEqual([expected]);
  });
});

/** Statements that GoogleSQL does not accept, or that fail, and with what kind of error. */
const errors: Readonly<Record<string, string>> = {
  "SELECT 1 / 0": "sql.evaluation",
  "SELECT 9223372036854775807 + 1": "sql.evaluation",
  "SELECT 1e308 * 10": "sql.evaluation",
  "SELECT [1][OFFSET(1)]": "sql.evaluation",
  "SELECT CAST('x' AS INT64)": "sql.evaluation",
  "SELECT (SELECT x FROM UNNEST([1, 2]) AS x)": "sql.evaluation",
  "SELECT SAFE.SUBSTR('abc', DIV(1, 0))": "sql.evaluation",
  "SELECT ERROR('no')": "sql.evaluation",
  "SELECT 1 + 'a'": "sql.analysis",
  "SELECT 1 + NULL": "sql.analysis",
  "SELECT NULL = 1": "sql.analysis",
  "SELECT NOT NULL": "sql.analysis",
  "SELECT NUMERIC '1.0000000001'": "sql.analysis",
  "SELECT 'a' = 1": "sql.analysis",
  "SELECT nope": "sql.analysis",
  "SELECT x.nope FROM (SELECT 1 AS a) AS x": "sql.analysis",
  "SELECT DATE '2024-02-30'": "sql.analysis",
  "SELECT [[1]]": "sql.analysis",
  "SELECT CAST(1 AS DATE)": "sql.analysis",
  "SELECT SUM(1)": "sql.analysis",
  "SELECT LENGTH(1)": "sql.analysis",
  "SELECT 9223372036854775808": "sql.analysis",
  "SELECT a, COUNT(*) FROM (SELECT 1 AS a)": "sql.analysis",
  "SELECT a FROM (SELECT 1 AS a) WHERE COUNT(*) > 1": "sql.analysis",
  "SELECT a FROM (SELECT 1 AS a, 2 AS a)": "sql.analysis",
  "SELECT a FROM (SELECT 1 AS a), (SELECT 2 AS a)": "sql.analysis",
  "SELECT * FROM nowhere": "sql.analysis",
  "SELECT 1 UNION ALL SELECT 'a'": "sql.analysis",
  "SELECT 1 UNION ALL SELECT 1, 2": "sql.analysis",
  "SELECT 1 LIMIT -1": "sql.analysis",
  "SELECT 1 +": "sql.syntax",
  "SELECT NO_SUCH_FUNCTION(1)": "refused.NO_SUCH_FUNCTION",
};

describe("a wrong statement gives an error of its kind", () => {
  test.each(Object.entries(errors))("%s", async (sql, expected) => {
    expect(await code(sql)).toBe(expected);
  });
});

test("when literals meet columns, columns decide the type", async () => {
  expect(await types("SELECT x + 1 AS a, IF(x > 1, x, 2.5) AS b, [x, 1.5] AS c FROM (SELECT NUMERIC '1' AS x)")).toBe(
    "a NUMERIC, b NUMERIC, c ARRAY<NUMERIC>",
  );
});

test("when the first STRUCT has an untyped NULL, it takes the type of what is typed after it, and none of a literal", async () => {
  const rowsOf = (first: string, second: string) =>
    `SELECT * FROM UNNEST([STRUCT(1 AS a, ${first} AS b), (2, ${second})])`;
  expect(await types(rowsOf("NULL", "DATE '2024-01-01'"))).toBe("a INT64, b DATE");
  expect(await rows(rowsOf("NULL", "DATE '2024-01-01'"))).toEqual(["1 | NULL", "2 | 2024-01-01"]);
  expect(await types(rowsOf("NULL", "CONCAT('x')"))).toBe("a INT64, b STRING");
  expect(await types(rowsOf("NULL", "1.5"))).toBe("a INT64, b FLOAT64");
  expect(await types(rowsOf("'x'", "NULL"))).toBe("a INT64, b STRING");
  expect(await code(rowsOf("NULL", "'x'"))).toBe("sql.analysis");
});

test("when fields have no names or share one, they are kept apart", async () => {
  expect(await types("SELECT (1, 'a') AS t, STRUCT(1 AS x, 'a' AS x) AS u")).toBe(
    "t STRUCT<INT64, STRING>, u STRUCT<x INT64, x STRING>",
  );
  expect(await rows("SELECT (1, 'a') AS t, STRUCT(1 AS x, 'a' AS x) AS u")).toEqual(["(1, a) | (1, a)"]);
});

test("when an error is told, it says where", async () => {
  const { warehouse } = await import("./support.ts");
  await expect(warehouse.run("SELECT 1,\n  nope", { file: "m.sqlx" })).rejects.toMatchObject({ where: "m.sqlx:2:3" });
});
