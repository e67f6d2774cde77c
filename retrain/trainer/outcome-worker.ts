import { parentPort } from "node:worker_threads";
import { type Calibration, fitCalibration, sigmoid } from "../../scoring/calibration.ts";
import type { BinnedRows } from "./boosting/binned-rows.ts";
import { type CrossFitTerms, crossFit, type OutcomeRows } from "./boosting/cross-fit.ts";

/** One outcome to learn. */
export interface OutcomeTask {
  readonly data: BinnedRows;
  readonly rows: OutcomeRows;
  /** Rows to score with the new forest. */
  readonly validate: Int32Array;
  readonly terms: CrossFitTerms;
  readonly seed: number;
}

export type OutcomeReply =
  | {
      readonly kind: "trained";
      /** The forest's file. */
      readonly forest: string;
      readonly trees: number;
      readonly calibration: Calibration;
      readonly logLoss: number;
      readonly baseLogLoss: number;
      /** Probabilities of `validate`, not calibrated. */
      readonly scores: Float64Array;
    }
  | { readonly kind: "failed"; readonly message: string };

function learn({ data, rows, validate, terms, seed }: OutcomeTask): OutcomeReply {
  const found = crossFit(data, rows, terms, seed);
  return {
    kind: "trained",
    forest: `${JSON.stringify(found.forest)}\n`,
    trees: found.forest.trees.length,
    calibration: fitCalibration(
      found.crossFitted.map(sigmoid),
      Uint8Array.from(rows.known, (row) => rows.labels[row]!),
      rows.worth && Float32Array.from(rows.known, (row) => rows.worth![row]!),
    ),
    logLoss: found.logLoss,
    baseLogLoss: found.baseLogLoss,
    scores: Float64Array.from(validate, (row) => sigmoid(found.scores[row]!)),
  };
}

parentPort?.on("message", (task: OutcomeTask) => {
  let reply: OutcomeReply;
  try {
    reply = learn(task);
  } catch (error) {
    reply = { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(reply);
});
