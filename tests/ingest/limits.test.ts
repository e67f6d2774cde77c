// The largest record that each road takes, and the first that it does not: what is let in at the edge fits through the bus, the door and the segment, and what
// does not fit is refused where it comes in, or is a dead letter. Nothing is answered "come again" that can never be taken.

import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { BusWriter } from "../../ingest/bus/bus.ts";
import { pubsubWriter } from "../../ingest/bus/pubsub-bus.ts";
import { sealedWriter } from "../../ingest/bus/sealed-spool.ts";
import { SpoolWriter } from "../../ingest/bus/spool-writer.ts";
import { packHook } from "../../ingest/collector/hook-message.ts";
import { runCollector } from "../../ingest/collector/run-collector.ts";
import { defaultLimits } from "../../ingest/collector/server.ts";
import { findDocuments } from "../../ingest/documents/find-documents.ts";
import { maxLineBytes } from "../../ingest/door/decode.ts";
import { parseMapping } from "../../ingest/mapping/schema.ts";
import { ingest, rowsOf, temporaryFolder, testContext, testKeys } from "./support.ts";

const MiB = 1 << 20;
/** An event of exactly so many bytes as JSON, most of them in tags that the door keeps. */
function event(id: string, bytes: number): string {
  const tags = Array.from({ length: Math.max(0, Math.floor((bytes - 2000) / 504)) }, () => "t".repeat(500));
  const made = (pad: string) =>
    JSON.stringify({
      event_id: id,
      event_type: "open",
      user_id: "ann@example.com",
      message_id: "m1",
      timestamp_utc: "2026-01-01T10:00:00Z",
      metadata: { tags },
      pad,
    });
  return made("x".repeat(bytes - Buffer.byteLength(made(""))));
}
const idsIn = async (raw: string) => (await rowsOf(raw, "events")).map((row) => row["event_id"]).sort();

test("when a line of a file is as large as a line may be then it lands, and one byte more is a dead letter beside it", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "events.ndjson");
  writeFileSync(
    file,
    [event("most", maxLineBytes), event("more", maxLineBytes + 1), event("small", 3000), ""].join("\n"),
  );
  const [outcome] = await ingest(join(folder, "raw"), [file]);
  expect(outcome).toMatchObject({ received: 3, landed: 2, dead_letters_by_reason: { "too-large": 1 } });
  expect(await idsIn(join(folder, "raw"))).toEqual(["most", "small"]);
});

test("when a record of a CSV is as large as a record may be then it lands, and a larger one is a dead letter and not the end of the file", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "events.csv");
  const line = (id: string, bytes: number) => `${id},${"x".repeat(bytes - id.length - 1)}`;
  writeFileSync(file, ["id,pad", line("most", MiB), line("more", MiB + 1), "small,x", ""].join("\n"));
  const mapping = parseMapping(
    'version: 1\nrows:\n  - table: events\n    set: { event_id: { column: id }, event_type: open, user_id: u, message_id: m, timestamp_utc: "2026-01-01T10:00:00Z" }\n',
    "own.yaml",
  );
  const [outcome] = await ingest(join(folder, "raw"), [file], { file: { mapping } });
  expect(await idsIn(join(folder, "raw"))).toContain("most");
  expect(outcome?.dead_letter).toBe(1);
});

/** A collector with its pipeline; gives what each call was answered, and the folder in which it landed. */
async function answered(calls: (url: string) => Promise<readonly Response[]>, otherBus?: BusWriter) {
  const home = temporaryFolder();
  const stop = new AbortController();
  const raw = join(home, "raw");
  const answers = await new Promise<readonly (readonly [number, unknown])[]>((done, failed) => {
    let told: readonly (readonly [number, unknown])[] = [];
    runCollector(
      testContext(raw),
      {
        host: "127.0.0.1",
        port: 0,
        status: { host: "127.0.0.1", port: 0 },
        spool: join(home, "spool"),
        settings: {
          INBOXLOOP_API_KEY_APP: "a-key-that-is-long-enough",
          INBOXLOOP_HOOK_BREVO_TOKEN: "a-token-that-is-long-enough",
        },
        limits: defaultLimits,
        withPipeline: otherBus === undefined,
        drainMs: 60_000,
        fetchText: async () => "",
        fetchBytes: async () => new Uint8Array(),
        otherBus,
        log: () => {},
        listening: ({ address }) =>
          void calls(address)
            .then(async (all) => {
              told = await Promise.all(all.map(async (one) => [one.status, await one.json()] as const));
            })
            .catch(failed)
            .finally(() => stop.abort()),
      },
      stop.signal,
    ).then(() => done(told), failed);
  });
  return { answers, raw };
}
const post = (url: string, body: string, token: string) =>
  fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body,
  });
