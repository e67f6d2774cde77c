// What a flipped bit, a lost part or an earlier version leaves of a spool: each costs what it hit and nothing else.

import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { consumeSpool } from "../../../ingest/bus/consume-spool.ts";
import { crc32 } from "../../../ingest/bus/crc32.ts";
import { quarantined } from "../../../ingest/bus/quarantine.ts";
import { sealedWriter } from "../../../ingest/bus/sealed-spool.ts";
import { landedByLedger, spoolSourceId } from "../../../ingest/bus/spool.ts";
import { frameOf, headBytes, type SpoolMessage, scanFrames } from "../../../ingest/bus/spool-frame.ts";
import { type Damage, readSpool } from "../../../ingest/bus/spool-read.ts";
import { SpoolWriter } from "../../../ingest/bus/spool-writer.ts";
import { verifyLedger } from "../../../ingest/segments/verify.ts";
import { seededRandom } from "../../../platform/seeded-random.ts";
import { eventRecord, rowsOf, temporaryFolder, testContext, testKeys } from "../support.ts";

const live = new AbortController().signal;
const wait = async () => {};
const message = (n: number): SpoolMessage => ({
  kind: "ndjson",
  receivedAt: 1000 + n,
  data: Buffer.from(`message ${n} ${"x".repeat((n * 7) % 60)}`),
});

interface ReadBack {
  readonly texts: ReadonlyMap<number, string>;
  readonly damages: readonly (Damage & { readonly position: number })[];
}

async function readAll(dir: string, from = 0): Promise<ReadBack> {
  const texts = new Map<number, string>();
  const damages: (Damage & { position: number })[] = [];
  for await (const block of readSpool(dir, from, { signal: live, wait, once: true }))
    for (const one of block) {
      if (one.damage) damages.push({ ...one.damage, position: one.position });
      else texts.set(one.position, Buffer.from(one.data).toString());
    }
  return { texts, damages };
}

async function spoolOf(messages: number, logBytes?: number): Promise<string> {
  const dir = temporaryFolder();
  const writer = await SpoolWriter.open(dir, logBytes === undefined ? {} : { logBytes });
  for (let n = 1; n <= messages; n++) await writer.publish([message(n)]);
  await writer.close();
  return dir;
}

async function published(dir: string): Promise<number> {
  const writer = await SpoolWriter.open(dir, { logBytes: 600 });
  const number = await writer.publish([message(99)]);
  await writer.close();
  return number;
}

const logsOf = (dir: string) =>
  readdirSync(dir)
    .filter((name) => name.endsWith(".frames"))
    .sort()
    .map((name) => join(dir, name));

function flipBit(path: string, bit: number): void {
  const bytes = readFileSync(path);
  bytes[bit >> 3]! ^= 1 << (bit & 7);
  writeFileSync(path, bytes);
}

