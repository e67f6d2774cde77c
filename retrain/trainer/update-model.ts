import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { makeFolderWhole } from "../../platform/files.ts";
import { readHomeFile, writeWhole } from "../../platform/home-files.ts";
import { calibrated, calibrateWithin } from "../../scoring/calibration.ts";
import { openForest } from "../../scoring/forest.ts";
import { findModel, forestOf, type Model } from "../../scoring/model.ts";
import {
  digestOf,
  type ModelRecord,
  modelRecord,
  modelSchema,
  type OutcomeRecord,
} from "../../scoring/model-record.ts";
import { type Reading, readParquetTable, type Table } from "../../warehouse/duckdb/read-parquet.ts";
import { columnsOf } from "../evaluate/columns-of.ts";
import { outcomeMetrics } from "../evaluate/metrics.ts";
import { findSnapshot, snapshotFiles } from "../snapshot/snapshot.ts";
import type { SnapshotLock } from "../snapshot/snapshot-lock.ts";
import { splitColumn } from "../snapshot/split.ts";
import { existing, lineageOf, readWholeLock, refuseMissing, sendsOf } from "./lineage.ts";
import { planTraining, type TrainEnv } from "./train.ts";

export interface UpdateRequest {
  /** The version whose forests stay: its name or digest. */
  readonly model: string;
  /** Name, id or digest of the snapshot with newer sends. */
  readonly snapshot: string;
  readonly name?: string | undefined;
}

/** An update moves slope and level of an outcome by no more than this factor. */
export const mostMoved = 2;
/** Trusted rows of each class below which an outcome stays as it is. */
const leastOfAClass = 30;
const trusted = "is_trusted";
const trainer = { name: "inboxloop/calibration-update", version: "1" };

/**
 * A new version with the forests of another and its calibration fitted anew to what was sent since: a logistic layer over the scores, whose slope learns from trusted
 * labels alone, and whose level is that of the latest rows as they came, both bounded. It is a version like any other: judged on the rows that the
 * snapshot sets aside, released by the same steps.
 */
export async function updateModel(env: TrainEnv, request: UpdateRequest): Promise<Model> {
  const began = performance.now();
  const base = await findModel(env.models, request.model);
  const snapshot = await findSnapshot(env.snapshots, request.snapshot);
  await env.bring?.(snapshot.id);
  const job = planTraining(
    { snapshot: snapshot.id, name: request.name ?? `${base.name}-at-${snapshot.id.slice(0, 8)}` },
    snapshot,
    env.models,
    env.now(),
  );
  const lock = await readWholeLock(snapshot.path);
  const { features } = base.record.lineage;
  refuseOtherFeatures(base, lock, snapshot.path);
  const { snapshot: frozen, split } = lineageOf(job, lock, features.list);
  const { seed } = base.record.lineage;
  const lineage = {
    snapshot: frozen,
    features,
    split,
    trainer,
    hyperparameters: {
      only: trusted,
      slope_within: mostMoved,
      level_within: mostMoved,
      least_of_a_class: leastOfAClass,
    },
    updates: { name: base.name, digest: base.digest, snapshots: snapshotsOf(base.record) },
    seed,
  };
  const inputs = digestOf(lineage);
  if ((await existing(job, inputs)) !== undefined) return findModel(env.models, job.name);

  const wanted: Record<string, Reading> = { sent_at: "seconds", [splitColumn.name]: "text", [trusted]: "number" };
  for (const { name, type } of features.list) wanted[name] = type === "number" ? "number" : "text";
  for (const { column } of base.record.outcomes) wanted[column] = "number";
  const table = await readParquetTable(snapshotFiles(snapshot), wanted, ["sent_at", "message_id"], lock.lock.rows);
  const outcomes: OutcomeRecord[] = [];
  for (const [i, outcome] of base.record.outcomes.entries()) {
    env.signal?.throwIfAborted();
    env.onProgress?.("update", i, base.record.outcomes.length);
    outcomes.push(await updated(base, outcome, table, env));
  }
  const record = modelRecord.parse({
    schema: modelSchema,
    name: job.name,
    lineage: {
      ...lineage,
      inputs,
      ...sendsOf(lock, table.numbers("sent_at")),
      sent_from: base.record.lineage.sent_from,
    },
    variants: base.record.variants,
    policy: base.record.policy,
    outcomes,
    made: { at: job.made_at, seconds: (performance.now() - began) / 1000, where: job.where },
  });
  await makeFolderWhole(job.output, async (folder) => {
    for (const { model } of outcomes)
      if (model.kind !== "constant")
        await writeWhole(join(folder, model.file), await readHomeFile(join(base.path, model.file)));
    await writeWhole(join(folder, "model.json"), `${JSON.stringify(record, null, 2)}\n`);
  });
  return findModel(env.models, job.name);
}

