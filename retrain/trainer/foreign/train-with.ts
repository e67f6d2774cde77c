import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../../errors/user-error.ts";
import { makeFolderWhole } from "../../../platform/files.ts";
import { writeWhole } from "../../../platform/home-files.ts";
import type { Calibration } from "../../../scoring/calibration.ts";
import { latestLevel } from "../../../scoring/calibration.ts";
import { findModel, type Model } from "../../../scoring/model.ts";
import {
  digestOf,
  type ModelRecord,
  modelRecord,
  modelSchema,
  type OnnxOutcome,
  type OutcomeRecord,
} from "../../../scoring/model-record.ts";
import { type OnnxSession, openOnnx } from "../../../scoring/onnx-session.ts";
import { copyParquet } from "../../../warehouse/duckdb/copy-parquet.ts";
import { type Reading, readParquetTable, type Table } from "../../../warehouse/duckdb/read-parquet.ts";
import { implausibleFeatures, refuseImplausible } from "../../alarm/implausible-features.ts";
import { columnsOf } from "../../evaluate/columns-of.ts";
import { outcomeMetrics } from "../../evaluate/metrics.ts";
import { findSnapshot, snapshotFiles } from "../../snapshot/snapshot.ts";
import { personColumn, type SnapshotLock } from "../../snapshot/snapshot-lock.ts";
import { splitColumn, splitOf } from "../../snapshot/split.ts";
import { conversionValue } from "../conversion-value.ts";
import type { TrainingJob } from "../job.ts";
import type { Feature, Outcome } from "../learning-set.ts";
import { lineageOf, readWholeLock, sendsOf, subjectOf } from "../lineage.ts";
import { planTraining, type TrainEnv, type TrainRequest } from "../train.ts";
import { type ForeignGraph, readGraphs, readManifest, refuseOtherShapes } from "./accept-graphs.ts";
import { type ForeignManifest, type ForeignSettings, foreignSettings } from "./manifest.ts";
import { bareEnvironment, type CommandLimits, runCommand, sizeOf } from "./run-command.ts";

export interface ForeignEnv extends TrainEnv {
  /** The caller's settings, of which a few are passed on. */
  readonly settings: Readonly<Record<string, string | undefined>>;
  /** Where the command is run. */
  readonly cwd: string;
}

export interface ForeignRequest extends TrainRequest {
  readonly command: string;
  readonly limits?: Partial<CommandLimits>;
  /** Keeps the folder that the command reads and the one that it writes. */
  readonly keep?: boolean;
}

export const defaultLimits: CommandLimits = { seconds: 3_600, bytes: 256 * 1024 * 1024 };

/**
 * Trains a version with somebody else's program. It gets the rows of a snapshot that may be learned from, and nothing else of it; what it wrote is checked, run on
 * the rows that the snapshot sets aside, measured by the same code as ours, and laid down as a version like any other.
 */