test("when a bit is flipped at 500 random places then it costs the frame that it hit, and what is published next gets through", async () => {
  const dir = await spoolOf(40, 600);
  const logs = logsOf(dir);
  expect(logs.length).toBeGreaterThan(3);
  const whole = await readAll(dir);
  const sizes = logs.map((path) => readFileSync(path).length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const random = seededRandom(20260131);
  for (let round = 0; round < 500; round++) {
    let bit = Math.floor(random() * total * 8);
    let log = 0;
    while (bit >= sizes[log]! * 8) bit -= sizes[log++]! * 8;
    const path = logs[log]!;
    const before = readFileSync(path);
    flipBit(path, bit);
    // The log that still grows, and some of the others: a writer comes back to it.
    const number = path === logs.at(-1) || round % 20 === 0 ? await published(dir) : undefined;
    const { texts, damages } = await readAll(dir);
    const lost = [...whole.texts.keys()].filter((position) => !texts.has(position));
    const where = `round ${round}: bit ${bit} of ${path}`;
    expect(damages, where).toHaveLength(1);
    expect(lost, where).toHaveLength(1);
    const kept = [...whole.texts].filter(([position]) => position !== lost[0]);
    expect(
      [...texts].filter(([position]) => position !== number),
      where,
    ).toEqual(kept);
    expect(damages[0]!.position, where).toBeGreaterThanOrEqual(lost[0]!);
    if (number !== undefined) {
      expect(texts.get(number), where).toBe(message(99).data.toString());
      expect(number, where).toBeGreaterThan(Math.max(40, damages[0]!.position));
    }
    for (const now of logsOf(dir)) if (!logs.includes(now)) rmSync(now);
    writeFileSync(path, before);
    if (path !== logs.at(-1)) truncateSync(logs.at(-1)!, sizes.at(-1)!);
  }
});

test("when the last frame of a log that may still grow is damaged then it is believed at the second look", async () => {
  const dir = await spoolOf(3);
  const [log] = logsOf(dir);
  flipBit(log!, (readFileSync(log!).length - 1) * 8);
  let looks = 0;
  const positions: string[] = [];
  const look = async () => void looks++;
  for await (const block of readSpool(dir, 0, { signal: live, wait: look, once: true }))
    positions.push(...block.map((one) => `${one.position}${one.damage ? " damaged" : ""}`));
  expect(positions).toEqual(["1", "2", "3 damaged"]);
  expect(looks).toBe(1);
});

test("when damage is longer than what is read at once then the reader still finds the frame behind it", async () => {
  const dir = temporaryFolder();
  const writer = await SpoolWriter.open(dir);
  await writer.publish([message(1), { ...message(2), data: Buffer.alloc(3 << 20, 7) }, message(3)]);
  await writer.close();
  flipBit(logsOf(dir)[0]!, (headBytes + 9 + 6 + message(1).data.length + 5) * 8);
  const { texts, damages } = await readAll(dir);
  expect([...texts.keys()]).toEqual([1, 3]);
  expect(damages.map((one) => one.position)).toEqual([2]);
});

test("when bytes in a message look like a frame then they are none, for they begin where no frame does", () => {
  const inner = frameOf(message(7), 7);
  const frames = Buffer.concat([frameOf({ ...message(1), data: inner }, 1), frameOf(message(2), 2)]);
  const { pieces } = scanFrames(frames, 0, "numbered", true);
  expect(pieces.map((piece) => [piece.kind, piece.number])).toEqual([
    ["message", 1],
    ["message", 2],
  ]);
});

test("when the logs are gone but the ledger is not then numbers go on above what has landed", async () => {
  const folder = temporaryFolder();
  const [raw, spool] = [join(folder, "raw"), join(folder, "spool")];
  const publish = async (from: number, to: number, above: number) => {
    const writer = await SpoolWriter.open(spool, { above });
    const bus = sealedWriter(writer, testKeys.deadLetters, (n) => Buffer.alloc(n, 7));
    for (let n = from; n < to; n++)
      await bus.publish([
        { kind: "ndjson", receivedAt: Date.UTC(2026, 1, 1), data: Buffer.from(JSON.stringify(eventRecord(n))) },
      ]);
    await bus.close();
  };
  const consume = () => consumeSpool(testContext(raw), { spool, isDraining: () => true }, live);
  await publish(0, 10, 0);
  expect(await consume()).toMatchObject({ landed: 10 });
  for (const log of logsOf(spool)) rmSync(log);
  rmSync(join(spool, "reader-collector.json"));
  const id = await spoolSourceId(spool, "collector", () => "unused");
  expect(await landedByLedger(id, testContext(raw))).toBe(10);
  await publish(10, 12, await landedByLedger(id, testContext(raw)));
  expect(await consume()).toMatchObject({ landed: 2 });
  expect(await rowsOf(raw, "events")).toHaveLength(12);
});

test("when frames are damaged then each is a dead letter and a file, the sums hold, and a second run adds nothing", async () => {
  const folder = temporaryFolder();
  const [raw, spool] = [join(folder, "raw"), join(folder, "spool")];
  const writer = await SpoolWriter.open(spool);
  const bus = sealedWriter(writer, testKeys.deadLetters, (n) => Buffer.alloc(n, 7));
  for (let n = 0; n < 20; n++)
    await bus.publish([
      { kind: "ndjson", receivedAt: Date.UTC(2026, 1, 1), data: Buffer.from(JSON.stringify(eventRecord(n))) },
    ]);
  await bus.close();
  const [log] = logsOf(spool);
  const size = readFileSync(log!).length;
  for (const part of [0.2, 0.7]) flipBit(log!, Math.floor(size * part) * 8);
  const told: string[] = [];
  const consume = () =>
    consumeSpool(
      testContext(raw),
      { spool, isDraining: () => true, damaged: (why, name) => told.push(`${why}: ${name}`) },
      live,
    );
  expect(await consume()).toMatchObject({
    received: 20,
    landed: 18,
    dead_letter: 2,
    dead_letters_by_reason: { "damaged-frame": 2 },
  });
  expect(told).toHaveLength(2);
  expect(await quarantined(spool)).toHaveLength(2);
  expect(await consume()).toMatchObject({ received: 0 });
  expect((await rowsOf(raw, "dead_letters")).map((row) => row["reason"])).toEqual(["damaged-frame", "damaged-frame"]);
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

/** As versions before the numbered frames wrote them. */
function countedLog(dir: string, first: number, messages: readonly SpoolMessage[]): string {
  const frames = messages.map(({ kind, receivedAt, data }) => {
    const frame = Buffer.alloc(8 + 9 + kind.length + data.length);
    frame.writeUInt32LE(frame.length - 8, 0);
    frame.writeDoubleLE(receivedAt, 8);
    frame.writeUInt8(kind.length, 16);
    frame.write(kind, 17);
    frame.set(data, 17 + kind.length);
    frame.writeUInt32LE(crc32(frame.subarray(8)), 4);
    return frame;
  });
  mkdirSync(dir, { recursive: true });
  const path = join(dir, `${String(first).padStart(15, "0")}.log`);
  writeFileSync(path, Buffer.concat(frames));
  return path;
}

test("when a spool was written by an earlier version then it is read, and what comes next has frames of today", async () => {
  const dir = join(temporaryFolder(), "spool");
  countedLog(dir, 1, [message(1), message(2)]);
  countedLog(dir, 3, [message(3)]);
  const writer = await SpoolWriter.open(dir);
  expect(await writer.publish([message(4)])).toBe(4);
  await writer.close();
  const { texts, damages } = await readAll(dir);
  expect([...texts.keys()]).toEqual([1, 2, 3, 4]);
  expect(damages).toEqual([]);
});

test("when a log of an earlier version is damaged then the rest of that log is set aside and the next log is read", async () => {
  const dir = join(temporaryFolder(), "spool");
  const old = countedLog(dir, 1, [message(1), message(2), message(3)]);
  flipBit(old, (8 + 9 + 6 + message(1).data.length + 12) * 8);
  countedLog(dir, 4, [message(4)]);
  const last = countedLog(dir, 5, [message(5), message(6)]);
  flipBit(last, (readFileSync(last).length - 1) * 8);
  const writer = await SpoolWriter.open(dir);
  const number = await writer.publish([message(7)]);
  await writer.close();
  expect(number).toBeGreaterThanOrEqual(7);
  const { texts, damages } = await readAll(dir);
  expect([...texts.keys()]).toEqual([1, 4, 5, number]);
  expect(damages.map((one) => one.position)).toEqual([3, number - 1]);
});
