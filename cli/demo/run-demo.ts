import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadIngestKeys } from "../../ingest/keys.ts";
import { releaseStatus } from "../../retrain/release/release.ts";
import { DAY_MS, worldConfig, worldEnd } from "../../simulate/config.ts";
import { worldAtEnd } from "../../simulate/history.ts";
import { type SimulationResult, writeWorld } from "../../simulate/write-world.ts";
import { describe } from "../commands/release.ts";
import type { Environment } from "../environment.ts";
import { readFigures } from "../report/read-figures.ts";
import { renderReport } from "../report/render-report.ts";
import { demoReport } from "./demo-report.ts";
import type { DemoResult } from "./demo-result.ts";
import { build, deadLettersByReason, filesOf, ingest, withWarehouse } from "./local-steps.ts";
import { Policies, visibleCustomers } from "./policy-decisions.ts";
import { Releases } from "./releases.ts";
import { type CanaryField, runCanary } from "./run-canary.ts";
import { Stopwatch } from "./stopwatch.ts";
import { Training } from "./training.ts";

export interface DemoOptions {
  readonly seed: number;
  readonly events: number;
  readonly projectDir: string;
}

/** One turn of the loop, every step through the product's own doors. Run again in the same home it goes on where it stands. */
export async function runDemo(world: Environment, options: DemoOptions): Promise<DemoResult> {
  const watch = new Stopwatch(() => performance.now());
  const folder = join(world.home.root, "demo");
  const config = worldConfig({ seed: options.seed, events: options.events });
  const end = new Date(worldEnd(config));

  keyOfSeed(world, options.seed);
  const simulated = await watch.time("simulate", () => simulate(world, join(folder, "world"), config));
  const ingested = await watch.time("ingest", () =>
    ingest(world, filesOf(join(folder, "world"), simulated.stream), "ingest"),
  );
  const deadLetters = await deadLettersByReason(world);
  const built = await watch.time("build", () => build(world, options.projectDir, end, "build"));

  const training = new Training(world, watch);
  const early = new Date(end.getTime() - 28 * DAY_MS);
  // Trainers are processes of their own: one learns while the next snapshot is made.
  const earlySnapshot = await training.snapshot("champion", early, true);
  const [champion, lateSnapshot] = await Promise.all([
    training.train({ snapshot: "champion", name: "champion-1", seed: 1 }),
    training.snapshot("candidate", end, false),
  ]);
  const snapshots = [earlySnapshot, lateSnapshot];
  const releases = new Releases(world, watch);
  const [candidate, openHunter] = await Promise.all([
    training.train({ snapshot: "candidate", name: "candidate-2", seed: 2 }),
    training.train({
      // What goes wrong in practice: trained on raw opens, which are mostly machines, and told that complaints cost nothing.
      snapshot: "candidate",
      name: "open-hunter-3",
      seed: 3,
      outcomes: [{ name: "conversion", column: "was_opened" }],
      rowsPerOutcome: 20_000,
      policy: { conversion_value: 1, complaint_cost: 0, unsubscribe_cost: 0, send_cost: 0 },
    }),
    releases.bootstrap(champion),
  ]);
  const customers = await withWarehouse(world, (warehouse) => visibleCustomers(warehouse, end));
  const after = await watch.time("simulate", async () => worldAtEnd(config));
  const field: CanaryField = {
    world,
    watch,
    folder,
    after,
    policies: new Policies(customers),
    releases,
    projectDir: options.projectDir,
  };
  const canaries = [
    await runCanary(field, candidate, champion, end, 2, undefined),
    await runCanary(
      field,
      openHunter,
      candidate,
      new Date(end.getTime() + 14 * DAY_MS),
      5,
      "growth wants to see more opens before the holidays",
    ),
  ];

  const {
    labels,
    opens,
    kpis,
    drift,
    accounts,
    deadLetters: letters,
  } = await watch.time("report", () => withWarehouse(world, readFigures));
  const status = await releaseStatus(world.home.releaseLog);
  const truth = simulated.stream.counts;
  const deadTotal = Object.values(truth.deadLetters).reduce((total, n) => total + n, 0);
  const result: DemoResult = {
    seed: options.seed,
    home: world.home.root,
    period: { from: simulated.from, to: simulated.to },
    simulated: {
      events: simulated.events,
      customers: simulated.customers,
      campaigns: simulated.campaigns,
      lines: truth.lines,
      duplicates: truth.duplicates,
      dead_letters: truth.deadLetters,
    },
    ingested: {
      ...ingested,
      dead_letters: deadLetters,
      adds_up:
        ingested.received === ingested.landed + ingested.duplicate + ingested.dead_letter &&
        ingested.received === truth.lines &&
        ingested.duplicate === truth.duplicates &&
        ingested.dead_letter === deadTotal &&
        Object.keys({ ...deadLetters, ...truth.deadLetters }).every(
          (reason) => deadLetters[reason] === (truth.deadLetters as Record<string, number>)[reason],
        ),
    },
    built,
    labels,
    opens,
    kpis,
    drift,
    accounts: { ...accounts, dead_letters: letters },
    snapshots,
    models: [champion, candidate, openHunter].map(({ name, digest, record }) => ({
      name,
      digest,
      outcomes: record.outcomes,
    })),
    evaluations: releases.evaluations,
    canaries,
    release: {
      champion: status.state.champion,
      log: status.entries.map(({ at, by, event, hash }) => ({ at, by, what: describe(event), hash })),
    },
    report: join(world.home.reports, "demo.html"),
    seconds: watch.read(),
    total_seconds: watch.total(),
    peak_memory_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  };
  await mkdir(world.home.reports, { recursive: true });
  await writeFile(result.report, renderReport(demoReport(result)));
  return result;
}

/**
 * A demo's home gets an id key of its seed, because ids decide who falls into which arm: the same seed is the same demo, to its end. Everybody can
 * work that key out, so a home with other people's signals in it is no place for a demo. Other keys are drawn as ever.
 */
function keyOfSeed(world: Environment, seed: number): void {
  let drawn = 0;
  loadIngestKeys(world.settings, world.home.state, (n) =>
    drawn++ === 0
      ? createHash("sha512").update(`inboxloop demo, seed ${seed}`).digest().subarray(0, n)
      : randomBytes(n),
  );
}

/** Makes the world, or takes the one that an earlier run made from the same settings. */
async function simulate(
  world: Environment,
  dir: string,
  config: ReturnType<typeof worldConfig>,
): Promise<SimulationResult> {
  const before = await readFile(join(dir, "truth", "counts.json"), "utf8").then(
    (text) => JSON.parse(text) as SimulationResult,
    () => undefined,
  );
  if (before && JSON.stringify(before.config) === JSON.stringify(config)) {
    world.console.note(`simulate: ${dir} holds this world already`);
    return { ...before, dir };
  }
  const progress = world.console.progress("simulate");
  const made = await writeWorld(config, dir, {
    signal: world.signal,
    onDay: (day) => progress.update(day + 1, config.days, "days"),
  });
  progress.done(`${made.events.toLocaleString("en-US")} events of ${made.customers.toLocaleString("en-US")} customers`);
  return made;
}
