import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cloudStorage } from "../../platform/artefacts/object-store.ts";
import { createSnapshot } from "../../retrain/snapshot/snapshot.ts";
import { trainingJob } from "../../retrain/trainer/job.ts";
import { train } from "../../retrain/trainer/train.ts";
import { runContainerJob } from "../../retrain/vertex/container-job.ts";
import { findModel } from "../../scoring/model.ts";
import { type BucketServer, startBucketServer } from "./support/bucket-server.ts";
import { fillExamples } from "./support/examples.ts";
import { plainWarehouse } from "./support/plain-duckdb.ts";
import { startVertexServer, type VertexScript, type VertexServer } from "./support/vertex-server.ts";

const root = resolve(import.meta.dirname, "../..");
let home: string;
let bucket: BucketServer;
let server: VertexServer;
const now = () => new Date("2026-03-10T00:00:00Z");

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "inboxloop-vertex-cli-"));
  bucket = await startBucketServer();
  const warehouse = await plainWarehouse();
  await fillExamples(warehouse, 2_000);
  await createSnapshot({ warehouse, snapshots: join(home, "snapshots"), now }, { name: "only" });
  await warehouse.close();
});
afterEach(async () => {
  server.close();
  await bucket.close();
  await rm(home, { recursive: true, force: true });
});

/** The command line in a process of its own. */
function start(...words: string[]): {
  readonly child: ChildProcess;
  readonly ended: Promise<[number | null, string, string]>;
} {
  const child = spawn(
    process.execPath,
    ["--conditions=source", "--import", "tsx", "cli/main.ts", "--home", home, "--json", ...words],
    {
      cwd: root,
      env: {
        ...process.env,
        INBOXLOOP_VERTEX_ENDPOINT: `127.0.0.1:${server.port}`,
        STORAGE_EMULATOR_HOST: bucket.url,
        METADATA_SERVER_DETECTION: "none",
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let out = "";
  let err = "";
  child.stdout?.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    err += chunk;
  });
  return { child, ended: new Promise((done) => child.once("close", (code) => done([code, out, err]))) };
}

const elsewhere = ["--project", "acme", "--region", "europe-west1", "--bucket", "loop", "--image", "trainer:1"];
const asked = ["--target", "vertex", "train", "--snapshot", "only", "--name", "m1", "--seed", "7", ...elsewhere];

/** Vertex AI whose job runs until the test says that it has ended. */
async function open(): Promise<{
  readonly script: VertexScript;
  /** Until somebody asks for the job; an error where the process ends before. */
  readonly followed: (by: ReturnType<typeof start>) => Promise<void>;
}> {
  let follows: () => void = () => {};
  const following = new Promise<void>((done) => {
    follows = done;
  });
  const script: VertexScript = { states: [{ state: "JOB_STATE_RUNNING" }], onGet: () => follows() };
  server = await startVertexServer(script);
  const tooSoon = async (by: ReturnType<typeof start>) => {
    throw new Error(`it ended before it followed: ${(await by.ended)[2]}`);
  };
  return { script, followed: (by) => Promise.race([following, tooSoon(by)]) };
}

/** What the container does, with the argument that was sent. */
async function runContainer(): Promise<void> {
  const created = server.calls.find(({ method }) => method === "CreateCustomJob")?.request as {
    customJob: { jobSpec: { workerPoolSpecs: { containerSpec: { args: string[] } }[] } };
  };
  const [, job] = created.customJob.jobSpec.workerPoolSpecs[0]!.containerSpec.args;
  await runContainerJob(
    trainingJob.parse(JSON.parse(job!)),
    await cloudStorage({ apiEndpoint: bucket.url, projectId: "acme" }),
    { onProgress: () => {}, onNote: () => {} },
  );
}
const methods = (): string[] => server.calls.map(({ method }) => method);

test("when whoever follows is killed, then attaching ends with the model that training here gives, and submits no other job", async () => {
  const { script, followed } = await open();
  const first = start(...asked);
  await followed(first);
  first.child.kill("SIGKILL");
  await first.ended;
  expect(await readdir(join(home, "state/vertex-jobs"))).toContain("m1.json");

  const [listed, jobs] = await start("train", "jobs").ended;
  expect(listed).toBe(0);
  expect(JSON.parse(jobs)).toMatchObject([{ model: "m1", state: "running", next: "inboxloop train attach m1" }]);

  await runContainer();
  script.states = [{ state: "JOB_STATE_SUCCEEDED" }];
  const [code, out, err] = await start("train", "attach", "m1").ended;
  expect([code, err]).toEqual([0, expect.stringContaining("JOB_STATE_SUCCEEDED")]);
  expect(JSON.parse(out)).toMatchObject({ version: "3", model: { name: "m1" }, aliases: ["v-m1"] });
  expect(methods().filter((method) => method === "CreateCustomJob")).toHaveLength(1);
  expect(methods().filter((method) => method === "UploadModel")).toHaveLength(1);

  const here = await train(
    { snapshots: join(home, "snapshots"), models: join(home, "local"), now },
    { snapshot: "only", name: "m1", seed: 7 },
  );
  const brought = await findModel(join(home, "models"), "m1");
  expect(brought.digest).toBe(here.digest);
  const names = (await readdir(here.path)).sort();
  expect((await readdir(brought.path)).sort()).toEqual(names);
  for (const name of names.filter((one) => one !== "model.json"))
    expect(await readFile(join(brought.path, name))).toEqual(await readFile(join(here.path, name)));
});

test("when it is only submitted, then cancelling stops it, and attaching tells so with exit code 5", async () => {
  await open();
  const [code, out] = await start(...asked, "--no-follow", "--spot", "--alias", "candidate").ended;
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ restarts: 3, target: { spot: true, aliases: ["candidate"] } });
  const [cancelled, was] = await start("train", "cancel", "m1").ended;
  expect([cancelled, JSON.parse(was)]).toEqual([0, expect.objectContaining({ was: "JOB_STATE_RUNNING" })]);
  const [attached, , told] = await start("train", "attach", "m1").ended;
  expect(attached).toBe(5);
  expect(told).toContain("[vertex.job-cancelled]");
  expect(told).toContain("next:  inboxloop train --target vertex");
});

test("when a person interrupts, then the job goes on, and how to go on with it is told", async () => {
  const { followed } = await open();
  const first = start(...asked);
  await followed(first);
  first.child.kill("SIGINT");
  const [code, , err] = await first.ended;
  expect(code).toBe(130);
  expect(err).toContain("the job goes on: inboxloop train attach m1");
  expect(methods()).not.toContain("CancelCustomJob");
});

test("when it is dry, then the requests are printed and nobody is asked", async () => {
  await open();
  const [code, out] = await start(...asked, "--dry-run", "--spot").ended;
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    createCustomJob: {
      parent: "projects/acme/locations/europe-west1",
      customJob: { jobSpec: { scheduling: { strategy: "SPOT", restartJobOnWorkerRestart: true } } },
    },
    uploadModel: { parentModel: "projects/acme/locations/europe-west1/models/inboxloop" },
    importModelEvaluation: expect.arrayContaining([
      { parent: "projects/acme/locations/europe-west1/models/inboxloop@<version>", displayName: "m1 click" },
    ]),
  });
  expect(methods()).toEqual([]);
  expect(bucket.objects.size).toBe(0);
});

test("when there is no such job, then it is a matter of usage", async () => {
  await open();
  const [code, , err] = await start("train", "attach", "m9").ended;
  expect(code).toBe(2);
  expect(err).toContain("[vertex.unknown-job]");
});
