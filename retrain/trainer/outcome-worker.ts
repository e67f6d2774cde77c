import { parentPort } from "node:worker_threads";
import { type Calibration, fitCalibration, sigmoid } from "../../scoring/calibration.ts";
import type { BinnedRows } from "./boosting/binned-rows.ts";
import { type CrossFitTerms, type CrossFitted, crossFit, type OutcomeRows } from "./boosting/cross-fit.ts";

/** One outcome to learn. */
export interface OutcomeTask {
  readonly data: BinnedRows;
  readonly rows: OutcomeRows;
  /** By binned row, what happened: calibration goes by it, whatever was learned. */
  readonly labels: Uint8Array;
  /** Rows to score with the new forest. */
  readonly validate: Int32Array;
  /** Settings to try; the best is kept. */
  readonly settings: readonly [CrossFitTerms, ...CrossFitTerms[]];
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
      readonly chosen: CrossFitted["chosen"];
      readonly tried: CrossFitted["tried"];
    }
  | { readonly kind: "failed"; readonly message: string };

function learn({ data, rows, labels, validate, settings, seed }: OutcomeTask): OutcomeReply {
  const found = crossFit(data, rows, settings, seed);
  return {
    kind: "trained",
    forest: `${JSON.stringify(found.forest)}\n`,
    trees: found.forest.trees.length,
    calibration: fitCalibration(
      found.crossFitted.map(sigmoid),
      Uint8Array.from(rows.known, (row) => labels[row]!),
      rows.worth && Float32Array.from(rows.known, (row) => rows.worth![row]!),
    ),
    logLoss: found.logLoss,
    baseLogLoss: found.baseLogLoss,
    scores: Float64Array.from(validate, (row) => sigmoid(found.scores[row]!)),
    chosen: found.chosen,
    tried: found.tried,
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
