import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../errors/user-error.ts";
import { type ObjectStore, partsOf } from "../../platform/artefacts/object-store.ts";
import { evaluate } from "../../retrain/evaluate/evaluate.ts";
import { createSnapshot, findSnapshot, type Snapshot } from "../../retrain/snapshot/snapshot.ts";
import { trainingJob } from "../../retrain/trainer/job.ts";
import { connectVertex, type VertexClients } from "../../retrain/vertex/clients.ts";
import { runContainerJob } from "../../retrain/vertex/container-job.ts";
import type { VertexTarget } from "../../retrain/vertex/requests.ts";
import {
  attachToVertex,
  cancelOnVertex,
  planVertexTraining,
  submitToVertex,
  type VertexEnv,
  type VertexModel,
} from "../../retrain/vertex/train-on-vertex.ts";
import { fillExamples } from "./support/examples.ts";
import { plainWarehouse } from "./support/plain-duckdb.ts";
import { localVertex, startVertexServer, type VertexScript, type VertexServer } from "./support/vertex-server.ts";

let folder: string;
let snapshot: Snapshot;
let server: VertexServer | undefined;
let clients: VertexClients | undefined;
let buckets: string;
/** What the container left in the bucket in the first test. */
let trained: string;
const now = () => new Date("2026-03-10T00:00:00Z");
const target: VertexTarget = {
  project: "acme",
  region: "europe-west1",
  bucket: "loop",
  image: "europe-docker.pkg.dev/acme/inboxloop/trainer:1",
  machine: "n2-standard-4",
  timeoutSeconds: 3_600,
  spot: false,
  aliases: [],
};
const request = { snapshot: "only", name: "m1", seed: 7, rowsPerOutcome: 1_000, threads: 1 };

/** Submits and follows to the end, as the command does. */
async function trainOnVertex(
  env: VertexEnv,
  ...submission: Parameters<typeof submitToVertex> extends [VertexEnv, ...infer Rest] ? Rest : never
): Promise<VertexModel> {
  const record = await submitToVertex(env, ...submission);
  return attachToVertex(env, record.training.name);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-vertex-"));
  trained = join(folder, "trained");
  const warehouse = await plainWarehouse();
  await fillExamples(warehouse, 2_000);
  await createSnapshot({ warehouse, snapshots: join(folder, "snapshots"), now }, { name: "only" });
  await warehouse.close();
  snapshot = await findSnapshot(join(folder, "snapshots"), "only");
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  buckets = await mkdtemp(join(folder, "buckets-"));
});
afterEach(async () => {
  await clients?.close();
  server?.close();
  clients = undefined;
  server = undefined;
});

/** A bucket that is a folder. */
function folderStore(): ObjectStore {
  const pathOf = (uri: string) => join(buckets, partsOf(uri).bucket, partsOf(uri).name);
  const readText = (uri: string) => readFile(pathOf(uri), "utf8").catch(() => undefined);
  return {
    list: (prefix) => readdir(pathOf(prefix)),
    download: (uri, path) => cp(pathOf(uri), path),
    readText,
    async upload(path, uri, options) {
      if (options?.ifAbsent && (await readText(uri)) !== undefined) return "kept";
      await mkdir(dirname(pathOf(uri)), { recursive: true });
      await cp(path, pathOf(uri));
      return "written";
    },
  };
}

async function environment(script: VertexScript, more: Partial<VertexEnv> = {}): Promise<VertexEnv> {
  server = await startVertexServer(script);
  clients = await connectVertex(target.region, localVertex(server.port));
  const models = join(buckets, "home/models");
  return {
    clients,
    store: folderStore(),
    jobs: join(buckets, "home/vertex-jobs"),
    models,
    evaluate: (candidate) => evaluate({ snapshots: join(folder, "snapshots"), models }, { candidate }),
    now,
    pause: async () => {},
    ...more,
  };
}
/** A bucket that the job's container has left its model in, once the job was submitted. */
const finished = (env: VertexEnv): VertexEnv => ({
  ...env,
  clients: {
    ...env.clients,
    createJob: async (asked) => {
      const job = await env.clients.createJob(asked);
      await cp(trained, buckets, { recursive: true });
      return job;
    },
  },
});
const methods = () => server?.calls.map((c) => c.method);
const requestOf = (method: string) => server?.calls.find((c) => c.method === method)?.request;
const succeeded = { state: "JOB_STATE_SUCCEEDED" };

