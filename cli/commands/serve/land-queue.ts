import type { IngestContext } from "../../../ingest/ingest-files.ts";
import { landRecords } from "../../../ingest/land-records.ts";
import type { Message } from "../../../ingest/pipeline.ts";

const blockRows = 1000;

/** Records that wait for the door: decisions in the online store, signals in the outbox. Positions count on for ever. */
export interface WaitingRecords {
  /** What the queue is of, for the ledger. */
  readonly name: string;
  /** This very queue. */
  readonly queue: string;
  /** Records as JSON, by their positions. */
  queued(after: number, limit: number): readonly { readonly position: number; readonly text: string }[];
  dropQueued(upTo: number): Promise<void>;
}

/**
 * A queue as a source of the door: the ledger knows how far it has landed it, so each record lands once wherever a kill comes. What has landed
 * leaves the queue.
 */
export async function landQueue(
  context: IngestContext,
  store: WaitingRecords,
  isDraining: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  const id = `${store.name}/${store.queue}`;
  await landRecords(
    { ...context, batchAgeMs: 1000 },
    (progressOf) => ({
      name: `ndjson:${store.name}`,
      id,
      from: progressOf(id),
      async *pull(stop) {
        for (let at = this.from; ; ) {
          const rows = store.queued(at, blockRows);
          const messages: Message[] = rows.map(({ position, text }) => ({ data: Buffer.from(text), position }));
          at = messages.at(-1)?.position ?? at;
          yield messages;
          if (stop.aborted || (messages.length === 0 && isDraining())) return;
          if (messages.length < blockRows) await context.sleep(200);
        }
      },
      ack: (_ids, to) => store.dropQueued(to),
    }),
    signal,
  );
}
