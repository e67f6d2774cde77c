import { join } from "node:path";
import { AgedRows } from "../../warehouse/duckdb/aged-rows.ts";
import { setAsideName } from "../door/dead-letter.ts";
import { rawColumns } from "../door/raw-row.ts";
import { markErasedBodies, removeErasedBodies } from "../find-letters.ts";
import { segmentsOf, takeOut } from "./erase.ts";
import type { LocalSink } from "./local-sink.ts";

/** Until when rows of a raw table were received that are to go. */
export interface Cutoff {
  readonly table: string;
  readonly before: Date;
}

const pathsOf = (sink: LocalSink, table: string): readonly string[] =>
  segmentsOf(sink)
    .filter(([, parts]) => parts[0]!.table === table)
    .map(([segment]) => join(sink.raw, segment));

async function withAged<T>(
  sink: LocalSink,
  { table, before }: Cutoff,
  work: (rows: AgedRows) => Promise<T>,
): Promise<T> {
  const rows = await AgedRows.open({ column: "received_at", before });
  try {
    if (table === "events") await rows.keepRefused(pathsOf(sink, table));
    return await work(rows);
  } finally {
    rows.close();
  }
}

/** How many rows of a raw table are older than its cutoff. */
export const countAged = (sink: LocalSink, cutoff: Cutoff, signal: AbortSignal): Promise<number> =>
  withAged(sink, cutoff, async (rows) => {
    let found = 0;
    for (const path of pathsOf(sink, cutoff.table)) {
      signal.throwIfAborted();
      found += (await rows.count(path)).found;
    }
    return found;
  });

/**
 * Writes the segments of a raw table again without the rows that are older than its cutoff; the ledger has a line for each, under the id. Bodies of dead letters that lie
 * beside the segments go with their letters. May be killed anywhere and repeated with the same id.
 */
export async function takeOutAged(sink: LocalSink, id: string, cutoff: Cutoff, signal: AbortSignal): Promise<void> {
  const { table } = cutoff;
  await withAged(sink, cutoff, async (rows) => {
    if (table === "dead_letters") markErasedBodies(sink.raw, await bodiesOf(sink, rows));
    await takeOut(
      sink,
      id,
      rows,
      () => [],
      signal,
      (one) => one === table,
    );
  });
  if (table === "dead_letters") await removeErasedBodies(sink.raw);
}

/** Files with the bodies of the dead letters that are to go. */
async function bodiesOf(sink: LocalSink, rows: AgedRows): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of pathsOf(sink, "dead_letters")) {
    const places = new Set(await rows.places(path));
    let place = 0;
    for await (const block of sink.store.read(path, rawColumns("dead_letters")))
      for (const row of block) {
        const isOld = places.has(place++);
        const name =
          isOld && row["payload"] !== null ? setAsideName(Buffer.from(String(row["payload"]), "base64")) : undefined;
        if (name !== undefined) found.push(name);
      }
  }
  return found;
}
