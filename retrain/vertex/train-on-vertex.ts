import { UserError } from "../../errors/user-error.ts";
import type { ObjectStore } from "../../platform/artefacts/object-store.ts";
import { type ModelRecord, modelDigest, modelRecord } from "../../scoring/model-record.ts";
import { type Snapshot, snapshotFiles } from "../snapshot/snapshot.ts";
import type { TrainingJob } from "../trainer/job.ts";
import { planTraining, type TrainRequest } from "../trainer/train.ts";
import type { VertexClients } from "./clients.ts";
import { troubleOf, vertexError } from "./errors.ts";
import {
  customJobRequest,
  locationOf,
  modelsUri,
  registeredModel,
  snapshotUri,
  uploadModelRequest,
  type VertexTarget,
} from "./requests.ts";

/** What training in the cloud touches. */
export interface VertexEnv {
  readonly clients: VertexClients;
  readonly store: ObjectStore;
  readonly now: () => Date;
  /** Waits so many milliseconds; rejects when the signal aborts. */
  readonly pause: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly signal?: AbortSignal;
  readonly onState?: (state: string, job: string) => void;
}

export interface VertexModel {
  /** Resource name of the job. */
  readonly job: string;
  /** Resource name and version in the registry. */
  readonly registered: string;
  readonly version: string;
  readonly artifact: string;
  readonly digest: string;
  readonly record: ModelRecord;
}

export interface VertexPlan {
  readonly job: TrainingJob;
  readonly uploads: readonly { readonly from: string; readonly to: string }[];
  readonly createCustomJob: ReturnType<typeof customJobRequest>;
  readonly uploadModel: ReturnType<typeof uploadModelRequest>;
}

/** Everything that would be sent, as plain data: what `--dry-run` prints is what the runner sends. */
export function planVertexTraining(
  request: TrainRequest,
  snapshot: Snapshot,
  target: VertexTarget,
  now: Date,
): VertexPlan {
  const uri = snapshotUri(target, snapshot.id);
  const job = planTraining(request, { id: snapshot.id, path: uri }, modelsUri(target), now, "vertex");
  const files = snapshotFiles(snapshot);
  return {
    job,
    uploads: [
      ...files.map((from, i) => ({ from, to: `${uri}/${snapshot.lock.files[i]?.name}` })),
      // The lock goes last: a snapshot in the bucket with a lock is whole.
      { from: `${snapshot.path}/lock.json`, to: `${uri}/lock.json` },
    ],
    createCustomJob: customJobRequest(job, target),
    uploadModel: uploadModelRequest(
      job,
      target,
      { digest: "<digest of the trained model>", snapshot: snapshot.id },
      true,
    ),
  };
}

/**
 * Trains on Vertex AI: puts the snapshot into the bucket, submits the job, follows it to its end, reads the model's record
 * from the job's output and registers the version. Aborting cancels the job.
 */
export async function trainOnVertex(
  env: VertexEnv,
  request: TrainRequest,
  snapshot: Snapshot,
  target: VertexTarget,
): Promise<VertexModel> {
  const plan = planVertexTraining(request, snapshot, target, env.now());
  env.signal?.throwIfAborted();
  for (const { from, to } of plan.uploads) await env.store.upload(from, to, { ifAbsent: true });

  const created = await env.clients.createJob(plan.createCustomJob).catch((error: unknown) => {
    throw vertexError("start the job", error, locationOf(target));
  });
  const name = created.name ?? "";
  await follow(env, name, target);

  const uri = `${plan.job.output}/model.json`;
  const record = await readRecord(env.store, uri, name);
  const digest = modelDigest(record);
  try {
    const isRegistered = await env.clients.hasModel(registeredModel(target));
    const upload = uploadModelRequest(plan.job, target, { digest, snapshot: snapshot.id }, isRegistered);
    const uploaded = await env.clients.uploadModel(upload);
    return {
      job: name,
      registered: uploaded.model ?? registeredModel(target),
      version: uploaded.modelVersionId ?? "",
      artifact: plan.job.output,
      digest,
      record,
    };
  } catch (error) {
    throw vertexError("register the model", error, registeredModel(target));
  }
}

async function readRecord(store: ObjectStore, uri: string, job: string): Promise<ModelRecord> {
  const text = await store.readText(uri);
  if (text === undefined) {
    throw new UserError("the job succeeded and left no model", {
      code: "vertex.no-model",
      exit: "remote",
      where: uri,
      next: `look at the job's log: ${job}`,
    });
  }
  return modelRecord.parse(JSON.parse(text));
}

const firstPauseMs = 2_000;
const longestPauseMs = 30_000;
const patience = 8;

/** Polls with growing pauses until the job has ended; trouble that passes is waited out, a bounded number of times in a row. */
async function follow(env: VertexEnv, name: string, target: VertexTarget): Promise<void> {
  let pause = firstPauseMs;
  let failures = 0;
  let last = "";
  try {
    for (;;) {
      const job = await env.clients.getJob(name).catch((error: unknown) => {
        failures += 1;
        if (troubleOf(error) === "transient" && failures <= patience) return undefined;
        throw vertexError("tell how the job is doing", error, name);
      });
      if (job) {
        failures = 0;
        const state = String(job.state ?? "JOB_STATE_UNSPECIFIED");
        if (state !== last) env.onState?.(state, name);
        last = state;
        if (state === "JOB_STATE_SUCCEEDED") return;
        if (ended.has(state)) throw jobError(name, state, job.error, target);
      }
      await env.pause(pause, env.signal);
      pause = Math.min(longestPauseMs, pause * 1.5);
    }
  } catch (error) {
    // Whoever interrupts does not want to pay for the rest of the job.
    if (env.signal?.aborted) await env.clients.cancelJob(name).catch(() => undefined);
    env.signal?.throwIfAborted();
    throw error;
  }
}

const ended = new Set([
  "JOB_STATE_FAILED",
  "JOB_STATE_CANCELLED",
  "JOB_STATE_EXPIRED",
  "JOB_STATE_PARTIALLY_SUCCEEDED",
]);

function jobError(
  name: string,
  state: string,
  error: { readonly code?: number | null; readonly message?: string | null } | null | undefined,
  target: VertexTarget,
): UserError {
  const logs = `gcloud ai custom-jobs stream-logs ${name.split("/").at(-1)} --region ${target.region}`;
  if (state === "JOB_STATE_CANCELLED") {
    return new UserError("somebody cancelled the job", {
      code: "vertex.job-cancelled",
      exit: "remote",
      where: name,
      next: "inboxloop train --target vertex",
    });
  }
  const isQuota = error?.code === 8;
  return new UserError(
    `the job ended as ${state.replace("JOB_STATE_", "").toLowerCase()}: ${error?.message ?? "no reason given"}`,
    {
      code: isQuota ? "vertex.quota" : "vertex.job-failed",
      exit: "remote",
      where: name,
      next: isQuota ? "wait or ask for more quota; or: inboxloop train --target local" : logs,
    },
  );
}
