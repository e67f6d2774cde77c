import { createHash, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe } from "../cli/commands/release/render.ts";
import type { Environment } from "../cli/environment.ts";
import { loadIngestKeys } from "../ingest/door/keys.ts";
import { releaseStatus } from "../release/release.ts";
import { readFigures } from "../report/read-figures.ts";
import { renderReport } from "../report/render-report.ts";
import { DAY_MS, worldConfig, worldEnd } from "../simulate/config.ts";
import { claimHome } from "./claim-home.ts";
import { demoReport } from "./demo-report.ts";
import type { DemoResult } from "./demo-result.ts";
import { Judge } from "./judge.ts";
import { build, compileAhead, deadLettersByReason, ingest, withWarehouse } from "./local-steps.ts";
import { Mailings } from "./mailings.ts";
import { Releases } from "./releases.ts";
import { type CanaryField, runCanary } from "./run-canary.ts";
import { Simulator } from "./simulator.ts";
import { Stopwatch } from "./stopwatch.ts";
import { Training, worthItsMail } from "./training.ts";

export interface DemoOptions {
  readonly seed: number;
  readonly events: number;
  readonly projectDir: string;
}

/** Rows of the first model's snapshot, made when there was less, and of the next ones'. Enough for the demo's forests, and a minute less than all. */
const firstRows = 20_000;
const laterRows = 120_000;

/** One turn of the loop, every step through the product's own doors. Run again in the same home it goes on where it stands. */
export async function runDemo(world: Environment, options: DemoOptions): Promise<DemoResult> {
  const watch = new Stopwatch(() => performance.now());
  const folder = join(world.home.root, "demo");
  const config = worldConfig({ seed: options.seed, events: options.events });
  const end = new Date(worldEnd(config));

  await claimHome(world, options);
  keyOfSeed(world, options.seed);
  const simulator = new Simulator(world, watch, config);
  const judge = new Judge(world, watch);
  try {
    // Open from here to the end, so that no step has to write all its tables to their place before the next one.
    return await withWarehouse(world, () => turn({ world, options, watch, folder, end, simulator, judge }));
  } finally {
    await Promise.all([simulator.close(), judge.close()]);
  }
}

interface Turn {
  readonly world: Environment;
  readonly options: DemoOptions;
  readonly watch: Stopwatch;
  readonly folder: string;
  readonly end: Date;
  readonly simulator: Simulator;
  readonly judge: Judge;
}

async function turn({ world, options, watch, folder, end, simulator, judge }: Turn): Promise<DemoResult> {
  const history = simulator.world(join(folder, "world"));
  const [simulated, ingested] = await Promise.all([
    history.result.then((made) => {
      compileAhead(world, options.projectDir, { asOf: end });
      return made;
    }),
    watch.time("ingest", () => ingest(world, history.files, "ingest")),
  ]);
  const deadLetters = await deadLettersByReason(world, ingested.received);
  const built = await watch.time("build", () => build(world, options.projectDir, { asOf: end }, "build"));

  const training = new Training(world, watch, options.projectDir);
  // The desk lives in the simulated time: the first model is decided about when it was trained.
  const releases = await Releases.open(world, judge, new Date(end.getTime() - 28 * DAY_MS));
  const early = new Date(end.getTime() - 28 * DAY_MS);
  const earlySnapshot = await training.snapshot("champion", early, firstRows);
  // Trainers and judges are processes: one learns or judges while the next snapshot is made.
  const [champion, snapshots] = await Promise.all([
    training.train({
      snapshot: "champion",
      name: "champion-1",
      seed: 1,
      // How many begin: nobody has yet said what a complaint costs. The next model is told, and its canary can show what that is worth.
      policy: { complaint_cost: 0, unsubscribe_cost: 0, send_cost: 0 },
    }),
    training
      .again(earlySnapshot, early, firstRows)
      .then(async (first) => [first, await training.snapshot("candidate", end, laterRows)]),
  ]);
  const bootstrapped = ahead(releases.bootstrap(champion));
  const [{ candidate, evaluation: first }, openHunter] = await Promise.all([
    training
      .train({
        snapshot: "candidate",
        name: "candidate-2",
        seed: 2,
        ...worthItsMail,
      })
      .then((model) => ({ candidate: model, evaluation: ahead(releases.evaluate(model, champion)) })),
    training.train({
      // What goes wrong in practice: trained on raw opens, which are mostly machines, and told that complaints cost nothing.
      snapshot: "candidate",
      name: "open-hunter-3",
      seed: 3,
      outcomes: [{ name: "conversion", column: "was_opened" }],
      policy: { conversion_value: 1, complaint_cost: 0, unsubscribe_cost: 0, send_cost: 0 },
    }),
    bootstrapped,
  ]);
  const mailings = await Mailings.open(world, watch);
  const field: CanaryField = { world, watch, folder, simulator, mailings, releases, projectDir: options.projectDir };
  // The second candidate is judged while the canary of the first is under way, as if that one were promoted.
  const second = ahead(releases.evaluate(openHunter, candidate));
  // Nobody is left to judge: the builds to come can do with the memory.
  void second.finally(() => judge.close()).catch(() => {});
  const carts = await mailings.rehearseCarts(end);
  const firstCanary = await runCanary(field, candidate, champion, first, end, undefined);
  const isPromoted = firstCanary.ends === "promoted";
  const secondCanary = await runCanary(
    field,
    openHunter,
    isPromoted ? candidate : champion,
    isPromoted ? second : releases.evaluate(openHunter, champion),
    firstCanary.endsAt,
    "growth wants to see more opens before the holidays",
  );
  const decisions = {
    carts,
    without_model: await mailings.rehearseWithoutModel("next", secondCanary.endsAt),
    why: await mailings.why(`${candidate.name}-1`),
  };

  const {
    labels,
    opens,
    kpis,
    drift,
    labelDrift,
    affinities,
    sessions,
    accounts,
    deadLetters: letters,
  } = await watch.time("report", () => withWarehouse(world, readFigures));
  const status = await releaseStatus(world.releaseLog);
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
    labelDrift,
    affinities,
    sessions,
    accounts: { ...accounts, dead_letters: letters },
    snapshots,
    models: [champion, candidate, openHunter].map(({ name, digest, record }) => ({
      name,
      digest,
      outcomes: record.outcomes,
    })),
    evaluations: releases.evaluations,
    canaries: [firstCanary, secondCanary].map(({ endsAt: _, ...canary }) => canary),
    decisions,
    release: {
      champion: status.state.champion,
      log: status.entries.map(({ at, by, event, entry_hash }) => ({ at, by, what: describe(event), hash: entry_hash })),
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

/** Marks work as begun before its turn: what goes wrong with it is told when its turn comes. */
function ahead<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {});
  return work;
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
