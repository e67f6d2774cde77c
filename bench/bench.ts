// npm run bench [-- --events 1000000] [--memory 4GB] [--runs 3] [--only build|test|help] [--home DIR]
//
// What the product adds to the engine under it, each beside its peer in the same run:
//   build        `inboxloop build` of the project against its own translated SQL, assertions too, as one DuckDB script
//   translation  GoogleSQL to DuckDB, per model
//   test         row-file tests a second, and from a cold start to the first result
//   --help       the compiled command line against a bare `node -e 0`
// Ratios count; absolute times are this machine's, at this moment: the load is printed. `npm run build` first, for --help and the cold
// start. Ten million events: --events 10000000 --memory 4GB --runs 1 --only build; --home keeps the events that were made for the next
// run. With --memory the build also says how much memory the process took at its most, and how much was spilled to disk.

import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { DuckDBConnection } from "@duckdb/node-api";
import { runIngestFile } from "../cli/commands/ingest/file.ts";
import { createEnvironment } from "../cli/environment.ts";
import rawTables from "../includes/raw_tables.js";
import { worldConfig, worldEnd } from "../simulate/config.ts";
import { writeWorld } from "../simulate/write-world.ts";
import { buildProject, planProject } from "../warehouse/dataform/build.ts";
import { runTests } from "../warehouse/dataform/testing/run-tests.ts";
import { openDuckDbWarehouse } from "../warehouse/duckdb/adapter.ts";
import { openBench } from "../warehouse/duckdb/bench-warehouse.ts";
import { localEngine } from "../warehouse/duckdb/local-engine.ts";

const root = resolve(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    runs: { type: "string", default: "3" },
    memory: { type: "string" },
    only: { type: "string" },
    home: { type: "string" },
  },
});
const isWanted = (what: string): boolean => values.only === undefined || values.only === what;
const runs = Number(values.runs);
const folder = mkdtempSync(join(tmpdir(), "inboxloop-bench-"));
const homeFolder = values.home === undefined ? join(folder, "home") : resolve(values.home);
const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

/** The work of a build as it reaches DuckDB: what makes or fills tables and views, and the assertions' questions. */
const recorded: string[] = [];
let isRecording = false;
const run = DuckDBConnection.prototype.run;
DuckDBConnection.prototype.run = function record(this: DuckDBConnection, sql: string, ...rest: never[]) {
  const isWork =
    /^\s*(create or replace (temp )?(table|view)|insert into|merge into|create (table|view)|drop|delete|update|select|with)\b/i;
  if (isRecording && isWork.test(sql) && !/\binboxloop_meta\b|\bduckdb_\w+\(/.test(sql)) recorded.push(sql);
  return run.call(this, sql, ...rest);
};

interface Spent {
  readonly ms: number;
  /** Processor time of the process: what a busy machine distorts least. */
  readonly cpuMs: number;
}

async function timed(work: () => Promise<unknown>): Promise<Spent> {
  const began = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - began, cpuMs: (user + system) / 1000 };
}

/** Raw events in `homeFolder`; those of an earlier run when they are there. */
async function eventsInHome(): Promise<{ readonly events: number; readonly end: string }> {
  const note = join(homeFolder, "bench.json");
  if (existsSync(note)) return JSON.parse(readFileSync(note, "utf8")) as { events: number; end: string };
  const environment = await createEnvironment({ home: homeFolder, quiet: true }, new AbortController().signal);
  const config = worldConfig({ events: Number(values.events) });
  const world = await writeWorld(config, join(folder, "world"), { signal: environment.signal });
  await runIngestFile(environment, [join(folder, "world", "events-*.ndjson")], { trustReceivedAt: true });
  rmSync(join(folder, "world"), { recursive: true });
  const made = { events: world.events, end: new Date(worldEnd(config)).toISOString() };
  writeFileSync(note, JSON.stringify(made));
  return made;
}

/** The most that the process and the spill folder held while `work` ran, in bytes. */
async function watched(spill: string, work: () => Promise<void>): Promise<{ memory: number; spilled: number }> {
  const most = { memory: 0, spilled: 0 };
  const look = () => {
    most.memory = Math.max(most.memory, process.memoryUsage.rss());
    const files = existsSync(spill) ? readdirSync(spill) : [];
    let bytes = 0;
    for (const file of files) bytes += statSync(join(spill, file), { throwIfNoEntry: false })?.size ?? 0;
    most.spilled = Math.max(most.spilled, bytes);
  };
  const timer = setInterval(look, 100);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return most;
}

