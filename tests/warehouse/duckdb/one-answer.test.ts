import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openLocalWarehouse } from "../../../packages/googlesql/duckdb/local-warehouse.ts";
import type { Value } from "../../../packages/googlesql/duckdb/values.ts";
import { GoogleSqlError } from "../../../packages/googlesql/errors.ts";
import { parseType } from "../../../packages/googlesql/types.ts";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { portValue } from "../../../warehouse/duckdb/port-values.ts";
import { StatementError } from "../../../warehouse/statement-error.ts";

// Two ways lead into the engine: a program's (`openLocalWarehouse().run`), and the port's, on which `inboxloop query|build|test` are.
const program = await openLocalWarehouse();
const port = await openDuckDbWarehouse({ path: ":memory:", threads: 1 });
afterAll(async () => {
  program.close();
  await port.close();
});

const printed = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === "bigint") return `${item}n`;
    if (typeof item === "number" && !Number.isFinite(item)) return String(item);
    return item instanceof Uint8Array ? `bytes ${Buffer.from(item).toString("hex")}` : item;
  });

/** What an error says; a program gets the engine's own, the port gives the product's of it. */
const failure = (error: unknown, ours: typeof GoogleSqlError | typeof StatementError): string => {
  if (!(error instanceof ours)) return `not a ${ours.name}: ${String(error)}`;
  return `${error.code} ${error.where}: ${error.message.slice(0, 200)}`;
};

async function byProgram(sql: string): Promise<string> {
  try {
    const { columns, rows } = await program.run(sql);
    const types = columns.map((column) => parseType(column.type));
    const values = rows.map((row) => row.map((value: Value, i) => portValue(value, types[i]!)));
    return printed([columns.map((column) => column.type), values]);
  } catch (error) {
    return failure(error, GoogleSqlError);
  }
}

async function byPort(sql: string): Promise<string> {
  try {
    const { columns, rows } = await port.query(sql);
    return printed([columns.map((column) => column.type), rows.map((row) => columns.map(({ name }) => row[name]))]);
  } catch (error) {
    return failure(error, StatementError);
  }
}

const root = resolve(import.meta.dirname, "../../..");

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /(?<!run-limits|language-js)\.test\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Every text in the engine's tests that reads as a statement, and every expression of the reference cases. */
function corpus(): string[] {
  const found = new Set<string>();
  for (const file of filesBelow(join(root, "packages/googlesql/tests"))) {
    for (const [, plain] of readFileSync(file, "utf8").matchAll(/"((?:[^"\\\n]|\\.)*)"/g)) {
      if (/^\s*(?:select|with|from|create|declare|insert|begin|set|execute|@\{|drop|if|\()\b/i.test(plain ?? ""))
        found.add(
          JSON.parse(
            `"${plain!.replace(/\\(.)/g, (both, one) => (one === "'" || one === "`" ? one : both))}"`,
          ) as string,
        );
    }
  }
  const cases = JSON.parse(
    readFileSync(join(root, "packages/googlesql/tests/functions/reference-cases.json"), "utf8"),
  ) as readonly (readonly [string, unknown])[];
  for (const [expression] of cases) found.add(`SELECT ${expression}`);
  return [...found].filter(
    (sql) => !/\b(rand|generate_uuid|current_\w+|session_user|tablesample|differential_privacy)\b/i.test(sql),
  );
}

test("when a statement goes in by either way then both give the same: values in order, types, error, place", async () => {
  const statements = corpus();
  expect(statements.length).toBeGreaterThan(700);
  const apart: unknown[] = [];
  for (const sql of statements) {
    const answers = [await byProgram(sql), await byPort(sql)];
    if (answers[0] !== answers[1]) apart.push({ sql, program: answers[0], port: answers[1] });
  }
  expect(apart).toEqual([]);
});

test.each<[string, string, string]>([
  ["has one name twice", "select 1 as a, 2 as a, 3 as a_1", '[["INT64","INT64","INT64"],[["1n","2n","3n"]]]'],
  ["ends too early", "select 1 +", "sql.syntax query:1:11: "],
  ["has a hint for this engine", "@{x=1} select 1 as x", "sql.analysis query:1:3: "],
  ["is nested without end", `select ${"1+".repeat(20_000)}1`, "refused.deep_nesting undefined: "],
  ["has syntax that is not read", "create model m as select 1", "refused.CREATE_MODEL query:1:8: "],
])("when a statement %s then both ways say so alike", async (_what, sql, expected) => {
  const said = await byProgram(sql);
  expect(said.slice(0, expected.length)).toBe(expected);
  expect(await byPort(sql)).toBe(said);
});

test.each([
  ["program", byProgram],
  ["port", byPort],
] as const)(
  "when a transaction fails then it is rolled back at the end of the script, and the session goes on: %s",
  async (_way, run) => {
    await run("create or replace table main.kept (x int64); insert into main.kept values (1)");
    expect(await run("begin transaction; insert into main.kept values (2); select 1/0; commit transaction")).toMatch(
      /^sql.evaluation/,
    );
    expect(await run("select sum(x) from main.kept")).toBe('[["INT64"],[["1n"]]]');
    await run("begin transaction; insert into main.kept values (4); select format('%t', [1.5])");
    expect(await run("select sum(x), format('%t', [2.5]) from main.kept")).toBe(
      '[["INT64","STRING"],[["1n","[2.5]"]]]',
    );
    await run("begin transaction; insert into main.kept values (8); commit transaction");
    expect(await run("select sum(x) from main.kept")).toBe('[["INT64"],[["9n"]]]');
    expect(await run("rollback transaction")).toMatch(/^sql.evaluation/);
  },
);
