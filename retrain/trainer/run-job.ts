import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { makeFolderWhole } from "../../platform/files.ts";
import { writeWhole } from "../../platform/home-files.ts";
import { startWorker } from "../../platform/processes.ts";
import { seededRandom } from "../../platform/seeded-random.ts";
import { calibrated, latestLevel, levelRate } from "../../scoring/calibration.ts";
import {
  digestOf,
  type ModelRecord,
  modelRecord,
  modelSchema,
  type OutcomeRecord,
} from "../../scoring/model-record.ts";
import { refuseImplausible } from "../alarm/implausible-features.ts";
import { outcomeMetrics } from "../evaluate/metrics.ts";
import type { Targets } from "./boosting/booster.ts";
import { defaultTerms, settingsToTry } from "./boosting/settings.ts";
import { conversionValue } from "./conversion-value.ts";
import { canBeLearned, fewPositives } from "./few-positives.ts";
import type { TrainerListener, TrainingJob } from "./job.ts";
import { type LearningSet, type Outcome, readLearningSet } from "./learning-set.ts";
import { existing, lineageOf, readWholeLock, sendsOf, subjectOf } from "./lineage.ts";
import type { OutcomeReply, OutcomeTask } from "./outcome-worker.ts";
import { sampleByWeight, type WeightedSample } from "./sampling.ts";

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
  const { features, outcomes } = subjectOf(job, lock);
  const inputs = { ...lineageOf(job, lock, features), trainer, hyperparameters: hyperparametersOf(job) };
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

  const record: ModelRecord = modelRecord.parse({
    schema: modelSchema,
    name: job.name,
    lineage: {
      ...inputs,
      inputs: inputsDigest,
      ...sendsOf(lock, set.sentAt),
    },
    variants: [...set.variants],
    policy: { ...job.policy, conversion_value: job.policy.conversion_value ?? valueOfConversion(set, outcomes) },
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

/** Which way a score may go is the job's to say. */
const { monotone: _, ...boosting } = defaultTerms;

const hyperparametersOf = (job: TrainingJob): Record<string, number | string> => ({
  rows_per_outcome: job.rows_per_outcome,
  folds: job.folds,
  ...(job.weight !== null && { weight: job.weight }),
  ...(job.only !== null && { only: job.only }),
  ...(job.balance !== null && { balance: job.balance }),
  ...(Object.keys(job.soft).length > 0 && { soft: listed(Object.entries(job.soft).map(([o, c]) => `${o}=${c}`)) }),
  ...(job.monotone.length > 0 && {
    monotone: listed(job.monotone.map(({ outcome, feature, direction }) => `${outcome}:${feature}=${direction}`)),
  }),
  ...(job.search > 1 && { search: job.search }),
  ...boosting,
});
const listed = (terms: readonly string[]): string => [...new Set(terms)].sort().join(" ");

interface OutcomePlan {
  readonly outcome: Outcome;
  /** What happened. */
  readonly labels: Uint8Array;
  /** What the forest learns: the labels, or how likely they are. */
  readonly targets: Targets;
  /** By feature, which way the score may go with it; empty when it is free with all. */
  readonly monotone: readonly number[];
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
  const learn = known.filter((row) => set.isLearnSide[row] === 1);
  const validate = known.filter((row) => set.isLearnSide[row] === 0);
  const seed = 1_000 * (job.seed * 31 + index);
  const worth = worthOf(set, learn, job);
  const own = worth === null ? learn : learn.filter((row) => worth[row]! > 0);
  const drawn = sampleByWeight(own, labels, job.rows_per_outcome, seededRandom(seed));
  const sample =
    worth === null ? drawn : { ...drawn, weights: worth.map((one, row) => one * (drawn.weights?.[row] ?? 1)) };
  const targets = targetsOf(set, outcome, labels, job);
  return { outcome, labels, targets, monotone: directionsOf(set, outcome, job), learn, worth, sample, validate, seed };
}

/** The labels, or where the snapshot says how likely they are, that. */
function targetsOf(set: LearningSet, outcome: Outcome, labels: Uint8Array, job: TrainingJob): Targets {
  const soft = set.soft.get(outcome.name);
  if (soft === undefined) return labels;
  return Float32Array.from(soft, (probability, row) => {
    if (Number.isNaN(probability)) return labels[row]!;
    if (probability >= 0 && probability <= 1) return probability;
    throw new UserError(`${job.soft[outcome.name]} holds ${probability}, which is no probability`, {
      code: "train.soft",
      exit: "config",
      where: job.snapshot,
      next: `inboxloop train --soft ${outcome.name}=<a column of numbers from 0 to 1>`,
    });
  });
}

function directionsOf({ data }: LearningSet, outcome: Outcome, { monotone }: TrainingJob): readonly number[] {
  const own = monotone.filter((one) => one.outcome === outcome.name);
  if (own.length === 0) return [];
  const way = new Map(own.map(({ feature, direction }) => [feature, direction === "up" ? 1 : -1]));
  return data.binnings.map(({ name }) => way.get(name) ?? 0);
}

/**
 * What each row counts where it is learned from, by the snapshot's own columns: on average 1 over the rows of the outcome's time, so that the
 * forests' settings mean what they do without weights. Null where all count alike.
 */
function worthOf(set: LearningSet, learn: Int32Array, job: TrainingJob): Float32Array | null {
  const { weights, isLearned, groups } = set;
  if (weights === null && isLearned === null && groups === null) return null;
  const refuse = (why: string): UserError =>
    new UserError(why, {
      code: "train.weight",
      exit: "config",
      where: job.snapshot,
      next: "inboxloop train --weight <another column>",
    });
  const worth = new Float32Array(set.rows);
  let sum = 0;
  for (const row of learn) {
    if (isLearned?.[row] === 0) continue;
    const weight = weights?.[row] ?? 1;
    if (!(weight >= 0 && Number.isFinite(weight)))
      throw refuse(`a row to be learned from has no weight of 0 or more in ${job.weight}`);
    worth[row] = weight;
    sum += weight;
  }
  if (groups !== null) sum = balance(worth, learn, groups);
  if (sum === 0)
    throw refuse(`no row counts anything by ${[job.weight, job.only].filter((one) => one !== null).join(" and ")}`);
  for (const row of learn) worth[row]! *= learn.length / sum;
  return worth;
}

/** A group of few rows weighs no more than this against the largest: a handful of rows must not steer a forest. */
const mostBalance = 10;

/** Gives every group the same weight altogether, as far as `mostBalance` lets it; what all rows then count. */
function balance(worth: Float32Array, learn: Int32Array, groups: readonly string[]): number {
  const total = new Map<string, number>();
  for (const row of learn) total.set(groups[row]!, (total.get(groups[row]!) ?? 0) + worth[row]!);
  const most = Math.max(...total.values());
  let sum = 0;
  for (const row of learn) {
    const own = total.get(groups[row]!)!;
    worth[row]! *= own > 0 ? Math.min(mostBalance, most / own) : 0;
    sum += worth[row]!;
  }
  return sum;
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
  const { outcome, labels, targets, learn, worth, sample, validate, seed } = plan;
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
  const { fold } = set;
  const rows = { rows: sample.rows, weights: sample.weights, known: learn, worth, targets, fold, folds: job.folds };
  const [first, ...others] = settingsToTry(job.search, plan.monotone);
  const settings = [first.terms, ...others.map(({ terms }) => terms)] as const;
  const reply = await run({ data: set.data, rows, labels, validate, settings, seed });
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
        ...(others.length > 0 && {
          searched: [first, ...others].map(({ change }, i) => ({
            change,
            trees: reply.tried[i]!.trees,
            log_loss: reply.tried[i]!.logLoss,
            is_chosen: i === reply.chosen,
          })),
        }),
      },
      reply.scores.map((score) => calibrated(score, calibration)),
    ),
    forest,
  };
}

const valueOfConversion = ({ labels, revenue, isLearnSide }: LearningSet, outcomes: readonly Outcome[]): number =>
  conversionValue(outcomes, {
    labels: (column) => labels.get(column)!,
    revenue,
    isLearned: (row) => isLearnSide[row] === 1,
  });

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
