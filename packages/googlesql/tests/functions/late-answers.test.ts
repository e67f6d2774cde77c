import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

/** Expected values are those of googlesql/compliance/testdata and of the documentation's examples. */
const answers: readonly [string, string | null][] = [
  ["SELECT STDDEV_SAMP(x) FROM UNNEST([CAST('inf' AS FLOAT64)]) x", "null"],
  ["SELECT VAR_SAMP(x) FROM UNNEST([CAST('nan' AS FLOAT64)]) x", "null"],
  [
    "SELECT VAR_POP(x) FROM UNNEST([NUMERIC '9999999999999999999999999999.1', NUMERIC '9999999999999999999999999999.2']) x",
    "0.0025",
  ],
  [
    "SELECT SUM(x) FROM UNNEST([BIGNUMERIC '1e37', BIGNUMERIC '1e-38', NULL]) x",
    '"10000000000000000000000000000000000000.00000000000000000000000000000000000001"',
  ],
  ["SELECT AVG(x) FROM UNNEST([BIGNUMERIC '1', BIGNUMERIC '2', NULL]) x", '"1.5"'],
  ["SELECT DISTINCT PERCENTILE_CONT(x, 0) OVER () FROM UNNEST([1.0, CAST('nan' AS FLOAT64), NULL]) x", '"NaN"'],
  ["SELECT DISTINCT PERCENTILE_CONT(x, 0.5 RESPECT NULLS) OVER () FROM UNNEST([1.0, NULL, 3.0]) x", "1"],
  ["SELECT ARRAY_FIND(['a', 'b', 'bb'], e -> e LIKE 'b%', 'LAST')", '"bb"'],
  ["SELECT ARRAY_FIND_ALL([4, 5, 4], 4)", "[4,4]"],
  ["SELECT ARRAY_OFFSET([4, 5, 4], 6)", "null"],
  ["SELECT ARRAY_OFFSETS([4, 5, 4], e -> e = 4)", "[0,2]"],
  ["SELECT INT64_ARRAY(JSON '[1, 2.0]')", "[1,2]"],
  ["SELECT INT64_ARRAY(JSON '[1, null]')", null],
  ["SELECT LAX_INT64_ARRAY(JSON '[1.5, \"3\", true, null, {}]')", "[2,3,1,null,null]"],
  ["SELECT LAX_STRING_ARRAY(JSON '1')", "null"],
  [
    "SELECT [5 = ANY (4, 5), 5 > ALL (4, 5), 5 >= ALL UNNEST([4, 5]), 1 < ALL UNNEST(CAST([] AS ARRAY<INT64>))]",
    "[true,false,true,true]",
  ],
  [
    "SELECT CAST(TIMESTAMP '2008-12-25 00:00:00+00' AS STRING FORMAT 'YYYY-MM-DD HH24:MI:SS TZH:TZM' AT TIME ZONE 'Asia/Kolkata')",
    '"2008-12-25 05:30:00 +05:30"',
  ],
  ["SELECT CAST(DATE '2018-01-30' AS STRING FORMAT 'Day, MONTH dd')", '"Tuesday, JANUARY 30"'],
  ["SELECT CAST('DEC 03, 2018' AS DATE FORMAT 'MON DD, YYYY')", '"2018-12-03"'],
  ["SELECT CAST('03:30 P.M.' AS TIME FORMAT 'HH:MI A.M.')", '"15:30:00"'],
  ["SELECT CAST('1234' AS DATE FORMAT 'hh24')", null],
  ["SELECT SAFE_CAST('1234' AS DATE FORMAT 'hh24')", "null"],
  ["SELECT CAST(b'abc' AS STRING FORMAT 'base8')", '"30261143"'],
  ["SELECT CAST('YWJj' AS BYTES FORMAT 'base64') = b'abc'", "true"],
  ["WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT COUNT(*) FROM t", null],
  ["WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 501) SELECT MAX(n) FROM t", "501"],
  [
    "SELECT ARRAY_AGG(r ORDER BY r DESC LIMIT 1)[OFFSET(0)] = RANGE<DATE> '[2020-01-02, UNBOUNDED)' FROM UNNEST([RANGE<DATE> '[UNBOUNDED, 2020-01-03)', RANGE<DATE> '[2020-01-02, UNBOUNDED)', RANGE<DATE> '[2020-01-02, 2020-01-03)']) AS r",
    "true",
  ],
  ["SELECT RANGE<DATE> '[UNBOUNDED, 2020-01-01)' < RANGE<DATE> '[2019-01-01, 2020-01-01)'", "true"],
  [
    "SELECT MIN(r) = RANGE<DATE> '[UNBOUNDED, 2020-01-03)' FROM UNNEST([RANGE<DATE> '[2020-01-02, UNBOUNDED)', RANGE<DATE> '[UNBOUNDED, 2020-01-03)']) AS r",
    "true",
  ],
  ["SELECT ARRAY_DISTINCT([2, 1, 3, 1])", "[2,1,3]"],
  ["SELECT ARRAY_FIRST_N([33, 22, 11], 2)", "[33,22]"],
  ["SELECT JSON_FLATTEN(JSON '[[[1, 2], 3], 4]')", "[1,2,3,4]"],
  ["SELECT SPLIT_SUBSTR('www.abc.com', '.', 2, 2)", '"abc.com"'],
  ["SELECT RANGE_IS_START_UNBOUNDED(RANGE<DATE> '[UNBOUNDED, 2015-01-01)')", "true"],
  ["SELECT CAST(AVG(x) AS STRING) FROM UNNEST([INTERVAL 1 MONTH, INTERVAL 1 DAY]) AS x", '"0-0 15 12:0:0"'],
  ["SELECT ANY_VALUE(DISTINCT x) FROM UNNEST([2]) AS x", "2"],
  ["SELECT SAFE.ERROR(IF(1/0 = 0, 'abc', ''))", null],
  ["SELECT SAFE.ERROR('abc')", "null"],
  ["SELECT DATETIME_BUCKET(DATE '2020-02-15', INTERVAL 7 DAY)", '"2020-02-09"'],
  ["SELECT 2 = ANY (SELECT 1 UNION ALL SELECT NULL)", "null"],
  ["SELECT CAST('nan' AS FLOAT64) <> SOME (1.0, 2.0)", "true"],
];

describe("answers that the compliance suite knows", () => {
  let warehouse: LocalWarehouse;
  beforeAll(async () => {
    warehouse = await openLocalWarehouse();
  });
  afterAll(() => warehouse.close());

  it.each(answers)("when running %s, then it gives what the suite says", async (sql, expected) => {
    const run = warehouse.run(`SELECT TO_JSON_STRING((${sql}))`);
    if (expected === null) await expect(run).rejects.toMatchObject({ code: "sql.evaluation" });
    else expect((await run).rows[0]?.[0]).toBe(expected);
  });
});
