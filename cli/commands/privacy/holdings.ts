import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { findInOutbox, forgetOutbox } from "../../../activation/forget.ts";
import type { Findings, Holding } from "../../../governance/erasure/holding.ts";
import { spoolReader } from "../../../ingest/bus/consume-spool.ts";
import { eraseFromSpool, findInSpool, removeQuarantine } from "../../../ingest/bus/erase-spool.ts";
import { landedByLedger, spoolSourceId } from "../../../ingest/bus/spool.ts";
import { findLetters, markErasedBodies, removeErasedBodies } from "../../../ingest/find-letters.ts";
import type { IngestContext } from "../../../ingest/ingest-files.ts";
import { erasedByLedger, eraseFromSegments, findInSegments } from "../../../ingest/segments/erase.ts";
import type { LocalSink } from "../../../ingest/segments/local-sink.ts";
import { parquetBelow } from "../../../ingest/segments/verify.ts";
import { findInSnapshots, idsOfSnapshot, succeedSnapshots, successorsOf } from "../../../retrain/snapshot/succeed.ts";
import { listModels } from "../../../scoring/model.ts";
import { findInPages, forgetPages } from "../../../serve/batch/forget-pages.ts";
import { findOnline, forgetOnline } from "../../../serve/online/forget.ts";
import { PersonRows } from "../../../warehouse/duckdb/person-rows.ts";
import type { Subject } from "../../../warehouse/person-columns.ts";

export const wantedBy = ({ ids, messages }: Subject): ((id: string) => boolean) => {
  const known = new Set([...ids, ...messages]);
  return (id) => known.has(id);
};

/** Raw segments, the sealed bytes of dead letters among them, and segments that a repair has set aside. */
export function rawHolding(sink: LocalSink, context: IngestContext, shredsUnreadable: boolean): Holding {
  const lettersOf = (subject: Subject) => findLetters(sink, context.keys, wantedBy(subject));
  return {
    name: "raw",
    async find(subject) {
      const letters = await lettersOf(subject);
      const byTable = new Map<string, number>();
      for (const { table, found } of await findInSegments(sink, subject, letters))
        byTable.set(table, (byTable.get(table) ?? 0) + found);
      const aside = await damagedSegments(sink.raw, subject);
      return {
        places: [
          ...[...byTable].map(([table, rows]) => ({ where: `raw.${table}`, rows })),
          ...aside.found.map((segment) => ({ where: `raw/.damaged/${segment}`, rows: 1 })),
        ],
        unsearchable: letters.unopened + aside.unreadable.length,
      };
    },
    async erase({ erasureId, subject, signal, fault }) {
      const letters = await lettersOf(subject);
      markErasedBodies(sink.raw, letters.aside);
      fault("bodies-marked");
      await eraseFromSegments(sink, erasureId, subject, letters, signal);
      await removeErasedBodies(sink.raw);
      fault("bodies-removed");
      const aside = await damagedSegments(sink.raw, subject);
      for (const segment of [...aside.found, ...(shredsUnreadable ? aside.unreadable : [])])
        await rm(join(sink.raw, ".damaged", segment), { force: true });
    },
    async account(erasureId, planned): Promise<Findings> {
      const places = [...erasedByLedger(sink, erasureId)].map(([table, { rows }]) => ({ where: `raw.${table}`, rows }));
      const aside = planned.places.filter(({ where }) => where.startsWith("raw/"));
      return { places: [...places.sort((a, b) => (a.where < b.where ? -1 : 1)), ...aside] };
    },
  };
}

/** Segments that were set aside because they are not what landed: some can be read all the same. */
async function damagedSegments(raw: string, subject: Subject) {
  const folder = join(raw, ".damaged");
  const found: string[] = [];
  const unreadable: string[] = [];
  const rows = await PersonRows.open(subject);
  try {
    for (const segment of parquetBelow(folder)) {
      const count = await rows.count(join(folder, segment)).catch(() => undefined);
      if (count === undefined) unreadable.push(segment);
      else if (count.found > 0) found.push(segment);
    }
  } finally {
    rows.close();
  }
  return { found, unreadable };
}

/** Frames of the collector's spool, and the bytes of it that nobody can read any more. */
export function spoolHolding(dir: string, context: IngestContext, shredsUnreadable: boolean): Holding {
  const options = async (subject: Subject) => {
    const id = await spoolSourceId(dir, spoolReader, () => context.randomBytes(8).toString("hex"));
    return { dir, keys: context.keys, isWanted: wantedBy(subject), landedTo: await landedByLedger(id, context) };
  };
  return {
    name: "spool",
    async find(subject) {
      if (!existsSync(dir)) return { places: [] };
      const found = await findInSpool(await options(subject));
      return {
        places: found.landed > 0 ? [{ where: "spool", rows: found.landed }] : [],
        waiting: found.waiting,
        unsearchable: found.unopened + found.quarantined,
      };
    },
    async erase({ subject, fault }) {
      if (!existsSync(dir)) return;
      await eraseFromSpool({ ...(await options(subject)), fault });
      if (shredsUnreadable) await removeQuarantine(dir);
    },
  };
}

/** Snapshots, and the models that learned from them. */
export function snapshotsHolding(snapshots: string, models: string, now: () => Date): Holding {
  return {
    name: "snapshots",
    async find(subject) {
      const found = await findInSnapshots(snapshots, () => PersonRows.open(subject));
      const learned = found.length === 0 ? [] : await listModels(models);
      return {
        places: found.map(({ snapshot, found: rows }) => ({ where: `snapshot ${snapshot.id}`, rows })),
        snapshots: found.map(({ snapshot, found: rows }) => ({ id: snapshot.id, rows })),
        models: found.flatMap(({ snapshot }) => {
          const ids = idsOfSnapshot(snapshot);
          return learned
            .filter(({ record: { lineage } }) =>
              [lineage.snapshot.id, ...(lineage.updates?.snapshots ?? [])].some((id) => ids.includes(id)),
            )
            .map(({ record }) => ({ name: record.name, snapshot: snapshot.id }));
        }),
      };
    },
    erase: ({ erasureId, subject, fault }) =>
      succeedSnapshots(snapshots, () => PersonRows.open(subject), { erasureId, now, fault }),
    successors: (erasureId) => successorsOf(snapshots, erasureId),
  };
}

/** The online store of the decision service. */
export function onlineHolding(folder: string): Holding {
  return {
    name: "online",
    async find(subject) {
      const { entries, queued } = await findOnline(folder, subject);
      return { places: entries + queued > 0 ? [{ where: "online store", rows: entries + queued }] : [] };
    },
    erase: ({ subject, fault }) => forgetOnline(folder, subject, fault),
  };
}

/** Pages of batches that were stopped before they landed. */
export function pagesHolding(runs: string): Holding {
  return {
    name: "decisions",
    async find({ ids }) {
      const found = await findInPages(runs, ids);
      return { places: found.map(({ page, decisions }) => ({ where: `decisions/${page}`, rows: decisions })) };
    },
    erase: ({ subject, fault }) => forgetPages(runs, subject.ids, fault),
  };
}

/** The outbox of hand-overs: entries, and signals that have not landed. */
export function outboxHolding(folder: string): Holding {
  return {
    name: "outbox",
    async find(subject) {
      const rows = await findInOutbox(folder, subject);
      return { places: rows > 0 ? [{ where: "outbox", rows }] : [] };
    },
    erase: ({ subject, fault }) => forgetOutbox(folder, subject, fault),
  };
}
