import { decoderFor } from "../../../ingest/decoders.ts";
import type { openLocalIngest } from "../../../ingest/ingest-files.ts";
import { runIngest, type Source } from "../../../ingest/pipeline.ts";
import type { ErasureBegun, ErasureDone } from "../../../platform/tombstones.ts";

/** Lands the receipts of an erasure in raw.erasures, one for each request; the ledger knows which it has, so a second call lands nothing. */
export async function landReceipts(
  { sink, envFor }: Awaited<ReturnType<typeof openLocalIngest>>,
  { begun, done }: { readonly begun: ErasureBegun; readonly done: ErasureDone },
  signal: AbortSignal,
): Promise<void> {
  const id = `erasure-${begun.erasure_id}`;
  const landed = sink.progressOf(id);
  if (landed?.isEnd) return;
  const models = [...new Set(done.models.map(({ name }) => name))];
  const retrainBy = done.models.map(({ retrain_by }) => retrain_by).sort()[0];
  const records = begun.requests.map(({ request_id, requested_at, due_at }) => ({
    table: "erasures",
    erasure_request_id: request_id,
    erasure_id: begun.erasure_id,
    requested_at,
    due_at,
    erased_at: done.at,
    rows_erased: done.rows,
    models,
    ...(retrainBy === undefined ? {} : { retrain_by_at: retrainBy }),
  }));
  const from = landed?.to ?? 0;
  const source: Source = {
    name: "ndjson:erasures",
    id,
    from,
    async *pull() {
      yield records.map((record, at) => ({ data: Buffer.from(JSON.stringify(record)), position: at + 1 })).slice(from);
    },
    async ack() {},
  };
  // Ids of an erasure's receipts name nobody: nothing is hashed.
  const decode = decoderFor("ndjson", { hashId: (text) => text, fileId: "" });
  await runIngest(envFor({ source, decode }), signal);
}
