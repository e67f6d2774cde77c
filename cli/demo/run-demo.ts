import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createIdHasher } from "../../ingest/id-hasher.ts";
import { loadIngestKeys } from "../../ingest/keys.ts";
import { readCanaryCounts } from "../../retrain/canary/read-counts.ts";
import { evaluate } from "../../retrain/evaluate.ts";
import type { Model } from "../../retrain/model.ts";
import { fileAlerts } from "../../retrain/release/alert-sinks.ts";
import {
  approve,
  canary,
  check,
  promote,
  type ReleaseEnv,
  releaseStatus,
  shadow,
  submit,
} from "../../retrain/release/release.ts";
import { createSnapshot } from "../../retrain/snapshot.ts";
import { type TrainRequest, train } from "../../retrain/train.ts";
import { simulateCanary } from "../../simulate/canary.ts";
import { DAY_MS, worldConfig, worldEnd } from "../../simulate/config.ts";
import { worldAtEnd } from "../../simulate/history.ts";
import { type SimulationResult, type Stream, writeWorld } from "../../simulate/write-world.ts";
import { ingestContext } from "../commands/ingest/context.ts";
import { describe } from "../commands/release.ts";
import type { Environment } from "../environment.ts";
import { readFigures } from "../report/read-figures.ts";
import { renderReport } from "../report/render-report.ts";
import { demoReport } from "./demo-report.ts";
import type { DemoResult } from "./demo-result.ts";
import { build, deadLettersByReason, ingest, withWarehouse } from "./local-steps.ts";
import { policyDecisions, type Visible, visibleCustomers } from "./policy-decisions.ts";
import { Stopwatch } from "./stopwatch.ts";

export interface DemoOptions {
  readonly seed: number;
  readonly events: number;
  readonly projectDir: string;
}

/** Mails to each customer before each further look at a canary, and looks at most. */
const furtherRound = 2;
const mostLooks = 4;
/** Rows of a snapshot, each stratum by its share: enough for the demo's forests, and a minute less. */
const snapshotRows = 120_000;
const judgedRows = { rows: 40_000, policyRows: 20_000 };

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
  const field: Field = {
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

const filesOf = (dir: string, stream: Stream): string[] => stream.files.map(({ file }) => join(dir, file));

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

/** Snapshots and models. */
class Training {
  readonly #world: Environment;
  readonly #watch: Stopwatch;

  constructor(world: Environment, watch: Stopwatch) {
    this.#world = world;
    this.#watch = watch;
  }

  /** `isRepeated`: makes it again, to show that the same data are the same snapshot. */
  snapshot(name: string, asOf: Date, isRepeated: boolean): Promise<DemoResult["snapshots"][number]> {
    const { home, now, signal, console } = this.#world;
    return this.#watch.time("snapshot", async () => {
      const progress = console.progress(`snapshot ${name}`);
      const [first, second] = await withWarehouse(this.#world, async (warehouse) => {
        const env = { warehouse, snapshots: home.snapshots, now, signal };
        const made = await createSnapshot(env, { name, asOf, sampleRows: snapshotRows });
        return [
          made,
          isRepeated ? await createSnapshot(env, { name, asOf, sampleRows: snapshotRows }) : undefined,
        ] as const;
      });
      if (first.kind === "planned" || second?.kind === "planned") throw new Error("a snapshot was planned, not made");
      progress.done(
        `${first.lock.lock.rows.toLocaleString("en-US")} rows, ${first.lock.lock.content.value.slice(0, 12)}`,
      );
      return {
        name,
        rows: first.lock.lock.rows,
        digest: first.lock.lock.content.value,
        twice_the_same:
          second && second.kind === "already-there" && second.lock.lock.content.value === first.lock.lock.content.value,
      };
    });
  }

  train(request: TrainRequest): Promise<Model> {
    const { home, now, signal, console } = this.#world;
    return this.#watch.time("train", async () => {
      const progress = console.progress(`train ${request.name}`);
      const model = await train(
        {
          snapshots: home.snapshots,
          models: home.models,
          now,
          signal,
          onProgress: (_step, done, total) => progress.update(done, total, "outcomes"),
        },
        request,
      );
      progress.done(
        model.record.outcomes.map((o) => `${o.name} AUC ${o.validation.auc?.toFixed(3) ?? "-"}`).join(", "),
      );
      return model;
    });
  }
}

/** The release desk: Ada submits, Ben approves. */
class Releases {
  readonly evaluations: Awaited<ReturnType<typeof evaluate>>[] = [];
  readonly #world: Environment;
  readonly #watch: Stopwatch;

  constructor(world: Environment, watch: Stopwatch) {
    this.#world = world;
    this.#watch = watch;
  }

  as(person: "ada" | "ben" | "inboxloop"): ReleaseEnv {
    const { home, now } = this.#world;
    return {
      log: home.releaseLog,
      now,
      by: person,
      alerts: [{ name: "alerts.ndjson", send: fileAlerts(join(home.root, "alerts.ndjson")).send }],
    };
  }

