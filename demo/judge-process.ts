import { type EvaluateRequest, type Evaluation, evaluate } from "../retrain/evaluate/evaluate.ts";
import { serveRequests } from "./side-process.ts";

export interface JudgeRequest {
  readonly snapshots: string;
  readonly models: string;
  readonly request: EvaluateRequest;
}

export interface JudgeNote {
  readonly done: number;
  readonly total: number;
}

serveRequests<JudgeRequest, JudgeNote>(
  ({ snapshots, models, request }, say): Promise<Evaluation> =>
    evaluate({ snapshots, models, onProgress: (_, done, total) => say({ done, total }) }, request),
);
