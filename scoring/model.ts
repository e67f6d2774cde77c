import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors/user-error.ts";
import { readHomeFile, readHomeText } from "../platform/home-files.ts";
import { calibrated, levelRate } from "./calibration.ts";
import type { FeatureColumns } from "./feature-columns.ts";
import { type Forest, openForest, readForest } from "./forest.ts";
import { hasSay } from "./has-say.ts";
import { type ModelRecord, modelDigest, modelRecord, modelSchema, type OutcomeRecord } from "./model-record.ts";
import { type OnnxGraph, type OnnxSession, openOnnx } from "./onnx-session.ts";
import type { ForestFile } from "./tree.ts";

/** A trained version on disk. */
export interface Model {
  readonly name: string;
  readonly path: string;
  readonly digest: string;
  readonly record: ModelRecord;
}

/** The version in a folder; undefined where there is none. */
export async function readModel(path: string): Promise<Model | undefined> {
  const file = join(path, "model.json");
  const text = await readHomeText(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const data: unknown = JSON.parse(text);
  const schema = typeof data === "object" && data !== null && "schema" in data ? data.schema : undefined;
  if (schema !== undefined && schema !== modelSchema) {
    throw new UserError(
      `a model of format ${JSON.stringify(schema)}, where this version reads ${JSON.stringify(modelSchema)}`,
      {
        code: "model.format",
        exit: "config",
        where: file,
        next: "move the folder away and train again: inboxloop train --snapshot <id>",
      },
    );
  }
  const parsed = modelRecord.safeParse(data);
  if (parsed.success) {
    return { name: parsed.data.name, path, digest: modelDigest(parsed.data), record: parsed.data };
  }
  throw new UserError(`not a model record: ${parsed.error.issues[0]?.message}`, {
    code: "model.record",
    exit: "config",
    where: `${file} at ${parsed.error.issues[0]?.path.join(".")}`,
    next: "remove the folder and train again",
  });
}

/** Every trained version, by name. */
export async function listModels(models: string): Promise<readonly Model[]> {
  const found: Model[] = [];
  for (const entry of (await readdir(models).catch(() => [])).sort()) {
    if (entry.startsWith(".")) continue;
    const model = await readModel(join(models, entry));
    if (model) found.push(model);
  }
  return found;
}

/** A version by its name or the beginning of its digest (eight digits at least). */
export async function findModel(models: string, reference: string): Promise<Model> {
  const all = await listModels(models);
  const found =
    all.find((m) => m.name === reference) ??
    (reference.length >= 8 ? all.find((m) => m.digest.startsWith(reference)) : undefined);
  if (found) return found;
  throw new UserError(
    `no model "${reference}"${all.length > 0 ? `; there is ${all.map((m) => m.name).join(", ")}` : ""}`,
    {
      code: "model.unknown",
      exit: "usage",
      where: models,
      next: "inboxloop train --snapshot <id>",
    },
  );
}

/** A version in memory, ready to score. */
export interface Scorer {
  readonly model: Model;
  readonly outcomes: readonly string[];
  /** Calibrated probabilities of one outcome. `columns` hold the model's features; NaN and "" are unknown. */
  predict(outcome: string, columns: FeatureColumns, rows: number): Float64Array;
  /**
   * What a policy counts with, for several values of one categorical feature, whatever `columns` say of it: one array a value. The same
   * probabilities, but for an outcome that the model was not shown to know anything of (`hasSay`): there it is the base rate.
   */
  predictEach(
    outcome: string,
    columns: FeatureColumns,
    rows: number,
    feature: string,
    values: readonly string[],
  ): readonly Float64Array[];
  close(): void;
}

/** What a policy counts with for everybody, where an outcome has no say; undefined where it has one. */
export function baseRateOf(outcome: OutcomeRecord): number | undefined {
  if (outcome.model.kind === "constant") return outcome.model.probability;
  if (hasSay(outcome)) return undefined;
  const { level_rows, level_positives } = outcome.model.calibration;
  return levelRate({ rows: level_rows, positives: level_positives });
}

function baseRates({ record }: Model, name: string, rows: number, count: number): readonly Float64Array[] | undefined {
  const outcome = record.outcomes.find((o) => o.name === name);
  const rate = outcome && baseRateOf(outcome);
  if (rate === undefined) return undefined;
  return Array.from({ length: count }, () => new Float64Array(rows).fill(rate));
}

/** The forest of one outcome; undefined where it has none. Refuses a file that is not the record's. */
export async function forestOf(model: Model, outcome: OutcomeRecord): Promise<ForestFile | undefined> {
  if (outcome.model.kind !== "forest") return undefined;
  return readForest((await learnedBytes(model, outcome, outcome.model)).toString());
}

async function learnedBytes(
  model: Model,
  outcome: OutcomeRecord,
  learned: { readonly file: string; readonly sha256: string },
): Promise<Buffer> {
  const file = join(model.path, learned.file);
  const bytes = await readHomeFile(file).catch(() => Buffer.alloc(0));
  if (createHash("sha256").update(bytes).digest("hex") !== learned.sha256) {
    throw new UserError(`what ${model.name} learned for ${outcome.name} is not the one that was trained`, {
      code: "model.changed",
      exit: "check",
      where: file,
      next: "train again under another name",
    });
  }
  return bytes;
}

/** The graphs of a version, each of an outcome, in ONNX Runtime; undefined where it has none. */
async function openGraphs(model: Model): Promise<OnnxSession | undefined> {
  const graphs: OnnxGraph[] = [];
  for (const outcome of model.record.outcomes) {
    if (outcome.model.kind !== "onnx") continue;
    graphs.push({ outcome: outcome.name, bytes: await learnedBytes(model, outcome, outcome.model) });
  }
  return graphs.length === 0 ? undefined : openOnnx(graphs, model.path);
}

/** Loads a version; refuses files that are not those of its record. */
export async function openScorer(model: Model): Promise<Scorer> {
  const forests = new Map<string, Forest>();
  for (const outcome of model.record.outcomes) {
    const forest = await forestOf(model, outcome);
    if (forest) forests.set(outcome.name, openForest(forest));
  }
  const graphs = await openGraphs(model);
  for (const { name, model: learned } of model.record.outcomes)
    if (learned.kind === "onnx") forests.set(name, graphs!.scorer(name, learned));
  const names = model.record.lineage.features.list.map((f) => f.name);

  /** Scores of one outcome, calibrated; without anything learned the outcome has one probability for everybody. */
  function scored(
    name: string,
    columns: FeatureColumns,
    rows: number,
    count: number,
    score: (forest: Forest) => readonly Float64Array[],
  ): readonly Float64Array[] {
    const outcome = model.record.outcomes.find((o) => o.name === name);
    if (!outcome) throw new Error(`${model.name} does not predict ${name}`);
    const learned = outcome.model;
    if (learned.kind === "constant") {
      return Array.from({ length: count }, () => new Float64Array(rows).fill(learned.probability));
    }
    const missing = names.find((feature) => columns[feature] === undefined);
    if (missing) throw new Error(`feature "${missing}" is not among the columns`);
    return score(forests.get(name)!).map((scores) => scores.map((one) => calibrated(one, learned.calibration)));
  }

  return {
    model,
    outcomes: model.record.outcomes.map((o) => o.name),
    predict: (name, columns, rows) => scored(name, columns, rows, 1, (forest) => [forest.predict(columns, rows)])[0]!,
    predictEach: (name, columns, rows, feature, values) =>
      baseRates(model, name, rows, values.length) ??
      scored(name, columns, rows, values.length, (forest) => forest.predictEach(columns, rows, feature, values)),
    close: () => {
      forests.clear();
      graphs?.close();
    },
  };
}