const api = (url: string, body: string) => post(`${url}/v1/events`, body, "a-key-that-is-long-enough");
const hook = (url: string, bytes: number, n: number) => {
  const made = (pad: string) =>
    JSON.stringify({
      event: "delivered",
      email: "ann@example.com",
      "message-id": `<${n}@relay.example>`,
      ts_event: 1_767_340_000 + n,
      pad,
    });
  return post(`${url}/hooks/brevo`, made("x".repeat(bytes - made("").length)), "a-token-that-is-long-enough");
};

test("when a call has the largest record or the largest body then it lands, and one byte more is refused at the door, for good", async () => {
  const { answers, raw } = await answered(async (url) => [
    await api(url, event("most", maxLineBytes)),
    await api(url, event("more", maxLineBytes + 1)),
    await hook(url, defaultLimits.bodyBytes, 1),
    await hook(url, defaultLimits.bodyBytes + 1, 2),
  ]);
  expect(answers.map(([status]) => status)).toEqual([202, 422, 202, 413]);
  expect(answers[1]![1]).toMatchObject({ error: "not-taken", refused: [{ index: 0, reason: "too-large" }] });
  const rows = await rowsOf(raw, "events");
  expect(rows.map((row) => row["event_type"]).sort()).toEqual(["delivered", "open"]);
  expect(await rowsOf(raw, "dead_letters")).toEqual([]);
});

test("when the bus takes less than the collector would then its limit is the collector's, and a call is never told to come again for its size", async () => {
  const bus: BusWriter = {
    maxBodyBytes: 50_000,
    publish: async (messages) => {
      if (messages.some(({ data }) => data.length > 50_500)) throw new Error("too large for the bus");
    },
    close: async () => {},
  };
  const { answers } = await answered(async (url) => [await hook(url, 50_000, 1), await hook(url, 50_001, 2)], bus);
  expect(answers.map(([status]) => status)).toEqual([202, 413]);
});

const call = (bytes: number) => ({
  kind: "hook-brevo",
  receivedAt: 1,
  data: packHook({
    headers: { "content-type": "c".repeat(600), "svix-id": "s".repeat(600), "webhook-id": "w".repeat(600) },
    body: Buffer.alloc(bytes),
  }),
});

test("when a body is as large as Pub/Sub's writer says then its message is at most 10 MB", async () => {
  const sizes: number[] = [];
  const topic = {
    publishMessage: async ({ data, attributes }: { data: Buffer; attributes: Readonly<Record<string, string>> }) => {
      sizes.push(data.length + JSON.stringify(attributes).length);
      return "1";
    },
    flush: async () => {},
  };
  const writer = pubsubWriter(topic, testKeys.deadLetters, (n) => Buffer.alloc(n));
  await writer.publish([call(writer.maxBodyBytes!)]);
  expect(sizes[0]).toBeLessThanOrEqual(10_000_000);
  expect(writer.maxBodyBytes).toBeLessThan(defaultLimits.bodyBytes);
});

test("when a body is as large as the spool's writer says then a frame takes it, and the frame's own limit is just above", async () => {
  const spool = await SpoolWriter.open(join(temporaryFolder(), "spool"));
  onTestFinished(() => spool.close());
  const writer = sealedWriter(spool, testKeys.deadLetters, (n) => Buffer.alloc(n));
  expect(await writer.publish([call(writer.maxBodyBytes!)])).toBeUndefined();
  await expect(writer.publish([call(writer.maxBodyBytes! + (16 << 10))])).rejects.toMatchObject({
    code: "ingest.message-too-large",
  });
});

test("when a mail is as large as a document may be then it is found, and a larger one is named with the limit", async () => {
  const path = join(temporaryFolder(), "large.eml");
  const find = async () => {
    let found = 0;
    for await (const _ of findDocuments(path)) found += 1;
    return found;
  };
  writeFileSync(path, "Subject: large\r\n\r\nx");
  truncateSync(path, 64 * MiB);
  expect(await find()).toBe(1);
  truncateSync(path, 64 * MiB + 1);
  await expect(find()).rejects.toMatchObject({ code: "ingest.document-too-large" });
});
