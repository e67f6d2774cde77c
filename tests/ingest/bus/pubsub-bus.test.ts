import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type PubSubMessage, pubsubSource, pubsubWriter } from "../../../ingest/bus/pubsub-bus.ts";
import { packHook } from "../../../ingest/collector/hook-message.ts";
import { busDecoder } from "../../../ingest/decoders.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { openLocalIngest } from "../../../ingest/ingest-files.ts";
import { runIngest } from "../../../ingest/pipeline.ts";
import { eventRecord, rowsOf, temporaryFolder, testContext, testKeys } from "../support.ts";

/** A topic and its subscription in memory, which record what is done to them; unacked messages come again when asked. */
function standIn(failure?: Error) {
  const actions: string[] = [];
  const kept: { id: string; data: Buffer; attributes: Record<string, string>; attempts: number }[] = [];
  let deliver: ((message: PubSubMessage) => void) | undefined;
  const topic = {
    publishMessage: async ({ data, attributes }: { data: Buffer; attributes: Record<string, string> }) => {
      const id = `p${kept.length + 1}`;
      kept.push({ id, data, attributes, attempts: 0 });
      return id;
    },
    flush: async () => void actions.push("flushed"),
  };
  const deliverAll = () => {
    for (const one of [...kept]) {
      one.attempts += 1;
      deliver?.({
        id: one.id,
        data: one.data,
        attributes: one.attributes,
        deliveryAttempt: one.attempts,
        ack: () => {
          actions.push(`ack ${one.id}`);
          if (kept.includes(one)) kept.splice(kept.indexOf(one), 1);
        },
        nack: () => void actions.push(`nack ${one.id}`),
      });
    }
  };
  const subscription = {
    on(event: "message" | "error", listener: unknown) {
      if (event === "message") {
        deliver = listener as typeof deliver;
        deliverAll();
      } else if (failure) (listener as (error: Error) => void)(failure);
    },
    close: async () => {},
  };
  return { actions, kept, topic, subscription, deliverAll };
}

const event = (n: number) => ({
  kind: "api-app",
  receivedAt: 1_769_900_000_000,
  data: Buffer.from(JSON.stringify(eventRecord(n))),
});

async function consume(
  raw: string,
  bus: ReturnType<typeof standIn>,
  options: { readonly runId: string; readonly fault?: (point: string) => void; readonly maxAttempts?: number },
) {
  const { sink, envFor } = await openLocalIngest(testContext(raw, options.fault ? { fault: options.fault } : {}));
  const stop = new AbortController();
  let waits = 0;
  const source = pubsubSource({
    subscription: bus.subscription,
    name: "events",
    runId: options.runId,
    keys: testKeys.deadLetters,
    maxAttempts: options.maxAttempts ?? 5,
    wait: async () => {
      waits += 1;
      if (waits > 1) stop.abort();
    },
  });
  try {
    return await runIngest(
      envFor({ source, decode: busDecoder({ hashId: createIdHasher(testKeys.ids.active) }) }),
      stop.signal,
    );
  } finally {
    sink.close();
  }
}

test("when events are published then they are sealed, and they land before they are acked", async () => {
  const raw = join(temporaryFolder(), "raw");
  const bus = standIn();
  const writer = pubsubWriter(bus.topic, testKeys.deadLetters, randomBytes);
  const call = packHook({
    headers: { "content-type": "application/json" },
    body: Buffer.from(
      '{"RecordType":"Open","MessageID":"m9","Recipient":"reader@example.org","ReceivedAt":"2026-01-31T09:00:00Z"}',
    ),
  });
  await writer.publish([event(1), { kind: "hook-postmark", receivedAt: 1_769_900_000_000, data: call }]);
  await writer.close();
  expect(bus.kept.map(({ data }) => data.toString("latin1")).join()).not.toContain("reader@");
  const totals = await consume(raw, bus, {
    runId: "a",
    fault: (point) => {
      if (point === "ledger-appended") bus.actions.push("committed");
    },
  });
  expect(totals).toMatchObject({ received: 2, landed: 2 });
  expect(bus.actions).toEqual(["flushed", "committed", "ack p1", "ack p2"]);
  expect((await rowsOf(raw, "events"))[0]).toMatchObject({ received_at: 1_769_900_000_000_000 });
});

test("when a consumer dies after the commit then what comes again is a duplicate", async () => {
  const raw = join(temporaryFolder(), "raw");
  const bus = standIn();
  await pubsubWriter(bus.topic, testKeys.deadLetters, randomBytes).publish([event(1), event(2)]);
  const dies = (point: string) => {
    if (point === "staging-removed") throw new Error("killed");
  };
  await expect(consume(raw, bus, { runId: "a", fault: dies })).rejects.toThrow("killed");
  expect(bus.actions).toEqual([]);
  expect(await consume(raw, bus, { runId: "b" })).toMatchObject({ received: 2, landed: 0, duplicate: 2 });
  expect(bus.actions).toEqual(["ack p1", "ack p2"]);
  expect(await rowsOf(raw, "events")).toHaveLength(2);
});

test("when a message was delivered too often or no key opens it then it is a dead letter and goes", async () => {
  const raw = join(temporaryFolder(), "raw");
  const bus = standIn();
  await pubsubWriter(bus.topic, testKeys.deadLetters, randomBytes).publish([event(1)]);
  bus.kept[0]!.attempts = 5;
  bus.kept.push({ id: "p2", data: Buffer.from("not ours"), attributes: { kind: "api-app" }, attempts: 0 });
  expect(await consume(raw, bus, { runId: "a" })).toMatchObject({ received: 2, dead_letter: 2 });
  expect(bus.kept).toEqual([]);
  expect((await rowsOf(raw, "dead_letters")).map((row) => row["detail"])).toEqual([
    "it was delivered too often without being acknowledged",
    "no key opens it",
  ]);
});

test("when the subscription fails then the run ends with what to do, and nothing is acked", async () => {
  const raw = join(temporaryFolder(), "raw");
  const bus = standIn(new Error("PERMISSION_DENIED"));
  await expect(consume(raw, bus, { runId: "a" })).rejects.toMatchObject({ code: "pubsub.unreachable" });
  expect(bus.actions).toEqual([]);
});
