import { decoderFor } from "./decoders.ts";
import { createIdHasher } from "./door/id-hasher.ts";
import { type IngestContext, openIngest } from "./ingest-files.ts";
import { type IngestTotals, runIngest, type Source } from "./pipeline.ts";

/**
 * Takes records that this program made through the door, each a line of JSON as a file has it. The source is told how far an earlier run of the same
 * id has come.
 */
export async function landRecords(
  context: IngestContext,
  sourceOf: (progressOf: (id: string) => number) => Source,
  signal: AbortSignal,
): Promise<IngestTotals> {
  const { sink, envFor } = await openIngest(context);
  try {
    const decode = decoderFor("ndjson", { hashId: createIdHasher(context.keys.ids.active), fileId: "" });
    return await runIngest(envFor({ source: sourceOf((id) => sink.progressOf(id)?.to ?? 0), decode }), signal);
  } finally {
    await sink.close();
  }
}
