import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import type { ObjectStore } from "../../platform/artefacts/object-store.ts";
import { makeFolderWhole } from "../../platform/files.ts";
import { sealedRootOf } from "../../platform/home-seal.ts";
import { type HeldLock, withLock } from "../../platform/journal/lock.ts";
import { findModel, listModels, type Model, openScorer, readModel } from "../../scoring/model.ts";
import { modelDigest, modelRecord } from "../../scoring/model-record.ts";
import type { Evaluation } from "../evaluate/evaluate.ts";
import { type Snapshot, snapshotFiles } from "../snapshot/snapshot.ts";
import type { TrainingJob } from "../trainer/job.ts";
import { planTraining, type TrainRequest } from "../trainer/train.ts";
import type { VertexClients } from "./clients.ts";
import { storageError, troubleOf, vertexError } from "./errors.ts";
import { findJob, type JobRecord, type JobTry, jobLock, latestTry, readJob, writeJob } from "./job-record.ts";
import {
  aliasOf,
  customJobRequest,
  digestLabel,
  evaluationNames,
  importEvaluationRequests,
  locationOf,
  modelsUri,
  registeredModel,
  registeredVersion,
  snapshotUri,
  uploadModelRequest,
  type VertexTarget,
} from "./requests.ts";

/** What training in the cloud touches. */
export interface VertexEnv {
  readonly clients: VertexClients;
  readonly store: ObjectStore;
  /** Where the records of jobs lie. */
  readonly jobs: string;
  /** Where models lie on this machine. */
  readonly models: string;
  /** Judges a version that is here. */
  readonly evaluate: (model: string) => Promise<Evaluation>;
  readonly now: () => Date;
  /** Waits so many milliseconds; rejects when the signal aborts. */
  readonly pause: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly signal?: AbortSignal;
  /** Told of each new state of a job. */
  readonly onState?: (state: string, job: string) => void;
  readonly onNote?: (line: string) => void;
}

export interface VertexModel {
  /** Resource name of the job. */
  readonly job: string;
  /** Resource name and version in the registry. */
  readonly registered: string;
  readonly version: string;
  readonly aliases: readonly string[];
  readonly artifact: string;
  /** Resource names of the imported evaluations, one for each outcome. */
  readonly evaluations: readonly string[];
  /** Why there are none. */
  readonly notEvaluated: string | null;
  readonly model: Model;
}

export interface VertexPlan {
  readonly job: TrainingJob;
  readonly uploads: readonly { readonly from: string; readonly to: string }[];
  readonly createCustomJob: ReturnType<typeof customJobRequest>;
  readonly uploadModel: ReturnType<typeof uploadModelRequest>;
  readonly importModelEvaluation: readonly { readonly parent: string; readonly displayName: string }[];
}

/** Everything that would be sent, as plain data: what `--dry-run` prints is what the runner sends, but for what nobody knows before. */
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
    createCustomJob: customJobRequest(job, target, "<id of the submission>"),
    uploadModel: uploadModelRequest(
      job,
      target,
      { digest: "<digest of the trained model>", snapshot: snapshot.id },
      true,
    ),
    importModelEvaluation: evaluationNames(job).map((displayName) => ({
      parent: registeredVersion(target, "<version>"),
      displayName,
    })),
  };
}

/** Puts the snapshot into the bucket and submits the job; it goes on by itself. */
export async function submitToVertex(
  env: VertexEnv,
  request: TrainRequest,
  snapshot: Snapshot,
  target: VertexTarget,
  restarts = 0,
): Promise<JobRecord> {
  const plan = planVertexTraining(request, snapshot, target, env.now());
  refuseSealed(env, snapshot);
  return alone(env, plan.job.name, async (held) => {
    await refuseTaken(env, plan.job);
    env.signal?.throwIfAborted();
    for (const { from, to } of plan.uploads) {
      await env.store.upload(from, to, { ifAbsent: true }).catch((error: unknown) => {
        throw storageError("take the snapshot", error, to);
      });
    }
    const record: JobRecord = {
      schema: "1",
      training: plan.job,
      snapshot: snapshot.id,
      target: { ...target, aliases: [...target.aliases] },
      tries: [newTry(env)],
      restarts,
      digest: null,
      upload: null,
      version: null,
      evaluations: null,
      not_evaluated: null,
    };
    return submit(env, record, held);
  });
}

/**
 * Goes on with a job wherever it stands: finds it where its name was never heard, follows it to its end, brings the model, registers the
 * version and imports its evaluation. What is done already is not done again. Aborting leaves the job running.
 */
