import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../packages/googlesql/duckdb/local-warehouse.ts";
import { UnsupportedGoogleSql } from "../../packages/googlesql/errors.ts";
import { differenceOf } from "../../packages/googlesql/referee/compare.ts";
import { Referee, type WireTable } from "../../packages/googlesql/referee/referee.ts";
import { seed } from "../../packages/googlesql/referee/settings.ts";
import { parseType } from "../../packages/googlesql/types.ts";
import { compileProject } from "../../warehouse/dataform/compile.ts";
import { type Action, type Graph, inDependencyOrder } from "../../warehouse/dataform/graph.ts";
import { generateSources, randomFrom } from "../../warehouse/dataform/testing/generated-rows.ts";
import type { Row } from "../../warehouse/warehouse.ts";

const projectDir = join(dirname(fileURLToPath(import.meta.url)), "../..");
const rawTables = createRequire(import.meta.url)("../../includes/raw_tables.js") as {
  readonly tables: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

/** Models that a script makes: the referee evaluates one query at a time. Their rows are ours, and it goes on with them. */
const madeByScripts = ["identity.resolved", "labels.label_fits", "labels.signal_model"];

const idOf = (action: Action): string =>
  [action.target.database, action.target.schema, action.target.name].filter(Boolean).join(".");

function literal(value: unknown, type: string): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "bigint" || typeof value === "number" || typeof value === "boolean") return String(value);
  const element = /^ARRAY<(.*)>$/.exec(type)?.[1];
  if (element !== undefined) return `[${(value as unknown[]).map((one) => literal(one, element)).join(", ")}]`;
  if (value instanceof Uint8Array) return `from_hex('${Buffer.from(value).toString("hex")}')`;
  const text = `'${String(value).replace(/[\\']/g, "\\$&")}'`;
  return type === "STRING" ? text : `${type} ${text}`;
}

const rowsText = (columns: readonly { name: string; type: string }[], rows: readonly Row[]): string =>
  `select * from unnest(array<struct<${columns.map((c) => `${c.name} ${c.type}`).join(", ")}>>[${rows
    .map((row) => `(${columns.map((c) => literal(row[c.name], c.type)).join(", ")})`)
    .join(", ")}])`;

describe(`every model of the project on generated rows, seed ${seed}`, () => {
  let local: LocalWarehouse;
  let referee: Referee;
  let graph: Graph;
  const tables = new Map<string, WireTable>();

  beforeAll(async () => {
    ({ graph } = await compileProject({ projectDir }));
    local = await openLocalWarehouse();
    referee = await Referee.start();
  });
  afterAll(() => {
    referee?.stop();
    local?.close();
  });

  async function onBoth(sql: string): Promise<{ difference: string | undefined; wire: WireTable | undefined }> {
    const verdict = await referee.evaluate(sql, tables);
    if (verdict.kind === "error") throw new Error(`the referee does not take it: ${verdict.message}`);
    const result = await local.run(sql);
    const mine = {
      columns: result.columns.map((column) => ({ name: column.name, type: parseType(column.type) })),
      rows: result.rows,
    };
    // ARRAY_AGG without ORDER BY may give its elements in any order.
    return { difference: differenceOf(mine, verdict, { ignoreArrayOrder: true }), wire: verdict.wire };
  }

  test("each gives the same rows and types, full and incremental, and so does each assertion", async () => {
    for (const schema of new Set(graph.actions.map((action) => action.target.schema))) {
      await local.run(`create schema if not exists \`${schema}\``);
    }
    const declared = graph.actions.filter((action) => action.kind === "declaration");
    const columnsOf = new Map(
      declared.map((action) => [
        action.id,
        Object.entries(rawTables.tables[action.target.name] ?? {}).map(([name, type]) => ({ name, type })),
      ]),
    );
    const everything: Action = {
      ...declared[0]!,
      id: "everything",
      dependsOn: graph.actions.map((action) => action.id),
    };
    const { rows } = generateSources({ ...graph, actions: [...graph.actions, everything] }, everything, columnsOf, {
      random: randomFrom(seed),
      rowsPerSource: 60,
      begin: new Date("2026-03-01T00:00:00Z"),
      spanMs: 20 * 86_400_000,
      lateMs: 2 * 86_400_000,
    });
    for (const action of declared) {
      const columns = columnsOf.get(action.id)!;
      if (columns.length === 0) throw new Error(`no columns are known for ${idOf(action)}`);
      const text = rowsText(columns, rows.get(action.id) ?? []);
      const verdict = await referee.evaluate(text);
      if (verdict.kind === "error") throw new Error(`${idOf(action)}: ${verdict.message}`);
      tables.set(idOf(action), verdict.wire);
      await local.run(`create table \`${idOf(action)}\` as ${text}`);
    }

    const differences: string[] = [];
    let judged = 0;
    let filled = 0;
    const carried: string[] = [];
    for (const action of inDependencyOrder(graph.actions)) {
      if (!("query" in action)) continue;
      const id = idOf(action);
      const isAssertion = action.kind === "assertion";
      try {
        if ("preOps" in action && action.preOps.length > 0) {
          const script = [...action.preOps, `create table \`${id}\` as ${action.query}`];
          await local.run(script.map((part) => part.trim().replace(/;$/, "")).join(";\n"));
          const made = await local.run(`select * from \`${id}\``);
          const rows = made.rows.map((row) => Object.fromEntries(made.columns.map(({ name }, i) => [name, row[i]])));
          const verdict = await referee.evaluate(rowsText(made.columns, rows as Row[]));
          if (verdict.kind === "error") throw new Error(verdict.message);
          tables.set(id, verdict.wire);
          carried.push(`${action.target.schema}.${action.target.name}`);
          continue;
        }
        const { difference, wire } = await onBoth(action.query);
        if (difference) differences.push(`${id}: ${difference}`);
        judged++;
        if (wire && !isAssertion) {
          await local.run(`create table \`${id}\` as ${action.query}`);
          tables.set(id, wire);
          const count = (await local.run(`select count(*) from \`${id}\``)).rows[0]![0];
          if (count !== 0n) filled++;
          if (action.kind === "incremental" && action.incremental) {
            const again = await onBoth(action.incremental.query);
            if (again.difference) differences.push(`${id}, incremental: ${again.difference}`);
            judged++;
          }
        }
      } catch (error) {
        const what = error instanceof UnsupportedGoogleSql ? `refused: ${error.message}` : String(error);
        differences.push(`${id}: ${what}`);
      }
    }
    expect(differences).toEqual([]);
    expect(carried.sort()).toEqual(madeByScripts);
    expect(judged).toBeGreaterThan(40);
    // Empty tables agree about nothing.
    expect(filled).toBeGreaterThan(15);
  });
});
