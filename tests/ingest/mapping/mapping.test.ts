import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { describe, expect, test } from "vitest";
import { applyMapping } from "../../../ingest/mapping/apply.ts";
import { parseMapping, readMapping } from "../../../ingest/mapping/schema.ts";
import { ingest, rowsOf, temporaryFolder, writeLines } from "../support.ts";

const context = {
  fileId: "f".repeat(64),
  rowNumber: 7,
  hashId: (id: string) => `hashed ${id}`,
  defaultProvenance: "file",
};

/** What an expression gives for a record. */
function given(expression: string, fields: Record<string, unknown>): unknown {
  const mapping = parseMapping(`{version: 1, rows: [{table: campaigns, set: {name: ${expression}}}]}`, "m.yaml");
  const [item] = applyMapping(mapping, fields, context);
  return item?.kind === "row" ? item.values["name"] : `${item?.kind === "dead-letter" ? item.reason : "nothing"}`;
}

test.each([
  ["constant", {}, "constant"],
  ["{column: a}", { a: "x" }, "x"],
  ["{column: a}", { a: "" }, null],
  ["{column: a}", {}, "missing-column"],
  ["{column: a, optional: true}", {}, null],
  ["{column: a, default: none}", { a: "" }, "none"],
  ["{column: a.b}", { a: { b: 3 } }, 3],
  ["{column: a, cast: integer}", { a: "12" }, 12],
  ["{column: a, cast: integer}", { a: "12.5" }, "wrong-type"],
  ["{column: a, cast: number}", { a: "29.99" }, 29.99],
  ["{column: a, cast: number}", { a: "0x10" }, "wrong-type"],
  ["{column: a, cast: boolean}", { a: "0" }, false],
  ["{column: a, cast: instant}", { a: "1769850720" }, "2026-01-31T09:12:00.000000Z"],
  ["{column: a, cast: instant}", { a: "soon" }, "time-unreadable"],
  ["{column: a, cast: json}", { a: '{"b":1}' }, { b: 1 }],
  ["{column: a, values: {x: y}}", { a: "x" }, "y"],
  ["{column: a, values: {x: y}}", { a: "z" }, "wrong-type"],
  ["{column: a, values: {x: y}, otherwise: keep}", { a: "z" }, "z"],
  ["{column: a, values: {x: y}, otherwise: other}", { a: "z" }, "other"],
  ["{column: a, lower: true, values: {x: y}}", { a: "X" }, "y"],
  ["{row: customer}", {}, `customer:${"f".repeat(12)}:7`],
  ['{text: "promo-{a}-{row}"}', { a: "x" }, "promo-x-7"],
  ["{hash: {column: a}}", { a: "x" }, "hashed x"],
  ["{object: {b: {column: a}, c: {column: d}}}", { a: "x", d: null }, { b: "x" }],
  ["{list: [{column: a}, 2]}", { a: "x" }, ["x", 2]],
  ["{first: [{column: a}, {column: b}]}", { a: null, b: "y" }, "y"],
  ["{column: __proto__}", {}, "missing-column"],
] as const)("when a mapping says %s of %j then it gives %j", (expression, fields, wanted) => {
  expect(given(expression, fields)).toEqual(wanted);
});

test.each([
  ["{column: a, equals: 1}", { a: "1" }, true],
  ["{column: a, equals: 1}", { a: "0" }, false],
  ["{column: a, in: [x, y]}", { a: "y" }, true],
  ["{column: a, above: 0}", { a: "0.5" }, true],
  ["{column: a, above: 0}", { a: "" }, false],
  ["{column: a, present: false}", { a: "" }, true],
  ["{not: {column: a, equals: x}}", { a: "x" }, false],
  ["{any: [{column: a, equals: x}, {column: a, equals: y}]}", { a: "y" }, true],
  ["{all: [{column: a, above: 1}, {column: a, below: 3}]}", { a: 2 }, true],
] as const)("when the condition is %s and the record %j then it holds: %s", (condition, fields, holds) => {
  const mapping = parseMapping(
    `{version: 1, rows: [{table: campaigns, when: ${condition}, set: {name: x}}]}`,
    "m.yaml",
  );
  expect(applyMapping(mapping, fields, context)).toHaveLength(holds ? 1 : 0);
});

