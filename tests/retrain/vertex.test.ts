import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ObjectStore, partsOf } from "../../platform/artefacts/object-store.ts";
import { createSnapshot, findSnapshot, type Snapshot } from "../../retrain/snapshot/snapshot.ts";
import { trainingJob } from "../../retrain/trainer/job.ts";
import { connectVertex, type VertexClients } from "../../retrain/vertex/clients.ts";
import { runContainerJob } from "../../retrain/vertex/container-job.ts";
import type { VertexTarget } from "../../retrain/vertex/requests.ts";
import { planVertexTraining, trainOnVertex, type VertexEnv } from "../../retrain/vertex/train-on-vertex.ts";
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
};
const request = { snapshot: "only", name: "m1", seed: 7, rowsPerOutcome: 1_000, threads: 1 };

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
  return { clients, store: folderStore(), now, pause: async () => {}, ...more };
}
const methods = () => server?.calls.map((c) => c.method);

describe("train on Vertex AI", () => {
  test("when the job succeeds, then its container has run this trainer, and the version is registered with its lineage", async () => {
    const states: string[] = [];
    const env = await environment(
      { states: ["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"].map((state) => ({ state })) },
      { onState: (state) => states.push(state) },
    );
    // The server only says that a job runs; here the container's own code runs it, with the argument that was sent.
    const plan = planVertexTraining(request, snapshot, target, now());
    for (const { from, to } of plan.uploads) await env.store.upload(from, to);
    const args = plan.createCustomJob.customJob.jobSpec.workerPoolSpecs[0]?.containerSpec.args as string[];
    await runContainerJob(trainingJob.parse(JSON.parse(args[1] as string)), env.store, {
      onProgress: () => {},
      onNote: () => {},
    });
    await cp(buckets, trained, { recursive: true });

    const model = await trainOnVertex(env, request, snapshot, target);
    expect(methods()).toEqual([
      "CreateCustomJob",
      "GetCustomJob",
      "GetCustomJob",
      "GetCustomJob",
      "GetModel",
      "UploadModel",
      "GetOperation",
    ]);
    expect(states).toEqual(["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"]);
    expect(model).toMatchObject({ version: "3", artifact: "gs://loop/models/m1" });
    expect(model.record.lineage.snapshot.id).toBe(snapshot.id);
    expect(model.record.lineage.seed).toBe(7);
    const created = server?.calls[0]?.request as {
      parent: string;
      customJob: { jobSpec: { workerPoolSpecs: unknown[] } };
    };
    expect(created.parent).toBe("projects/acme/locations/europe-west1");
    expect(created.customJob.jobSpec.workerPoolSpecs).toMatchObject([
      {
        machineSpec: { machineType: "n2-standard-4" },
        replicaCount: 1,
        containerSpec: { imageUri: target.image, args },
      },
    ]);
    const uploaded = server?.calls[5]?.request as {
      modelId: string;
      model: { artifactUri: string; labels: Record<string, string> };
    };
    expect(uploaded.modelId).toBe("inboxloop");
    expect(uploaded.model.artifactUri).toBe("gs://loop/models/m1");
    expect(uploaded.model.labels["digest"]).toBe(model.digest.slice(0, 63));
    const forests = model.record.outcomes.flatMap(({ model: one }) => (one.kind === "forest" ? [one.file] : []));
    expect(forests).toContain("click.trees.json");
    expect((await readdir(join(buckets, "loop/models/m1"))).sort()).toEqual([...forests, "model.json"].sort());
  });

  test("when the model is registered already, then another version of it is uploaded", async () => {
    const env = await environment({ states: [{ state: "JOB_STATE_SUCCEEDED" }], isRegistered: true });
    await cp(trained, buckets, { recursive: true });
    await trainOnVertex(env, request, snapshot, target);
    const upload = server?.calls.find((c) => c.method === "UploadModel")?.request;
    expect(upload?.["parentModel"]).toBe("projects/acme/locations/europe-west1/models/inboxloop");
    expect(upload?.["modelId"] ?? "").toBe("");
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

  test("when a person interrupts, then the job is cancelled and the interruption is what ends it", async () => {
    const abort = new AbortController();
    const reason = new Error("interrupted");
    const env = await environment(
      { states: [{ state: "JOB_STATE_RUNNING" }], onGet: (times) => times === 2 && abort.abort(reason) },
      { signal: abort.signal, pause: async (_ms, signal) => signal?.throwIfAborted() },
    );
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toBe(reason);
    expect(methods()).toEqual(["CreateCustomJob", "GetCustomJob", "GetCustomJob", "CancelCustomJob"]);
  });

  test("when somebody else cancels the job, then that is told", async () => {
    const env = await environment({ states: [{ state: "JOB_STATE_CANCELLED" }] });
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({
      code: "vertex.job-cancelled",
      exitCode: 5,
    });
  });

  test("when the service is away for a moment, then following goes on, with longer and longer pauses", async () => {
    const pauses: number[] = [];
    const away = { code: 14, details: "connection reset" };
    const env = await environment(
      {
        states: [{ state: "JOB_STATE_RUNNING" }, { state: "JOB_STATE_FAILED", error: { code: 13, message: "enough" } }],
        failures: { GetCustomJob: [away, away] },
      },
      { pause: async (ms) => void pauses.push(ms) },
    );
    await expect(trainOnVertex(env, request, snapshot, target)).rejects.toMatchObject({ code: "vertex.job-failed" });
    expect(pauses).toEqual([2_000, 3_000, 4_500]);
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
