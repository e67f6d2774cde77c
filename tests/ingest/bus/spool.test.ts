import { appendFileSync, readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { crc32, crc32ByTable } from "../../../ingest/bus/crc32.ts";
import { pruneSpool, spoolSource, spoolSourceId } from "../../../ingest/bus/spool.ts";
import { headBytes, type SpoolMessage } from "../../../ingest/bus/spool-frame.ts";
import { readSpool } from "../../../ingest/bus/spool-read.ts";
import { SpoolWriter } from "../../../ingest/bus/spool-writer.ts";
import { decoderFor } from "../../../ingest/decoders.ts";
import { openLocalIngest } from "../../../ingest/ingest-files.ts";
import { runIngest } from "../../../ingest/pipeline.ts";
import { eventRecord, rowsOf, temporaryFolder, testContext } from "../support.ts";

const live = new AbortController().signal;
const message = (n: number): SpoolMessage => ({
  kind: "ndjson",
  receivedAt: 1000 + n,
  data: Buffer.from(`message ${n}`),
});
const wait = async () => {};

async function readAll(dir: string, from = 0) {
  const all: string[] = [];
  for await (const block of readSpool(dir, from, { signal: live, wait, once: true })) {
    for (const one of block)
      all.push(
        one.damage
          ? `${one.position} damaged: ${one.damage.why}`
          : `${one.position} ${one.receivedAt} ${Buffer.from(one.data)}`,
      );
  }
  return all;
}

test("when messages are published from many places at once then each has one number and all are there", async () => {
  const dir = temporaryFolder();
  const writer = await SpoolWriter.open(dir, { logBytes: 300 });
  const numbers = await Promise.all(Array.from({ length: 50 }, (_, n) => writer.publish([message(n)])));
  await writer.close();
  expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
  expect(await readAll(dir)).toEqual(Array.from({ length: 50 }, (_, n) => `${n + 1} ${1000 + n} message ${n}`));
  expect(await readAll(dir, 48)).toEqual(["49 1048 message 48", "50 1049 message 49"]);
});

test("when the spool rolls then readers go on in the next log and read ones can go", async () => {
  const dir = temporaryFolder();
  const writer = await SpoolWriter.open(dir, { logBytes: 100 });
  for (let n = 0; n < 20; n++) await writer.publish([message(n)]);
  await writer.close();
  expect(readdirSync(dir).length).toBeGreaterThan(3);
  expect(await readAll(dir)).toHaveLength(20);
  const source = spoolSource("id", { dir, reader: "main", from: 0, signal: live, wait });
  await source.ack([], 12);
  expect(await pruneSpool(dir)).toBeGreaterThan(0);
  expect((await readAll(dir, 12)).map((line) => line.split(" ")[0])).toEqual([
    "13",
    "14",
    "15",
    "16",
    "17",
    "18",
    "19",
    "20",
  ]);
});

test("when a log is through or messages were read before then no empty block says that the spool has ended", async () => {
  const dir = temporaryFolder();
  const writer = await SpoolWriter.open(dir, { logBytes: 300 });
  for (let n = 0; n < 50; n++) await writer.publish([message(n)]);
  await writer.close();
  expect(readdirSync(dir).filter((name) => name.endsWith(".frames")).length).toBeGreaterThan(2);
  for (const from of [0, 3, 25]) {
    const sizes: number[] = [];
    for await (const block of readSpool(dir, from, { signal: live, wait, once: true })) sizes.push(block.length);
    expect(sizes.indexOf(0)).toBe(sizes.length - 1);
    expect(sizes.reduce((total, size) => total + size, 0)).toBe(50 - from);
  }
});

test("when the writer died in a frame then the next one cuts it off and goes on", async () => {
  for (const cut of [1, 5, 9, 20, 23]) {
    const dir = temporaryFolder();
    const writer = await SpoolWriter.open(dir);
    await writer.publish([message(0), message(1)]);
    await writer.close();
    const log = join(dir, readdirSync(dir).find((name) => name.endsWith(".frames"))!);
    appendFileSync(log, readFileSync(log).subarray(0, cut));
    expect(await readAll(dir)).toHaveLength(2);
    const again = await SpoolWriter.open(dir);
    expect(await again.publish([message(2)])).toBe(3);
    await again.close();
    expect(await readAll(dir)).toHaveLength(3);
  }
});

test("when a byte of the last frame was lost then it was never published", async () => {
  const dir = temporaryFolder();
  const writer = await SpoolWriter.open(dir);
  await writer.publish([message(0)]);
  await writer.publish([message(1)]);
  await writer.close();
  const log = join(dir, readdirSync(dir)[0]!);
  truncateSync(log, 2 * (headBytes + 9 + 6 + 9) - 1);
  expect(await readAll(dir)).toEqual(["1 1000 message 0"]);
});

test("when a reader sees new messages while it waits then they come in order", async () => {
  const dir = temporaryFolder();
  const writer = await SpoolWriter.open(dir);
  const seen: number[] = [];
  const stop = new AbortController();
  let published = 0;
  const publishOne = async () => {
    if (published < 5) await writer.publish([message(published++)]);
    else stop.abort();
  };
  for await (const block of readSpool(dir, 0, { signal: stop.signal, wait: publishOne }))
    seen.push(...block.map((one) => one.position));
  await writer.close();
  expect(seen).toEqual([1, 2, 3, 4, 5]);
});

test("when the pipeline reads the spool again after a stop then each message lands once, as of when it was accepted", async () => {
  const dir = temporaryFolder();
  const raw = join(dir, "raw");
  const spool = join(dir, "spool");
  const writer = await SpoolWriter.open(spool);
  const publish = (from: number, to: number) =>
    writer.publish(
      Array.from({ length: to - from }, (_, n) => ({
        kind: "ndjson",
        receivedAt: Date.UTC(2026, 1, 1) + from + n,
        data: Buffer.from(JSON.stringify(eventRecord(from + n))),
      })),
    );
  const consume = async () => {
    const { sink, envFor } = await openLocalIngest(testContext(raw));
    const id = await spoolSourceId(spool, "main", () => "one");
    const from = sink.progressOf(id)?.to ?? 0;
    const source = spoolSource(id, { dir: spool, reader: "main", from, signal: live, wait, once: true });
    const decode = decoderFor("ndjson", { hashId: (one) => one, fileId: "" });
    try {
      return await runIngest(envFor({ source, decode }), live);
    } finally {
      sink.close();
    }
  };
  await publish(0, 10);
  expect(await consume()).toMatchObject({ received: 10, landed: 10 });
  await publish(10, 15);
  expect(await consume()).toMatchObject({ received: 5, landed: 5 });
  await writer.close();
  const rows = await rowsOf(raw, "events");
  expect(rows.map((row) => row["event_id"])).toEqual(Array.from({ length: 15 }, (_, n) => `e${n}`));
  expect(rows[3]?.["received_at"]).toBe((Date.UTC(2026, 1, 1) + 3) * 1000);
});

test("when a checksum is made then it is the CRC-32 that everybody else makes, by library or by table", () => {
  const bytes = Buffer.from("123456789");
  expect([crc32(bytes), crc32ByTable(bytes)]).toEqual([0xcbf43926, 0xcbf43926]);
  const more = Buffer.from(Array.from({ length: 1000 }, (_, n) => (n * 37) % 256));
  expect(crc32(more)).toBe(crc32ByTable(more));
});
