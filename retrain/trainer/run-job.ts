import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import registry from "../../includes/feature_registry.js";
import featureSet from "../../includes/features.js";
import { fileSha256, makeFolderWhole, writeWhole } from "../../platform/files.ts";
import { startWorker } from "../../platform/processes.ts";
import { seededRandom } from "../../platform/seeded-random.ts";
import { calibrated, latestLevel, levelRate } from "../../scoring/calibration.ts";
import {
  digestOf,
  featuresDigest,
  type ModelRecord,
  modelRecord,
  modelSchema,
  type OutcomeRecord,
} from "../../scoring/model-record.ts";
import { refuseImplausible } from "../alarm/implausible-features.ts";
import { outcomeMetrics } from "../evaluate/metrics.ts";
import { type SnapshotLock, snapshotId, snapshotLock } from "../snapshot/snapshot-lock.ts";
import { type CrossFitTerms, defaultTerms } from "./boosting/cross-fit.ts";
import { canBeLearned, fewPositives } from "./few-positives.ts";
import type { TrainerListener, TrainingJob } from "./job.ts";
import { type Feature, type LearningSet, type Outcome, readLearningSet } from "./learning-set.ts";
import type { OutcomeReply, OutcomeTask } from "./outcome-worker.ts";
import { sampleByWeight, splitByTime, type WeightedSample } from "./sampling.ts";

/** Of a worker's own objects; the rows lie outside of it. */
const workerMemoryMb = 512;

export interface JobResult {
  readonly record: ModelRecord;
  readonly kept: boolean;
}

/**
 * Trains one model version from a snapshot: outcomes side by side in threads, each from all rows but the latest, with the number of trees and the
 * calibration from people that a forest had not seen; measured on the latest rows, which nothing was fitted to. Everything random comes from the job's seed.
 */
export async function runJob(job: TrainingJob, { onProgress, onNote }: TrainerListener): Promise<JobResult> {
  const began = performance.now();
  const lock = await readWholeLock(job.snapshot);
  const known = job.features.length > 0 ? job.features : (featureSet.list as readonly Feature[]);
  const features = known.filter((f) => !job.without.includes(f.name)).map(({ name, type }) => ({ name, type }));
  const outcomes: readonly Outcome[] = job.outcomes.length > 0 ? job.outcomes : featureSet.outcomes;
  const beside = [job.weight, job.only].filter((column) => column !== null);
  refuseMissing(
    lock,
    [...features.map((f) => f.name), ...outcomes.map((o) => o.column), "revenue", ...beside],
    job.snapshot,
  );

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
    trainer,
    hyperparameters: hyperparametersOf(job),
    seed: job.seed,
  };
  const inputsDigest = digestOf({ ...inputs, outcomes, policy: job.policy });
  const there = await existing(job, inputsDigest);
  if (there) return { record: there, kept: false };

  const set = await readLearningSet(job.snapshot, lock, features, outcomes, job, (done, total) =>
    onProgress("read", done, total),
  );
  const waived = refuseImplausible(
    set.implausible,
    { ...lock.made.waived, ...job.waive },
    { code: "train.implausible", where: job.snapshot, command: `inboxloop train --snapshot ${inputs.snapshot.id}` },
  );

  const plans = outcomes.map((outcome, i) => planOutcome(job, set, outcome, i));
  for (const plan of plans) {
    const line = fewPositives(plan.outcome.name, plan.sample, labelsOf(plan, plan.validate));
    if (line !== undefined) onNote(line);
  }
  let done = 0;
  onProgress("train", done, plans.length);
  const trained = await inThreads(job.threads, plans, async (plan, run) => {
    const result = await trainOutcome(job, set, plan, run);
    done += 1;
    onProgress("train", done, plans.length);
    return result;
  });

  const instant = (row: number): string => new Date(1000 * set.sentAt[row]!).toISOString();
  const record: ModelRecord = modelRecord.parse({
    schema: modelSchema,
    name: job.name,
    lineage: {
      ...inputs,
      inputs: inputsDigest,
      sent_from: instant(0),
      fitted_before: instant(Math.min(...plans.map((p) => p.validate[0] ?? set.rows - 1))),
      sent_to: instant(set.rows - 1),
    },
    variants: [...set.variants],
    policy: { ...job.policy, conversion_value: job.policy.conversion_value ?? conversionValue(set, outcomes) },
    outcomes: trained.map((t) => t.record),
    made: {
      at: job.made_at,
      seconds: (performance.now() - began) / 1000,
      where: job.where,
      ...(Object.keys(waived).length > 0 && { waived }),
    },
  });
  const kept = await makeFolderWhole(job.output, async (folder) => {
    for (const { record: outcome, forest } of trained) {
      if (forest && outcome.model.kind === "forest") await writeWhole(join(folder, outcome.model.file), forest);
    }
    await writeWhole(join(folder, "model.json"), `${JSON.stringify(record, null, 2)}\n`);
  });
  // Somebody else finished the same name first.
  return { record: kept ? record : ((await existing(job, inputsDigest)) ?? record), kept };
}

/** Raised when the same rows give another forest. */
const trainer = { name: "inboxloop/boosted-trees", version: "1" };

