import { erasedId } from "../../../governance/erasure/erased-ids.ts";
import type { Subject } from "../../../governance/erasure/holding.ts";
import { decoderFor } from "../../../ingest/decoders.ts";
import { runIngest, type Source } from "../../../ingest/pipeline.ts";
import type { ErasureBegun, ErasureDone } from "../../../platform/tombstones.ts";
import type { RawOfPeople } from "./raw-of-people.ts";

type Opened = RawOfPeople["opened"];

/**
 * Lands the receipts of an erasure in raw.erasures, one for each request, and the digests of those who were erased in raw.erased_ids; the ledger knows
 * which it has, so a second call lands nothing.
 */
export async function landReceipts(
  opened: Opened,
  { begun, done, subject }: { readonly begun: ErasureBegun; readonly done: ErasureDone; readonly subject: Subject },
  signal: AbortSignal,
): Promise<void> {
  const models = [...new Set(done.models.map(({ name }) => name))];
  const retrainBy = done.models.map(({ retrain_by }) => retrain_by).sort()[0];
  const receipts = begun.requests.map(({ request_id, requested_at, due_at }) => ({
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
  const ids = [...subject.ids, ...subject.messages].map(erasedId).sort((a, b) => (a.id_digest < b.id_digest ? -1 : 1));
  const erased = ids.map((id) => ({
    table: "erased_ids",
    ...id,
    erasure_id: begun.erasure_id,
    stated_at: begun.at,
  }));
  await landRecords(opened, `erasure-${begun.erasure_id}`, [...receipts, ...erased], signal);
}

/** Lands, for the models, that ids count again from an instant on. */
export async function landReadmission(
  opened: Opened,
  { id, ids, statedAt }: { readonly id: string; readonly ids: readonly string[]; readonly statedAt: string },
  signal: AbortSignal,
): Promise<void> {
  const records = ids.map((one) => ({
    table: "erased_ids",
    ...erasedId(one),
    is_readmitted: true,
    stated_at: statedAt,
  }));
  await landRecords(opened, `readmission-${id}`, records, signal);
}

async function landRecords(
  { sink, envFor }: Opened,
  id: string,
  records: readonly object[],
  signal: AbortSignal,
): Promise<void> {
  const landed = sink.progressOf(id);
  if (landed?.isEnd) return;
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
  // What is landed names nobody: nothing is hashed.
  const decode = decoderFor("ndjson", { hashId: (text) => text, fileId: "" });
  await runIngest(envFor({ source, decode }), signal);
}