/** Where a version's forests come from: its own snapshot, or those of the version that it updates. */
const snapshotsOf = ({ lineage }: ModelRecord): readonly string[] => [
  ...new Set([...(lineage.updates?.snapshots ?? []), lineage.snapshot.id]),
];

/** A feature that is worked out otherwise than when the forest was grown is another number under the same name. */
function refuseOtherFeatures(base: Model, lock: SnapshotLock, where: string): void {
  const { list } = base.record.lineage.features;
  refuseMissing(
    lock,
    [...list.map(({ name }) => name), ...base.record.outcomes.map(({ column }) => column), trusted],
    where,
  );
  const now = new Map(lock.lock.features?.list.map(({ name, version }) => [name, version]));
  const changed = list.filter(({ name, version }) => version !== undefined && (now.get(name) ?? version) !== version);
  if (changed.length === 0) return;
  throw new UserError(`${changed.map(({ name }) => name).join(", ")} is not worked out as it was for ${base.name}`, {
    code: "train.update",
    exit: "config",
    where,
    next: "inboxloop train --snapshot <id>, a version of its own",
  });
}

async function updated(base: Model, outcome: OutcomeRecord, table: Table, env: TrainEnv): Promise<OutcomeRecord> {
  const { list } = base.record.lineage.features;
  const column = table.numbers(outcome.column);
  const side = table.texts(splitColumn.name);
  const times = table.numbers("sent_at");
  const since = Date.parse(base.record.lineage.fitted_before);
  const known = Array.from({ length: table.rows }, (_, row) => row).filter(
    (row) => !Number.isNaN(column[row]!) && 1000 * times[row]! >= since,
  );
  const learn = known.filter((row) => side[row] === "learn");
  const validate = known.filter((row) => side[row] === "validate");
  const labelsOf = (rows: readonly number[]) => Uint8Array.from(rows, (row) => (column[row] === 1 ? 1 : 0));
  const file = await forestOf(base, outcome);
  if (file === undefined || outcome.model.kind !== "forest") {
    env.onNote?.(`${outcome.name}: ${base.name} has no forest for it, and it stays as it is`);
    return outcome;
  }
  const forest = openForest(file);
  const scoresOf = (rows: readonly number[]) => forest.predict(columnsOf(table, list, rows), rows.length);
  const labels = labelsOf(learn);
  const isTrusted = table.numbers(trusted);
  const worth = Uint8Array.from(learn, (row) => (isTrusted[row] === 1 ? 1 : 0));
  const positives = labels.reduce((sum, label, i) => sum + label * worth[i]!, 0);
  const negatives = worth.reduce((sum, one) => sum + one, 0) - positives;
  const isEnough = positives >= leastOfAClass && negatives >= leastOfAClass;
  if (!isEnough)
    env.onNote?.(
      `${outcome.name}: ${positives} positives and ${negatives} negatives that are trusted since ${base.record.lineage.fitted_before}, ${leastOfAClass} of each are needed: it stays as it is`,
    );
  const calibration = isEnough
    ? calibrateWithin(outcome.model.calibration, mostMoved, scoresOf(learn), labels, worth)
    : outcome.model.calibration;
  const scores = scoresOf(validate).map((score) => calibrated(score, calibration));
  return {
    ...outcome,
    model: { ...outcome.model, calibration },
    validation: outcomeMetrics({ labels: labelsOf(validate), scores }),
    predictions: createHash("sha256").update(new Uint8Array(scores.buffer)).digest("hex"),
  };
}
