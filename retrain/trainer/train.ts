import { join } from "node:path";
import { raisedThere } from "../../errors/carried-error.ts";
import { UserError } from "../../errors/user-error.ts";
import { lastWordsOf, startProcess } from "../../platform/processes.ts";
import { findModel, type Model } from "../../scoring/model.ts";
import type { PolicyTerms } from "../../scoring/model-record.ts";
import { findSnapshot, type Snapshot } from "../snapshot/snapshot.ts";
import type { TrainerListener, TrainerMessage, TrainingJob } from "./job.ts";

export interface TrainEnv {
  readonly snapshots: string;
  readonly models: string;
  /** Makes sure that all files of a snapshot are in its folder, where they live elsewhere. */
  readonly bring?: ((snapshot: string) => Promise<unknown>) | undefined;
  readonly now: () => Date;
  readonly signal?: AbortSignal;
  /** Told of every step of the trainer. */
  readonly onProgress?: TrainerListener["onProgress"];
  readonly onNote?: TrainerListener["onNote"];
}

export interface TrainRequest {
  /** Name, id or digest of a snapshot. */
  readonly snapshot: string;
  /** The version's name; made from the snapshot's id and the seed when not given. */
  readonly name?: string | undefined;
  readonly seed?: number | undefined;
  readonly policy?: Partial<PolicyTerms> | undefined;
  readonly rowsPerOutcome?: number | undefined;
  readonly threads?: number | undefined;
  /** Outcomes other than those of includes/features.js. */
  readonly outcomes?: readonly { readonly name: string; readonly column: string }[] | undefined;
  /** Features other than those of includes/features.js: columns of the snapshot. */
  readonly features?: readonly TrainingJob["features"][number][] | undefined;
  readonly without?: readonly string[] | undefined;
  /** Column by which rows count when the forests grow. */
  readonly weight?: string | undefined;
  /** BOOL column: only rows of which it is true are learned from. */
  readonly only?: string | undefined;
  /** Category whose values count alike when the forests grow. */
  readonly balance?: string | undefined;
  /** By outcome, the column of probabilities that it learns in place of what happened. */
  readonly soft?: TrainingJob["soft"] | undefined;
  /** Which way an outcome's score may go with a number feature. */
  readonly monotone?: TrainingJob["monotone"] | undefined;
  /** Settings to try for each outcome, one to eight. */
  readonly search?: number | undefined;
  /** Features that may tell an outcome implausibly well, by name, and why. */
  readonly waive?: Readonly<Record<string, string>> | undefined;
}

export const defaultPolicy: PolicyTerms = {
  conversion_value: null,
  complaint_cost: 20,
  unsubscribe_cost: 4,
  send_cost: 0.001,
};

/** The job as plain data: what `--dry-run` prints, and what the trainer gets wherever it runs. */
export function planTraining(
  request: TrainRequest,
  snapshot: Pick<Snapshot, "id" | "path">,
  models: string,
  now: Date,
  where = "local",
): TrainingJob {
  const seed = request.seed ?? 1;
  const name = request.name ?? `m-${snapshot.id.slice(0, 8)}-${seed}`;
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) {
    throw new UserError(`"${name}" cannot name a model`, {
      code: "model.name",
      exit: "usage",
      next: "use lower-case letters, digits, dots, dashes and underscores",
    });
  }
  return {
    snapshot: snapshot.path,
    output: where === "local" ? join(models, name) : `${models}/${name}`,
    name,
    seed,
    rows_per_outcome: request.rowsPerOutcome ?? 1_000_000,
    folds: 3,
    threads: request.threads ?? 2,
    policy: { ...defaultPolicy, ...request.policy },
    outcomes: [...(request.outcomes ?? [])],
    features: [...(request.features ?? [])],
    without: [...(request.without ?? [])],
    weight: request.weight ?? null,
    only: request.only ?? null,
    balance: request.balance ?? null,
    soft: { ...request.soft },
    monotone: [...(request.monotone ?? [])],
    search: request.search ?? 1,
    waive: { ...request.waive },
    made_at: now.toISOString(),
    where,
  };
}

/** Trains a model version in a child process. The same snapshot, seed and settings give the same model digest. */
export async function train(env: TrainEnv, request: TrainRequest): Promise<Model> {
  const snapshot = await findSnapshot(env.snapshots, request.snapshot);
  await env.bring?.(snapshot.id);
  const job = planTraining(request, snapshot, env.models, env.now());
  await runInProcess(job, env);
  return findModel(env.models, job.name);
}

const trainerMemoryMb = 1_400;

/** Runs a job in a process of its own; aborting ends it. */
export async function runInProcess(
  job: TrainingJob,
  env: Pick<TrainEnv, "signal" | "onProgress" | "onNote">,
): Promise<void> {
  env.signal?.throwIfAborted();
  const child = startProcess("./main", import.meta.url, trainerMemoryMb);
  const stop = () => child.kill("SIGKILL");
  env.signal?.addEventListener("abort", stop, { once: true });
  const lastWords = lastWordsOf(child);
  let last: TrainerMessage | undefined;
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("message", (message) => {
        last = message as TrainerMessage;
        if (last.kind === "progress") env.onProgress?.(last.step, last.done, last.total);
        if (last.kind === "note") env.onNote?.(last.line);
      });
      child.once("error", reject);
      child.once("close", resolve);
      child.send(job);
    });
    env.signal?.throwIfAborted();
    if (last?.kind === "done") return;
    if (last?.kind === "failed") throw raisedThere(last);
    throw new UserError(`the trainer ended with ${code === null ? "a signal" : `exit code ${code}`}`, {
      code: "train.died",
      exit: "bug",
      where: lastWords().split("\n").at(-1),
      next: "inboxloop train --snapshot <id> with fewer rows, if memory was short",
    });
  } finally {
    env.signal?.removeEventListener("abort", stop);
  }
}
