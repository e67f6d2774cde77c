import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

/** What googlesql/compliance/testdata, the documentation or the reference implementation's rules give; null: an error. */
const answers: readonly [string, string | null][] = [
  ["SELECT SUM(v HAVING MAX k) FROM UNNEST([STRUCT(1 AS k, 9223372036854775807 AS v), (1, 9), (2, 2), (2, 2)])", "4"],
  ["SELECT COUNT(* HAVING MIN f) FROM UNNEST([false, true, NULL, false]) AS f", "2"],
  ["SELECT COUNT(* HAVING MAX f) FROM UNNEST([1.0, CAST('nan' AS FLOAT64)]) AS f", "0"],
  [
    "SELECT ARRAY_AGG(x HAVING MIN k ORDER BY x DESC LIMIT 1) FROM UNNEST([STRUCT(1 AS k, 5 AS x), (1, 6), (2, 7)])",
    "[6]",
  ],
  ["SELECT ANY_VALUE(x HAVING MAX y) FROM UNNEST([STRUCT(1 AS x, 0.5 AS y), (2, 1.5), (3, NULL)])", "2"],
  ["SELECT COUNT(* WHERE x > 1) FROM UNNEST([1, 2, 3]) AS x", "2"],
  ["SELECT ARRAY_AGG(1 / x WHERE x <> 0 ORDER BY x) FROM UNNEST([0, 1, 2]) AS x", "[1,0.5]"],
  ["SELECT BIT_XOR(x, mode => 'PAD') = b'\\x02\\x02' FROM UNNEST([b'\\x01\\x02', NULL, b'\\x03']) AS x", "true"],
  ["SELECT BIT_AND(x) FROM UNNEST([b'\\x01\\x02', b'\\x03']) AS x", null],
  ["SELECT PERCENTILE_CONT(x, 0.5) FROM UNNEST([1, 2, NULL]) AS x", "1.5"],
  ["SELECT PERCENTILE_CONT(x, NUMERIC '0.699999999') FROM UNNEST([NUMERIC '0', NUMERIC '1']) AS x", '"0.699999999"'],
  [
    "SELECT PERCENTILE_CONT(x, BIGNUMERIC '0.5' RESPECT NULLS) FROM UNNEST([BIGNUMERIC '-5e38', NULL, BIGNUMERIC '5e38']) AS x",
    '"-500000000000000000000000000000000000000"',
  ],
  ["SELECT DISTINCT PERCENTILE_DISC(x, 0.5) OVER () FROM UNNEST([2.0, CAST('nan' AS FLOAT64), NULL]) AS x", '"NaN"'],
  ["SELECT PERCENTILE_DISC(x, NUMERIC '0.5' RESPECT NULLS) FROM UNNEST(['b', NULL, 'a']) AS x", '"a"'],
  ["SELECT STDDEV_SAMP(x) FROM UNNEST([1.0, 2.2e+304, -2.2e+304]) AS x", "2.2e+304"],
  ["SELECT VAR_POP(x) FROM UNNEST([1.0, 2.2e+304, -2.2e+304]) AS x", '"Infinity"'],
  ["SELECT CORR(y, x) FROM UNNEST([STRUCT(1.0 AS y, -1.0 AS x), (2.2e+154, -2.2e+154)])", "-1"],
  [
    "SELECT COVAR_POP(x, x) FROM UNNEST([NUMERIC '9999999999999999999999999999.1', NUMERIC '9999999999999999999999999999.2']) AS x",
    "0.0025",
  ],
  [
    "SELECT SUM(x) FROM UNNEST([NUMERIC '9e28', NUMERIC '9e28', NUMERIC '-9e28']) AS x",
    '"90000000000000000000000000000"',
  ],
  ["SELECT SUM(x) FROM UNNEST([NUMERIC '9e28', NUMERIC '9e28']) AS x", null],
  [
    "SELECT APPROX_TOP_SUM(x, w, 2) FROM UNNEST([STRUCT('a' AS x, 3 AS w), ('b', 2), ('a', 0), ('c', 5), ('b', 4)])",
    '[{"value":"b","sum":6},{"value":"c","sum":5}]',
  ],
  ["SELECT APPROX_TOP_SUM(x, x, 1) FROM UNNEST([-0.1]) AS x", null],
  ["SELECT ARRAY_AGG(b) FROM (SELECT IS_LAST(1) OVER (ORDER BY x) AS b FROM UNNEST([1, 2]) AS x)", "[false,true]"],
  ["SELECT COUNT(*) FROM (SELECT LAG(x, -1) OVER (ORDER BY x) FROM UNNEST(ARRAY<INT64>[]) AS x)", "0"],
  ["SELECT LAG(x, -1) OVER (ORDER BY x) FROM UNNEST([1]) AS x", null],
  ["SELECT ARRAY_AGG(x LIMIT 0) FROM UNNEST([1]) AS x", "null"],
  [
    "SELECT ARRAY_AGG(n ORDER BY n) FROM (SELECT COUNT(*) OVER (ORDER BY x RANGE BETWEEN 2 PRECEDING AND 4 PRECEDING) AS n FROM UNNEST([1, 2, 4, 5, 9]) AS x)",
    "[0,0,0,0,0]",
  ],
  [
    "SELECT ARRAY_AGG(n ORDER BY x) FROM (SELECT x, COUNT(*) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS n FROM UNNEST([NULL, CAST('nan' AS FLOAT64), CAST('nan' AS FLOAT64), CAST('-inf' AS FLOAT64), 1.5, 2.0]) AS x)",
    "[1,2,2,1,1,2]",
  ],
  [
    "SELECT ARRAY_AGG(n ORDER BY x) FROM (SELECT x, COUNT(*) OVER (ORDER BY x DESC RANGE BETWEEN 9.95e28 PRECEDING AND 1 PRECEDING) AS n FROM UNNEST([NUMERIC '-9.9e28', NUMERIC '9.9e28', NUMERIC '9.8e28']) AS x)",
    "[0,1,0]",
  ],
  [
    "SELECT ARRAY_AGG(n ORDER BY x) FROM (SELECT x, COUNT(*) OVER (ORDER BY x RANGE BETWEEN BIGNUMERIC '1e-38' PRECEDING AND BIGNUMERIC '5e38' FOLLOWING) AS n FROM UNNEST([BIGNUMERIC '-5e38', BIGNUMERIC '1e-38', BIGNUMERIC '0', BIGNUMERIC '5e38']) AS x)",
    "[2,3,3,1]",
  ],
  [
    "SELECT MAX(n) FROM (SELECT COUNT(*) OVER (ORDER BY x RANGE BETWEEN CURRENT ROW AND 9223372036854775807 FOLLOWING) AS n FROM UNNEST([10, 11]) AS x)",
    "2",
  ],
  ["SELECT COUNT(s) FROM (SELECT SAFE.SUM(x) OVER (ORDER BY x) AS s FROM UNNEST([1, 9223372036854775807]) AS x)", "1"],
  ["SELECT IF(SUM(x) > 0, SUM(x), SUM(1 / x)) FROM UNNEST([0, 1]) AS x", "1"],
  ["SELECT IF(SUM(x) < 0, SUM(x), SUM(1 / x)) FROM UNNEST([0, 1]) AS x", null],
  ["SELECT CASE WHEN COUNT(*) > 5 THEN SUM(1 / x) ELSE -1 END FROM UNNEST([0, 1]) AS x", "-1"],
  ["SELECT IFERROR(SUM(1 / x), -1) FROM UNNEST([0, 1]) AS x", "-1"],
  ["SELECT ISERROR((SELECT SUM(1 / x) FROM UNNEST([0, 1]) AS x))", "true"],
  ["SELECT IFERROR((SELECT x FROM UNNEST([0, 1]) AS x), 7)", "7"],
  ["SELECT IFERROR((SELECT x FROM UNNEST([5]) AS x WHERE x > 5), 7)", "null"],
  ["SELECT IF(true, 1, (SELECT 1 / x FROM UNNEST([0]) AS x))", "1"],
  ["SELECT IF(false, 1, (SELECT 1 / x FROM UNNEST([0]) AS x))", null],
  ["SELECT SAFE_ADD(CAST(s AS INT64), 1) FROM (SELECT 'a' AS s)", null],
  ["SELECT COALESCE(SAFE.SQRT(x), IF(x >= 0, SQRT(x) + 1, 5)) FROM (SELECT -1.0 AS x)", "5"],
  [
    "SELECT ARRAY_AGG(v ORDER BY v) FROM (SELECT (SELECT SUM(x / y) FROM UNNEST([1, 2, 3]) AS x WHERE x / y > 0.5) AS v FROM UNNEST([1, 2, 0.5]) AS y)",
    "[2.5,6,12]",
  ],
  ["SELECT SUM((SELECT SUM(y) FROM UNNEST([1, 2]))) FROM UNNEST([1, 2, 3]) AS y", "12"],
  [
    "SELECT HLL_COUNT.MERGE(s) FROM (SELECT HLL_COUNT.INIT(x, 15) AS s FROM UNNEST([1, 2, 3, NULL]) AS x UNION ALL SELECT HLL_COUNT.INIT(x, 17) FROM UNNEST([3, 4]) AS x UNION ALL SELECT NULL)",
    "4",
  ],
  [
    "SELECT ABS(HLL_COUNT.MERGE(s) / 33004 - 1) < 0.03 FROM (SELECT HLL_COUNT.INIT(x, 14) AS s FROM UNNEST(GENERATE_ARRAY(1, 33000)) AS x UNION ALL SELECT HLL_COUNT.INIT(x, 16) FROM UNNEST(GENERATE_ARRAY(32001, 33004)) AS x)",
    "true",
  ],
  ["SELECT HLL_COUNT.EXTRACT(HLL_COUNT.MERGE_PARTIAL(s)) FROM UNNEST([CAST(NULL AS BYTES)]) AS s", "0"],
  ["SELECT HLL_COUNT.EXTRACT(b'')", null],
  [
    "SELECT HLL_COUNT.MERGE(s) FROM (SELECT HLL_COUNT.INIT(1) AS s FROM UNNEST([1]) UNION ALL SELECT HLL_COUNT.INIT('a') FROM UNNEST([1]))",
    null,
  ],
  ["SELECT RADIANS(360)", "6.2831853071795862"],
  ["SELECT RADIANS(NUMERIC '360')", '"6.283185307"'],
  ["SELECT DEGREES(BIGNUMERIC '360')", '"20626.48062470963551564733573307786131966597"'],
  ["SELECT SQRT(NUMERIC '2')", '"1.414213562"'],
  ["SELECT CBRT(NUMERIC '-27')", "-3"],
  ["SELECT POW(NUMERIC '1.1', NUMERIC '10')", '"2.59374246"'],
  ["SELECT POW(NUMERIC '2', NUMERIC '0.5') + POW(NUMERIC '0.5', NUMERIC '10')", '"1.415190125"'],
  ["SELECT POW(NUMERIC '10', NUMERIC '29')", null],
  ["SELECT LOG(NUMERIC '8', NUMERIC '2') + LOG10(NUMERIC '1000')", "6"],
  ["SELECT EXP(NUMERIC '1') + LN(NUMERIC '2')", '"3.411429009"'],
  ["SELECT LN(NUMERIC '0')", null],
  ["SELECT POW(NUMERIC '3', NUMERIC '-99999999999999999999999999999.999999999')", "0"],
  ["SELECT CAST(ARRAY_AVG([INTERVAL 1 MONTH, INTERVAL 1 DAY]) AS STRING)", '"0-0 15 12:0:0"'],
  ["SELECT ARRAY_AVG([NUMERIC '9e28', NUMERIC '9e28', NULL])", '"90000000000000000000000000000"'],
  ["SELECT ARRAY_SUM([NUMERIC '9e28', NUMERIC '9e28', NUMERIC '-9e28'])", '"90000000000000000000000000000"'],
  ["SELECT ARRAY_AVG(ARRAY<NUMERIC>[])", "null"],
  ["SELECT ARRAY_SUM([BIGNUMERIC '1e-38', BIGNUMERIC '0'])", '"0.00000000000000000000000000000000000001"'],
  ["SELECT -0x8000000000000000", '"-9223372036854775808"'],
  ["SELECT 0x8000000000000000", null],
  ["SELECT IFERROR(1 / x, 0) + IFERROR(1 / x + 1, 0) FROM (SELECT 0 AS x)", "0"],
  ["SELECT x + 1 AS k FROM (SELECT 1 AS x) GROUP BY 1 ORDER BY GROUPING(k)", "2"],
  ["SELECT SAFE.SUM(x) FROM UNNEST([9223372036854775807, 1]) AS x", "null"],
  ["SELECT SAFE.SUM(1 / x) FROM UNNEST([0, 1]) AS x", null],
];

describe("aggregates against the documentation", () => {
  let warehouse: LocalWarehouse;
  beforeAll(async () => {
    warehouse = await openLocalWarehouse();
  });
  afterAll(() => warehouse.close());

  it("when a sketch is of BigQuery's making, then it is refused and not taken for a broken one", async () => {
    const run = warehouse.run("SELECT HLL_COUNT.EXTRACT(b'\\x08\\x70\\x10\\x0a')");
    await expect(run).rejects.toMatchObject({ code: "refused.HLL_COUNT.EXTRACT" });
    const safe = warehouse.run("SELECT SAFE.HLL_COUNT.EXTRACT(b'\\x08\\x70\\x10\\x0a')");
    await expect(safe).rejects.toMatchObject({ code: "refused.HLL_COUNT.EXTRACT" });
    expect((await warehouse.run("SELECT SAFE.HLL_COUNT.EXTRACT(b'')")).rows).toEqual([[null]]);
  });

  it.each(answers)("when running %s, then it gives what GoogleSQL does", async (sql, expected) => {
    const run = warehouse.run(`SELECT TO_JSON_STRING((${sql}))`);
    if (expected === null) await expect(run).rejects.toThrow();
    else expect((await run).rows).toEqual([[expected]]);
  });
});