export async function attachToVertex(env: VertexEnv, reference: string): Promise<VertexModel> {
  const { name } = (await findJob(env.jobs, reference)).training;
  return alone(env, name, async (held) => {
    let record = (await readJob(env.jobs, name))!;
    if (record.digest === null) {
      record = await follow(env, await heardOf(env, record, held), held);
      record = await keep(env, held, { ...record, digest: (await bring(env, record)).digest });
    }
    const model = await modelOf(env, record);
    record = await registered(env, record, model, held);
    record = await evaluated(env, record, held);
    const { target } = record;
    return {
      job: latestTry(record).job!,
      registered: registeredModel(target),
      version: record.version!,
      aliases: [aliasOf(name), ...target.aliases],
      artifact: record.training.output,
      evaluations: record.evaluations ?? [],
      notEvaluated: record.not_evaluated,
      model,
    };
  });
}

/** What the cloud says of a job now, without changing the record; null where it never heard of it. */
export async function stateOnVertex(env: Pick<VertexEnv, "clients">, record: JobRecord): Promise<JobTry | null> {
  const last = latestTry(record);
  try {
    const job =
      last.job === null
        ? await env.clients.findJob(locationOf(record.target), last.run)
        : await env.clients.getJob(last.job);
    return job ? { ...last, job: job.name ?? last.job, state: stateOf(job), error: job.error?.message ?? null } : null;
  } catch (error) {
    throw vertexError("tell how the job is doing", error, last.job ?? locationOf(record.target));
  }
}

/** Asks the cloud to stop the job; whoever follows it is told by its state. Gives what the job was before. */
export async function cancelOnVertex(
  env: Pick<VertexEnv, "clients" | "jobs">,
  reference: string,
): Promise<{ readonly record: JobRecord; readonly was: JobTry }> {
  const record = await findJob(env.jobs, reference);
  const was = await stateOnVertex(env, record);
  if (was === null || isOver(was.state)) {
    const ended = was === null ? "was never heard of by Vertex AI" : `has ended as ${inWords(was.state)}`;
    throw new UserError(`there is nothing to cancel: the job ${ended}`, {
      code: "vertex.job-ended",
      exit: "check",
      where: was?.job ?? locationOf(record.target),
      next: "inboxloop train jobs",
    });
  }
  await env.clients.cancelJob(was.job!).catch((error: unknown) => {
    throw vertexError("cancel the job", error, was.job!);
  });
  return { record, was };
}

const newTry = (env: VertexEnv): JobTry => ({
  run: randomUUID(),
  submitted_at: env.now().toISOString(),
  job: null,
  state: "not heard of",
  seen_at: null,
  error: null,
});

/** One process at a time works on a job; whoever was killed holds nothing. */
const alone = <T>(env: VertexEnv, model: string, work: (held: HeldLock) => Promise<T>): Promise<T> =>
  withLock(
    jobLock(env.jobs, model),
    {
      pid: process.pid,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      patienceMs: 500,
      what: `the job of ${model}`,
      code: "vertex.followed",
    },
    work,
  );

async function keep(env: VertexEnv, held: HeldLock, record: JobRecord): Promise<JobRecord> {
  held.check();
  await writeJob(env.jobs, record);
  return record;
}

const keepTry = (env: VertexEnv, held: HeldLock, record: JobRecord, change: Partial<JobTry>): Promise<JobRecord> =>
  keep(env, held, { ...record, tries: [...record.tries.slice(0, -1), { ...latestTry(record), ...change }] });

function refuseSealed(env: VertexEnv, snapshot: Snapshot): void {
  if (sealedRootOf(snapshot.path) === undefined && sealedRootOf(env.models) === undefined) return;
  throw new UserError("the home is encrypted, and a job elsewhere could not read its snapshots", {
    code: "home.bucket",
    exit: "config",
    where: snapshot.path,
    next: "inboxloop train --target local",
  });
}

/** One name, one model: what a job would bring must have its place here and in the bucket. */
async function refuseTaken(env: VertexEnv, job: TrainingJob): Promise<void> {
  const earlier = await readJob(env.jobs, job.name);
  if (earlier && earlier.digest === null && !isOver(latestTry(earlier).state)) {
    throw new UserError(`${job.name} is being trained already`, {
      code: "vertex.running",
      exit: "usage",
      where: latestTry(earlier).job ?? locationOf(earlier.target),
      next: `inboxloop train attach ${job.name}`,
    });
  }
  const isHere = (await listModels(env.models)).some(({ name }) => name === job.name);
  const inBucket = `${job.output}/model.json`;
  const isThere = await env.store.readText(inBucket).catch((error: unknown) => {
    throw storageError("say whether there is a model of that name", error, inBucket);
  });
  if (!isHere && isThere === undefined) return;
  throw new UserError(`a model is called ${job.name} already`, {
    code: "model.exists",
    exit: "usage",
    where: isHere ? join(env.models, job.name) : inBucket,
    next: "inboxloop train --name <another name>",
  });
}

