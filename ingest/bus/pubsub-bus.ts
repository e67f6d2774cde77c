import { UserError } from "../../errors/user-error.ts";
import { seal, unseal } from "../door/dead-letter.ts";
import type { KeyRing } from "../door/keys.ts";
import type { Message, Source } from "../pipeline.ts";
import { type BusWriter, besideBodyBytes } from "./bus.ts";

/** What is called of @google-cloud/pubsub's Topic. */
export interface PubSubTopic {
  publishMessage(message: { readonly data: Buffer; readonly attributes: Record<string, string> }): Promise<string>;
  flush(): Promise<void>;
}

/** What is called of its Message. */
export interface PubSubMessage {
  readonly id: string;
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
  /** Counted only where the subscription has a dead-letter policy; 0 otherwise. */
  readonly deliveryAttempt: number;
  ack(): void;
  nack(): void;
}

/** What is called of its Subscription. The client extends the deadlines of messages that it has handed out. */
export interface PubSubSubscription {
  on(event: "message", listener: (message: PubSubMessage) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

/** 10 MB a message and a request, https://cloud.google.com/pubsub/quotas#resource_limits: less than 10 MiB. */
const maxPubSubBytes = 10_000_000;

/** Pub/Sub as the collector's bus. Messages are sealed: the topic's readers in the project see no address. */
export function pubsubWriter(
  topic: PubSubTopic,
  keys: KeyRing,
  randomBytes: (n: number) => Buffer,
  close: () => Promise<void> = async () => {},
): BusWriter {
  return {
    maxBodyBytes: maxPubSubBytes - besideBodyBytes,
    /** Resolves when Pub/Sub has taken every message; a part that was taken comes again when the caller does, as duplicates. */
    async publish(messages) {
      await Promise.all(
        messages.map(({ kind, receivedAt, data }) =>
          topic.publishMessage({
            data: seal(data, keys, randomBytes),
            attributes: { kind, received_at: String(receivedAt) },
          }),
        ),
      );
    },
    async close() {
      await topic.flush();
      await close();
    },
  };
}

export interface PubSubSourceOptions {
  readonly subscription: PubSubSubscription;
  /** For people and for the ledger. */
  readonly name: string;
  /** Names this consumer's run: Pub/Sub has no positions, so each run counts its own. */
  readonly runId: string;
  readonly keys: KeyRing;
  /** Waits before an empty block; resolving early is fine. */
  readonly wait: () => Promise<void>;
  /** A message handed out more often than this has ended consumers before: it becomes a dead letter unread. */
  readonly maxAttempts: number;
}

/** Messages handed to the pipeline at once. */
const blockMessages = 500;

/**
 * A Pub/Sub subscription as a source of the pipeline. A message is acked after the commit of its rows or its dead letter; what
 * was not acked comes again, to this consumer or another, and is found by its event id at the door and in the models.
 */
export function pubsubSource(options: PubSubSourceOptions): Source {
  const { subscription, name, runId, keys, wait, maxAttempts } = options;
  const waiting: PubSubMessage[] = [];
  const open = new Map<string, PubSubMessage>();
  let handedOut = 0;
  let failure: Error | undefined;

  const messageOf = (message: PubSubMessage): Message => {
    handedOut += 1;
    const ackId = `${message.id}#${handedOut}`;
    open.set(ackId, message);
    const arrival = Number(message.attributes["received_at"]);
    const base = {
      position: handedOut,
      ackId,
      ...(Number.isFinite(arrival) && arrival > 0 ? { arrival: arrival * 1000 } : {}),
    };
    if (message.deliveryAttempt > maxAttempts) return { ...base, data: message.data, source: `poison:${name}` };
    const data = unseal(message.data, keys);
    return data
      ? { ...base, data, source: `${message.attributes["kind"] ?? ""}:${name}` }
      : { ...base, data: message.data, source: `sealed:${name}` };
  };

  return {
    name: `pubsub:${name}`,
    id: `pubsub-${name}/${runId}`,
    from: 0,
    async *pull(signal) {
      subscription.on("message", (message) => void waiting.push(message));
      subscription.on("error", (error) => {
        failure = error;
      });
      while (!signal.aborted) {
        if (failure) throw unreachable(name, failure);
        const block = waiting.splice(0, blockMessages);
        yield block.map(messageOf);
        if (block.length === 0) await wait();
      }
      // Nobody has seen these: another consumer may have them at once.
      for (const message of waiting.splice(0)) message.nack();
    },
    async ack(ackIds) {
      for (const id of ackIds) {
        open.get(id)?.ack();
        open.delete(id);
      }
    },
  };
}

const unreachable = (name: string, cause: Error): UserError =>
  new UserError("the subscription cannot be read", {
    code: "pubsub.unreachable",
    exit: "remote",
    where: name,
    next: `gcloud pubsub subscriptions describe ${name}; nothing is lost: what was not committed comes again`,
    cause,
  });
