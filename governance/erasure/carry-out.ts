import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { syncDirectory } from "../../platform/files.ts";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import type { Journal } from "../../platform/journal/journal.ts";
import {
  type ErasureBegun,
  type ErasureDone,
  type ErasureEntry,
  type TokenKey,
  tombstoneToken,
} from "../../platform/tombstones.ts";
import type { ErasureRun, Findings, Holding, Subject } from "./holding.ts";
import type { ErasurePlan } from "./plan.ts";

const count = z.int().nonnegative();
const findings = z.strictObject({
  places: z.array(z.strictObject({ where: z.string(), rows: count })),
  unsearchable: count.optional(),
  waiting: count.optional(),
  snapshots: z.array(z.strictObject({ id: z.string(), rows: count })).optional(),
  models: z.array(z.strictObject({ name: z.string(), snapshot: z.string() })).optional(),
});

/** An erasure under way. The only place where its ids stand until it is done; then the file is gone. */
const workFile = z.strictObject({
  erasure_id: z.string().min(1),
  at: z.iso.datetime(),
  subject: z.strictObject({ ids: z.array(z.string()), messages: z.array(z.string()) }),
  people: z.int(),
  requests: z.array(
    z.strictObject({ request_id: z.string(), requested_at: z.iso.datetime(), due_at: z.iso.datetime() }),
  ),
  found: z.array(z.strictObject({ holding: z.string(), findings })),
});
type Work = z.infer<typeof workFile>;

export interface ErasureEnv {
  /** The file of the erasure under way. */
  readonly work: string;
  readonly journal: Journal<ErasureEntry>;
  /** In the order in which they are gone through. */
  readonly holdings: readonly Holding[];
  /** Under which tokens are made. */
  readonly key: TokenKey;
  readonly retrainDays: number;
  readonly now: () => Date;
  readonly newId: () => string;
  readonly signal: AbortSignal;
  readonly fault: (point: string) => void;
  /** Lands the receipts, and the digests of whom models must leave out, where models read them; the same erasure twice is one. */
  readonly landReceipts: (begun: ErasureBegun, done: ErasureDone, subject: Subject) => Promise<void>;
  readonly onStep?: ((holding: string, done: number, total: number) => void) | undefined;
  /** Waits until every door, on whatever machine, has seen the entry that begins an erasure. */
  readonly untilKnown?: (() => Promise<void>) | undefined;
}

export type ErasureOutcome =
  | { readonly kind: "done"; readonly begun: ErasureBegun; readonly receipt: ErasureDone }
  /** What waits to land must land first; then the same command goes on. */
  | { readonly kind: "waiting"; readonly erasure_id: string; readonly waiting: number };

/** Goes on with an erasure that was interrupted, if there is one. */
export async function resumeErasure(env: ErasureEnv): Promise<ErasureOutcome | undefined> {
  if (!existsSync(env.work)) return undefined;
  const parsed = workFile.safeParse(JSON.parse(await readHomeText(env.work)));
  if (!parsed.success)
    throw new UserError("the file of the erasure under way cannot be read", {
      code: "privacy.work-broken",
      exit: "check",
      where: env.work,
      next: "remove it and ask for the erasure again: what is already erased is not found again",
    });
  return finish(env, parsed.data);
}

/** Carries a plan out: from the first step on a kill anywhere is made good by `resumeErasure`. */
export async function carryOut(env: ErasureEnv, plan: ErasurePlan): Promise<ErasureOutcome> {
  const work: Work = {
    erasure_id: env.newId(),
    at: env.now().toISOString(),
    subject: { ids: [...plan.subject.ids], messages: [...plan.subject.messages] },
    people: plan.people,
    requests: plan.requests.map((one) => ({ request_id: env.newId(), ...one })),
    found: plan.found.map(({ holding, findings }) => ({
      holding,
      findings: findings as Work["found"][number]["findings"],
    })),
  };
  await writeWhole(env.work, `${JSON.stringify(work)}\n`, 0o600);
  env.fault("work-written");
  return finish(env, work);
}

async function finish(env: ErasureEnv, work: Work): Promise<ErasureOutcome> {
  const { erasure_id: erasureId, subject } = work;
  const begun = await noted(env, "begun", erasureId, () => begunOf(env, work));
  env.fault("begun");
  let done = await find(env, "done", erasureId);
  if (done === undefined) {
    await env.untilKnown?.();
    const run = { erasureId, subject, signal: env.signal, fault: env.fault };
    const waiting = await eraseAll(env, run);
    if (waiting > 0) return { kind: "waiting", erasure_id: erasureId, waiting };
    done = await noted(env, "done", erasureId, () => doneOf(env, work));
    env.fault("done");
  }
  await env.landReceipts(begun, done, subject);
  env.fault("receipts-landed");
  await rm(env.work, { force: true });
  await syncDirectory(dirname(env.work));
  env.fault("work-removed");
  return { kind: "done", begun, receipt: done };
}

