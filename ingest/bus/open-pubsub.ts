import type { PubSubSubscription, PubSubTopic } from "./pubsub-bus.ts";

/** Messages that the client may hold: two batches, so that one is read while the other is committed. */
export const pubsubBatch = { records: 5000, inFlight: 10_000, bytes: 256 << 20, extendMinutes: 10 } as const;

/**
 * Google's client, loaded only here: it takes a second. `PUBSUB_EMULATOR_HOST` is honoured by the client itself. Names are
 * whole: `projects/<p>/topics/<t>`, `projects/<p>/subscriptions/<s>`.
 */
export async function openTopic(name: string): Promise<{ topic: PubSubTopic; close: () => Promise<void> }> {
  const { PubSub } = await import("@google-cloud/pubsub");
  const client = new PubSub({ projectId: projectOf(name) });
  // Small waits: a caller of the collector is waiting for its 202.
  const topic = client.topic(name, { batching: { maxMessages: 500, maxMilliseconds: 5 } });
  return { topic, close: () => client.close() };
}

export async function openSubscription(
  name: string,
): Promise<{ subscription: PubSubSubscription; close: () => Promise<void> }> {
  const { Duration, PubSub } = await import("@google-cloud/pubsub");
  const client = new PubSub({ projectId: projectOf(name) });
  const subscription = client.subscription(name, {
    flowControl: { maxMessages: pubsubBatch.inFlight, maxBytes: pubsubBatch.bytes, allowExcessMessages: false },
    maxExtensionTime: Duration.from({ minutes: pubsubBatch.extendMinutes }),
  });
  return {
    subscription,
    close: async () => {
      await subscription.close();
      await client.close();
    },
  };
}

const projectOf = (name: string): string => /^projects\/([^/]+)\//.exec(name)?.[1] ?? "";