test.each([
  ["version: 2\nrows: []", "m.yaml:1"],
  ["version: 1\nrows:\n  - table: nowhere\n    set: {}", "m.yaml:3"],
  ["version: 1\nrows:\n  - table: profiles\n    set:\n      colour: red", "m.yaml:5"],
  ["version: 1\nrows:\n  - table: profiles\n    when: { column: a }\n    set: {}", "m.yaml:4"],
  ["version: 1\nrows: [", "m.yaml:2"],
])("when the mapping is %j then the error names the line", (text, where) => {
  expect(() => parseMapping(text, "m.yaml")).toThrow(expect.objectContaining({ code: "ingest.bad-mapping", where }));
});

test("when a CSV has quotes, line feeds, short and long records then each lands or is a dead letter", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const csv = join(folder, "people.csv");
  writeFileSync(csv, '\ufeffid;note\r\n1;"a ""b""; c\nd"\r\n2;x;extra\r\n3\r\n\r\n4;y');
  const mapping = parseMapping(
    "{version: 1, rows: [{table: profiles, set: {user_id: {column: id}, isp: {column: note}}}]}",
    "m.yaml",
  );
  const [outcome] = await ingest(raw, [csv], { file: { mapping } });
  expect(outcome).toMatchObject({ records: 4, landed: 2, dead_letters_by_reason: { "malformed-input": 2 } });
  expect((await rowsOf(raw, "profiles")).map((row) => row["isp"])).toEqual(['a "b"; c\nd', "y"]);
});

test("when a quote is never closed then the rows before it land and the rest is one dead letter", async () => {
  const folder = temporaryFolder();
  const csv = writeLines(join(folder, "people.csv"), ["id,note", "1,x", '2,"open', "3,y"]);
  const mapping = parseMapping("{version: 1, rows: [{table: profiles, set: {user_id: {column: id}}}]}", "m.yaml");
  const [outcome] = await ingest(join(folder, "raw"), [csv], { file: { mapping } });
  expect(outcome).toMatchObject({ landed: 1, dead_letters_by_reason: { "malformed-input": 1 } });
});

test("when a Parquet export is mapped then its types arrive", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const file = join(folder, "people.parquet");
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    `copy (select 'a' || i as id, timestamptz '2026-01-01 00:00:00.123456+00' as at, 12.50::decimal(9, 2) as spend, i::bigint as n
           from range(3) t(i)) to '${file}' (format parquet)`,
  );
  connection.closeSync();
  instance.closeSync();
  const mapping = parseMapping(
    "{version: 1, rows: [{table: profiles, set: {user_id: {column: id}, signed_up_at: {column: at}, attributes: {object: {n: {column: n}, spend: {column: spend}}}}}]}",
    "m.yaml",
  );
  const attributes = async () => ({ file: { n: "integer", spend: "text" } }) as const;
  await ingest(raw, [file], { file: { mapping }, context: { attributes } });
  const rows = await rowsOf(raw, "profiles");
  expect(rows.map((row) => row["attributes"])).toEqual([0, 1, 2].map((n) => ({ n, spend: "12.50" })));
  expect(rows[0]?.["signed_up_at"]).toBe(Date.UTC(2026, 0, 1) * 1000 + 123_456);
});

const hillstrom = resolve(import.meta.dirname, "../../../../shared/data/hillstrom/hillstrom.csv.gz");

describe.runIf(existsSync(hillstrom))("hillstrom (../shared/data)", () => {
  test("when the challenge's file is mapped then every customer arrives and sums are exact", async () => {
    const folder = temporaryFolder();
    const raw = join(folder, "raw");
    const mapping = readMapping(resolve(import.meta.dirname, "../../../docs/cookbooks/hillstrom.mapping.yaml"));
    const [outcome] = await ingest(raw, [hillstrom], { file: { mapping } });
    expect(outcome).toMatchObject({ records: 64_000, dead_letter: 0, duplicate: 0 });
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    const read = async (sql: string) => (await connection.runAndReadAll(sql)).getRows();
    await connection.run(`create table customers as select * from read_csv('${hillstrom}')`);
    const profiles = await rowsOf(raw, "profiles");
    expect(new Set(profiles.map((row) => row["user_id_hash"])).size).toBe(64_000);
    const events = await rowsOf(raw, "events");
    const [[visits]] = (await read("select count(*) from customers where visit = 1")) as [[bigint]];
    expect(events.filter((row) => row["event_type"] === "page_view")).toHaveLength(Number(visits));
    const spends = await read("select cast(spend as varchar) from customers where conversion = 1");
    const revenue = events.flatMap((row) =>
      row["event_type"] === "purchase" ? [String((row["metadata"] as { revenue: number }).revenue)] : [],
    );
    expect(revenue).toEqual(spends.map(([spend]) => String(Number(spend))));
    connection.closeSync();
    instance.closeSync();
  });
});
