// npm run bench [-- --events 1000000] [--runs 3]
//
// What the product adds to the engine under it, each beside its peer in the same run:
//   build        `inboxloop build` of the project against its own translated SQL as one DuckDB script
//   translation  GoogleSQL to DuckDB, per model
//   --help       the compiled command line against a bare `node -e 0`
// Ratios count; absolute times are this machine's, at this moment. `npm run build` first, for --help.

import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { DuckDBConnection } from "@duckdb/node-api";
import { runIngestFile } from "../cli/commands/ingest/file.ts";
import { createEnvironment } from "../cli/environment.ts";
import rawTables from "../includes/raw_tables.js";
import { worldConfig, worldEnd } from "../simulate/config.ts";
import { writeWorld } from "../simulate/write-world.ts";
import { buildProject, planProject } from "../warehouse/dataform/build.ts";
import { openDuckDbWarehouse } from "../warehouse/duckdb/adapter.ts";
import { localEngine } from "../warehouse/duckdb/local-engine.ts";

const root = resolve(import.meta.dirname, "..");
const { values } = parseArgs({
  options: { events: { type: "string", default: "1000000" }, runs: { type: "string", default: "3" } },
});
const runs = Number(values.runs);
const folder = mkdtempSync(join(tmpdir(), "inboxloop-bench-"));
const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

/** Statements that change something, as they reach DuckDB. */
const recorded: string[] = [];
let isRecording = false;
const run = DuckDBConnection.prototype.run;
DuckDBConnection.prototype.run = function record(this: DuckDBConnection, sql: string, ...rest: never[]) {
  if (isRecording && /^\s*(create or replace (table|view)|insert into|merge into|create table|create view)/i.test(sql))
    recorded.push(sql);
  return run.call(this, sql, ...rest);
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function benchBuild(): Promise<void> {
  const environment = createEnvironment({ home: join(folder, "home"), quiet: true }, new AbortController().signal);
  const config = worldConfig({ events: Number(values.events) });
  const world = await writeWorld(config, join(folder, "world"), { signal: environment.signal });
  await runIngestFile(environment, [join(folder, "world", "events-*.ndjson")], { trustReceivedAt: true });
  const warehouse = await openDuckDbWarehouse({
    path: environment.home.warehouse,
    rawDir: environment.home.raw,
    rawTables: Object.fromEntries(
      (rawTables.names as readonly string[]).map((name) => [name, rawTables.columns(name)]),
    ),
  });
  const engine = localEngine(warehouse, "bench");
  const request = {
    projectDir: root,
    engine,
    vars: { as_of: new Date(worldEnd(config)).toISOString() },
    cacheDir: join(folder, "compiled"),
  };
  const build = () =>
    timed(async () => {
      const { result } = await buildProject({
        ...request,
        fullRefresh: true,
        force: true,
        now: () => new Date(),
        newId: randomUUID,
      });
      if (!result.isGood) throw new Error("the build failed");
    });
  isRecording = true;
  await build();
  isRecording = false;
  const statements = [...recorded];
  const replay = () =>
    timed(async () => {
      for (const sql of statements) await run.call(warehouse.lane.connection, sql);
    });
  const [ours, plain]: [number[], number[]] = [[], []];
  for (let index = 0; index < runs; index++) {
    ours.push(await build());
    plain.push(await replay());
  }
  const ratios = ours.map((ms, index) => ms / (plain[index] as number));
  console.log(
    `build         ${world.events.toLocaleString("en-US")} events: ${seconds(median(ours))} with assertions, the same ${statements.length} statements as one script ${seconds(median(plain))}; ratio ${median(ratios).toFixed(2)} (limit 1.30)`,
  );
  const unchanged = await timed(() => buildProject({ ...request, now: () => new Date(), newId: randomUUID }));
  console.log(`build again   nothing changed: ${seconds(unchanged)} (limit 0.50 s)`);
  await benchTranslation(request);
  await engine.close();
}

async function benchTranslation(request: Parameters<typeof planProject>[0]): Promise<void> {
  const { translate } = await import("../warehouse/googlesql/translate.ts");
  const { project } = await planProject(request);
  const warehouse = await openDuckDbWarehouse({ path: join(folder, "home", "translation.duckdb") });
  await warehouse.close();
  const engine = request.engine as ReturnType<typeof localEngine>;
  const lane = (engine.warehouse as Awaited<ReturnType<typeof openDuckDbWarehouse>>).lane;
  const times: { readonly id: string; readonly ms: number }[] = [];
  for (let round = 0; round < 5; round++) {
    for (const action of project.graph.actions) {
      if (action.kind !== "table" && action.kind !== "view" && action.kind !== "incremental") continue;
      const began = performance.now();
      translate(action.query, lane.catalog);
      if (round > 0) times.push({ id: action.id, ms: performance.now() - began });
    }
  }
  const largest = times.reduce((a, b) => (a.ms > b.ms ? a : b));
  console.log(
    `translation   median ${median(times.map(({ ms }) => ms)).toFixed(2)} ms a model (limit 3), largest ${largest.ms.toFixed(1)} ms, ${largest.id} (limit 50)`,
  );
}

function benchHelp(): void {
  const main = join(root, "dist/cli/main.js");
  if (!existsSync(main)) {
    console.log("--help        not measured: npm run build first");
    return;
  }
  const time = (args: readonly string[]): number => {
    const began = performance.now();
    spawnSync(process.execPath, args, { stdio: "ignore" });
    return performance.now() - began;
  };
  const pairs = Array.from({ length: 11 }, () => ({ help: time([main, "--help"]), bare: time(["-e", "0"]) }));
  const help = median(pairs.map((pair) => pair.help));
  const bare = median(pairs.map((pair) => pair.bare));
  console.log(
    `--help        ${help.toFixed(0)} ms (limit 200), bare node ${bare.toFixed(0)} ms; ratio ${(help / bare).toFixed(2)}`,
  );
}

try {
  console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}`);
  benchHelp();
  await benchBuild();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
