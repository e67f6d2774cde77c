import { join } from "node:path";
import { UserError } from "../../../errors/user-error.ts";
import { findSnapshot } from "../../../retrain/snapshot/snapshot.ts";
import type { TrainRequest } from "../../../retrain/trainer/train.ts";
import type { JobRecord, JobTry } from "../../../retrain/vertex/job-record.ts";
import type { VertexTarget } from "../../../retrain/vertex/requests.ts";
import type { VertexEnv, VertexModel } from "../../../retrain/vertex/train-on-vertex.ts";
import { aucInWords } from "../../../scoring/has-say.ts";
import { artefactFolders } from "../../artefacts.ts";
import type { Environment } from "../../environment.ts";
import { renderTable } from "../../table.ts";

export interface VertexOptions {
  readonly project?: string;
  readonly region?: string;
  readonly bucket?: string;
  readonly image?: string;
  readonly machine?: string;
  readonly serviceAccount?: string;
  readonly spot?: boolean;
  readonly restarts?: number;
  readonly alias?: readonly string[];
  readonly follow?: boolean;
  readonly dryRun?: boolean;
}

const settings = {
  project: "GOOGLE_CLOUD_PROJECT",
  region: "INBOXLOOP_VERTEX_REGION",
  bucket: "INBOXLOOP_BUCKET",
  image: "INBOXLOOP_TRAINER_IMAGE",
} as const;

/** Options first, then settings of the process; what is missing is named with both. */
function targetOf(options: VertexOptions, world: Environment): VertexTarget {
  const required = (name: keyof typeof settings): string => {
    const value = options[name] ?? world.settings[settings[name]];
    if (value) return value;
    throw new UserError(`training on Vertex AI needs --${name} or ${settings[name]}`, {
      code: "vertex.settings",
      exit: "config",
      next: "inboxloop train --target vertex --dry-run --project p --region europe-west1 --bucket b --image i",
    });
  };
  return {
    project: required("project"),
    region: required("region"),
    bucket: required("bucket"),
    image: required("image"),
    machine: options.machine ?? "n2-standard-4",
    serviceAccount: options.serviceAccount,
    timeoutSeconds: 3_600,
    spot: options.spot === true,
    aliases: options.alias ?? [],
  };
}

/** Where what is known of jobs lies. */
const jobsOf = (world: Environment): string => join(world.home.state, "vertex-jobs");

/** Runs `work` with Google's clients for a region. */
async function withVertex<T>(
  world: Environment,
  place: Pick<VertexTarget, "project" | "region">,
  work: (env: VertexEnv) => Promise<T>,
): Promise<T> {
  const { connectVertex, serverOnThisMachine } = await import("../../../retrain/vertex/clients.ts");
  const { cloudStorage } = await import("../../../platform/artefacts/object-store.ts");
  const { setTimeout: pause } = await import("node:timers/promises");
  const endpoint = world.settings["INBOXLOOP_VERTEX_ENDPOINT"];
  const apiEndpoint = world.settings["STORAGE_EMULATOR_HOST"];
  const clients = await connectVertex(place.region, endpoint ? await serverOnThisMachine(endpoint) : {});
  const folders = await artefactFolders(world);
  try {
    return await work({
      clients,
      store: await cloudStorage({ projectId: place.project, ...(apiEndpoint ? { apiEndpoint } : {}) }),
      jobs: jobsOf(world),
      models: folders.models,
      async evaluate(candidate) {
        const { evaluate } = await import("../../../retrain/evaluate/evaluate.ts");
        const { releaseStatus } = await import("../../../release/release.ts");
        const { state } = await releaseStatus(world.releaseLog);
        return evaluate({ ...folders, signal: world.signal }, { candidate, champion: state.champion ?? undefined });
      },
      now: world.now,
      pause: (ms, signal) => pause(ms, undefined, signal ? { signal } : {}),
      signal: world.signal,
      onState: (state, job) => world.console.note(`${job} ${state}`),
      onNote: world.console.note,
    });
  } finally {
    await clients.close();
  }
}

/** `train --target vertex`. */
export async function trainOnVertex(world: Environment, request: TrainRequest, options: VertexOptions): Promise<void> {
  const { planVertexTraining, submitToVertex } = await import("../../../retrain/vertex/train-on-vertex.ts");
  const target = targetOf(options, world);
  const snapshots = await world.target.snapshots.refresh();
  const snapshot = await findSnapshot(snapshots, request.snapshot);
  if (options.dryRun) {
    const plan = planVertexTraining(request, snapshot, target, world.now());
    world.console.result(plan, () => JSON.stringify(plan, null, 2));
    return;
  }
  await world.target.snapshots.fetch(snapshot.id);
  await withVertex(world, target, async (env) => {
    const record = await submitToVertex(env, request, snapshot, target, options.restarts ?? (target.spot ? 3 : 0));
    if (options.follow === false) {
      const goOn = `inboxloop train attach ${record.training.name}`;
      world.console.result(record, () => `${record.tries[0]!.job}\n${goOn}`);
      return;
    }
    await followTo(world, env, record.training.name);
  });
}

