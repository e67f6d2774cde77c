import { existsSync } from "node:fs";
import { join } from "node:path";
import { rawColumns } from "../door/raw-row.ts";
import type { LandedRows } from "../retractions/retract.ts";
import type { LocalSink } from "./local-sink.ts";
import { locateSegments } from "./segment-map.ts";

/** What has landed in this machine's segments, for taking it back. */
export const landedInSegments = (sink: LocalSink): LandedRows => ({
  async *rows(table, _selection, batchId) {
    for (const part of locateSegments(sink.ledger.entries)) {
      if (part.table !== table || part.rows === 0 || (batchId !== undefined && part.batch_id !== batchId)) continue;
      const path = join(sink.raw, part.segment);
      if (existsSync(path)) yield* sink.store.read(path, rawColumns(table), part);
    }
  },
  tablesOf(batchId) {
    const batch = sink.ledger.entries.find((entry) => entry.kind === "batch" && entry.batch_id === batchId);
    return batch?.kind === "batch" ? Object.keys(batch.tables) : undefined;
  },
  retractions: () => sink.retractions(),
});