/** Submits the record's latest try. It is written down before, so that a job is found again whose name was never heard. */
async function submit(env: VertexEnv, record: JobRecord, held: HeldLock): Promise<JobRecord> {
  await keep(env, held, record);
  const { run } = latestTry(record);
  try {
    const created = await env.clients.createJob(customJobRequest(record.training, record.target, run));
    return await keepTry(env, held, record, {
      job: created.name ?? null,
      state: stateOf(created),
      seen_at: env.now().toISOString(),
    });
  } catch (error) {
    // What was refused runs nowhere. After anything else nobody can tell; attach asks.
    if (troubleOf(error) !== "transient" && troubleOf(error) !== undefined)
      await keepTry(env, held, record, { state: refused, error: (error as Error).message });
    throw vertexError("start the job", error, locationOf(record.target));
  }
}

/** The record with its job's name: of a job that was submitted and never heard of, by the label of the submission. */
async function heardOf(env: VertexEnv, record: JobRecord, held: HeldLock): Promise<JobRecord> {
  const last = latestTry(record);
  if (last.job !== null) return record;
  const found = await stateOnVertex(env, record);
  if (found !== null) return keepTry(env, held, record, { job: found.job, state: found.state });
  return submit(env, { ...record, tries: [...record.tries.slice(0, -1), newTry(env)] }, held);
}

const refused = "refused";
const ended: ReadonlySet<string> = new Set([
  "JOB_STATE_SUCCEEDED",
  "JOB_STATE_FAILED",
  "JOB_STATE_CANCELLED",
  "JOB_STATE_EXPIRED",
  "JOB_STATE_PARTIALLY_SUCCEEDED",
]);
/** Whether a job in that state will never run again. */
export const isOver = (state: string): boolean => state === refused || ended.has(state);
/** A state as people say it. */
export const inWords = (state: string): string =>
  state
    .replace(/^JOB_STATE_/, "")
    .toLowerCase()
    .replaceAll("_", " ");

const stateOf = (job: { readonly state?: unknown }): string => String(job.state ?? "JOB_STATE_UNSPECIFIED");

const firstPauseMs = 2_000;
const longestPauseMs = 30_000;
const patience = 8;

/**
 * Polls with growing pauses until the job has succeeded, from the shortest again when its state changes; trouble that passes is waited
 * out, a bounded number of times in a row. A job whose machine was taken away is submitted anew, as often as its record allows.
 */
async function follow(env: VertexEnv, begun: JobRecord, held: HeldLock): Promise<JobRecord> {
  const goOn = `inboxloop train attach ${begun.training.name}`;
  let record = begun;
  let told = "";
  let pause = firstPauseMs;
  let failures = 0;
  for (;;) {
    env.signal?.throwIfAborted();
    const name = latestTry(record).job!;
    const job = await env.clients.getJob(name).catch((error: unknown) => {
      failures += 1;
      if (troubleOf(error) === "transient" && failures <= patience) return undefined;
      throw vertexError("tell how the job is doing", error, name, goOn);
    });
    if (job) {
      failures = 0;
      const state = stateOf(job);
      if (state !== told) {
        if (told !== "") pause = firstPauseMs;
        env.onState?.(state, name);
        const error = job.error?.message ?? null;
        record = await keepTry(env, held, record, { state, seen_at: env.now().toISOString(), error });
      }
      told = state;
      if (state === "JOB_STATE_SUCCEEDED") return record;
      if (ended.has(state)) {
        if (!wasTakenAway(record)) throw jobError(record, job.error?.code ?? null);
        env.onNote?.(`the machine was taken away; submitting anew, ${record.tries.length} of ${record.restarts} times`);
        record = await submit(env, { ...record, tries: [...record.tries, newTry(env)] }, held);
        told = "";
        pause = firstPauseMs;
        continue;
      }
    }
    await env.pause(pause, env.signal);
    pause = Math.min(longestPauseMs, pause * 1.5);
  }
}

/** Google begins anew by itself, some times; then a job fails so. */
const wasTakenAway = (record: JobRecord): boolean => {
  const { state, error } = latestTry(record);
  return (
    record.target.spot &&
    state === "JOB_STATE_FAILED" &&
    record.tries.length <= record.restarts &&
    /stockout|preempt/i.test(error ?? "")
  );
};

function jobError(record: JobRecord, code: number | null): UserError {
  const { job, state, error } = latestTry(record);
  const again = `inboxloop train --target vertex --snapshot ${record.snapshot} --name ${record.training.name}`;
  if (state === "JOB_STATE_CANCELLED") {
    return new UserError("the job was cancelled", {
      code: "vertex.job-cancelled",
      exit: "remote",
      where: job ?? "",
      next: again,
    });
  }
  const logs = `gcloud ai custom-jobs stream-logs ${job?.split("/").at(-1)} --region ${record.target.region}`;
  const isQuota = code === 8;
  return new UserError(`the job ended as ${inWords(state)}: ${error ?? "no reason given"}`, {
    code: isQuota ? "vertex.quota" : "vertex.job-failed",
    exit: "remote",
    where: job ?? "",
    next: isQuota ? "wait or ask for more quota; or: inboxloop train --target local" : logs,
  });
}

