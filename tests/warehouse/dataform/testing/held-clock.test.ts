// biome-ignore-all lint/suspicious/noTemplateCurlyInString: SQLX has templates in its text
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { runTests } from "../../../../warehouse/dataform/testing/run-tests.ts";
import { openBench } from "../../../../warehouse/duckdb/bench-warehouse.ts";
import type { QueryResult } from "../../../../warehouse/warehouse.ts";

// Each starts processes of its own; on a busy machine these take their time.
vi.setConfig({ testTimeout: 180_000 });

let project: string;
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
});
afterEach(() => rm(project, { recursive: true, force: true }));

const settings = "defaultProject: p\ndefaultDataset: shop\ndefaultLocation: EU\nvars: { country: NL }\n";
const declaration = 'config { type: "declaration", schema: "raw", name: "parcels" }\n';

async function outcomesOf(
  files: Readonly<Record<string, string>>,
  kind?: "rows" | "dataform" | "property",
  ownRows?: ReadonlyMap<string, QueryResult>,
) {
  for (const [path, text] of Object.entries({ "workflow_settings.yaml": settings, ...files })) {
    await mkdir(dirname(join(project, path)), { recursive: true });
    await writeFile(join(project, path), text);
  }
  const { outcomes } = await runTests({
    projectDir: project,
    cacheDir: join(project, ".cache"),
    openBench,
    clock: () => performance.now(),
    seed: 20260310,
    ownRows,
    kinds: kind === undefined ? undefined : [kind],
  });
  return Object.fromEntries(outcomes.map(({ name, message }) => [name, message ?? "passed"]));
}

