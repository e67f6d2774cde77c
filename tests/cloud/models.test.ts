import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import rawTables from "../../includes/raw_tables.js";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import { buildProject } from "../../warehouse/dataform/build.ts";
import { engineOver } from "../../warehouse/dataform/engine.ts";
import type { Action } from "../../warehouse/dataform/graph.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";
import { localEngine } from "../../warehouse/duckdb/local-engine.ts";
import type { Row, Warehouse } from "../../warehouse/warehouse.ts";
import type { BigQueryEmulator } from "./emulators.ts";
import { copyProject } from "./support/copy-project.ts";
import { startMetadataServer } from "./support/metadata-server.ts";
import { ownBigQuery } from "./support/own-bigquery.ts";
import { inboxloopOrThrow, root, runNode } from "./support/run-node.ts";

/** This project, as of a day, on a small simulated world: on DuckDB, and on the emulator through our runner and through Dataform's. */
const asOf = "2025-10-31T00:00:00Z";

/** Models that the emulator cannot build, and why. Whoever makes this list longer has to say so here. */
const notBuilt: Readonly<Record<string, string>> = {};

const bigquery = { ours: await ownBigQuery(), dataforms: await ownBigQuery() };
let folder: string;
let duck: DuckDbWarehouse;
let models: readonly Action[];
const opened: Warehouse[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-cloud-"));
  const world = join(folder, "world");
  await inboxloopOrThrow(["simulate", "--out", world, "--events", "3000", "--days", "60"]);
  const events = join(world, "events-000.ndjson");
  await inboxloopOrThrow(["ingest", "file", events, "--trust-received-at", "--home", folder]);
  const columns = Object.fromEntries(rawTables.names.map((name: string) => [name, rawTables.columns(name)]));
  duck = await openDuckDbWarehouse({ path: join(folder, "w.duckdb"), rawDir: join(folder, "raw"), rawTables: columns });
  const { project, result } = await build(localEngine(duck, "cloud"));
  expect(result.isGood).toBe(true);
  models = project.graph.actions.filter(({ kind }) => /^(table|view|incremental)$/.test(kind));
});
afterAll(async () => {
  for (const warehouse of opened) await warehouse.close();
  await duck?.close();
  await rm(folder, { recursive: true, force: true });
});

const build = (engine: Parameters<typeof buildProject>[0]["engine"], select?: readonly string[]) =>
  buildProject({
    projectDir: root,
    engine,
    vars: { as_of: asOf },
    now: () => new Date(),
    newId: randomUUID,
    ...(select ? { select, includeDeps: true } : {}),
  });

async function connected(emulator: BigQueryEmulator, projectId: string): Promise<Warehouse> {
  const warehouse = await connectBigQuery({ projectId, ...emulator });
  opened.push(warehouse);
  return warehouse;
}

/** Puts DuckDB's raw rows into the emulator through the Storage Write API; of the events, those from `from` up to `to`. */
async function fill(warehouse: Warehouse, table: string, from = 0, to = Number.POSITIVE_INFINITY): Promise<number> {
  const order = table === "events" ? " order by received_at, event_id" : "";
  const { rows } = await duck.query(`select * from raw.${table}${order}`);
  const part = rows.slice(from, to);
  for (let at = 0; at < part.length; at += 1000) {
    const rowsNow = part.slice(at, at + 1000);
    expect(await warehouse.append(`raw.${table}`, rowsNow)).toEqual({ kind: "written", rows: rowsNow.length });
  }
  return rows.length;
}

async function makeRaw(warehouse: Warehouse): Promise<void> {
  const statements = rawTables.names.map((name: string) => {
    const columns = rawTables.columns(name).map((column) => `${column.name} ${column.type}`);
    return `create table raw.${name} (${columns.join(", ")}) partition by date(received_at)`;
  });
  await warehouse.execute(`create schema raw;\n${statements.join(";\n")}`);
}

const digits = 9;
/** A text that holds JSON, its numbers cut as those of columns are. */
const json = (text: string): string =>
  JSON.stringify(JSON.parse(text), (_, value) =>
    typeof value === "number" ? Number(value.toPrecision(digits)) : value,
  );

