import { busDecoder } from "../decoders.ts";
import { createIdHasher } from "../door/id-hasher.ts";
import { type IngestContext, openIngest } from "../ingest-files.ts";
import { type IngestTotals, runIngest } from "../pipeline.ts";
import { unsealedSource } from "./sealed-spool.ts";
import { pruneSpool, spoolSource, spoolSourceId } from "./spool.ts";

export interface ConsumeOptions {
  /** The folder of the spool. */
  readonly spool: string;
  /** True once nothing more will come: consuming then ends at the end of the spool. */
  readonly isDraining: () => boolean;
  readonly committed?: ((to: number, receivedAt: readonly number[]) => void) | undefined;
  /** Called for bytes of the spool that are no frame any more, with the name of the file that they lie in now. */
  readonly damaged?: ((why: string, name: string) => void) | undefined;
  readonly progress?: ((totals: IngestTotals) => void) | undefined;
}

/** The name under which the collector's spool is read; its place is in `reader-<name>.json` and in the ledger. */
export const spoolReader = "collector";

/**
 * Lands what the collector accepted, each message exactly once by the ledger, until `signal` is aborted or the spool is
 * drained. What has landed leaves the spool, a log at a time.
 */
export async function consumeSpool(
  context: IngestContext,
  { spool, isDraining, committed, damaged, progress }: ConsumeOptions,
  signal: AbortSignal,
): Promise<IngestTotals> {
  const { sink, envFor } = await openIngest({ batchAgeMs: 1000, ...context });
  const drained = new AbortController();
  try {
    const id = await spoolSourceId(spool, spoolReader, () => context.randomBytes(8).toString("hex"));
    const from = sink.progressOf(id)?.to ?? 0;
    const wait = () => context.sleep(isDraining() ? 10 : 200);
    const stop = AbortSignal.any([signal, drained.signal]);
    const read = spoolSource(id, {
      dir: spool,
      reader: spoolReader,
      from,
      signal: stop,
      wait,
      damaged: ({ why }, name) => damaged?.(why, name),
    });
    const source = unsealedSource(read, {
      dir: spool,
      keys: context.keys.deadLetters,
      isDraining,
      drained: () => drained.abort(),
      committed,
    });
    const decode = busDecoder({
      hashId: createIdHasher(context.keys.ids.active),
      mail: context.mail,
      sources: context.sources,
    });
    const totals = await runIngest(envFor({ source, decode }, progress), stop);
    await pruneSpool(spool);
    return totals;
  } finally {
    await sink.close();
  }
}