/** Passes over all holdings: what landed while the first was under way is found by the second, and then nothing more is taken in. */
const mostPasses = 3;

/** Erases until nothing is found any more. Gives how much waits to land first. */
async function eraseAll(env: ErasureEnv, run: ErasureRun): Promise<number> {
  let left: readonly Holding[] = env.holdings;
  for (let pass = 1; ; pass++) {
    for (const [index, holding] of left.entries()) {
      env.signal.throwIfAborted();
      env.onStep?.(holding.name, index, left.length);
      await holding.erase(run);
      env.fault(`erased-${holding.name}`);
    }
    const found: Findings[] = [];
    for (const holding of env.holdings) found.push(await holding.find(run.subject));
    left = env.holdings.filter((_, index) => found[index]!.places.length > 0);
    if (left.length === 0) return found.reduce((sum, { waiting = 0 }) => sum + waiting, 0);
    if (pass === mostPasses) {
      throw new UserError(`there are still rows of these people: ${left.map(({ name }) => name).join(", ")}`, {
        code: "privacy.still-there",
        exit: "check",
        where: found.flatMap(({ places }) => places.map(({ where }) => where)).join(", "),
        next: "end what writes there, then: inboxloop privacy erase --pending",
      });
    }
  }
}

function begunOf(env: ErasureEnv, work: Work): ErasureBegun {
  const { ids, messages } = work.subject;
  const tokens = [...new Set([...ids, ...messages].map((id) => tombstoneToken(env.key, id)))].sort();
  const { erasure_id, at, requests, people } = work;
  return { kind: "begun", erasure_id, at, requests, people, ids: ids.length, key: env.key.name, tokens };
}

async function doneOf(env: ErasureEnv, work: Work): Promise<ErasureDone> {
  const places: ErasureDone["places"] = [];
  const successors = new Map<string, string>();
  const { found } = work;
  for (const { holding: name, findings: planned } of found) {
    const holding = env.holdings.find((one) => one.name === name);
    const went = (await holding?.account?.(work.erasure_id, planned)) ?? planned;
    places.push(...went.places.map(({ where, rows }) => ({ holding: name, where, rows })));
    for (const [parent, id] of (await holding?.successors?.(work.erasure_id)) ?? []) successors.set(parent, id);
  }
  const at = env.now();
  const retrain_by = new Date(at.getTime() + env.retrainDays * 86_400_000).toISOString();
  return {
    kind: "done",
    erasure_id: work.erasure_id,
    at: at.toISOString(),
    places,
    rows: places.reduce((sum, { rows }) => sum + rows, 0),
    snapshots: found.flatMap(({ findings: { snapshots = [] } }) =>
      snapshots.map(({ id, rows }) => ({ parent: id, successor: successors.get(id) ?? null, rows })),
    ),
    models: found.flatMap(({ findings: { models = [] } }) => models.map((one) => ({ ...one, retrain_by }))),
    unsearchable: found.reduce((sum, one) => sum + (one.findings.unsearchable ?? 0), 0),
  };
}

type EntryOf<Kind extends "begun" | "done"> = Extract<ErasureEntry, { kind: Kind }>;

async function find<Kind extends "begun" | "done">(
  env: ErasureEnv,
  kind: Kind,
  erasureId: string,
): Promise<EntryOf<Kind> | undefined> {
  const { entries } = await env.journal.read();
  return entries.find(
    (entry) => entry.kind !== "readmitted" && entry.kind === kind && entry.erasure_id === erasureId,
  ) as EntryOf<Kind> | undefined;
}

/** The entry of an erasure, appended where it is not there yet. */
async function noted<Kind extends "begun" | "done">(
  env: ErasureEnv,
  kind: Kind,
  erasureId: string,
  make: () => EntryOf<Kind> | Promise<EntryOf<Kind>>,
): Promise<EntryOf<Kind>> {
  for (;;) {
    const there = await find(env, kind, erasureId);
    if (there !== undefined) return there;
    const body = await make();
    const { head } = await env.journal.read();
    if ((await env.journal.append([body], head)).kind === "appended") return body;
  }
}