/** Rows in any order; sums of FLOAT64 depend on theirs, and functions in JavaScript on the engine's logarithm: nine digits of them count. */
async function rowsOf(warehouse: Warehouse, { target }: Action): Promise<{ types: string[]; rows: string[] }> {
  const { columns, rows } = await warehouse.query(`select * from \`${target.schema}.${target.name}\``);
  const cell = (value: unknown): unknown => {
    if (typeof value === "bigint") return String(value);
    if (typeof value === "number") return Number(value.toPrecision(digits));
    if (typeof value === "string" && /^(?:\{"|\[[[{"\d])/.test(value)) return json(value);
    if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
    if (Array.isArray(value)) return value.map(cell);
    if (value !== null && typeof value === "object")
      return Object.entries(value).map(([name, item]) => [name, cell(item)]);
    return value;
  };
  const line = (row: Row) => JSON.stringify(columns.map(({ name }) => cell(row[name])));
  return { types: columns.map(({ name, type }) => `${name} ${type}`), rows: rows.map(line).sort() };
}

/** Compares every model with DuckDB's; returns how many rows were found equal. */
async function expectSameTables(warehouse: Warehouse): Promise<number> {
  let compared = 0;
  for (const model of models) {
    if (model.id in notBuilt) continue;
    const [theirs, ours] = [await rowsOf(warehouse, model), await rowsOf(duck, model)];
    expect(theirs.types, model.id).toEqual(ours.types);
    expect(theirs.rows, model.id).toEqual(ours.rows);
    compared += ours.rows.length;
  }
  return compared;
}

test("when the project is built by our runner on the emulator then every table equals DuckDB's", async () => {
  const warehouse = await connected(bigquery.ours, "inboxloop");
  await makeRaw(warehouse);
  const events = Number((await duck.query("select count(*) as n from raw.events")).rows[0]?.["n"]);
  // The incremental table meets the last fifth of the events as a second batch.
  const cut = Math.floor(events * 0.8);
  for (const name of rawTables.names) await fill(warehouse, name, 0, name === "events" ? cut : undefined);
  const first = await build(engineOver(warehouse, 2), ["events.distinct_events"]);
  expect(first.result.results.filter(({ outcome }) => outcome !== "done")).toEqual([]);
  await fill(warehouse, "events", cut);

  const { result } = await build(engineOver(warehouse, 2));
  const incremental = result.results.find(({ id }) => id === "events.distinct_events");
  expect(incremental?.mode).not.toBe("create");
  const troubled = result.results.filter(({ outcome }) => outcome !== "done");
  expect(troubled.map(({ id }) => id).filter((id) => !(id in notBuilt))).toEqual([]);
  expect(troubled).toHaveLength(Object.keys(notBuilt).length);
  const compared = await expectSameTables(warehouse);
  const assertions = result.results.filter(({ kind }) => kind === "assertion").length;
  process.stderr.write(
    `our runner: ${models.length} models, ${assertions} assertions, ${compared} rows equal, ${result.ms} ms\n`,
  );
});

test("when the project is run by Dataform's own CLI on the emulator then every table equals DuckDB's", async () => {
  const warehouse = await connected(bigquery.dataforms, "dataform");
  await makeRaw(warehouse);
  for (const name of rawTables.names) await fill(warehouse, name);
  const metadata = await startMetadataServer();
  const credentials = join(folder, "df-credentials.json");
  await writeFile(credentials, JSON.stringify({ projectId: "dataform", location: "US" }));
  try {
    const project = await copyProject(join(folder, "project"), "dataform");
    const began = Date.now();
    // The assertions are queries that our runner has run; Dataform's CLI is here for its own way of making tables.
    const ended = await runNode(
      [
        join(root, "node_modules/@dataform/cli/bundle.js"),
        ...["run", project, "--credentials", credentials, "--disable-assertions"],
        ...["--vars", `as_of=${asOf}`],
      ],
      {
        env: {
          ...metadata.env,
          BIGQUERY_EMULATOR_HOST: `${bigquery.dataforms.emulatorHost}/bigquery/v2`,
          HOME: folder,
          TMPDIR: folder,
        },
      },
    );
    expect(`${ended.stdout}\n${ended.stderr}`).not.toMatch(/failed/i);
    expect(ended.code).toBe(0);
    const compared = await expectSameTables(warehouse);
    process.stderr.write(`dataform run: ${models.length} models, ${compared} rows equal, ${Date.now() - began} ms\n`);
  } finally {
    await metadata.stop();
  }
});
