import rawTables from "../../includes/raw_tables.js";
import { segmentsOf } from "../../warehouse/duckdb/raw-views.ts";
import { type PlainRow, SegmentStore } from "../../warehouse/duckdb/segment-store.ts";
import type { Column } from "../../warehouse/warehouse.ts";
import { applyConsent, applyDecision, applyErasure, applyEvent, applySuppression } from "./apply-signal.ts";
import type { PushNote } from "./push.ts";
import type { OnlineStore, StoreTransaction } from "./store.ts";

/** The tables that change what is known of a person: what forbids mail first, and campaigns before events, which ask for their topics. */
const tables = ["consents", "suppressions", "erasure_requests", "campaigns", "events", "decisions"] as const;
type Table = (typeof tables)[number];

export interface Streamed {
  readonly rows: number;
  readonly changed: number;
  /** The newest arrival that is counted, in milliseconds. */
  readonly received_to: number | null;
}

/**
 * Counts what has landed in raw segments since the last call. A segment's rows and the note that it was read are one transaction, so a
 * kill anywhere counts each row once; a segment that compaction makes of others changes nothing, as its rows are known.
 */
export async function streamOnce(
  raw: string,
  segments: SegmentStore,
  store: OnlineStore,
  signal?: AbortSignal,
): Promise<Streamed> {
  let rows = 0;
  let changed = 0;
  let receivedTo: number | null = null;
  for (const table of tables) {
    const noted = store.note(`stream ${table}`) as readonly string[] | undefined;
    const push = store.note("push") as PushNote | undefined;
    const files = await segmentsOf(raw, table);
    // What was there before the store was loaded is in it; of campaigns every description is wanted.
    const known = new Set(
      noted ??
        (table === "campaigns"
          ? []
          : files.filter(({ modifiedMs }) => push && modifiedMs <= push.received_to).map(({ path }) => path)),
    );
    const present = files.map(({ path }) => path);
    for (const { path } of files) {
      if (known.has(path)) continue;
      signal?.throwIfAborted();
      const read: PlainRow[] = [];
      for await (const block of segments.read(path, rawTables.columns(table) as readonly Column[])) read.push(...block);
      known.add(path);
      const kept = present.filter((one) => known.has(one));
      changed += await store.transact((tx) => {
        const count = read.filter((row) => apply(tx, table, row, push)).length;
        tx.putNote(`stream ${table}`, kept);
        return count;
      });
      rows += read.length;
      for (const row of read) receivedTo = Math.max(receivedTo ?? 0, Number(row["received_at"]) / 1000);
    }
  }
  return { rows, changed, received_to: receivedTo };
}

function apply(tx: StoreTransaction, table: Table, row: PlainRow, push: PushNote | undefined): boolean {
  switch (table) {
    case "campaigns": {
      const id = row["campaign_id"];
      if (typeof id !== "string") return false;
      tx.putNote(`topic ${id}`, row["topic"] ?? null);
      return true;
    }
    case "events":
      return applyEvent(tx, row, push, (id) => (tx.note(`topic ${id}`) as string | null | undefined) ?? null);
    case "consents":
      return applyConsent(tx, row);
    case "suppressions":
      return applySuppression(tx, row);
    case "erasure_requests":
      return applyErasure(tx, row);
    case "decisions":
      return applyDecision(tx, row);
  }
}

/** Streams until `signal` is aborted, looking twice a second; trouble is told and tried again, and nothing is counted twice. */
export async function streamForever(
  raw: string,
  store: OnlineStore,
  options: {
    readonly signal: AbortSignal;
    readonly sleep: (ms: number) => Promise<void>;
    readonly onStreamed: (streamed: Streamed) => void;
    readonly onTrouble: (error: unknown) => void;
  },
): Promise<void> {
  const segments = await SegmentStore.open();
  try {
    while (!options.signal.aborted) {
      try {
        const streamed = await streamOnce(raw, segments, store, options.signal);
        options.onStreamed(streamed);
      } catch (error) {
        if (options.signal.aborted) return;
        options.onTrouble(error);
        await options.sleep(2000);
      }
      await options.sleep(500);
    }
  } finally {
    segments.close();
  }
}
