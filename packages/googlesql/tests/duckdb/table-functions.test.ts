import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
});
afterAll(() => warehouse.close());

const fault = async (sql: string) =>
  await warehouse.run(sql).then(
    () => "none",
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

/** Rows as text: a line for each, its values between bars. */
const shown = async (sql: string): Promise<readonly string[]> => {
  const { columns } = await warehouse.run(sql);
  const list = columns.map(({ name }) => `ifnull(format('%t', \`${name}\`), 'NULL')`).join(" || '|' || ");
  const { rows } = await warehouse.run(`select ${list} as line from (${sql}) order by line`);
  return rows.map(([line]) => String(line));
};

const devices = (rows: string): string =>
  `(select * from unnest(array<struct<device_id int64, time datetime, signal int64, state string>>[${rows}]))`;
const row = (device: number, time: string, signal: number | string, state = "ACTIVE"): string =>
  `(${device}, datetime '2023-11-01 ${time}', ${signal}, '${state}')`;
const minutes = (table: string, more: string): string =>
  `select * from gap_fill(${table}, ts_column => 'time', bucket_width => interval 1 minute${more})`;
const at = (...lines: readonly string[]): readonly string[] => lines.map((line) => `2023-11-01 ${line}`);

// https://cloud.google.com/bigquery/docs/reference/standard-sql/time-series-functions#gap_fill, whose tables these are.
describe("GAP_FILL", () => {
  const four = devices(
    [row(1, "09:34:01", 74, "INACTIVE"), row(2, "09:36:00", 77), row(3, "09:37:00", 78), row(4, "09:38:01", 80)].join(),
  );
  const hole = four.replace(row(3, "09:37:00", 78), row(3, "09:37:00", "null"));
  const wide = devices(
    [row(1, "09:35:39", 74, "INACTIVE"), row(2, "09:37:39", 77), row(3, "09:38:00", 77), row(4, "09:40:00", 80)].join(),
  );
  const dense = devices([row(1, "09:35:39", 74, "INACTIVE"), row(3, "09:37:00", 77), row(4, "09:37:20", 80)].join());
  const two = devices(
    [row(1, "09:34:01", 74), row(2, "09:36:00", 77, "INACTIVE"), row(3, "09:38:00", 78), row(4, "09:39:01", 80)].join(),
  );
  const parts = devices(
    [
      row(2, "09:35:07", 87),
      row(1, "09:35:26", 82),
      row(3, "09:35:39", 74),
      row(2, "09:36:07", 88),
      row(1, "09:36:26", 82),
      row(2, "09:37:07", 88),
      row(1, "09:37:28", 80),
      row(3, "09:37:39", 77),
      row(2, "09:38:07", 86),
      row(1, "09:38:26", 81),
      row(3, "09:38:39", 77),
    ].join(),
  );
  test.each([
    [
      "locf",
      four,
      ", value_columns => [('signal', 'locf')]",
      at("09:35:00|74", "09:36:00|77", "09:37:00|78", "09:38:00|78"),
    ],
    [
      "linear",
      four,
      ", value_columns => [('signal', 'linear')]",
      at("09:35:00|75", "09:36:00|77", "09:37:00|78", "09:38:00|80"),
    ],
    [
      "null",
      four,
      ", value_columns => [('signal', 'null')]",
      at("09:35:00|NULL", "09:36:00|77", "09:37:00|78", "09:38:00|NULL"),
    ],
    [
      "linear past a NULL",
      hole,
      ", value_columns => [('signal', 'linear')]",
      at("09:35:00|75", "09:36:00|77", "09:37:00|78", "09:38:00|80"),
    ],
    [
      "linear up to a NULL",
      hole,
      ", value_columns => [('signal', 'linear')], ignore_null_values => false",
      at("09:35:00|75", "09:36:00|77", "09:37:00|NULL", "09:38:00|NULL"),
    ],
    [
      "locf past a NULL",
      hole,
      ", value_columns => [('signal', 'locf')]",
      at("09:35:00|74", "09:36:00|77", "09:37:00|77", "09:38:00|77"),
    ],
    [
      "locf of a NULL",
      hole,
      ", value_columns => [('signal', 'locf')], ignore_null_values => false",
      at("09:35:00|74", "09:36:00|77", "09:37:00|NULL", "09:38:00|NULL"),
    ],
    [
      "no columns named",
      four,
      "",
      at("09:35:00|NULL|NULL|NULL", "09:36:00|2|77|ACTIVE", "09:37:00|3|78|ACTIVE", "09:38:00|NULL|NULL|NULL"),
    ],
    // The table that the documentation prints for these rows is of others: its first one shows that the row at a start is the value there.
    [
      "buckets that are added",
      wide,
      ", value_columns => [('signal', 'locf')]",
      at("09:36:00|74", "09:37:00|74", "09:38:00|77", "09:39:00|77", "09:40:00|80"),
    ],
    ["rows that are condensed", dense, ", value_columns => [('signal', 'locf')]", at("09:36:00|74", "09:37:00|77")],
    [
      "partitions",
      parts,
      ", partitioning_columns => ['device_id'], value_columns => [('signal', 'locf')]",
      at(
        "09:36:00|1|82",
        "09:36:00|2|87",
        "09:36:00|3|74",
        "09:37:00|1|82",
        "09:37:00|2|88",
        "09:37:00|3|74",
        "09:38:00|1|80",
        "09:38:00|2|88",
        "09:38:00|3|77",
      ),
    ],
    [
      "several columns",
      two,
      ", value_columns => [('signal', 'linear'), ('state', 'locf')]",
      at(
        "09:35:00|75|ACTIVE",
        "09:36:00|77|INACTIVE",
        "09:37:00|78|INACTIVE",
        "09:38:00|78|ACTIVE",
        "09:39:00|80|ACTIVE",
      ),
    ],
    [
      "an origin",
      two,
      ", value_columns => [('signal', 'null')], origin => datetime '2023-11-01 09:30:01'",
      at("09:34:01|74", "09:35:01|NULL", "09:36:01|NULL", "09:37:01|NULL", "09:38:01|NULL", "09:39:01|80"),
    ],
    ["no rows", devices(row(1, "09:34:01", 1)), "", []],
  ])("when it is %s", async (_, table, more, expected) => {
    expect(await shown(minutes(table, more))).toEqual(expected);
  });

  test("dates go by days and months, timestamps by hours, also before the origin", async () => {
    const days = "(select * from unnest([struct(date '1949-12-28' as d, 1.5 as v), (date '1950-01-02', 3.0)]))";
    expect(
      await shown(`select * from gap_fill(${days}, 'd', interval 2 day, value_columns => [('v', 'linear')])`),
    ).toEqual(["1949-12-28|1.5", "1949-12-30|2.1", "1950-01-01|2.7"]);
    const months = "(select * from unnest([struct(date '1949-11-02' as d, 'a' as v), (date '1950-03-01', 'b')]))";
    expect(
      await shown(`select * from gap_fill(${months}, 'd', interval 1 month, value_columns => [('v', 'locf')])`),
    ).toEqual(["1949-12-01|a", "1950-01-01|a", "1950-02-01|a", "1950-03-01|b"]);
    const hours = "(select timestamp '2024-03-10 00:30:00' as t, 1 as v union all select '2024-03-10 02:10:00', 2)";
    expect(await shown(`select * from gap_fill(${hours}, 't', interval 1 hour)`)).toEqual([
      "2024-03-10 01:00:00+00|NULL",
      "2024-03-10 02:00:00+00|NULL",
    ]);
  });

  test("when the table is a stored one, it is named with TABLE, and what it says is filtered like any other", async () => {
    await warehouse.run(
      `create schema if not exists d; create or replace table d.s as select date '2024-01-01' as day, 1 as v`,
    );
    expect(await shown("select * from gap_fill(table d.s, 'day', interval 1 day) as g where g.v = 1")).toEqual([
      "2024-01-01|1",
    ]);
  });

  test.each([
    ["'when', interval 1 minute", "sql.analysis: Column when is missing"],
    ["'signal', interval 1 minute", "sql.analysis: Column signal is no DATE"],
    ["'time'", "sql.analysis: Argument bucket_width of GAP_FILL is missing"],
    ["'time', interval 0 minute", "sql.analysis: Bucket width must be positive"],
    [
      "'time', interval 1 minute, value_columns => [('signal', 'next')]",
      "sql.analysis: The gap filling method is null, linear or locf",
    ],
    ["'time', interval 1 minute, value_columns => [('state', 'linear')]", "sql.analysis: linear needs a number"],
    [
      "'time', interval 1 minute, value_columns => [('signal', 'locf'), ('signal', 'null')]",
      "sql.analysis: Column signal is used twice",
    ],
    ["'time', interval 1 minute, origin => date '2024-01-01'", "sql.analysis: origin must be a DATETIME"],
    ["'time', interval 1 minute, other => 1", "sql.analysis: Named argument other not found"],
  ])("what is wrong fails: %s", async (args, expected) => {
    expect(await fault(`select * from gap_fill(${four}, ${args})`)).toContain(expected);
  });
});

// https://cloud.google.com/bigquery/docs/reference/standard-sql/range-functions#range_sessionize
describe("RANGE_SESSIONIZE", () => {
  const ranges = `(select * from unnest([
    struct(10 as emp_id, 1000 as dept_id, range<date> '[2010-01-10, 2010-03-10)' as duration),
    (10, 2000, range<date> '[2010-03-10, 2010-07-15)'), (10, 2000, range<date> '[2010-06-15, 2010-08-18)'),
    (20, 2000, range<date> '[2010-03-10, 2010-07-20)'), (20, 1000, range<date> '[2020-05-10, 2020-09-20)')]))`;
  const sessions = async (table: string, rest: string) =>
    await shown(`select emp_id, duration, session_range from range_sessionize(${table}, 'duration', ${rest})`);

  test("ranges that meet or overlap are one session; with OVERLAPS only those that overlap", async () => {
    expect(await sessions(ranges, "['emp_id']")).toEqual([
      "10|[2010-01-10, 2010-03-10)|[2010-01-10, 2010-08-18)",
      "10|[2010-03-10, 2010-07-15)|[2010-01-10, 2010-08-18)",
      "10|[2010-06-15, 2010-08-18)|[2010-01-10, 2010-08-18)",
      "20|[2010-03-10, 2010-07-20)|[2010-03-10, 2010-07-20)",
      "20|[2020-05-10, 2020-09-20)|[2020-05-10, 2020-09-20)",
    ]);
    expect(await sessions(ranges, "['emp_id'], 'OVERLAPS'")).toEqual([
      "10|[2010-01-10, 2010-03-10)|[2010-01-10, 2010-03-10)",
      "10|[2010-03-10, 2010-07-15)|[2010-03-10, 2010-08-18)",
      "10|[2010-06-15, 2010-08-18)|[2010-03-10, 2010-08-18)",
      "20|[2010-03-10, 2010-07-20)|[2010-03-10, 2010-07-20)",
      "20|[2020-05-10, 2020-09-20)|[2020-05-10, 2020-09-20)",
    ]);
    expect(await shown(`select * from range_sessionize(${ranges}, 'duration', [])`)).toContain(
      "20|2000|[2010-03-10, 2010-07-20)|[2010-01-10, 2010-08-18)",
    );
  });

  test("a range without an end reaches all that follow, one within another ends nothing, NULL is in no session", async () => {
    const open = `(select 1 as emp_id, r as duration from unnest([
      range<date> '[2024-01-01, 2024-12-31)', range<date> '[2024-02-01, 2024-02-02)', range<date> '[2024-06-01, 2024-06-02)', null,
      range<date> '[UNBOUNDED, 2020-01-01)', range<date> '[2025-06-01, UNBOUNDED)', range<date> '[2030-01-01, 2030-01-02)']) as r)`;
    for (const option of ["MEETS", "OVERLAPS"])
      expect(await sessions(open, `['emp_id'], '${option}'`)).toEqual([
        "1|NULL|NULL",
        "1|[2024-01-01, 2024-12-31)|[2024-01-01, 2024-12-31)",
        "1|[2024-02-01, 2024-02-02)|[2024-01-01, 2024-12-31)",
        "1|[2024-06-01, 2024-06-02)|[2024-01-01, 2024-12-31)",
        "1|[2025-06-01, UNBOUNDED)|[2025-06-01, UNBOUNDED)",
        "1|[2030-01-01, 2030-01-02)|[2025-06-01, UNBOUNDED)",
        "1|[UNBOUNDED, 2020-01-01)|[UNBOUNDED, 2020-01-01)",
      ]);
  });

  test.each([
    ["'emp_id', []", "sql.analysis: Column emp_id is no RANGE"],
    ["'duration', ['nobody']", "sql.analysis: Column nobody is missing"],
    ["'duration', ['emp_id'], 'TOUCHES'", "sql.analysis: sessionize_option must be MEETS or OVERLAPS"],
    ["'duration'", "sql.analysis: Argument partitioning_columns of RANGE_SESSIONIZE is missing"],
  ])("what is wrong fails: %s", async (args, expected) => {
    expect(await fault(`select * from range_sessionize(${ranges}, ${args})`)).toContain(expected);
  });
});