describe("a clock that stands still", () => {
  const base = {
    "definitions/raw.sqlx": declaration,
    "tests/models/types.yaml": "raw.parcels: { parcel: STRING, sent_on: DATE }\n",
    "definitions/waiting.sqlx": `config { type: "view" }
select parcel, date_diff(current_date(), sent_on, day) as days, current_timestamp() as moment,
  current_datetime('Asia/Tokyo') as tokyo, format_time('%H:%M', current_time) as clock
from \${ref("parcels")} where sent_on < current_date\n`,
    "tests/models/waiting/days/inputs.yaml":
      "raw.parcels:\n  - { parcel: a, sent_on: 2024-02-27 }\n  - { parcel: b, sent_on: 2024-03-02 }\n",
    "tests/models/waiting/days/expect.yaml":
      "query:\n  - { parcel: a, days: 3, moment: 2024-03-01T20:15:30.250Z, tokyo: 2024-03-02T05:15:30.250, clock: '20:15' }\n",
  };

  test("when the project's JavaScript asks what time it is, a case's now says so to it as well", async () => {
    const outcomes = await outcomesOf(
      {
        "includes/days.js":
          'module.exports = { today: () => new Date().toISOString().slice(0, 10), year: () => String(new Date(Date.now()).getUTCFullYear()), word: () => Date().slice(0, 15), day: () => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC" }).format() };\n',
        "definitions/dated.sqlx":
          "config { type: \"view\" }\nselect '${days.today()}' as today, '${days.year()}' as year, '${days.word()}' as word, '${days.day()}' as day, current_date() as sql_day, '${new Date(2020, 1, 29).getDate()}' as given\n",
        "tests/models/dated/leap/vars.yaml": "now: 2024-02-29T12:00:00Z\n",
        "tests/models/dated/leap/expect.yaml":
          "query:\n  - { today: '2024-02-29', year: '2024', word: Thu Feb 29 2024, day: 29/02/2024, sql_day: 2024-02-29, given: '29' }\n",
        "tests/models/dated/later/vars.yaml": "now: 2031-01-01T00:00:00Z\n",
        "tests/models/dated/later/expect.yaml":
          "query:\n  - { today: '2031-01-01', year: '2031', word: Wed Jan 01 2031, day: 01/01/2031, sql_day: 2031-01-01, given: '29' }\n",
      },
      "rows",
    );
    expect(outcomes).toEqual({ "dated/leap": "passed", "dated/later": "passed" });
  });

  test("when a case says what time it is, every way of asking says so, and the next case has a time of its own", async () => {
    const outcomes = await outcomesOf(
      {
        ...base,
        "tests/models/waiting/days/vars.yaml": "now: 2024-03-01T21:15:30.250+01:00\ncountry: BE\n",
        "tests/models/waiting/later/inputs.yaml": "raw.parcels:\n  - { parcel: b, sent_on: 2024-03-02 }\n",
        "tests/models/waiting/later/vars.yaml": "now: 2024-03-09\n",
        "tests/models/waiting/later/expect.yaml": "query:\n  - { days: 7, clock: '00:00' }\n",
      },
      "rows",
    );
    expect(outcomes).toEqual({ "waiting/days": "passed", "waiting/later": "passed" });
  });

  test("when tests/models/vars.yaml says it, it holds for Dataform's tests and for cases without a time of their own", async () => {
    const outcomes = await outcomesOf({
      ...base,
      "tests/models/vars.yaml": "now: 2024-03-01 20:15:30.25\n",
      "definitions/waiting__counts.sqlx": `config { type: "test", dataset: "waiting" }
input "parcels" { select 'x' as parcel, date '2024-02-20' as sent_on }
select 'x' as parcel, 10 as days, timestamp '2024-03-01 20:15:30.25' as moment, datetime '2024-03-02 05:15:30.25' as tokyo, '20:15' as clock\n`,
    });
    expect(outcomes).toEqual({ "waiting/days": "passed", waiting__counts: "passed" });
  });

  test("when it runs and a test fails, it says how to hold the clock", async () => {
    const outcomes = await outcomesOf(base, "rows");
    expect(outcomes["waiting/days"]).toMatch(
      /the clock was running: .*`now: 2026-03-10T00:00:00Z` into .*days\/vars\.yaml/,
    );
  });

  test("when chance is asked, a held case has the same answer each time", async () => {
    const files = {
      "definitions/raw.sqlx": declaration,
      "tests/models/types.yaml": base["tests/models/types.yaml"],
      "definitions/drawn.sqlx": `config { type: "view" }\nselect parcel, rand() as r, generate_uuid() as id from \${ref("parcels")}\n`,
      "tests/models/drawn/once/inputs.yaml": "raw.parcels:\n  - { parcel: a }\n  - { parcel: b }\n",
      "tests/models/drawn/once/vars.yaml": "now: 2024-03-01\n",
      "tests/models/drawn/once/expect.yaml": "query: []\n",
    };
    const first = await outcomesOf(files, "rows");
    expect(first["drawn/once"]).toMatch(/parcel: a, r: 0\.\d+/);
    expect(await outcomesOf(files, "rows")).toEqual(first);
  });

  test.each([
    [
      "tests/models/waiting/days/vars.yaml",
      "current_date: 2024-03-01\n",
      /no var "current_date"; it has country\. To hold/,
    ],
    ["tests/models/waiting/days/vars.yaml", "county: NL\n", /no var "county"; it has country$/],
    ["tests/models/vars.yaml", "as_of: 2024-03-01\n", /no var "as_of"; it has country$/],
    ["tests/models/waiting/days/vars.yaml", "now: yesterday\n", /"yesterday" is no instant: write 2026-03-10/],
  ])("when %s gives %j, it is refused with its place", async (path, text, message) => {
    await expect(outcomesOf({ ...base, [path]: text }, "rows")).rejects.toMatchObject({
      message: expect.stringMatching(message),
      where: expect.stringContaining(path),
    });
  });

  test("when a var is not in the settings but JavaScript asks for it, it may be given", async () => {
    const outcomes = await outcomesOf(
      {
        "definitions/v.sqlx": 'config { type: "view" }\nselect "${dataform.projectConfig.vars.shop_name}" as shop\n',
        "tests/models/v/named/vars.yaml": "shop_name: corner\n",
        "tests/models/v/named/expect.yaml": "query:\n  - { shop: corner }\n",
      },
      "rows",
    );
    expect(outcomes).toEqual({ "v/named": "passed" });
  });
});