/** `train attach`. */
export async function attach(world: Environment, reference: string): Promise<void> {
  const { findJob } = await import("../../../retrain/vertex/job-record.ts");
  const record = await findJob(jobsOf(world), reference);
  await withVertex(world, record.target, (env) => followTo(world, env, record.training.name));
}

async function followTo(world: Environment, env: VertexEnv, name: string): Promise<void> {
  const { attachToVertex } = await import("../../../retrain/vertex/train-on-vertex.ts");
  try {
    const found = await attachToVertex(env, name);
    await world.target.models.publish(name);
    world.console.result(found, () => renderTrained(found));
  } catch (error) {
    if (world.signal.aborted)
      world.console.note(`the job goes on: inboxloop train attach ${name}, or: inboxloop train cancel ${name}`);
    throw error;
  }
}

const renderTrained = (found: VertexModel): string =>
  [
    `model ${found.model.name} ${found.model.digest}`,
    `job        ${found.job}`,
    `registered ${found.registered} version ${found.version} (${found.aliases.join(", ")})`,
    `at         ${found.artifact}`,
    found.notEvaluated === null
      ? `evaluated  ${found.evaluations.length} outcomes`
      : `no evaluation: ${found.notEvaluated}`,
    ...found.model.record.outcomes.map((o) => `${o.name.padEnd(12)} AUC ${aucInWords(o)}`),
  ].join("\n");

/** `train cancel`. */
export async function cancel(world: Environment, reference: string): Promise<void> {
  const { findJob } = await import("../../../retrain/vertex/job-record.ts");
  const { cancelOnVertex } = await import("../../../retrain/vertex/train-on-vertex.ts");
  const { target } = await findJob(jobsOf(world), reference);
  const { was } = await withVertex(world, target, (env) => cancelOnVertex(env, reference));
  world.console.result({ job: was.job, was: was.state }, () => `asked to stop ${was.job}, which was ${was.state}`);
}

interface ListedJob {
  readonly model: string;
  readonly state: string;
  readonly job: string | null;
  readonly submitted_at: string;
  readonly tries: number;
  readonly error: string | null;
  readonly digest: string | null;
  readonly registered: string | null;
  readonly next: string | null;
}

/** `train jobs`: what was submitted from here, with what Vertex AI says now of those that have not ended. */
export async function jobs(world: Environment): Promise<void> {
  const { latestTry, listJobs } = await import("../../../retrain/vertex/job-record.ts");
  const { inWords, isOver, stateOnVertex } = await import("../../../retrain/vertex/train-on-vertex.ts");
  const listed: ListedJob[] = [];
  for (const record of await listJobs(jobsOf(world))) {
    const last = latestTry(record);
    const now = isOver(last.state) ? last : await asked(world, record, last, stateOnVertex);
    const isWhole = record.digest !== null && record.version !== null;
    const goesOn = !isWhole && (!isOver(now.state) || now.state === "JOB_STATE_SUCCEEDED");
    listed.push({
      model: record.training.name,
      state: inWords(now.state),
      job: now.job,
      submitted_at: last.submitted_at,
      tries: record.tries.length,
      error: now.error,
      digest: record.digest,
      registered: record.version,
      next: goesOn ? `inboxloop train attach ${record.training.name}` : null,
    });
  }
  world.console.result(listed, () =>
    listed.length === 0
      ? "no job was submitted from here: inboxloop train --target vertex --snapshot <id>"
      : renderTable(
          [
            { title: "model" },
            { title: "state" },
            { title: "submitted" },
            { title: "tries", align: "right" },
            { title: "job" },
            { title: "digest" },
            { title: "version" },
            { title: "next, or why not" },
          ],
          listed.map((one) => [
            one.model,
            one.state,
            one.submitted_at,
            String(one.tries),
            one.job ?? "",
            one.digest?.slice(0, 12) ?? "",
            one.registered ?? "",
            one.next ?? one.error ?? "",
          ]),
        ),
  );
}

/** What the cloud says of a job; where it cannot be asked, what was heard last, with a warning. */
async function asked(
  world: Environment,
  record: JobRecord,
  last: JobTry,
  stateOnVertex: (env: VertexEnv, record: JobRecord) => Promise<JobTry | null>,
): Promise<JobTry> {
  try {
    return (await withVertex(world, record.target, (env) => stateOnVertex(env, record))) ?? last;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    world.console.warn(`${record.training.name} as it was last seen: ${error.message}`);
    return last;
  }
}
