import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import JSZip from "jszip";

import type { FeatureColumns } from "../../scoring/feature-columns.ts";

/** The parts of ydf-training that we call. */
interface Ydf {
  readonly FS: {
    readdir(path: string): string[];
    readFile(path: string): Uint8Array;
    unlink(path: string): void;
    rmdir(path: string): void;
  };
  readonly GradientBoostedTreesLearner: new (
    label: string,
    task: string,
  ) => {
    train(data: Readonly<Record<string, readonly unknown[]>>): YdfModel;
  };
}
interface YdfModel {
  readonly internalModel: { save(path: string): void };
  getLabelClasses(): string[];
  unload(): void;
}

const require = createRequire(import.meta.url);
let loaded: Promise<Ydf> | undefined;

/** Loads the WASM trainer once a thread. It must not write to the console. */
export function loadTrainer(): Promise<Ydf> {
  loaded ??= (require("ydf-training") as (options: object) => Promise<Ydf>)({ print() {}, printErr() {} });
  return loaded;
}

export interface TrainedForest {
  /** Zip of the model's files, as ydf-inference and the YDF libraries read it. */
  readonly zip: Uint8Array;
  /** SHA-256 of the trees: the same rows give the same forest. (The header carries a random id and is left out.) */
  readonly forest: string;
  readonly trees: number;
}

const zipDate = new Date("1980-01-01T00:00:00Z");

/**
 * Gradient boosted trees with YDF's defaults (the JS port takes no others): at most 300 trees of depth 6, shrinkage 0.1,
 * binomial log-likelihood, a tenth of the rows for early stopping, its own fixed seed. `labels` are 0 and 1, both present.
 */
export async function trainForest(columns: FeatureColumns, labels: readonly number[]): Promise<TrainedForest> {
  const ydf = await loadTrainer();
  const label = "_label";
  const learner = new ydf.GradientBoostedTreesLearner(label, "CLASSIFICATION");
  const data: Record<string, readonly unknown[]> = { [label]: labels.map((v) => (v === 1 ? "1" : "0")) };
  for (const [name, values] of Object.entries(columns)) data[name] = Array.from(values as ArrayLike<unknown>);
  const model = learner.train(data);
  // Of two classes YDF gives the probability of the second in its dictionary, which is ordered by frequency.
  const isFlipped = model.getLabelClasses()[1] !== "1";
  const files = savedFiles(ydf, model);
  const zip = new JSZip();
  for (const name of [...files.keys()].sort()) zip.file(name, files.get(name) as Uint8Array, { date: zipDate });
  const hash = createHash("sha256");
  for (const name of [
    "gradient_boosted_trees_header.pb",
    ...[...files.keys()].filter((n) => n.startsWith("nodes")).sort(),
  ]) {
    hash.update(`${name}\n`).update(files.get(name) ?? new Uint8Array());
  }
  const bytes = await zip.generateAsync({ type: "uint8array", compression: "DEFLATE" });
  if (isFlipped) hash.update("flipped");
  const trees = treesOf(model);
  model.unload();
  return { zip: bytes, forest: hash.digest("hex"), trees };
}

function treesOf(model: YdfModel): number {
  const text = (model as unknown as { describe(): string }).describe();
  return Number(/Number of trees: (\d+)/.exec(text)?.[1] ?? 0);
}

function savedFiles(ydf: Ydf, model: YdfModel): ReadonlyMap<string, Uint8Array> {
  const folder = "/saved";
  model.internalModel.save(folder);
  const files = new Map<string, Uint8Array>();
  for (const name of ydf.FS.readdir(folder)) {
    if (name === "." || name === "..") continue;
    files.set(name, ydf.FS.readFile(`${folder}/${name}`));
    ydf.FS.unlink(`${folder}/${name}`);
  }
  ydf.FS.rmdir(folder);
  return files;
}