  async stageOf(model: Model): Promise<string | undefined> {
    return (await releaseStatus(this.#world.home.releaseLog)).state.versions.get(model.name)?.stage;
  }

  async submit(model: Model, champion: Model | undefined, despite: string | undefined): Promise<void> {
    const { home, signal, console } = this.#world;
    const progress = console.progress(`evaluate ${model.name}`);
    const evaluation = await this.#watch.time("evaluate", () =>
      evaluate(
        {
          snapshots: home.snapshots,
          models: home.models,
          signal,
          onProgress: (_step, done, total) => progress.update(done, total, "outcomes"),
        },
        { candidate: model.name, champion: champion?.name, ...judgedRows },
      ),
    );
    this.evaluations.push(evaluation);
    const failed = evaluation.guardrails.filter(({ verdict }) => verdict === "fail").map(({ id }) => id);
    progress.done(`${evaluation.verdict}${failed.length > 0 ? `: ${failed.join(", ")}` : ""}`);
    if ((await this.stageOf(model)) !== undefined) return;
    await submit(this.as("ada"), {
      version: model.name,
      model: model.digest,
      snapshot: model.record.lineage.snapshot.content.value,
      evaluation: { verdict: evaluation.verdict, champion: champion?.name ?? null, failed },
    });
    await approve(
      this.as("ben"),
      model.name,
      evaluation.verdict === "pass" ? {} : { despite: despite ?? "nothing to compare with yet" },
    );
  }

  /** The first champion has nobody to be compared with. */
  async bootstrap(model: Model): Promise<void> {
    await this.submit(model, undefined, "the first model: there is nobody to compare it with");
    if ((await this.stageOf(model)) === "approved") await promote(this.as("ben"), model.name);
  }
}

interface Field {
  readonly world: Environment;
  readonly watch: Stopwatch;
  readonly folder: string;
  readonly after: ReturnType<typeof worldAtEnd>;
  readonly policies: Policies;
  readonly releases: Releases;
  readonly projectDir: string;
}

/** What each model decides for the same customers, worked out once. */
class Policies {
  readonly #customers: readonly Visible[];
  readonly #decided = new Map<string, ReturnType<typeof policyDecisions>>();

  constructor(customers: readonly Visible[]) {
    this.#customers = customers;
  }

  of(model: Model): ReturnType<typeof policyDecisions> {
    const known = this.#decided.get(model.digest) ?? policyDecisions(model, this.#customers);
    this.#decided.set(model.digest, known);
    return known;
  }
}

/** Both policies decide for the same customers, half each by their id; the world answers; the guardrails look. */
async function runCanary(
  field: Field,
  candidate: Model,
  champion: Model,
  begins: Date,
  firstRound: number,
  despite: string | undefined,
): Promise<DemoResult["canaries"][number]> {
  const { world, watch, releases } = field;
  await releases.submit(candidate, champion, despite);
  if ((await releases.stageOf(candidate)) === "approved") {
    await shadow(releases.as("ada"), candidate.name);
    await canary(releases.as("ada"), candidate.name, 0.5);
  }
  const decided = await watch.time("decide", async () => ({
    candidate: await field.policies.of(candidate),
    champion: await field.policies.of(champion),
  }));
  const naming = createIdHasher(ingestContext(world, { trustReceivedAt: true }).keys.ids.active);
  let startsAt = begins.getTime();
  for (let look = 1; ; look++) {
    const mails = look === 1 ? firstRound : furtherRound;
    const label = `${candidate.name}-look-${look}`;
    const made = await watch.time("simulate", () =>
      simulateCanary({
        ...field.after,
        assignments: assignments(decided, candidate.name, champion.name, mails),
        dir: join(field.folder, label),
        label,
        release: candidate.name,
        startsAt,
        pseudonymise: naming,
        signal: world.signal,
      }),
    );
    startsAt += mails * 2 * DAY_MS;
    await watch.time("ingest", () =>
      ingest(world, filesOf(join(field.folder, label), made.stream), `canary ${candidate.name}: ingest`),
    );
    const asOf = new Date(startsAt + 8 * DAY_MS);
    await watch.time("build", () =>
      build(world, field.projectDir, asOf, `canary ${candidate.name}: build`, ["monitoring.canary"]),
    );
    const counts = await withWarehouse(world, (warehouse) =>
      readCanaryCounts(
        warehouse,
        { release: candidate.name, candidate: candidate.name, champion: champion.name },
        world.signal,
      ),
    );
    const stage = await releases.stageOf(candidate);
    if (stage !== "canary") {
      // An earlier run of this demo had decided already.
      const ends = stage === "deactivated" ? "rolled back" : "promoted";
      return { candidate: candidate.name, rounds: look, ends, guardrails: [], counts };
    }
    const decision = await check(releases.as("inboxloop"), candidate.name, counts);
    const { verdict, results } = decision.check;
    world.console.note(`canary ${candidate.name}, look ${look}: ${verdict}`);
    if (verdict === "pass") await promote(releases.as("ben"), candidate.name);
    if (verdict !== "insufficient-evidence" || look === mostLooks) {
      const ends = verdict === "pass" ? "promoted" : verdict === "fail" ? "rolled back" : "undecided";
      return { candidate: candidate.name, rounds: look, ends, guardrails: results, counts };
    }
  }
}

/** Half of the customers to each arm, by their id; everybody is decided for as often as mails go out. */
function* assignments(
  decided: Readonly<Record<"candidate" | "champion", Awaited<ReturnType<typeof policyDecisions>>>>,
  candidate: string,
  champion: string,
  mails: number,
) {
  for (let mail = 0; mail < mails; mail++) {
    for (const [index, { userId }] of decided.candidate.entries()) {
      const arm = Number.parseInt(userId.slice(-2), 16) % 2 === 0 ? "candidate" : "champion";
      const variant = decided[arm][index]?.variant ?? "suppress";
      yield { userId, arm, variant, modelVersion: arm === "candidate" ? candidate : champion };
    }
  }
}
