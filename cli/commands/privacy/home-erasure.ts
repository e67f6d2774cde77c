import { randomUUID } from "node:crypto";
import { join } from "node:path";
import {
  carryOut,
  type ErasureEnv,
  type ErasureOutcome,
  resumeErasure,
} from "../../../governance/erasure/carry-out.ts";
import { madeFilesHolding } from "../../../governance/erasure/file-holdings.ts";
import { type ErasurePlan, type ErasureRequest, planErasure, rowsOf } from "../../../governance/erasure/plan.ts";
import { readmit } from "../../../governance/erasure/readmit.ts";
import erasures from "../../../includes/erasures.js";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { keyName } from "../../../ingest/door/keys.ts";
import { erasedAt, type IngestContext } from "../../../ingest/ingest-files.ts";
import type { Home } from "../../../platform/home.ts";
import type { Journal } from "../../../platform/journal/journal.ts";
import { withLock } from "../../../platform/journal/lock.ts";
import type { ErasureEntry } from "../../../platform/tombstones.ts";
import { outboxOf } from "../activate/outbox-folder.ts";
import { onlineHolding, outboxHolding, pagesHolding, snapshotsHolding, spoolHolding } from "./holdings.ts";
import { landReadmission, landReceipts } from "./land-receipts.ts";
import { openRaw, type PeopleInBigQuery, type RawOfPeople } from "./raw-of-people.ts";

/** A home as an erasure works on it. */
export interface ErasureWorld {
  readonly home: Home;
  readonly context: IngestContext;
  readonly journal: Journal<ErasureEntry>;
  /** Opens the warehouse and closes it again: its raw views then read the segments that are there. */
  readonly refreshViews: () => Promise<void>;
  /** Where raw rows and tables are, if not on this machine. */
  readonly bigQuery?: PeopleInBigQuery | undefined;
  readonly dueDays: number;
  readonly retrainDays: number;
  /** Also removes what no key opens and nobody can read. */
  readonly shredsUnreadable: boolean;
  readonly signal: AbortSignal;
  readonly onStep?: ((holding: string, done: number, total: number) => void) | undefined;
}

export type Erased =
  | { readonly kind: "planned"; readonly plan: ErasurePlan }
  | { readonly kind: "nothing"; readonly plan: ErasurePlan | undefined; readonly isErasedAlready: boolean }
  | (ErasureOutcome & { readonly plan: ErasurePlan | undefined; readonly isResumed: boolean });

/** The ids that an address or id of somebody has here: one under every key of the home. */
export function idsOf(context: Pick<IngestContext, "keys">, who: readonly string[]): readonly (readonly string[])[] {
  const hashers = context.keys.ids.all.map((key) => createIdHasher(key));
  return who.map((one) => [...new Set(hashers.map((hash) => hash(one)))]);
}

/**
 * Erases people from a home: those named, or those whose requests have come in through the door. An erasure that was interrupted is finished first.
 * One erasure at a time; many people are one pass.
 */
export async function eraseFromHome(
  world: ErasureWorld,
  asked: readonly ErasureRequest[] | "pending",
  { dryRun }: { readonly dryRun: boolean },
): Promise<readonly Erased[]> {
  const { home, context } = world;
  return withErasureLock({ home, context }, async () => {
    const raw = await openRaw(world);
    try {
      const outcomes: Erased[] = [];
      const env = erasureEnv(world, raw);
      if (!dryRun) {
        const resumed = await resumeErasure(env);
        if (resumed) outcomes.push({ ...resumed, plan: undefined, isResumed: true });
        if (resumed?.kind === "waiting") return outcomes;
      }
      const requests = asked === "pending" ? await raw.pendingRequests() : asked;
      if (requests.length === 0) return outcomes;
      const tombstones = erasedAt(context);
      await tombstones.refresh();
      const plan = await planErasure(requests, {
        ...(await raw.linksOf(requests.flatMap(({ ids }) => ids))),
        holdings: env.holdings,
        messagesOf: raw.messagesOf,
        isErased: tombstones.isErased,
        dueDays: world.dueDays,
        onStep: world.onStep,
      });
      const waiting = plan.found.reduce((sum, { findings }) => sum + (findings.waiting ?? 0), 0);
      if (dryRun) outcomes.push({ kind: "planned", plan });
      else if (rowsOf(plan) + waiting === 0)
        outcomes.push({ kind: "nothing", plan, isErasedAlready: plan.isErasedAlready });
      else outcomes.push({ ...(await carryOut(env, plan)), plan, isResumed: false });
      return outcomes;
    } finally {
      await raw.close();
    }
  });
}

/** One at a time takes rows out of a home, by whatever right. */
export const withErasureLock = <T>(
  { home, context }: Pick<ErasureWorld, "home" | "context">,
  work: () => Promise<T>,
): Promise<T> => {
  const lock = { pid: context.pid, sleep: context.sleep, patienceMs: 5_000, what: "erasures", code: "privacy.locked" };
  return withLock(`${home.erasures}.erasing`, lock, work);
};

/** Lets somebody who was erased in again, by every id that they have under the keys of the home. */
export async function readmitToHome(
  world: ErasureWorld,
  ids: readonly string[],
  reason: string,
): ReturnType<typeof readmit> {
  const { context, journal, signal } = world;
  return withErasureLock(world, async () => {
    const raw = await openRaw(world);
    try {
      const tombstones = erasedAt(context);
      await tombstones.refresh();
      const keys = context.keys.ids.all.map((key) => ({ name: keyName(key), secret: key.secret }));
      const landStatements = (erased: readonly string[], statedAt: string) =>
        landReadmission(raw.opened, { id: randomUUID(), ids: erased, statedAt }, signal);
      return await readmit(
        { journal, keys, isErased: tombstones.isErased, now: context.now, landStatements },
        ids,
        reason,
      );
    } finally {
      await raw.close();
    }
  });
}

function erasureEnv(world: ErasureWorld, raw: RawOfPeople): ErasureEnv {
  const { home, context, signal } = world;
  const key = context.keys.ids.active;
  return {
    work: workOf(home),
    journal: world.journal,
    holdings: holdingsOf(world, raw),
    key: { name: keyName(key), secret: key.secret },
    retrainDays: world.retrainDays,
    now: context.now,
    newId: randomUUID,
    signal,
    fault: (point) => context.fault?.(point),
    landReceipts: (begun, done, subject) => landReceipts(raw.opened, { begun, done, subject }, signal),
    onStep: world.onStep,
    // (A door on this machine looks before each block.)
    untilKnown: world.bigQuery && (() => context.sleep(2 * world.journal.lookEveryMs)),
  };
}

/** The parts of a home that hold people, in the order in which they are gone through: what others are made of first. */
function holdingsOf({ home, context, shredsUnreadable }: ErasureWorld, raw: RawOfPeople) {
  return [
    raw.raw,
    spoolHolding(home.spool, context, shredsUnreadable),
    snapshotsHolding(home.snapshots, home.models, context.now),
    onlineHolding(join(home.root, "online")),
    pagesHolding(join(home.root, "decisions")),
    outboxHolding(outboxOf(home)),
    raw.built,
    madeFilesHolding(home.root, [home.reports, join(home.state, "compiled"), join(home.state, "serve")]),
  ];
}

/** The file of the erasure under way. */
export const workOf = (home: Pick<Home, "erasures">): string => `${home.erasures}.under-way.json`;

export const defaultDays = { dueDays: erasures.dueDays as number, retrainDays: erasures.retrainDays as number };
