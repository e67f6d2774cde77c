import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import registry from "../../includes/feature_registry.js";
import featureSet from "../../includes/features.js";
import { fileSha256 } from "../../platform/files.ts";
import { readHomeText } from "../../platform/home-files.ts";
import { featuresDigest, type ModelRecord, modelRecord } from "../../scoring/model-record.ts";
import { type SnapshotLock, snapshotId, snapshotLock } from "../snapshot/snapshot-lock.ts";
import { splitOf } from "../snapshot/split.ts";
import type { TrainingJob } from "./job.ts";
import type { Feature, Outcome } from "./learning-set.ts";

/** What a job learns from, and what: features and outcomes of the snapshot that it names. Refuses a snapshot without them. */
export function subjectOf(
  job: TrainingJob,
  lock: SnapshotLock,
): { readonly features: readonly Feature[]; readonly outcomes: readonly Outcome[] } {
  const known = job.features.length > 0 ? job.features : (featureSet.list as readonly Feature[]);
  const features = known.filter((f) => !job.without.includes(f.name)).map(({ name, type }) => ({ name, type }));
  const outcomes: readonly Outcome[] = job.outcomes.length > 0 ? job.outcomes : featureSet.outcomes;
  refuseUnknownTerms(job, features, outcomes);
  const beside = [job.weight, job.only, job.balance, ...Object.values(job.soft)].filter((column) => column !== null);
  refuseMissing(
    lock,
    [...features.map((f) => f.name), ...outcomes.map((o) => o.column), "revenue", ...beside],
    job.snapshot,
  );
  return { features, outcomes };
}

/** What is said of an outcome or a feature that the job does not have would be done nowhere. */
function refuseUnknownTerms(job: TrainingJob, features: readonly Feature[], outcomes: readonly Outcome[]): void {
  const refuse = (why: string): UserError =>
    new UserError(why, { code: "train.terms", exit: "usage", next: "inboxloop train --help" });
  const names = outcomes.map(({ name }) => name);
  const known = (outcome: string): void => {
    if (!names.includes(outcome)) throw refuse(`no outcome is called ${outcome}: there are ${names.join(", ")}`);
  };
  for (const outcome of Object.keys(job.soft)) known(outcome);
  const directions = new Map<string, string>();
  for (const { outcome, feature, direction } of job.monotone) {
    known(outcome);
    const type = features.find(({ name }) => name === feature)?.type;
    if (type === undefined) throw refuse(`${outcome} cannot go ${direction} with ${feature}: it is no feature`);
    if (type === "category") throw refuse(`${outcome} cannot go ${direction} with ${feature}: a category has no order`);
    const key = `${outcome} ${feature}`;
    if ((directions.get(key) ?? direction) !== direction)
      throw refuse(`${outcome} goes both up and down with ${feature}`);
    directions.set(key, direction);
  }
}

/** Where a version comes from, but for what trained it and how. */
export function lineageOf(job: TrainingJob, lock: SnapshotLock, features: readonly Feature[]) {
  const split = splitOf(lock, job.snapshot);
  // As the snapshot's rows were worked out, whatever this version of the code would do.
  const { features: frozen } = lock.lock;
  const versions = new Map(frozen?.list.map((f) => [f.name, f.version]));
  const list = features.map((f) => ({ ...f, ...(versions.has(f.name) && { version: versions.get(f.name) }) }));
  const version = job.features.length > 0 ? "given" : (frozen?.version ?? (registry.version as string));
  return {
    snapshot: {
      id: snapshotId(lock.lock.content.value),
      content: lock.lock.content,
      rows: lock.lock.rows,
    },
    features: { version, digest: featuresDigest({ version, list }), list },
    split: { rule: split.spec.rule, people_share: split.spec.people_share, cut: split.lock.cut },
    seed: job.seed,
  } satisfies Partial<ModelRecord["lineage"]>;
}

/** From when to when the rows were sent, in order of time, and before when all that was learned from; `sentAt` in seconds since 1970. */
export const sendsOf = (lock: SnapshotLock, sentAt: Float64Array) => {
  const instant = (at: number): string => new Date(1000 * at).toISOString();
  const latest = sentAt[sentAt.length - 1]!;
  return { sent_from: instant(sentAt[0]!), fitted_before: fittedBefore(lock, latest), sent_to: instant(latest) };
};

/** The time before which everything that was learned from was sent; `latest` is the last of all sends, in seconds since 1970. */
const fittedBefore = (lock: SnapshotLock, latest: number): string =>
  // Where no hour is cut, what judges was sent in the same hour: everything is older than its end.
  lock.lock.split?.cut ?? new Date(1000 * latest + 3_600_000).toISOString();

/** The model of that name, when it came from the same inputs; another one under a name that is taken is refused. */
export async function existing(
  job: Pick<TrainingJob, "name" | "output">,
  inputs: string,
): Promise<ModelRecord | undefined> {
  const path = join(job.output, "model.json");
  const text = await readHomeText(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const there = modelRecord.safeParse(JSON.parse(text));
  if (there.success && there.data.lineage.inputs === inputs) return there.data;
  throw new UserError(`another model is called ${job.name} already`, {
    code: "model.exists",
    exit: "usage",
    where: job.output,
    next: "inboxloop train --name <another name>",
  });
}

export async function readWholeLock(folder: string): Promise<SnapshotLock> {
  const path = join(folder, "lock.json");
  const text = await readHomeText(path).catch((cause: unknown) => {
    throw new UserError("there is no snapshot", { code: "snapshot.unknown", exit: "usage", where: path, cause });
  });
  const lock = snapshotLock.parse(JSON.parse(text));
  for (const file of lock.files) {
    if ((await fileSha256(join(folder, file.name))) === file.sha256) continue;
    throw new UserError("a file of the snapshot is not the one that was frozen", {
      code: "snapshot.changed",
      exit: "check",
      where: join(folder, file.name),
      next: `inboxloop snapshot verify ${snapshotId(lock.lock.content.value)}`,
    });
  }
  return lock;
}

export function refuseMissing(lock: SnapshotLock, wanted: readonly string[], where: string): void {
  const present = new Set(lock.lock.columns.map((c) => c.name));
  const missing = wanted.filter((name) => !present.has(name));
  if (missing.length === 0) return;
  throw new UserError(`the snapshot has no column ${missing.join(", ")}`, {
    code: "train.missing-column",
    exit: "config",
    where,
    next: "inboxloop build, then: inboxloop snapshot create",
  });
}
