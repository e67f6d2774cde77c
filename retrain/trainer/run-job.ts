import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import registry from "../../includes/feature_registry.js";
import featureSet from "../../includes/features.js";
import { fileSha256, makeFolderWhole, writeWhole } from "../../platform/files.ts";
import { startWorker } from "../../platform/processes.ts";
import { seededRandom } from "../../platform/seeded-random.ts";
import { calibrated, fitCalibration } from "../../scoring/calibration.ts";
import { encodeColumns } from "../../scoring/encode-inputs.ts";
import type { FeatureColumns } from "../../scoring/feature-columns.ts";
import {
  digestOf,
  featuresDigest,
  type ModelRecord,
  modelRecord,
  type OutcomeRecord,
} from "../../scoring/model-record.ts";
import { type Reading, readParquetTable, type Table } from "../../warehouse/duckdb/read-parquet.ts";
import { implausibleFeatures, refuseImplausible } from "../alarm/implausible-features.ts";
import { mean, outcomeMetrics } from "../evaluate/metrics.ts";
import { type SnapshotLock, snapshotId, snapshotLock } from "../snapshot/snapshot-lock.ts";
import type { TrainingJob } from "./job.ts";
import type { OutcomeReply, OutcomeTask } from "./outcome-worker.ts";
import { type ClassSample, everyKth, sampleByClass, splitByTime } from "./sampling.ts";

interface Feature {
  readonly name: string;
  readonly type: "number" | "category";
}

const stratumColumns = ["isp", "region"];
/** Fewer of one class than this, and nothing is learned from it. */
const leastOfAClass = 20;
const workerMemoryMb = 512;

export interface JobResult {
  readonly record: ModelRecord;
  readonly kept: boolean;
}

/**
 * Trains one model version from a snapshot: outcomes side by side in threads, each on a sample of its classes, calibrated on later
 * rows at their natural rate, measured on the latest. Everything random comes from the job's seed.
 */
export async function runJob(
  job: TrainingJob,
  onProgress: (step: string, done: number, total: number) => void,
): Promise<JobResult> {
  const began = performance.now();
  const lock = await readWholeLock(job.snapshot);
  const known = job.features.length > 0 ? job.features : (featureSet.list as readonly Feature[]);
  const features = known.filter((f) => !job.without.includes(f.name)).map(({ name, type }) => ({ name, type }));
  const outcomes: readonly { readonly name: string; readonly column: string }[] =
    job.outcomes.length > 0 ? job.outcomes : featureSet.outcomes;
  refuseMissing(lock, [...features.map((f) => f.name), ...outcomes.map((o) => o.column), "revenue"], job.snapshot);

  // As the snapshot's rows were worked out, whatever this version of the code would do.
  const { features: frozen } = lock.lock;
  const versions = new Map(frozen?.list.map((f) => [f.name, f.version]));
  const lineageList = features.map((f) => ({ ...f, ...(versions.has(f.name) && { version: versions.get(f.name) }) }));
  const version = job.features.length > 0 ? "given" : (frozen?.version ?? (registry.version as string));
  const inputs = {
    snapshot: {
      id: snapshotId(lock.lock.content.value),
      content: lock.lock.content,
      rows: lock.lock.rows,
    },
    features: {
      version,
      digest: featuresDigest({ version, list: lineageList }),
      list: lineageList,
    },
    trainer: { name: "ydf-training/gradient_boosted_trees", version: trainerVersion() },
    hyperparameters: hyperparametersOf(job),
    seed: job.seed,
  };
  const inputsDigest = digestOf({ ...inputs, outcomes, policy: job.policy });
  const there = await existing(job, inputsDigest);
  if (there) return { record: there, kept: false };

  onProgress("read", 0, 1);
  const wanted: Record<string, Reading> = { sent_at: "seconds", revenue: "number", variant: "text" };
  for (const name of stratumColumns) wanted[name] = "text";
  for (const f of features) wanted[f.name] = f.type === "number" ? "number" : "text";
  for (const o of outcomes) wanted[o.column] = "number";
  const files = lock.files.map((f) => join(job.snapshot, f.name));
  const table = await readParquetTable(files, wanted, ["sent_at", "message_id"], lock.lock.rows);

  const waived = refuseImplausible(
    implausibleFeatures(table, features, outcomes),
    { ...lock.made.waived, ...job.waive },
    { code: "train.implausible", where: job.snapshot, command: `inboxloop train --snapshot ${inputs.snapshot.id}` },
  );

  const plans = outcomes.map((outcome, i) => planOutcome(job, table, outcome, i));
  let done = 0;
  onProgress("train", done, plans.length);
  const trained = await inThreads(job.threads, plans, async (plan, run) => {
    const result = await trainOutcome(job, table, features, plan, run);
    done += 1;
    onProgress("train", done, plans.length);
    return result;
  });

  const times = table.numbers("sent_at");
  const instant = (row: number | undefined): string =>
    new Date(1000 * (row === undefined ? 0 : times[row]!)).toISOString();
  const record: ModelRecord = modelRecord.parse({
    schema: "1",
    name: job.name,
    lineage: {
      ...inputs,
      inputs: inputsDigest,
      sent_from: instant(0),
      fitted_before: instant(Math.min(...plans.map((p) => p.validate[0] ?? table.rows - 1))),
      sent_to: instant(table.rows - 1),
    },
    variants: [...new Set(table.texts("variant"))].filter((v) => v !== "").sort(),
    policy: { ...job.policy, conversion_value: job.policy.conversion_value ?? conversionValue(table, outcomes) },
    outcomes: trained.map((t) => t.record),
    made: {
      at: job.made_at,
      seconds: (performance.now() - began) / 1000,
      where: job.where,
      ...(Object.keys(waived).length > 0 && { waived }),
    },
  });
  const kept = await makeFolderWhole(job.output, async (folder) => {
    for (const { record: outcome, zip } of trained) {
      if (zip && outcome.model.kind === "forest") await writeWhole(join(folder, outcome.model.file), zip);
    }
    await writeWhole(join(folder, "model.json"), `${JSON.stringify(record, null, 2)}\n`);
  });
  // Somebody else finished the same name first.
  return { record: kept ? record : ((await existing(job, inputsDigest)) ?? record), kept };
}

