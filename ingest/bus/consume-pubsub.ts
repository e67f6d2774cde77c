import { busDecoder } from "../decoders.ts";
import { createIdHasher } from "../door/id-hasher.ts";
import { type IngestContext, openIngest } from "../ingest-files.ts";
import { type IngestTotals, runIngest } from "../pipeline.ts";
import { pubsubBatch } from "./open-pubsub.ts";
import { type PubSubSubscription, pubsubSource } from "./pubsub-bus.ts";

/** Lands what a Pub/Sub subscription hands out, until `signal` is aborted; acked after the commit. */
export async function consumePubSub(
  context: IngestContext,
  options: {
    readonly subscription: PubSubSubscription;
    readonly name: string;
    readonly progress?: (totals: IngestTotals) => void;
  },
  signal: AbortSignal,
): Promise<IngestTotals> {
  const { sink, envFor } = await openIngest({
    batchAgeMs: 1000,
    batchRecords: pubsubBatch.records,
    ...context,
  });
  try {
    const source = pubsubSource({
      subscription: options.subscription,
      name: options.name.split("/").at(-1) ?? options.name,
      runId: context.randomBytes(8).toString("hex"),
      keys: context.keys.deadLetters,
      wait: () => context.sleep(50),
      maxAttempts: 5,
    });
    const decode = busDecoder({
      hashId: createIdHasher(context.keys.ids.active),
      mail: context.mail,
      sources: context.sources,
    });
    return await runIngest(envFor({ source, decode }, options.progress), signal);
  } finally {
    await sink.close();
  }
}