export async function trainWith(env: ForeignEnv, request: ForeignRequest): Promise<Model> {
  const began = performance.now();
  const snapshot = await findSnapshot(env.snapshots, request.snapshot);
  await env.bring?.(snapshot.id);
  const job = planTraining(request, snapshot, env.models, env.now());
  const limits = { ...defaultLimits, ...request.limits };
  if (await taken(env.models, job.name)) {
    throw new UserError(`another model is called ${job.name} already`, {
      code: "model.exists",
      exit: "usage",
      where: job.output,
      next: "inboxloop train --name <another name>",
    });
  }
  const lock = await readWholeLock(snapshot.path);
  const { features, outcomes } = subjectOf(job, lock);
  const work = await mkdtemp(join(tmpdir(), "inboxloop-trainer-"));
  let graphs: OnnxSession | undefined;
  try {
    const [reads, writes, home] = [join(work, "snapshot"), join(work, "model"), join(work, "home")] as const;
    for (const folder of [reads, writes, home]) await mkdir(folder);
    const settings = await handOver(snapshotFiles(snapshot), reads, job, lock, { features, outcomes, limits });
    env.onProgress?.("train", 0, 2);
    const told = {
      TRAINING_SNAPSHOT: reads,
      TRAINING_SETTINGS: join(reads, "settings.json"),
      TRAINING_OUTPUT: writes,
    };
    const environment = bareEnvironment(env.settings, told, home);
    await runCommand(request.command, { cwd: env.cwd, env: environment, writes: [writes, home] }, limits, env.signal);
    if ((await sizeOf(writes)) > limits.bytes) throw tooMuch(limits, writes);
    env.onProgress?.("train", 1, 2);
    const manifest = await readManifest(writes, outcomes, features);
    const files = await readGraphs(writes, manifest, limits.bytes);
    graphs = files.length === 0 ? undefined : await openOnnx(files, writes);
    refuseOtherShapes(manifest, graphs?.graphs ?? [], writes);
    const table = await readParquetTable(
      snapshotFiles(snapshot),
      wanted(features, outcomes, lock),
      ["sent_at", "message_id"],
      lock.lock.rows,
    );
    const waived = refuseImplausible(
      implausibleFeatures(table, features, outcomes),
      { ...lock.made.waived, ...job.waive },
      { code: "train.implausible", where: job.snapshot, command: `inboxloop train --snapshot ${snapshot.id}` },
    );
    const records = outcomes.map((outcome) => measured(outcome, table, features, manifest, files, graphs));
    const record = recordOf(job, lock, table, {
      features,
      outcomes,
      records,
      manifest,
      waived,
      settings,
      command: request.command,
      seconds: (performance.now() - began) / 1000,
    });
    const kept = await makeFolderWhole(job.output, async (folder) => {
      for (const { file, bytes } of files) await writeWhole(join(folder, file), bytes);
      await writeWhole(join(folder, "model.json"), `${JSON.stringify(record, null, 2)}\n`);
    });
    env.onProgress?.("train", 2, 2);
    if (!kept)
      throw new UserError(`another model is called ${job.name} by now`, { code: "model.exists", exit: "usage" });
    return await findModel(env.models, job.name);
  } finally {
    graphs?.close();
    if (request.keep === true) env.onNote?.(`what the trainer read and wrote is kept in ${work}`);
    else await rm(work, { recursive: true, force: true });
  }
}

const taken = (models: string, name: string): Promise<boolean> =>
  findModel(models, name).then(
    (found) => found.name === name,
    (error: unknown) => {
      if (error instanceof UserError && error.code === "model.unknown") return false;
      throw error;
    },
  );

const tooMuch = ({ bytes }: CommandLimits, where: string): UserError =>
  new UserError(`the trainer wrote more than ${bytes} bytes`, {
    code: "train.command",
    exit: "check",
    where,
    next: "inboxloop train --trainer <command> --trainer-megabytes <more>",
  });

/** Lays down what the command reads: the rows that may be learned from, with what was asked for of them, and the settings. */
async function handOver(
  files: readonly string[],
  folder: string,
  job: TrainingJob,
  lock: SnapshotLock,
  subject: {
    readonly features: readonly Feature[];
    readonly outcomes: readonly Outcome[];
    readonly limits: CommandLimits;
  },
): Promise<ForeignSettings> {
  const { features, outcomes, limits } = subject;
  const beside = [job.weight, job.only].filter((column) => column !== null);
  const columns = ["sent_at", ...features.map(({ name }) => name), ...outcomes.map(({ column }) => column), ...beside];
  splitOf(lock, job.snapshot);
  const rows = await copyParquet(files, join(folder, "learn.parquet"), {
    columns: [...new Set(columns)],
    where: [splitColumn.name, "learn"],
    group: [personColumn(lock), "_person"],
    orderBy: ["sent_at", "message_id"],
  });
  const settings = foreignSettings.parse({
    format: "inboxloop-training/1",
    name: job.name,
    seed: job.seed,
    snapshot: { id: lock.lock.content.value.slice(0, 16), content: lock.lock.content.value, rows: lock.lock.rows },
    rows_file: "learn.parquet",
    rows,
    outcomes,
    features,
    person: "_person",
    sent_at: "sent_at",
    weight: job.weight,
    only: job.only,
    time_limit_seconds: limits.seconds,
    output_limit_bytes: limits.bytes,
  } satisfies Record<keyof ForeignSettings, unknown>);
  await writeWhole(join(folder, "settings.json"), `${JSON.stringify(settings, null, 2)}\n`);
  return settings;
}

function wanted(
  features: readonly Feature[],
  outcomes: readonly Outcome[],
  lock: SnapshotLock,
): Readonly<Record<string, Reading>> {
  const all: Record<string, Reading> = { sent_at: "seconds", revenue: "number", [splitColumn.name]: "text" };
  if (lock.lock.columns.some(({ name }) => name === "variant")) all["variant"] = "text";
  for (const { name, type } of features) all[name] = type === "number" ? "number" : "text";
  for (const { column } of outcomes) all[column] = "number";
  return all;
}

