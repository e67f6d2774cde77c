import { decide } from "../policy/policy.ts";
import { type EvaluateRequest, type Evaluation, evaluate } from "../retrain/evaluate/evaluate.ts";
import type { FeatureColumns } from "../scoring/feature-columns.ts";
import { type Model, openScorer } from "../scoring/model.ts";
import { serveRequests } from "./side-process.ts";

export type JudgeRequest =
  | {
      readonly kind: "evaluate";
      readonly snapshots: string;
      readonly models: string;
      readonly request: EvaluateRequest;
    }
  /** What a model's policy decides for customers with these features: a variant, or null to send nothing. */
  | { readonly kind: "decide"; readonly model: Model; readonly columns: FeatureColumns; readonly rows: number };

export interface JudgeNote {
  readonly done: number;
  readonly total: number;
}

serveRequests<JudgeRequest, JudgeNote>(async (request, say): Promise<Evaluation | readonly (string | null)[]> => {
  if (request.kind === "evaluate") {
    const { snapshots, models } = request;
    return evaluate({ snapshots, models, onProgress: (_, done, total) => say({ done, total }) }, request.request);
  }
  const scorer = await openScorer(request.model);
  try {
    return decide(scorer, request.columns, request.rows).map(({ variant }) => variant);
  } finally {
    scorer.close();
  }
});
