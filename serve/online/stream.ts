import rawTables from "../../includes/raw_tables.js";
import { segmentsOf } from "../../warehouse/duckdb/raw-views.ts";
import { type PlainRow, SegmentStore, type WantedColumn } from "../../warehouse/duckdb/segment-store.ts";
import { applyConsent, applyDecision, applyErasure, applyEvent, applySuppression } from "./apply-signal.ts";
import type { PushNote } from "./push.ts";
import type { OnlineStore, StoreTransaction } from "./store.ts";

/** The tables that change what is known of a person: what forbids mail first, and campaigns before events, which ask for their topics. */
const tables = ["consents", "suppressions", "erasure_requests", "campaigns", "events", "decisions"] as const;
type Table = (typeof tables)[number];

/** What is read of a table. Of decisions, most of which are the service's own, only what a send is counted by: all that explains one is much larger. */
const wanted = (table: Table): readonly WantedColumn[] => {
  const columns = rawTables.columns(table) as readonly WantedColumn[];
  if (table !== "decisions") return columns;
  return columns
    .filter(({ name }) =>
      ["decision_id", "user_id_hash", "campaign_id", "attributes", "decided_at", "received_at"].includes(name),
    )
    .map((column) =>
      column.name === "attributes" ? { ...column, keys: ["action", "send_at", "campaign_kind"] } : column,
    );
};

/** Rows that are counted in one transaction: nobody's decision waits for more. */
const rowsAtOnce = 1000;
/** Rows of one table in one turn: what forbids mail is looked for again in between, however much of something else waits. */
const rowsATurn = 20_000;

export interface Streamed {
  readonly rows: number;
  readonly changed: number;
  /** The newest arrival that is counted, in milliseconds. */
  readonly received_to: number | null;
  /** More waits than one turn takes. */
  readonly is_behind: boolean;
}

/** How far a segment that is being counted has been counted. */
interface Within {
  readonly path: string;
  readonly rows: number;
}

/**
 * Counts what has landed in raw segments since the last call, a bounded part of it at a time. Some rows and the note of how far they go are one
 * transaction, so a kill anywhere counts each row once; a segment that compaction makes of others changes nothing, as its rows are known.
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
  let isBehind = false;
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
    let inTurn = 0;
    for (const { path } of files) {
      if (known.has(path)) continue;
      if (inTurn >= rowsATurn) {
        isBehind = true;
        break;
      }
      const begun = store.note(`stream ${table} within`) as Within | undefined;
      let within = begun?.path === path ? begun.rows : 0;
      const blocks = segments.read(path, wanted(table), {
        skip: within,
        rows: Number.MAX_SAFE_INTEGER,
      });
      for await (const { rows: part, isLast } of parts(blocks, rowsAtOnce)) {
        signal?.throwIfAborted();
        within += part.length;
        if (isLast) known.add(path);
        changed += await store.transact((tx) => {
          const count = part.filter((row) => apply(tx, table, row, push)).length;
          if (isLast)
            tx.putNote(
              `stream ${table}`,
              present.filter((one) => known.has(one)),
            );
          tx.putNote(`stream ${table} within`, isLast ? null : { path, rows: within });
          return count;
        });
        rows += part.length;
        inTurn += part.length;
        for (const row of part) receivedTo = Math.max(receivedTo ?? 0, Number(row["received_at"]) / 1000);
        if (!isLast && inTurn >= rowsATurn) {
          isBehind = true;
          break;
        }
      }
    }
  }
  return { rows, changed, received_to: receivedTo, is_behind: isBehind };
}

/** Rows again, `size` at a time; the last part may be empty, and says that it is the last. */
async function* parts(
  blocks: AsyncIterable<readonly PlainRow[]>,
  size: number,
): AsyncIterable<{ readonly rows: readonly PlainRow[]; readonly isLast: boolean }> {
  let waiting: PlainRow[] = [];
  for await (const block of blocks) {
    waiting = [...waiting, ...block];
    while (waiting.length > size) {
      yield { rows: waiting.slice(0, size), isLast: false };
      waiting = waiting.slice(size);
    }
  }
  yield { rows: waiting, isLast: true };
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
      return applyDecision(tx, row, push);
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
        if (streamed.is_behind) continue;
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
