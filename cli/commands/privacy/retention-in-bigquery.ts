import { randomUUID } from "node:crypto";
import { type Deletion, deletedRows, notedDeletions } from "../../../governance/deletions.ts";
import {
  type AgingHolding,
  accountOf,
  type Retained,
  type RetentionEnv,
  runRetention,
} from "../../../governance/retention/carry-out.ts";
import { retentionCutoffs, snapshotsWord } from "../../../governance/retention/plan.ts";
import { asideOfTooOld, countTooOld, expirePartitions, tooOld } from "../../../ingest/bigquery/age.ts";
import { prepareRawTables } from "../../../ingest/bigquery/raw-tables.ts";
import { markErasedBodies, removeErasedBodies } from "../../../ingest/find-letters.ts";
import type { Journal } from "../../../platform/journal/journal.ts";
import { digestOf } from "../../../scoring/model-record.ts";
import { deleteRows } from "../../../warehouse/people-in-tables.ts";
import type { Warehouse } from "../../../warehouse/warehouse.ts";
import { withErasureLock } from "./home-erasure.ts";
import { agedSnapshots, agingSnapshots, type RetentionWorld } from "./home-retention.ts";

export interface RetentionInBigQuery {
  readonly outcomes: readonly Retained[];
  /** Raw tables whose partitions BigQuery drops by itself from now on, with the days; none in a dry run. */
  readonly expiring: readonly { readonly table: string; readonly days: number }[];
}

/**
 * Takes out of BigQuery, and of this home's snapshots, what the data policy keeps no longer. Rows are deleted, with a word in the journal of deletions before;
 * and partitions get an expiry, so that what is too old goes even if nobody calls this again.
 */
export async function retainInBigQuery(
  world: RetentionWorld & { readonly deletions: Journal<Deletion>; readonly openWarehouse: () => Promise<Warehouse> },
  { dryRun }: { readonly dryRun: boolean },
): Promise<RetentionInBigQuery> {
  const { context, policy, file } = world;
  return withErasureLock(world, async () => {
    const warehouse = await world.openWarehouse();
    try {
      const { dataset } = context.bigQuery!;
      if (!dryRun) await prepareRawTables(warehouse, dataset);
      const env = retentionEnv(world, warehouse, dataset);
      const cutoffs = retentionCutoffs(policy, file, context.now());
      const outcomes = await runRetention(env, cutoffs, { dryRun });
      const expiring: { table: string; days: number }[] = [];
      if (!dryRun)
        for (const { of, kept_days: days } of cutoffs)
          if (of !== snapshotsWord && (await expirePartitions(warehouse, dataset, of, days)))
            expiring.push({ table: `${dataset}.${of}`, days });
      return { outcomes, expiring };
    } finally {
      await warehouse.close();
    }
  });
}

function retentionEnv(
  world: RetentionWorld & { readonly deletions: Journal<Deletion> },
  warehouse: Warehouse,
  dataset: string,
): RetentionEnv {
  const { home, context, journal, policy, deletions, onStep } = world;
  const fault = (point: string) => context.fault?.(point);
  const take = notedDeletions(deletions, context.now, fault);
  const table: AgingHolding = {
    async count({ of, before }) {
      const rows = await countTooOld(warehouse, dataset, of, new Date(before));
      return [{ where: `${dataset}.${of}`, rows }];
    },
    async takeOut(id, cutoff) {
      const before = new Date(cutoff.before);
      const isLetters = cutoff.of === "dead_letters";
      if (isLetters) markErasedBodies(context.raw, await asideOfTooOld(warehouse, dataset, before));
      const rows = await countTooOld(warehouse, dataset, cutoff.of, before);
      const name = `${dataset}.${cutoff.of}`;
      await take(id, name, rows, () => deleteRows(warehouse, name, tooOld(dataset, cutoff.of), { before }));
      if (isLetters) await removeErasedBodies(context.raw);
    },
  };
  return {
    journal,
    policy: digestOf(policy),
    holdingOf: ({ of }) => (of === snapshotsWord ? agingSnapshots(world) : table),
    async account(begun) {
      const snapshots = await agedSnapshots(home.snapshots, begun);
      const tables = [...(await deletedRows(deletions, begun.retention_id))].map(([where, rows]) => ({ where, rows }));
      return accountOf(tables, snapshots);
    },
    now: context.now,
    newId: randomUUID,
    fault,
    onStep,
  };
}
