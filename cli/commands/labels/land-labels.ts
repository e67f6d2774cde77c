import { rm } from "node:fs/promises";
import { basename } from "node:path";
import { labelsOf } from "../../../console/labels/review-session.ts";
import { decoderFor } from "../../../ingest/decoders.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { type IngestContext, openIngest } from "../../../ingest/ingest-files.ts";
import { type IngestTotals, runIngest, type Source } from "../../../ingest/pipeline.ts";

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
  const { sink, envFor } = await openIngest(context);
  let totals: IngestTotals;
  try {
    const id = `labels-review/${basename(file)}`;
    const source: Source = {
      name: "ndjson:labels-review",
      id,
      from: sink.progressOf(id)?.to ?? 0,
      async *pull() {
        yield labels
          .map((label, i) => ({ data: Buffer.from(JSON.stringify(label)), position: i + 1 }))
          .slice(this.from);
      },
      ack: async () => {},
    };
    const decode = decoderFor("ndjson", { hashId: createIdHasher(context.keys.ids.active), fileId: "" });
    totals = await runIngest(envFor({ source, decode }), signal);
  } finally {
    await sink.close();
  }
  await rm(file);
  return totals;
}