const hyperparametersOf = (job: TrainingJob): Record<string, number | string> => ({
  rows_per_outcome: job.rows_per_outcome,
  validate_share: job.validate_share,
  folds: job.folds,
  ...(job.weight !== null && { weight: job.weight }),
  ...(job.only !== null && { only: job.only }),
  ...defaultTerms,
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
  readonly outcome: Outcome;
  readonly labels: Uint8Array;
  readonly learn: Int32Array;
  readonly worth: Float32Array | null;
  readonly sample: WeightedSample;
  readonly validate: Int32Array;
  readonly seed: number;
}

function planOutcome(job: TrainingJob, set: LearningSet, outcome: Outcome, index: number): OutcomePlan {
  const column = set.labels.get(outcome.column)!;
  const labels = Uint8Array.from(column, (label) => (label === 1 ? 1 : 0));
  const known = Int32Array.from({ length: set.rows }, (_, row) => row).filter((row) => !Number.isNaN(column[row]!));
  const { learn, validate } = splitByTime(known, job.validate_share);
  const seed = 1_000 * (job.seed * 31 + index);
  const worth = worthOf(set, learn, job);
  const own = worth === null ? learn : learn.filter((row) => worth[row]! > 0);
  const drawn = sampleByWeight(own, labels, job.rows_per_outcome, seededRandom(seed));
  const sample =
    worth === null ? drawn : { ...drawn, weights: worth.map((one, row) => one * (drawn.weights?.[row] ?? 1)) };
  return { outcome, labels, learn, worth, sample, validate, seed };
}

/**
 * What each row counts where it is learned from, by the snapshot's own columns: on average 1 over the rows of the outcome's time, so that the
 * forests' settings mean what they do without weights. Null where all count alike.
 */
function worthOf({ weights, isLearned }: LearningSet, learn: Int32Array, job: TrainingJob): Float32Array | null {
  if (weights === null && isLearned === null) return null;
  const refuse = (why: string): UserError =>
    new UserError(why, {
      code: "train.weight",
      exit: "config",
      where: job.snapshot,
      next: "inboxloop train --weight <another column>",
    });
  const worth = new Float32Array((weights ?? isLearned)!.length);
  let sum = 0;
  for (const row of learn) {
    if (isLearned?.[row] === 0) continue;
    const weight = weights?.[row] ?? 1;
    if (!(weight >= 0 && Number.isFinite(weight)))
      throw refuse(`a row to be learned from has no weight of 0 or more in ${job.weight}`);
    worth[row] = weight;
    sum += weight;
  }
  if (sum === 0)
    throw refuse(`no row counts anything by ${[job.weight, job.only].filter((one) => one !== null).join(" and ")}`);
  for (const row of learn) worth[row]! *= learn.length / sum;
  return worth;
}

const labelsOf = ({ labels }: OutcomePlan, rows: Int32Array): Uint8Array =>
  Uint8Array.from(rows, (row) => labels[row]!);

interface TrainedOutcome {
  readonly record: OutcomeRecord;
  readonly forest: string | null;
}

async function trainOutcome(
  job: TrainingJob,
  set: LearningSet,
  plan: OutcomePlan,
  run: (task: OutcomeTask) => Promise<OutcomeReply>,
): Promise<TrainedOutcome> {
  const { outcome, labels, learn, worth, sample, validate, seed } = plan;
  const finish = (model: OutcomeRecord["model"], scores: Float64Array): OutcomeRecord => ({
    name: outcome.name,
    column: outcome.column,
    sample: {
      positives: sample.positives,
      negatives: sample.negatives,
      kept_positives: sample.keptPositives,
      kept_negatives: sample.keptNegatives,
    },
    model,
    validation: outcomeMetrics({ labels: labelsOf(plan, validate), scores }),
    predictions: createHash("sha256").update(new Uint8Array(scores.buffer)).digest("hex"),
  });
  const baseRate = levelRate(latestLevel(labelsOf(plan, learn)));
  const constant = (): TrainedOutcome => ({
    record: finish({ kind: "constant", probability: baseRate }, new Float64Array(validate.length).fill(baseRate)),
    forest: null,
  });
  if (!canBeLearned(sample)) return constant();
  const terms: CrossFitTerms = defaultTerms;
  const { fold } = set;
  const rows = { rows: sample.rows, weights: sample.weights, known: learn, worth, labels, fold, folds: job.folds };
  const reply = await run({ data: set.data, rows, validate, terms, seed });
  if (reply.kind === "failed") {
    throw new UserError(`the trainer gave up on ${outcome.name}: ${reply.message.split("\n")[0]}`, {
      code: "train.failed",
      exit: "check",
      where: job.snapshot,
      next: "inboxloop snapshot show",
    });
  }
  if (reply.trees === 0) return constant();
  const { forest, calibration } = reply;
  return {
    record: finish(
      {
        kind: "forest",
        file: `${outcome.name}.trees.json`,
        sha256: createHash("sha256").update(forest).digest("hex"),
        bytes: Buffer.byteLength(forest),
        trees: reply.trees,
        calibration,
        cross_fitted: { folds: job.folds, log_loss: reply.logLoss, base_log_loss: reply.baseLogLoss },
      },
      reply.scores.map((score) => calibrated(score, calibration)),
    ),
    forest,
  };
}

/** Mean revenue of the messages that converted; 0 without one. */
function conversionValue({ labels, revenue }: LearningSet, outcomes: readonly Outcome[]): number {
  const column = outcomes.find((o) => o.name === "conversion")?.column;
  if (!column) return 0;
  const converted = labels.get(column)!;
  let [sum, messages] = [0, 0];
  for (let row = 0; row < revenue.length; row++) {
    if (converted[row] !== 1 || Number.isNaN(revenue[row]!)) continue;
    sum += revenue[row]!;
    messages += 1;
  }
  return messages === 0 ? 0 : Math.max(0, sum / messages);
}

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
