import { randomUUID } from "node:crypto";
import type { DataPolicy } from "../../../governance/data-policy/data-policy.ts";
import {
  type AgingHolding,
  accountOf,
  type Retained,
  type RetentionEnv,
  runRetention,
} from "../../../governance/retention/carry-out.ts";
import { type RetentionCutoff, retentionCutoffs, snapshotsWord } from "../../../governance/retention/plan.ts";
import type { RetentionBegun, RetentionEntry } from "../../../governance/retention/retention-journal.ts";
import { openLocalIngest } from "../../../ingest/ingest-files.ts";
import { countAged, takeOutAged } from "../../../ingest/segments/age.ts";
import { erasedByLedger } from "../../../ingest/segments/erase.ts";
import type { LocalSink } from "../../../ingest/segments/local-sink.ts";
import type { Journal } from "../../../platform/journal/journal.ts";
import { listSnapshots } from "../../../retrain/snapshot/snapshot.ts";
import { findInSnapshots, succeedSnapshots } from "../../../retrain/snapshot/succeed.ts";
import { digestOf } from "../../../scoring/model-record.ts";
import { AgedRows } from "../../../warehouse/duckdb/aged-rows.ts";
import { type ErasureWorld, withErasureLock } from "./home-erasure.ts";

/** A home as a retention works on it. */
export interface RetentionWorld extends Pick<ErasureWorld, "home" | "context" | "refreshViews" | "signal" | "onStep"> {
  readonly journal: Journal<RetentionEntry>;
  readonly policy: DataPolicy;
  /** Where the policy stands, for messages. */
  readonly file: string;
}

/**
 * Takes out of a home what its data policy keeps no longer: rows of raw segments, and of snapshots. One that was interrupted is finished first, by its own
 * cutoffs. Nothing else erases meanwhile.
 */
export async function retainHome(
  world: RetentionWorld,
  { dryRun }: { readonly dryRun: boolean },
): Promise<readonly Retained[]> {
  const { context, policy, file } = world;
  return withErasureLock(world, async () => {
    const { sink } = await openLocalIngest(context);
    try {
      const env = retentionEnv(world, sink);
      const outcomes = await runRetention(env, retentionCutoffs(policy, file, context.now()), { dryRun });
      if (outcomes.some(({ kind }) => kind === "done")) await world.refreshViews();
      return outcomes;
    } finally {
      sink.close();
    }
  });
}

function retentionEnv(world: RetentionWorld, sink: LocalSink): RetentionEnv {
  const { home, context, journal, policy, signal, onStep } = world;
  return {
    journal,
    policy: digestOf(policy),
    holdingOf: ({ of }) => (of === snapshotsWord ? agingSnapshots(world) : agingTable(sink, signal)),
    async account(begun) {
      const erased = erasedByLedger(sink, begun.retention_id);
      const tables = [...erased].map(([table, { rows }]) => ({ where: `raw.${table}`, rows }));
      return accountOf(tables, await agedSnapshots(home.snapshots, begun));
    },
    now: context.now,
    newId: randomUUID,
    fault: (point) => context.fault?.(point),
    onStep,
  };
}

const agingTable = (sink: LocalSink, signal: AbortSignal): AgingHolding => ({
  async count({ of, before }) {
    const rows = await countAged(sink, { table: of, before: new Date(before) }, signal);
    return [{ where: `raw.${of}`, rows }];
  },
  takeOut: (id, { of, before }) => takeOutAged(sink, id, { table: of, before: new Date(before) }, signal),
});

/** A snapshot's rows are as old as the mail that each is about. */
export function agingSnapshots({ home, context }: Pick<RetentionWorld, "home" | "context">): AgingHolding {
  const openAged =
    ({ before }: RetentionCutoff) =>
    () =>
      AgedRows.open({ column: "sent_at", before: new Date(before) });
  return {
    async count(cutoff) {
      const found = await findInSnapshots(home.snapshots, openAged(cutoff));
      return found.map(({ snapshot: { id }, found: rows }) => ({ where: `snapshot ${id}`, rows, snapshot: id }));
    },
    takeOut: (id, cutoff) =>
      succeedSnapshots(home.snapshots, openAged(cutoff), {
        erasureId: id,
        now: context.now,
        fault: (point) => context.fault?.(point),
      }),
  };
}

/** What a retention has made of snapshots: the successor of each, or none where no row was left. */
export async function agedSnapshots(snapshots: string, begun: RetentionBegun) {
  const { retention_id: id } = begun;
  const replaced = (await listSnapshots(snapshots)).flatMap(({ id: successor, lock }) =>
    (lock.erased ?? [])
      .filter((one) => one.erasure_id === id)
      .map(({ parent, rows }) => ({ parent: parent.id, successor: successor as string | null, rows })),
  );
  const known = new Set(replaced.map(({ parent }) => parent));
  const removed = begun.snapshots
    .filter((one) => !known.has(one.id))
    .map((one) => ({ parent: one.id, successor: null, rows: one.rows }));
  return [...replaced, ...removed].sort((a, b) => (a.parent < b.parent ? -1 : 1));
}
