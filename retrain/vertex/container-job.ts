import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ObjectStore, partsOf } from "../../platform/artefacts/object-store.ts";
import type { TrainerListener, TrainingJob } from "../trainer/job.ts";
import { runJob } from "../trainer/run-job.ts";

/** A model that is whole in the bucket already: of the same inputs it is this job's, begun anew; of others the job refuses to write over it. */
async function bringFinished(from: string, folder: string, store: ObjectStore): Promise<void> {
  if ((await store.readText(`${from}/model.json`)) === undefined) return;
  await mkdir(folder, { recursive: true });
  for (const name of await store.list(from)) await store.download(`${from}/${name}`, join(folder, name));
}

/**
 * Runs a job whose snapshot and output are in a bucket: fetch, train, upload. model.json goes last and only if there is none, so a
 * model is there whole or not at all, and a job that is restarted changes nothing that is done.
 */
export async function runContainerJob(job: TrainingJob, store: ObjectStore, listener: TrainerListener): Promise<void> {
  partsOf(job.output);
  const folder = await mkdtemp(join(tmpdir(), "inboxloop-job-"));
  try {
    const snapshot = join(folder, "snapshot");
    const output = join(folder, "models", job.name);
    await mkdir(snapshot);
    const names = await store.list(job.snapshot);
    for (const [i, name] of names.entries()) {
      listener.onProgress("fetch", i, names.length);
      await store.download(`${job.snapshot}/${name}`, join(snapshot, name));
    }
    await bringFinished(job.output, output, store);
    await runJob({ ...job, snapshot, output }, listener);
    const files = (await readdir(output)).filter((name) => name !== "model.json");
    for (const name of files) await store.upload(join(output, name), `${job.output}/${name}`);
    await store.upload(join(output, "model.json"), `${job.output}/model.json`, { ifAbsent: true });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