const hyperparametersOf = (job: TrainingJob): Record<string, number> => ({
  rows_per_outcome: job.rows_per_outcome,
  negatives_per_positive: job.negatives_per_positive,
  calibrate_share: job.calibrate_share,
  validate_share: job.validate_share,
  score_rows: job.score_rows,
  trees_at_most: 300,
  max_depth: 6,
  shrinkage: 0.1,
  early_stopping_share: 0.1,
});

/** The model of that name, when it came from the same inputs; another one under a name that is taken is refused. */
async function existing(job: TrainingJob, inputs: string): Promise<ModelRecord | undefined> {
  const path = join(job.output, "model.json");
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const there = modelRecord.safeParse(JSON.parse(text));
  if (there.success && there.data.lineage.inputs === inputs) return there.data;
  throw new UserError(`another model is called ${job.name} already`, {
    code: "model.exists",
    exit: "usage",
    where: job.output,
    next: "inboxloop train --name <another name>",
  });
}

async function readWholeLock(folder: string): Promise<SnapshotLock> {
  const path = join(folder, "lock.json");
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new UserError("there is no snapshot", { code: "snapshot.unknown", exit: "usage", where: path, cause });
  });
  const lock = snapshotLock.parse(JSON.parse(text));
  for (const file of lock.files) {
    if ((await fileSha256(join(folder, file.name))) === file.sha256) continue;
    throw new UserError("a file of the snapshot is not the one that was frozen", {
      code: "snapshot.changed",
      exit: "check",
      where: join(folder, file.name),
      next: `inboxloop snapshot verify ${snapshotId(lock.lock.content.value)}`,
    });
  }
  return lock;
}

function refuseMissing(lock: SnapshotLock, wanted: readonly string[], where: string): void {
  const present = new Set(lock.lock.columns.map((c) => c.name));
  const missing = wanted.filter((name) => !present.has(name));
  if (missing.length === 0) return;
  throw new UserError(`the snapshot has no column ${missing.join(", ")}`, {
    code: "train.missing-column",
    exit: "config",
    where,
    next: "inboxloop build, then: inboxloop snapshot create",
  });
}

interface OutcomePlan {
  readonly outcome: { readonly name: string; readonly column: string };
  readonly sample: ClassSample;
  readonly calibrate: readonly number[];
  readonly validate: readonly number[];
}

function planOutcome(job: TrainingJob, table: Table, outcome: OutcomePlan["outcome"], index: number): OutcomePlan {
  const labels = table.numbers(outcome.column);
  const known = Array.from({ length: table.rows }, (_, i) => i).filter((i) => !Number.isNaN(labels[i]!));
  const split = splitByTime(known, job.calibrate_share, job.validate_share);
  const random = seededRandom(job.seed * 31 + index);
  const strata = stratumColumns.map((name) => table.texts(name));
  const stratum = (row: number): string => strata.map((s) => s[row]).join("/");
  const inTime = (rows: readonly number[]) => [...rows].sort((a, b) => a - b);
  return {
    outcome,
    sample: sampleByClass(split.train, (row) => labels[row] === 1, stratum, {
      budget: job.rows_per_outcome,
      perPositive: job.negatives_per_positive,
      random,
    }),
    calibrate: inTime(everyKth(split.calibrate, job.score_rows, stratum, random)),
    validate: inTime(everyKth(split.validate, job.score_rows, stratum, random)),
  };
}

interface TrainedOutcome {
  readonly record: OutcomeRecord;
  readonly zip: Uint8Array | null;
}

