import { rm } from "node:fs/promises";
import { basename } from "node:path";
import { labelsOf } from "../../../console/labels/review-session.ts";
import type { IngestContext } from "../../../ingest/ingest-files.ts";
import { landRecords } from "../../../ingest/land-records.ts";
import type { IngestTotals } from "../../../ingest/pipeline.ts";

/**
 * Lands what stands of a review that is over, through the door, and removes its file. The ledger knows how far it is: a kill lands each label once.
 * The file must not change any more; its name is the source's.
 */
export async function landLabels(
  context: IngestContext,
  file: string,
  reviewer: string,
  signal: AbortSignal,
): Promise<IngestTotals> {
  const labels = labelsOf(file, reviewer);
  const id = `labels-review/${basename(file)}`;
  const totals = await landRecords(
    context,
    (progressOf) => ({
      name: "ndjson:labels-review",
      id,
      from: progressOf(id),
      async *pull() {
        yield labels
          .map((label, i) => ({ data: Buffer.from(JSON.stringify(label)), position: i + 1 }))
          .slice(this.from);
      },
      ack: async () => {},
    }),
    signal,
  );
  await rm(file);
  return totals;
}
