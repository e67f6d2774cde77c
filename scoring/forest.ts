import { createRequire } from "node:module";
import type { FeatureColumns } from "./feature-columns.ts";

/** The parts of ydf-inference that we call. */
interface Inference {
  loadModelFromZipBlob(zip: Uint8Array): Promise<InferenceModel>;
}
interface InferenceModel {
  getLabelClasses(): string[];
  getInputFeatures(): readonly { readonly name: string; readonly type: string; readonly internalIdx: number }[];
  unload(): void;
  /** What the package's own `predict` is made of. That one takes whole tables, and sets every cell anew for each. */
  readonly internalModel: {
    newBatchOfExamples(rows: number): void;
    setNumerical(row: number, feature: number, value: number): void;
    setCategoricalString(row: number, feature: number, value: string): void;
    predict(): { size(): number; get(index: number): number; delete(): void };
  };
}

const require = createRequire(import.meta.url);
let engine: Promise<Inference> | undefined;

/** Rows scored at a time: what the engine holds for them is given back after each batch. */
const batch = 8_192;

/** A forest of Yggdrasil Decision Forests in memory, for two classes. */
export interface Forest {
  /** Uncalibrated probabilities of class "1". `columns` hold the forest's features; NaN and "" are unknown. */
  predict(columns: FeatureColumns, rows: number): Float64Array;
  /**
   * The same for several values of one categorical feature, whatever `columns` say of it: one array a value. Setting cells is
   * nine tenths of scoring, and the other features' are set once.
   */
  predictEach(
    columns: FeatureColumns,
    rows: number,
    feature: string,
    values: readonly string[],
  ): readonly Float64Array[];
  close(): void;
}

/** Reads a forest from the zip that the trainer wrote. */
export async function loadForest(zip: Uint8Array): Promise<Forest> {
  engine ??= (require("ydf-inference") as (options: object) => Promise<Inference>)({ print() {}, printErr() {} });
  const model = await (await engine).loadModelFromZipBlob(zip);
  const isFlipped = model.getLabelClasses()[1] !== "1";
  const features = model.getInputFeatures();
  const { internalModel } = model;

  /** Unknown cells are left unset, which is how YDF knows them. */
  function setColumn(index: number, values: Float64Array | readonly string[], from: number, to: number): void {
    if (values instanceof Float64Array) {
      for (let row = from; row < to; row++) {
        const value = values[row]!;
        if (!Number.isNaN(value)) internalModel.setNumerical(row - from, index, value);
      }
    } else {
      for (let row = from; row < to; row++) {
        const value = values[row]!;
        if (value !== "") internalModel.setCategoricalString(row - from, index, value);
      }
    }
  }

  function scoreInto(scores: Float64Array, from: number, to: number): void {
    const found = internalModel.predict();
    for (let row = from; row < to; row++) {
      const score = found.get(row - from);
      scores[row] = isFlipped ? 1 - score : score;
    }
    found.delete();
  }

  const columnOf = (columns: FeatureColumns, name: string): Float64Array | readonly string[] => {
    const found = columns[name];
    if (found === undefined) throw new Error(`feature "${name}" is not among the columns`);
    return found;
  };

  return {
    predict(columns, rows) {
      const scores = new Float64Array(rows);
      for (let from = 0; from < rows; from += batch) {
        const to = Math.min(rows, from + batch);
        internalModel.newBatchOfExamples(to - from);
        for (const { name, internalIdx } of features) setColumn(internalIdx, columnOf(columns, name), from, to);
        scoreInto(scores, from, to);
      }
      return scores;
    },
    predictEach(columns, rows, feature, values) {
      const all = values.map(() => new Float64Array(rows));
      const varied = features.find(({ name }) => name === feature);
      for (let from = 0; from < rows; from += batch) {
        const to = Math.min(rows, from + batch);
        internalModel.newBatchOfExamples(to - from);
        for (const { name, internalIdx } of features) {
          if (name !== feature) setColumn(internalIdx, columnOf(columns, name), from, to);
        }
        for (const [i, value] of values.entries()) {
          for (let row = from; varied && value !== "" && row < to; row++) {
            internalModel.setCategoricalString(row - from, varied.internalIdx, value);
          }
          scoreInto(all[i]!, from, to);
        }
      }
      return all;
    },
    close: () => model.unload(),
  };
}