describe("train on Vertex AI", () => {
  test("when the job succeeds, then its container has run this trainer, and the model is here and registered with its lineage and evaluation", async () => {
    const states: string[] = [];
    const env = await environment(
      { states: ["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"].map((state) => ({ state })) },
      { onState: (state) => states.push(state) },
    );
    // The server only says that a job runs; here the container's own code runs it, with the argument that was sent.
    const createJob = async (asked: Parameters<VertexClients["createJob"]>[0]) => {
      const [, job] = asked.customJob?.jobSpec?.workerPoolSpecs?.[0]?.containerSpec?.args ?? [];
      await runContainerJob(trainingJob.parse(JSON.parse(job!)), env.store, { onProgress: () => {}, onNote: () => {} });
      return env.clients.createJob(asked);
    };
    const model = await trainOnVertex({ ...env, clients: { ...env.clients, createJob } }, request, snapshot, target);
    await cp(join(buckets, "loop"), join(trained, "loop"), { recursive: true });

    expect(methods()).toEqual([
      "CreateCustomJob",
      "GetCustomJob",
      "GetCustomJob",
      "GetCustomJob",
      "GetModel",
      "GetModel",
      "UploadModel",
      "GetOperation",
      "ListModelEvaluations",
      ...model.model.record.outcomes.map(() => "ImportModelEvaluation"),
    ]);
    expect(states).toEqual(["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"]);
    expect(model).toMatchObject({ version: "3", artifact: "gs://loop/models/m1", aliases: ["v-m1"] });
    expect(model.model.record.lineage).toMatchObject({ snapshot: { id: snapshot.id }, seed: 7 });
    const plan = planVertexTraining(request, snapshot, target, now());
    const created = server?.calls[0]?.request as {
      parent: string;
      customJob: { labels: Record<string, string>; jobSpec: unknown };
    };
    expect(created.parent).toBe("projects/acme/locations/europe-west1");
    expect(created.customJob.labels["run"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(created.customJob.jobSpec).toMatchObject({
      workerPoolSpecs: [
        {
          machineSpec: { machineType: "n2-standard-4" },
          replicaCount: 1,
          containerSpec: {
            imageUri: target.image,
            args: plan.createCustomJob.customJob.jobSpec.workerPoolSpecs[0]?.containerSpec.args,
          },
        },
      ],
      scheduling: { timeout: { seconds: 3_600 } },
    });
    const uploaded = requestOf("UploadModel") as {
      modelId: string;
      model: { artifactUri: string; labels: Record<string, string>; versionAliases: string[] };
    };
    expect(uploaded.modelId).toBe("inboxloop");
    expect(uploaded.model.artifactUri).toBe("gs://loop/models/m1");
    expect(uploaded.model.versionAliases).toEqual(["v-m1"]);
    expect(uploaded.model.labels["digest"]).toBe(model.model.digest.slice(0, 63));
    const forests = model.model.record.outcomes.flatMap(({ model: one }) => (one.kind === "forest" ? [one.file] : []));
    expect(forests).toContain("click.trees.json");
    expect((await readdir(join(buckets, "loop/models/m1"))).sort()).toEqual([...forests, "model.json"].sort());
    expect((await readdir(join(env.models, "m1"))).sort()).toEqual([...forests, "model.json"].sort());

    const found = await env.evaluate("m1");
    const imported = requestOf("ImportModelEvaluation") as {
      parent: string;
      modelEvaluation: { displayName: string; metrics: object; metadata: object };
    };
    expect(imported.parent).toBe("projects/acme/locations/europe-west1/models/inboxloop@3");
    expect(imported.modelEvaluation.displayName).toBe("m1 click");
    const numberOf = (value: object, field: string) =>
      (value as { structValue: { fields: Record<string, { numberValue: number }> } }).structValue.fields[field]
        ?.numberValue;
    expect(numberOf(imported.modelEvaluation.metrics, "auRoc")).toBeCloseTo(found.outcomes[0]!.candidate.auc!, 12);
    expect(numberOf(imported.modelEvaluation.metadata, "rows")).toBe(found.outcomes[0]!.candidate.rows);
    expect(JSON.stringify(imported.modelEvaluation.metadata)).toContain(found.guardrails[0]!.id);
  });

  test("when the model is registered already, then another version of it is uploaded, with the aliases that were asked for", async () => {
    const env = finished(await environment({ states: [succeeded], isRegistered: true }));
    const model = await trainOnVertex(env, request, snapshot, { ...target, aliases: ["candidate"] });
    const upload = requestOf("UploadModel");
    expect(upload?.["parentModel"]).toBe("projects/acme/locations/europe-west1/models/inboxloop");
    expect(upload?.["modelId"] ?? "").toBe("");
    expect(upload?.["model"]).toMatchObject({ versionAliases: ["v-m1", "candidate"] });
    expect(model.aliases).toEqual(["v-m1", "candidate"]);
  });

  test("when the job fails, then its reason and its log are told, with exit code 5", async () => {
    const env = await environment({
      states: [
        { state: "JOB_STATE_RUNNING" },
        { state: "JOB_STATE_FAILED", error: { code: 3, message: "The replica workerpool0-0 exited with 4" } },
      ],
    });
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({
      code: "vertex.job-failed",
      exitCode: 5,
      message: expect.stringContaining("exited with 4"),
      next: expect.stringContaining("stream-logs 42"),
    });
    expect(methods()).not.toContain("UploadModel");
  });

  test("when quota is short at the start, then it is a quota error and nothing runs", async () => {
    const env = await environment({
      states: [],
      failures: { CreateCustomJob: [{ code: 8, details: "custom_model_training_cpus exceeded" }] },
    });
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({
      code: "vertex.quota",
      exitCode: 5,
      message: expect.stringContaining("custom_model_training_cpus"),
    });
    expect(methods()).toEqual(["CreateCustomJob"]);
  });

  test("when quota is short while the job waits, then it is a quota error too", async () => {
    const env = await environment({
      states: [{ state: "JOB_STATE_FAILED", error: { code: 8, message: "no machines" } }],
    });
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({
      code: "vertex.quota",
      exitCode: 5,
    });
  });

  test("when we are not allowed, then it is a matter of set-up, with exit code 3", async () => {
    const env = await environment({
      states: [],
      failures: { CreateCustomJob: [{ code: 7, details: "aiplatform.customJobs.create" }] },
    });
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({
      code: "vertex.set-up",
      exitCode: 3,
    });
  });

  test("when a person interrupts, then following ends and the job goes on, and attaching goes on with it", async () => {
    const abort = new AbortController();
    const reason = new Error("interrupted");
    const running = { state: "JOB_STATE_RUNNING" };
    const env = finished(
      await environment({
        states: [running, running, succeeded],
        onGet: (times) => times === 2 && abort.abort(reason),
      }),
    );
    const interrupted = {
      ...env,
      signal: abort.signal,
      pause: async (_ms: number, signal?: AbortSignal) => signal?.throwIfAborted(),
    };
    await expect(trainOnVertex(interrupted, request, snapshot, target)).rejects.toBe(reason);
    expect(methods()).toEqual(["CreateCustomJob", "GetCustomJob", "GetCustomJob"]);
    expect(await readdir(env.jobs)).toEqual(["m1.json"]);
    expect((await attachToVertex(env, "42")).model.name).toBe("m1");
    expect(methods()?.filter((method) => method === "CreateCustomJob")).toHaveLength(1);
  });

  test("when it is attached to once more, then nothing is done again", async () => {
    const env = finished(await environment({ states: [succeeded] }));
    const first = await trainOnVertex(env, request, snapshot, target);
    const before = server?.calls.length;
    expect(await attachToVertex(env, "m1")).toEqual(first);
    expect(server?.calls.length).toBe(before);
  });

  test("when the answer to the submission is lost, then attaching finds the job by its label and submits no other", async () => {
    const env = finished(await environment({ states: [succeeded], unheard: ["CreateCustomJob"] }));
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({ code: "vertex.unavailable" });
    await cp(trained, buckets, { recursive: true });
    expect((await attachToVertex(env, "m1")).job).toBe("projects/1/locations/europe-west1/customJobs/42");
    expect(methods()?.filter((method) => method === "CreateCustomJob")).toHaveLength(1);
  });

  test("when the submission never arrived, then attaching submits it", async () => {
    const env = await environment({
      states: [succeeded],
      failures: { CreateCustomJob: [{ code: 14, details: "connection refused" }] },
    });
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({ code: "vertex.unavailable" });
    expect((await attachToVertex(finished(env), "m1")).model.name).toBe("m1");
    expect(methods()?.slice(0, 4)).toEqual(["CreateCustomJob", "ListCustomJobs", "CreateCustomJob", "GetCustomJob"]);
  });

  test("when it ends between the upload and its end, then attaching waits for that upload and begins no other", async () => {
    const env = finished(await environment({ states: [succeeded] }));
    const endUpload = () => Promise.reject(new Error("killed"));
    const killed = { ...env, clients: { ...env.clients, endUpload } };
    await expect(trainOnVertex(killed, request, snapshot, target)).rejects.toThrow("killed");
    expect((await attachToVertex(env, "m1")).version).toBe("3");
    expect(methods()?.filter((method) => method === "UploadModel")).toHaveLength(1);
  });

  test("when it ends amid the evaluations, then attaching imports those that are missing", async () => {
    const env = finished(await environment({ states: [succeeded] }));
    let imports = 0;
    const importEvaluation: VertexClients["importEvaluation"] = (asked) => {
      imports += 1;
      return imports === 2 ? Promise.reject(new Error("killed")) : env.clients.importEvaluation(asked);
    };
    const killed = { ...env, clients: { ...env.clients, importEvaluation } };
    await expect(trainOnVertex(killed, request, snapshot, target)).rejects.toThrow("killed");
    const found = await attachToVertex(env, "m1");
    expect(new Set(found.evaluations).size).toBe(found.model.record.outcomes.length);
    expect(methods()?.filter((method) => method === "ImportModelEvaluation")).toHaveLength(found.evaluations.length);
  });

  test("when a model cannot be judged, then it is registered all the same and the reason is told", async () => {
    const notes: string[] = [];
    const env = finished(
      await environment(
        { states: [succeeded] },
        {
          evaluate: () =>
            Promise.reject(new UserError("no later rows", { code: "evaluate.no-later-rows", exit: "check" })),
          onNote: (line) => notes.push(line),
        },
      ),
    );
    expect(await trainOnVertex(env, request, snapshot, target)).toMatchObject({
      version: "3",
      evaluations: [],
      notEvaluated: "no later rows",
    });
    expect(notes).toEqual(["no evaluation was imported: no later rows"]);
  });

  test("when a file of the model is not the one of its record, then no model appears here", async () => {
    const env = finished(await environment({ states: [succeeded] }));
    const download: ObjectStore["download"] = async (uri, path) => {
      await env.store.download(uri, path);
      if (uri.endsWith("click.trees.json")) await appendFile(path, " ");
    };
    const damaged = { ...env, store: { ...env.store, download } };
    await expect(trainOnVertex(damaged, request, snapshot, target)).rejects.toMatchObject({ code: "model.changed" });
    expect(await readdir(env.models)).toEqual([]);
  });

  test("when a name is taken, then no job is submitted", async () => {
    const env = finished(await environment({ states: [{ state: "JOB_STATE_RUNNING" }] }));
    await submitToVertex(env, request, snapshot, target);
    await expect(submitToVertex(env, request, snapshot, target)).rejects.toMatchObject({
      code: "vertex.running",
      next: "inboxloop train attach m1",
    });
    await rm(env.jobs, { recursive: true });
    await expect(submitToVertex(env, request, snapshot, target)).rejects.toMatchObject({ code: "model.exists" });
    expect(methods()).toEqual(["CreateCustomJob"]);
  });

  test("when another process works on the job, then attaching waits for none and says so", async () => {
    const env = finished(await environment({ states: [{ state: "JOB_STATE_RUNNING" }, succeeded] }));
    let second: Promise<unknown> = Promise.resolve();
    const pause = async () => {
      second = expect(attachToVertex(env, "m1")).rejects.toMatchObject({ code: "vertex.followed" });
      await second;
    };
    await trainOnVertex({ ...env, pause }, request, snapshot, target);
    await second;
    expect.assertions(1);
  });

  test("when a job is cancelled, then whoever follows is told, and there is nothing to cancel any more", async () => {
    const env = await environment({ states: [{ state: "JOB_STATE_RUNNING" }] });
    const pause = async () => {
      expect(await cancelOnVertex(env, "m1")).toMatchObject({ was: { state: "JOB_STATE_RUNNING" } });
    };
    await expect(trainOnVertex({ ...env, pause }, request, snapshot, target)).rejects.toMatchObject({
      code: "vertex.job-cancelled",
      next: expect.stringContaining(`--snapshot ${snapshot.id} --name m1`),
    });
    await expect(cancelOnVertex(env, "m1")).rejects.toMatchObject({ code: "vertex.job-ended", exitCode: 4 });
    expect(methods()).toEqual([
      ...["CreateCustomJob", "GetCustomJob", "GetCustomJob", "CancelCustomJob", "GetCustomJob", "GetCustomJob"],
    ]);
  });

  test("when spot machines are asked for, then Google may begin anew by itself, and one that is taken away for good is submitted anew", async () => {
    const stockout = { state: "JOB_STATE_FAILED", error: { code: 8, message: "STOCKOUT: no spot machines are left" } };
    const env = finished(await environment({ states: [stockout, stockout, succeeded] }));
    const spot = { ...target, spot: true };
    const model = await trainOnVertex(env, request, snapshot, spot, 2);
    expect(model.job).toBe("projects/1/locations/europe-west1/customJobs/44");
    const created = (server?.calls ?? []).filter(({ method }) => method === "CreateCustomJob");
    expect(created).toHaveLength(3);
    const runs = created.map(
      ({ request: sent }) => (sent as { customJob: { labels: { run: string } } }).customJob.labels.run,
    );
    expect(new Set(runs).size).toBe(3);
    expect(created[0]?.request).toMatchObject({
      customJob: { jobSpec: { scheduling: { strategy: "SPOT", restartJobOnWorkerRestart: true } } },
    });
  });

  test("when the machine is taken away more often than is allowed, or was no spot machine, then the job has failed", async () => {
    const stockout = { state: "JOB_STATE_FAILED", error: { code: 13, message: "STOCKOUT" } };
    const env = await environment({ states: [stockout] });
    await expect(trainOnVertex(env, request, snapshot, { ...target, spot: true }, 1)).rejects.toMatchObject({
      code: "vertex.job-failed",
      message: expect.stringContaining("STOCKOUT"),
    });
    expect(methods()).toEqual(["CreateCustomJob", "GetCustomJob", "CreateCustomJob", "GetCustomJob"]);
    await expect(trainOnVertex(env, { ...request, name: "m2" }, snapshot, target, 1)).rejects.toMatchObject({
      code: "vertex.job-failed",
    });
  });

  test("when registering is not allowed, then the error says what to grant and how to go on, and going on does the rest", async () => {
    const env = finished(
      await environment({
        states: [succeeded],
        failures: { UploadModel: [{ code: 7, details: "aiplatform.models.upload denied" }] },
      }),
    );
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({
      code: "vertex.set-up",
      exitCode: 3,
      message: expect.stringContaining("aiplatform.models.upload"),
      next: expect.stringMatching(/roles\/aiplatform.user.*inboxloop train attach m1/),
    });
    const before = methods()?.length ?? 0;
    expect((await attachToVertex(env, "m1")).version).toBe("3");
    expect(methods()?.slice(before, before + 4)).toEqual(["GetModel", "GetModel", "UploadModel", "GetOperation"]);
  });

  test("when the bucket refuses the snapshot, then it is a matter of set-up and no job is submitted", async () => {
    const env = await environment({ states: [] });
    const denied = Object.assign(new Error("storage.objects.create denied"), { code: 403 });
    const store = { ...env.store, upload: () => Promise.reject(denied) };
    await expect(trainOnVertex({ ...env, store }, request, snapshot, target)).rejects.toMatchObject({
      code: "vertex.set-up",
      exitCode: 3,
      message: expect.stringContaining("storage.objects.create denied"),
    });
    expect(methods()).toEqual([]);
  });

  test("when a container begins anew after its model was uploaded, then the model stays; a job of other inputs is refused", async () => {
    await cp(trained, buckets, { recursive: true });
    const store = folderStore();
    const { job } = planVertexTraining(request, snapshot, target, now());
    const model = () => readFile(join(buckets, "loop/models/m1/model.json"), "utf8");
    const before = await model();
    const quiet = { onProgress: () => {}, onNote: () => {} };
    await runContainerJob({ ...job, made_at: "2026-04-01T00:00:00.000Z" }, store, quiet);
    expect(await model()).toBe(before);
    await expect(runContainerJob({ ...job, seed: 8 }, store, quiet)).rejects.toMatchObject({ code: "model.exists" });
  });

  test("when somebody else cancels the job, then that is told", async () => {
    const env = await environment({ states: [{ state: "JOB_STATE_CANCELLED" }] });
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({
      code: "vertex.job-cancelled",
      exitCode: 5,
    });
  });

  test("when the service is away for a moment, then following goes on, with longer and longer pauses until the state changes", async () => {
    const pauses: number[] = [];
    const away = { code: 14, details: "connection reset" };
    const env = await environment(
      {
        states: [
          { state: "JOB_STATE_PENDING" },
          { state: "JOB_STATE_RUNNING" },
          { state: "JOB_STATE_FAILED", error: { code: 13, message: "enough" } },
        ],
        failures: { GetCustomJob: [away, away] },
      },
      { pause: async (ms) => void pauses.push(ms) },
    );
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({ code: "vertex.job-failed" });
    expect(pauses).toEqual([2_000, 3_000, 4_500, 2_000]);
  });

  test("when the service stays away, then it gives up and says that the job goes on", async () => {
    const env = await environment({
      states: [{ state: "JOB_STATE_RUNNING" }],
      failures: { GetCustomJob: Array.from({ length: 9 }, () => ({ code: 14, details: "gone" })) },
    });
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({
      code: "vertex.unavailable",
      exitCode: 5,
      next: expect.stringContaining("goes on"),
    });
  });

  test("when the job says it succeeded and left nothing, then that is no success", async () => {
    const env = await environment({ states: [{ state: "JOB_STATE_SUCCEEDED" }] });
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({ code: "vertex.no-model" });
  });

  test("when only planned, then the request is what the runner sends", async () => {
    const env = await environment({ states: [{ state: "JOB_STATE_CANCELLED" }] });
    const plan = planVertexTraining(request, snapshot, target, now());
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toThrow();
    const sent = server?.calls[0]?.request;
    expect(sent).toMatchObject({ parent: plan.createCustomJob.parent });
    expect(sent?.["customJob"]).toMatchObject({ displayName: "inboxloop-train-m1" });
    expect(await readdir(join(buckets, "loop/snapshots", snapshot.id))).toEqual(["lock.json", "part-00000.parquet"]);
  });
});
