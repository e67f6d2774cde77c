// What a machine does to an ingest: full disks, torn files, two of them at once. Death at every boundary is in exactly-once.test.ts, at
// full size in tests/faults/kill.ts; a disk that really is full in tests/faults/disk-full.ts.

import { readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { consumeSpool } from "../../ingest/bus/consume-spool.ts";
import { sealedWriter } from "../../ingest/bus/sealed-spool.ts";
import { SpoolWriter } from "../../ingest/bus/spool-writer.ts";
import { canonicalLine } from "../../ingest/door/raw-row.ts";
import { homeTrouble } from "../../ingest/home-trouble.ts";
import { SegmentDraft } from "../../ingest/segments/segment-draft.ts";
import { verifyLedger } from "../../ingest/segments/verify.ts";
import {
  eventRecord,
  ingest,
  rowsOf,
  segmentsOf,
  temporaryFolder,
  testContext,
  testKeys,
  writeLines,
} from "./support.ts";

const live = new AbortController().signal;
/** No process has this id: what such an owner leaves behind is there to be cleared away. */
const nobody = 999_999_999;
const full = () => Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

const records = [
  ...Array.from({ length: 120 }, (_, n) => eventRecord(n)),
  "{broken",
  eventRecord(5),
  {
    table: "consents",
    user_id: "a@example.com",
    purpose: "training",
    is_granted: true,
    effective_at: "2026-01-01T00:00:00Z",
  },
];

async function dataOf(raw: string) {
  const lines = async (table: string) => (await rowsOf(raw, table)).map(canonicalLine).sort();
  const letters = (await rowsOf(raw, "dead_letters")).map((row) => `${row["position"]} ${row["reason"]}`);
  return { events: await lines("events"), consents: await lines("consents"), letters };
}

test("when the disk is full at any boundary then the error says so, and after making room everything lands once", async () => {
  const folder = temporaryFolder();
  const file = writeLines(join(folder, "events.ndjson"), records);
  const boundaries: string[] = [];
  const whole = join(folder, "whole");
  await ingest(whole, [file], { context: { batchRecords: 50, fault: (point) => boundaries.push(point) } });
  const expected = await dataOf(whole);
  const points = [...new Set(boundaries)];
  expect(points.length).toBeGreaterThanOrEqual(12);
  for (const point of points) {
    const raw = join(folder, `full-at-${point}`);
    const fault = (at: string) => {
      if (at === point) throw full();
    };
    const error = await ingest(raw, [file], { context: { batchRecords: 50, fault, pid: nobody } }).catch(
      (caught: unknown) => caught,
    );
    expect(homeTrouble(error, raw), point).toMatchObject({
      code: "ingest.disk-full",
      next: expect.stringContaining("make room"),
    });
    const outcome = await ingest(raw, [file], { context: { batchRecords: 50 } });
    expect(await dataOf(raw), point).toEqual(expected);
    expect(outcome[0]!.received + outcome[0]!.earlier.received, point).toBe(records.length);
    expect((await verifyLedger(raw)).problems, point).toEqual([]);
    expect(readdirSync(join(raw, ".staging")), point).toEqual([]);
  }
});

test("when the lines of a batch find no room then the draft fails with the system's word for it", async () => {
  const draft = new SegmentDraft("consents", "/dev/full");
  await draft.add([{ purpose: "training" }]);
  await expect(draft.close()).rejects.toMatchObject({ code: "ENOSPC" });
  await draft.discard();
});

test("when a segment that landed is torn then more of its table is refused by name until it is whole again", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  await ingest(raw, [writeLines(join(folder, "a.ndjson"), records)]);
  truncateSync(join(raw, "events", segmentsOf(raw, "events")[0]!), 200);
  const more = writeLines(join(folder, "b.ndjson"), [eventRecord(1000)]);
  await expect(ingest(raw, [more])).rejects.toMatchObject({ code: "ingest.damaged-segment", exit: "check" });
  expect((await verifyLedger(raw)).problems.map(({ kind }) => kind)).toEqual(["content"]);
});

test("when a staged segment is torn in the crash then the batch never counted, and is made again", async () => {
  const folder = temporaryFolder();
  const file = writeLines(join(folder, "events.ndjson"), records);
  const raw = join(folder, "raw");
  const fault = (point: string) => {
    if (point !== "ready") return;
    const [ready] = readdirSync(join(raw, ".staging")).filter((name) => name.startsWith("ready-"));
    truncateSync(join(raw, ".staging", ready!, "events.parquet"), 100);
    throw new Error("power cut");
  };
  await expect(ingest(raw, [file], { context: { fault } })).rejects.toThrow("power cut");
  await ingest(raw, [file]);
  expect((await rowsOf(raw, "events")).map((row) => row["event_id"])).toEqual(
    Array.from({ length: 120 }, (_, n) => `e${n}`),
  );
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

test("when two consumers read one spool at once then each message lands once and one of them says why it stopped", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const spool = join(folder, "spool");
  const bus = sealedWriter(await SpoolWriter.open(spool), testKeys.deadLetters, (n) => Buffer.alloc(n, 7));
  for (let n = 0; n < 1000; n += 50) {
    await bus.publish(
      Array.from({ length: 50 }, (_, k) => ({
        kind: "ndjson",
        receivedAt: Date.UTC(2026, 1, 1),
        data: Buffer.from(JSON.stringify(eventRecord(n + k))),
      })),
    );
  }
  await bus.close();
  const consume = () => consumeSpool(testContext(raw, { batchRecords: 100 }), { spool, isDraining: () => true }, live);
  const both = await Promise.allSettled([consume(), consume()]);
  for (const one of both)
    if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "ingest.superseded" });
  await consume();
  const ids = (await rowsOf(raw, "events")).map((row) => row["event_id"]);
  expect(ids).toHaveLength(1000);
  expect(new Set(ids).size).toBe(1000);
  expect((await verifyLedger(raw)).problems).toEqual([]);
});