describe("properties of incremental models", () => {
  const incremental = (column: string, extra = "") => ({
    "definitions/raw.sqlx": declaration,
    "tests/models/types.yaml": `raw.parcels: { parcel: STRING, weight: INT64, ${column}: TIMESTAMP }\n`,
    "definitions/newest.sqlx": `config { type: "incremental", uniqueKey: ["parcel"] }
select parcel, weight, ${column}${extra} from \${ref("parcels")}
\${when(incremental(), \`where ${column} > (select coalesce(max(${column}), timestamp '1970-01-01') from \${self()})\`)}
qualify row_number() over (partition by parcel order by ${column} desc, weight desc) = 1\n`,
  });
  const passes = {
    "shop.newest: reads no clock": "passed",
    "shop.newest: building a batch again changes nothing": "passed",
    "shop.newest: any batches, late rows included, equal a full refresh": "passed",
  };

  test.each([
    "_ingested_at",
    "load_ts",
    "ingestion_time",
    "syncedAt",
    "_extracted_at",
    "insert_time",
    "etl_ts",
    "dw_load_date",
  ])("when %s says when a row arrived, rows come in its order", async (column) => {
    expect(await outcomesOf(incremental(column), "property")).toEqual(passes);
  });

  test("when no column looks so, the failure says that none was found and how to state one; stated, it holds", async () => {
    const files = incremental("seen");
    const splits = "shop.newest: any batches, late rows included, equal a full refresh";
    expect((await outcomesOf(files, "property"))[splits]).toMatch(
      /no column was found .* state it in tests\/models\/properties\.yaml: \{ raw\.parcels: \{ arrival: column \} \}/,
    );
    const stated = { ...files, "tests/models/properties.yaml": "raw.parcels: { arrival: seen }\n" };
    expect(await outcomesOf(stated, "property")).toEqual(passes);
  });

  test("when a column only says when a row was written, it is named; stated to be for the audit, it is left out", async () => {
    const files = incremental("_ingested_at", ", current_timestamp() as written_at");
    const { "shop.newest: reads no clock": clock, ...others } = await outcomesOf(files, "property");
    expect(clock).toContain("built at another time, other: written_at");
    expect(clock).toContain("shop.newest: { audit: [written_at] }");
    expect(Object.values(others)).toEqual(["passed", "passed"]);
    const stated = { ...files, "tests/models/properties.yaml": "shop.newest: { audit: [written_at] }\n" };
    expect(await outcomesOf(stated, "property")).toEqual(passes);
  });

  test("when the clock decides about more than that, stating an audit column does not hide it", async () => {
    const files = incremental(
      "_ingested_at",
      ", current_timestamp() as written_at, timestamp_diff(current_timestamp(), _ingested_at, day) as age",
    );
    const stated = { ...files, "tests/models/properties.yaml": "newest: { audit: [written_at] }\n" };
    expect((await outcomesOf(stated, "property"))["shop.newest: reads no clock"]).toContain("other: written_at, age");
  });

  test("when a bound is taken from an empty table, the failure says so", async () => {
    const files = incremental("_ingested_at");
    const bare = files["definitions/newest.sqlx"].replace(/coalesce\((max\(\w+\)), [^)]*\)/, "$1");
    const one: QueryResult = {
      columns: [
        { name: "parcel", type: "STRING" },
        { name: "weight", type: "INT64" },
        { name: "_ingested_at", type: "TIMESTAMP" },
      ],
      rows: [{ parcel: "a", weight: 1n, _ingested_at: "2024-03-01T00:00:00Z" }],
    };
    const own = new Map([["raw.parcels", one]]);
    const splits = "shop.newest: any batches, late rows included, equal a full refresh";
    const outcomes = await outcomesOf({ ...files, "definitions/newest.sqlx": bare }, "property", own);
    expect(outcomes[splits]).toMatch(
      /the first batch left the table empty, .* is NULL[^\n]*\nrows of raw\.parcels came in the order of _ingested_at/,
    );
    expect((await outcomesOf(files, "property", own))[splits]).toBe("passed");
  });

  test.each([
    ["raw.parcel: { arrival: seen }", /no table called "raw\.parcel"/],
    ["raw.parcels: { arrival: sent }", /raw\.parcels has no column "sent"/],
    ["raw.parcels: { arrives: seen }", /arrives/],
  ])("when properties.yaml says %s, it is refused", async (text, message) => {
    const files = { ...incremental("seen"), "tests/models/properties.yaml": `${text}\n` };
    await expect(outcomesOf(files, "property")).rejects.toThrow(message);
  });
});