async function trainOutcome(
  job: TrainingJob,
  table: Table,
  features: readonly Feature[],
  plan: OutcomePlan,
  run: (task: OutcomeTask) => Promise<OutcomeReply>,
): Promise<TrainedOutcome> {
  const { outcome, sample, calibrate, validate } = plan;
  const labelColumn = table.numbers(outcome.column);
  const labelsOf = (rows: readonly number[]) => rows.map((row) => labelColumn[row]!);
  const common = {
    name: outcome.name,
    column: outcome.column,
    sample: {
      positives: sample.positives,
      negatives: sample.negatives,
      kept_positives: sample.keptPositives,
      kept_negatives: sample.keptNegatives,
    },
  };
  const finish = (model: OutcomeRecord["model"], scores: Float64Array): OutcomeRecord => ({
    ...common,
    model,
    validation: outcomeMetrics({ labels: labelsOf(validate), scores }),
    predictions: createHash("sha256").update(new Uint8Array(scores.buffer)).digest("hex"),
  });
  if (sample.keptPositives < leastOfAClass || sample.keptNegatives < leastOfAClass) {
    const all = [...labelsOf(calibrate), ...labelsOf(sample.rows)];
    const positives = sample.positives + labelsOf(calibrate).filter((l) => l === 1).length;
    const rows = sample.positives + sample.negatives + calibrate.length;
    // Jeffreys' estimate: never exactly 0 or 1.
    const probability = all.length === 0 ? 0.5 : (positives + 0.5) / (rows + 1);
    return {
      record: finish({ kind: "constant", probability }, new Float64Array(validate.length).fill(probability)),
      zip: null,
    };
  }
  const reply = await run({
    outcome: outcome.name,
    train: { columns: columnsOf(table, features, sample.rows), labels: labelsOf(sample.rows) },
    score: [calibrate, validate].map((rows) => ({ columns: columnsOf(table, features, rows), rows: rows.length })),
  });
  if (reply.kind === "failed") {
    throw new UserError(`the trainer gave up on ${outcome.name}: ${reply.message.split("\n")[0]}`, {
      code: "train.failed",
      exit: "check",
      where: job.snapshot,
      next: "inboxloop snapshot show",
    });
  }
  const [calibrateScores, validateScores] = reply.scores as [Float64Array, Float64Array];
  const offset = Math.log(sample.keptPositives / sample.positives / (sample.keptNegatives / sample.negatives));
  const calibration = fitCalibration(calibrateScores, labelsOf(calibrate), offset);
  const file = `${outcome.name}.ydf.zip`;
  return {
    record: finish(
      {
        kind: "forest",
        file,
        sha256: createHash("sha256").update(reply.zip).digest("hex"),
        bytes: reply.zip.byteLength,
        forest: reply.forest,
        trees: reply.trees,
        calibration,
      },
      validateScores.map((score) => calibrated(score, calibration)),
    ),
    zip: reply.zip,
  };
}

/** Chosen rows of the feature columns, encoded as serving encodes them. */
export function columnsOf(table: Table, features: readonly Feature[], rows: readonly number[]): FeatureColumns {
  const cells = new Map(
    features.map(({ name, type }) => [name, type === "number" ? table.numbers(name) : table.texts(name)]),
  );
  return encodeColumns(features, rows.length, (name, row) => cells.get(name)![rows[row]!]);
}

/** Mean revenue of the messages that converted; 0 without one. */
function conversionValue(
  table: Table,
  outcomes: readonly { readonly name: string; readonly column: string }[],
): number {
  const column = outcomes.find((o) => o.name === "conversion")?.column;
  if (!column) return 0;
  const converted = table.numbers(column);
  const revenue = [...table.numbers("revenue")].filter((r, i) => converted[i] === 1 && !Number.isNaN(r));
  return revenue.length === 0 ? 0 : Math.max(0, mean(revenue));
}

const trainerVersion = (): string =>
  (createRequire(import.meta.url)("ydf-training/package.json") as { version: string }).version;

/** Works through items with a number of threads; results in the items' order. */
async function inThreads<Item, Result>(
  threads: number,
  items: readonly Item[],
  work: (item: Item, run: (task: OutcomeTask) => Promise<OutcomeReply>) => Promise<Result>,
): Promise<readonly Result[]> {
  const results = new Map<number, Result>();
  let next = 0;
  const lane = async (): Promise<void> => {
    const worker = startWorker("./outcome-worker", import.meta.url, workerMemoryMb);
    const run = (task: OutcomeTask): Promise<OutcomeReply> =>
      new Promise((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
        worker.postMessage(task);
      });
    try {
      for (let i = next++; i < items.length; i = next++) results.set(i, await work(items[i] as Item, run));
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(threads, items.length) }, lane));
  return items.map((_, i) => results.get(i) as Result);
}
