import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import { trainingJob } from "../trainer/job.ts";

/**
 * What this machine knows of a job in the cloud: all that it takes to go on with it. Written before each step that the cloud is asked
 * for, so that whoever comes after a lost terminal neither pays for a job twice nor registers a model twice.
 */
const jobRecord = z.strictObject({
  schema: z.literal("1"),
  training: trainingJob,
  /** Name or id by which the snapshot is found here. */
  snapshot: z.string(),
  target: z.strictObject({
    project: z.string(),
    region: z.string(),
    bucket: z.string(),
    image: z.string(),
    machine: z.string(),
    serviceAccount: z.string().optional(),
    timeoutSeconds: z.int(),
    spot: z.boolean(),
    aliases: z.array(z.string()),
  }),
  /** Submissions, oldest first: more than one where machines were taken away. */
  tries: z
    .array(
      z.strictObject({
        /** The label by which a submission is found whose answer was never heard. */
        run: z.uuid(),
        submitted_at: z.iso.datetime(),
        /** The job's resource name; null until it was heard. */
        job: z.string().nullable(),
        state: z.string(),
        seen_at: z.iso.datetime().nullable(),
        error: z.string().nullable(),
      }),
    )
    .min(1),
  /** How often it may be submitted anew when its machine was taken away. */
  restarts: z.int().min(0),
  /** The model, once its files are here. */
  digest: z.string().nullable(),
  /** Google's name of the upload to the registry, which goes on by itself. */
  upload: z.string().nullable(),
  /** The registered version's number. */
  version: z.string().nullable(),
  /** Resource names of the evaluations that were imported, or why there are none. */
  evaluations: z.array(z.string()).nullable(),
  not_evaluated: z.string().nullable(),
});
export type JobRecord = z.infer<typeof jobRecord>;
export type JobTry = JobRecord["tries"][number];

export const latestTry = (record: JobRecord): JobTry => record.tries.at(-1)!;

const pathOf = (folder: string, model: string): string => join(folder, `${model}.json`);
export const jobLock = (folder: string, model: string): string => join(folder, `${model}.lock`);

export const writeJob = (folder: string, record: JobRecord): Promise<void> =>
  writeWhole(pathOf(folder, record.training.name), `${JSON.stringify(record, null, 2)}\n`);

/** The record of a model's job; undefined where none was submitted from here. */
export async function readJob(folder: string, model: string): Promise<JobRecord | undefined> {
  const path = pathOf(folder, model);
  const text = await readHomeText(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const parsed = jobRecord.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new UserError(`not a record of a job: ${parsed.error.issues[0]?.message}`, {
    code: "vertex.record",
    exit: "config",
    where: `${path} at ${parsed.error.issues[0]?.path.join(".")}`,
    next: "look for the job in Google's console, move the file away, and train again",
  });
}

/** Every job that was submitted from here, oldest first. */
export async function listJobs(folder: string): Promise<readonly JobRecord[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".json")).sort();
  const found: JobRecord[] = [];
  for (const name of names) {
    const record = await readJob(folder, name.slice(0, -".json".length));
    if (record) found.push(record);
  }
  const began = (record: JobRecord): string => record.tries[0]!.submitted_at;
  return found.sort((a, b) => (began(a) < began(b) ? -1 : began(a) > began(b) ? 1 : 0));
}

/** The record of a job by its model's name, its resource name or the number at the end of that. */
export async function findJob(folder: string, reference: string): Promise<JobRecord> {
  const all = await listJobs(folder);
  const isOf = ({ job }: JobTry): boolean => job === reference || job?.split("/").at(-1) === reference;
  const found = all.find((r) => r.training.name === reference) ?? all.find((r) => r.tries.some(isOf));
  if (found) return found;
  throw new UserError(`no job "${reference}" was submitted from this home`, {
    code: "vertex.unknown-job",
    exit: "usage",
    where: folder,
    next: "inboxloop train jobs",
  });
}