/** One outcome as it does on the rows that are set aside. */
function measured(
  outcome: Outcome,
  table: Table,
  features: readonly Feature[],
  manifest: ForeignManifest,
  files: readonly ForeignGraph[],
  graphs: OnnxSession | undefined,
): OutcomeRecord {
  const column = table.numbers(outcome.column);
  const side = table.texts(splitColumn.name);
  const rowsOf = (wantedSide: string) =>
    Array.from({ length: table.rows }, (_, row) => row).filter(
      (row) => side[row] === wantedSide && !Number.isNaN(column[row]!),
    );
  const [learn, validate] = [rowsOf("learn"), rowsOf("validate")];
  const labelsOf = (rows: readonly number[]) => Uint8Array.from(rows, (row) => (column[row] === 1 ? 1 : 0));
  const learned = labelsOf(learn);
  const positives = learned.reduce((sum, one) => sum + one, 0);
  const said = manifest.outcomes[outcome.name]!;
  const model: OutcomeRecord["model"] =
    "file" in said
      ? graphOf(outcome.name, said, files, learned, positives)
      : { kind: "constant", probability: said.probability };
  const scores =
    model.kind === "onnx"
      ? graphs!.scorer(outcome.name, model).predict(columnsOf(table, features, validate), validate.length)
      : new Float64Array(validate.length).fill(model.kind === "constant" ? model.probability : Number.NaN);
  const counts = { positives, negatives: learn.length - positives };
  return {
    name: outcome.name,
    column: outcome.column,
    model,
    sample: { ...counts, kept_positives: counts.positives, kept_negatives: counts.negatives },
    validation: outcomeMetrics({ labels: labelsOf(validate), scores }),
    predictions: createHash("sha256").update(new Uint8Array(scores.buffer)).digest("hex"),
  };
}

function graphOf(
  outcome: string,
  said: Extract<ForeignManifest["outcomes"][string], { file: string }>,
  files: readonly ForeignGraph[],
  learned: Uint8Array,
  positives: number,
): OnnxOutcome {
  const { file, sha256, bytes } = files.find((one) => one.outcome === outcome)!;
  const level = latestLevel(learned);
  const calibration: Calibration = {
    method: "given",
    slope: 1,
    intercept: 0,
    rows: learned.length,
    positives,
    level_rows: level.rows,
    level_positives: level.positives,
  };
  return { kind: "onnx", file, sha256, bytes: bytes.length, input: said.input, output: said.output, calibration };
}

interface Parts {
  readonly features: readonly Feature[];
  readonly outcomes: readonly Outcome[];
  readonly records: readonly OutcomeRecord[];
  readonly manifest: ForeignManifest;
  readonly waived: Readonly<Record<string, string>>;
  readonly settings: ForeignSettings;
  readonly command: string;
  readonly seconds: number;
}

function recordOf(job: TrainingJob, lock: SnapshotLock, table: Table, parts: Parts): ModelRecord {
  const { manifest, records, waived } = parts;
  const lineage = {
    ...lineageOf(job, lock, parts.features),
    trainer: manifest.trainer,
    hyperparameters: {
      ...manifest.hyperparameters,
      ...(job.weight !== null && { weight: job.weight }),
      ...(job.only !== null && { only: job.only }),
    },
  };
  const hasVariant = lock.lock.columns.some(({ name }) => name === "variant");
  return modelRecord.parse({
    schema: modelSchema,
    name: job.name,
    lineage: {
      ...lineage,
      // Its name and the limits do not decide what it becomes; what it was told to learn, and by which command, does.
      inputs: digestOf({ ...lineage, outcomes: parts.outcomes, policy: job.policy, command: parts.command }),
      ...sendsOf(lock, table.numbers("sent_at")),
    },
    variants: hasVariant ? [...new Set(table.texts("variant"))].filter((one) => one !== "").sort() : [],
    policy: {
      ...job.policy,
      conversion_value: job.policy.conversion_value ?? valueOfConversion(table, parts.outcomes),
    },
    outcomes: records,
    made: {
      at: job.made_at,
      seconds: parts.seconds,
      where: job.where,
      ...(Object.keys(waived).length > 0 && { waived }),
    },
  });
}

function valueOfConversion(table: Table, outcomes: readonly Outcome[]): number {
  const side = table.texts(splitColumn.name);
  return conversionValue(outcomes, {
    labels: (column) => table.numbers(column),
    revenue: table.numbers("revenue"),
    isLearned: (row) => side[row] === "learn",
  });
}