/** Brings the model that the job left in the bucket: whole or not at all, and only with the files of its record. */
async function bring(env: VertexEnv, record: JobRecord): Promise<Model> {
  const { name, output } = record.training;
  const folder = join(env.models, name);
  try {
    const left = await env.store.readText(`${output}/model.json`);
    if (left === undefined) {
      throw new UserError("the job succeeded and left no model", {
        code: "vertex.no-model",
        exit: "remote",
        where: `${output}/model.json`,
        next: `look at the job's log: ${latestTry(record).job}`,
      });
    }
    const digest = modelDigest(modelRecord.parse(JSON.parse(left)));
    await makeFolderWhole(folder, async (temporary) => {
      for (const file of await env.store.list(output)) {
        if (!file.startsWith("_")) await env.store.download(`${output}/${file}`, join(temporary, file));
      }
      await refuseOtherFiles(await readModel(temporary));
    });
    const model = await readModel(folder);
    await refuseOtherFiles(model);
    if (model?.digest === digest) return model;
    throw new UserError(`another model is called ${name} already`, {
      code: "model.exists",
      exit: "check",
      where: folder,
      next: `move the folder away, then: inboxloop train attach ${name}`,
    });
  } catch (error) {
    throw storageError("give the model", error, output);
  }
}

/** Reads a model whole: each file must be the one of its record. */
async function refuseOtherFiles(model: Model | undefined): Promise<void> {
  if (model) (await openScorer(model)).close();
}

async function modelOf(env: VertexEnv, record: JobRecord): Promise<Model> {
  const model = await findModel(env.models, record.training.name);
  if (model.digest === record.digest) return model;
  throw new UserError(`${model.name} is not the model that the job trained`, {
    code: "model.changed",
    exit: "check",
    where: model.path,
    next: "train again under another name",
  });
}

/** The registry's version of the model: the one that is there, the upload that goes on, or a new one. */
async function registered(env: VertexEnv, record: JobRecord, model: Model, held: HeldLock): Promise<JobRecord> {
  if (record.version !== null) return record;
  const { training, target } = record;
  const goOn = `inboxloop train attach ${training.name}`;
  try {
    const version = registeredVersion(target, aliasOf(training.name));
    const there = record.upload === null ? await env.clients.findModel(version) : undefined;
    if (there) {
      if (there.labels?.["digest"] === digestLabel(model.digest))
        return await keep(env, held, { ...record, version: there.versionId ?? "" });
      throw new UserError(`another model is registered as ${aliasOf(training.name)}`, {
        code: "vertex.alias",
        exit: "check",
        where: version,
        next: `take the alias from that version, then: ${goOn}`,
      });
    }
    let begun = record;
    if (begun.upload === null) {
      const isRegistered = (await env.clients.findModel(registeredModel(target))) !== undefined;
      const request = uploadModelRequest(
        training,
        target,
        { digest: model.digest, snapshot: record.snapshot },
        isRegistered,
      );
      begun = await keep(env, held, { ...begun, upload: await env.clients.startUpload(request) });
    }
    const uploaded = await env.clients.endUpload(begun.upload!);
    return await keep(env, held, { ...begun, version: uploaded.modelVersionId ?? "" });
  } catch (error) {
    throw vertexError("register the model", error, registeredModel(target), goOn);
  }
}

/** Judges the model here and imports what was found; a model that cannot be judged is no worse for it, and the reason is kept. */
async function evaluated(env: VertexEnv, record: JobRecord, held: HeldLock): Promise<JobRecord> {
  if (record.evaluations !== null) return record;
  const { training, target } = record;
  let found: Evaluation;
  try {
    found = await env.evaluate(training.name);
  } catch (error) {
    if (!(error instanceof UserError) || env.signal?.aborted) throw error;
    env.onNote?.(`no evaluation was imported: ${error.message}`);
    return keep(env, held, { ...record, not_evaluated: error.message });
  }
  const parent = registeredVersion(target, record.version!);
  try {
    const there = await env.clients.evaluationsOf(parent);
    const evaluations: string[] = [];
    for (const request of importEvaluationRequests(training, target, record.version!, found)) {
      const imported = there.get(request.modelEvaluation.displayName);
      evaluations.push(imported ?? (await env.clients.importEvaluation(request)));
    }
    return await keep(env, held, { ...record, evaluations, not_evaluated: null });
  } catch (error) {
    throw vertexError("import the evaluation", error, parent, `inboxloop train attach ${training.name}`);
  }
}