const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GB`;

async function benchBuild(): Promise<void> {
  const { events, end } = await eventsInHome();
  const environment = await createEnvironment({ home: homeFolder, quiet: true }, new AbortController().signal);
  rmSync(environment.home.warehouse, { force: true });
  const warehouse = await openDuckDbWarehouse({
    path: environment.home.warehouse,
    rawDir: environment.home.raw,
    rawTables: Object.fromEntries(
      (rawTables.names as readonly string[]).map((name) => [name, rawTables.columns(name)]),
    ),
    memoryLimit: values.memory,
  });
  const engine = localEngine(warehouse, "bench");
  const request = { projectDir: root, engine, vars: { as_of: end }, cacheDir: join(folder, "compiled") };
  const fresh = { now: () => new Date(), newId: randomUUID };
  const build = () =>
    timed(async () => {
      const { result } = await buildProject({ ...request, fullRefresh: true, force: true, ...fresh });
      const failed = result.results.find((step) => step.outcome === "failed");
      if (failed !== undefined) throw new Error(`${failed.id} failed: ${failed.error?.message}`);
    });
  const spill = join(dirname(environment.home.warehouse), "spill");
  const ours: Spent[] = [];
  const plain: Spent[] = [];
  isRecording = true;
  const most = await watched(spill, async () => void ours.push(await build()));
  isRecording = false;
  const statements = [...recorded];
  const replay = () =>
    timed(async () => {
      for (const sql of statements) await run.call(warehouse.lane.connection, sql);
    });
  for (let index = 0; index < runs; index++) {
    if (index > 0) ours.push(await build());
    plain.push(await replay());
  }
  const ratio = (of: keyof Spent) => median(ours.map((spent, index) => spent[of] / plain[index]![of])).toFixed(2);
  const middle = (spent: readonly Spent[]) => seconds(median(spent.map(({ ms }) => ms)));
  console.log(
    `build         ${events.toLocaleString("en-US")} events: ${middle(ours)}, the same ${statements.length} statements as one script ${middle(plain)}; ratio ${ratio("ms")} (limit 1.15), of processor time ${ratio("cpuMs")}`,
  );
  console.log(
    `memory        limit ${values.memory ?? "by default"}: the process took ${gigabytes(most.memory)} at its most, ${gigabytes(most.spilled)} were on disk`,
  );
  const unchanged = await timed(() => buildProject({ ...request, ...fresh }));
  console.log(`build again   nothing changed: ${seconds(unchanged.ms)} (limit 0.50 s)`);
  await benchTranslation(request);
  await engine.close();
}

/** The shop of the tests, each of its cases many times over. */
async function benchTests(): Promise<void> {
  const project = join(folder, "shop");
  const shop = join(root, "tests/warehouse/dataform/fixtures/shop");
  cpSync(shop, project, { recursive: true });
  const models = join(project, "tests/models");
  const cases = readdirSync(models, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((model) => readdirSync(join(models, model.name)).map((name) => join(models, model.name, name)));
  for (const path of cases) for (let copy = 1; copy < 60; copy++) cpSync(path, `${path}_${copy}`, { recursive: true });
  const test = async (
    projectDir: string,
  ): Promise<{ readonly count: number; readonly ms: number; readonly cpuMs: number }> => {
    let began = 0;
    let before = process.cpuUsage();
    const { outcomes, failed } = await runTests({
      projectDir,
      cacheDir: join(folder, "tested"),
      openBench,
      clock: () => performance.now(),
      seed: 1,
      kinds: ["rows"],
      onOutcome: () => {
        if (began > 0) return;
        began = performance.now();
        before = process.cpuUsage();
      },
    });
    if (failed > 0) throw new Error(`${failed} tests failed`);
    const { user, system } = process.cpuUsage(before);
    return { count: outcomes.length - 1, ms: performance.now() - began, cpuMs: (user + system) / 1000 };
  };
  for (const [what, dir] of [
    ["a small project", project],
    ["this project", root],
  ] as const) {
    await test(dir);
    const { count, ms, cpuMs } = await test(dir);
    console.log(
      `test          ${what}: ${((count / ms) * 1000).toFixed(0)} row-file tests a second of ${count} (limit 100), ${(cpuMs / count).toFixed(1)} ms of processor time each`,
    );
  }
  const main = join(root, "dist/cli/main.js");
  if (!existsSync(main)) return console.log("test, cold    not measured: npm run build first");
  const one = ["--project", shop, "--kind", "rows", "--select", "revenue_daily"];
  const cold: number[] = [];
  for (let round = 0; round < 3; round++) {
    const { ms } = await timed(async () => {
      spawnSync(process.execPath, [main, "--home", join(folder, `cold${round}`), "test", ...one], { stdio: "ignore" });
    });
    cold.push(ms);
  }
  console.log(
    `test, cold    ${seconds(median(cold))} from nothing to the end of one test, compiling included (limit 2 s to the first result)`,
  );
}

async function benchTranslation(request: Parameters<typeof planProject>[0]): Promise<void> {
  const { translate } = await import("../packages/googlesql/index.ts");
  const { project } = await planProject(request);
  const warehouse = await openDuckDbWarehouse({ path: join(folder, "home", "translation.duckdb") });
  await warehouse.close();
  const engine = request.engine as ReturnType<typeof localEngine>;
  const lane = (engine.warehouse as Awaited<ReturnType<typeof openDuckDbWarehouse>>).lane;
  const models = project.graph.actions.flatMap((action) => {
    if (action.kind !== "table" && action.kind !== "view" && action.kind !== "incremental") return [];
    const times = Array.from({ length: 7 }, () => {
      const began = performance.now();
      translate(action.query, lane.catalog);
      return performance.now() - began;
    });
    return [{ id: action.id, ms: median(times), most: Math.max(...times) }];
  });
  const largest = models.reduce((a, b) => (a.ms > b.ms ? a : b));
  console.log(
    `translation   median ${median(models.map(({ ms }) => ms)).toFixed(2)} ms a model (limit 3), largest ${largest.ms.toFixed(1)} ms, ${largest.id} (limit 50; ${largest.most.toFixed(1)} ms at the slowest)`,
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
  const load = loadavg()[0]!.toFixed(1);
  console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, load ${load}`);
  if (isWanted("help")) benchHelp();
  if (isWanted("test")) await benchTests();
  if (isWanted("build")) await benchBuild();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
