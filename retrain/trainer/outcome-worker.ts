import { parentPort } from "node:worker_threads";
import type { FeatureColumns } from "../../scoring/feature-columns.ts";
import { loadForest } from "../../scoring/forest.ts";
import { trainForest } from "./ydf.ts";

/** One outcome to learn. */
export interface OutcomeTask {
  readonly outcome: string;
  readonly train: { readonly columns: FeatureColumns; readonly labels: readonly number[] };
  /** Row sets to score with the new forest. */
  readonly score: readonly { readonly columns: FeatureColumns; readonly rows: number }[];
}

export type OutcomeReply =
  | {
      readonly kind: "trained";
      readonly zip: Uint8Array;
      readonly forest: string;
      readonly trees: number;
      readonly scores: readonly Float64Array[];
    }
  | { readonly kind: "failed"; readonly message: string };

parentPort?.on("message", async (task: OutcomeTask) => {
  let reply: OutcomeReply;
  try {
    const trained = await trainForest(task.train.columns, task.train.labels);
    // Calibrated on the scores of the engine that will serve the forest.
    const forest = await loadForest(trained.zip);
    const scores = task.score.map(({ columns, rows }) => forest.predict(columns, rows));
    forest.close();
    reply = { kind: "trained", ...trained, scores };
  } catch (error) {
    reply = { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(reply);
});
