import { join } from "node:path";
import { expect, test } from "vitest";
import { type IngestContext, openLocalIngest } from "../../../ingest/ingest-files.ts";
import { compact, planCompaction } from "../../../ingest/segments/compact.ts";
import { verifyLedger } from "../../../ingest/segments/verify.ts";
import { eventRecord, ingest, rowsOf, segmentsOf, temporaryFolder, testContext, writeLines } from "../support.ts";

const live = new AbortController().signal;

async function home(folder: string, name: string) {
  const raw = join(folder, name);
  const records = [...Array.from({ length: 90 }, (_, n) => eventRecord(n)), "{broken"];
  await ingest(raw, [writeLines(join(folder, `${name}.ndjson`), records)], { context: { batchRecords: 25 } });
  return raw;
}

async function compactAll(raw: string, more: Partial<IngestContext> = {}, maxRows = 1000) {
  const { sink } = await openLocalIngest(testContext(raw, more));
  try {
    return await compact(sink, await planCompaction(sink, { maxRows, minSegments: 2 }), live);
  } finally {
    sink.close();
  }
}

test("when small segments are merged then the rows, their order and the ledger stay", async () => {
  const raw = await home(temporaryFolder(), "raw");
  const before = await rowsOf(raw, "events");
  expect(await compactAll(raw)).toBe(2);
  expect([segmentsOf(raw, "events").length, segmentsOf(raw, "ingest_ledger").length]).toEqual([1, 1]);
  expect(await rowsOf(raw, "events")).toEqual(before);
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

test("when more comes after a compaction then it lands, and merging again keeps every digest", async () => {
  const folder = temporaryFolder();
  const raw = await home(folder, "raw");
  await compactAll(raw, {}, 40);
  const more = Array.from({ length: 30 }, (_, n) => eventRecord(80 + n));
  const [outcome] = await ingest(raw, [writeLines(join(folder, "more.ndjson"), more)], {
    context: { batchRecords: 7 },
  });
  expect(outcome).toMatchObject({ landed: 20, duplicate: 10 });
  await compactAll(raw);
  expect(segmentsOf(raw, "events")).toHaveLength(1);
  expect((await rowsOf(raw, "events")).map((row) => row["event_id"])).toEqual(
    Array.from({ length: 110 }, (_, n) => `e${n}`),
  );
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

test("when a compaction dies at any boundary then the next start finishes or forgets it", async () => {
  class Died extends Error {}
  const folder = temporaryFolder();
  for (let at = 1; at <= 8; at += 1) {
    const raw = await home(folder, `raw-${at}`);
    let left = at;
    const fault = (point: string) => {
      left -= 1;
      if (left === 0) throw new Died(`${at}: ${point}`);
    };
    await expect(compactAll(raw, { fault })).rejects.toThrow(Died);
    await compactAll(raw);
    expect((await rowsOf(raw, "events")).length, `boundary ${at}`).toBe(90);
    expect(segmentsOf(raw, "events"), `boundary ${at}`).toHaveLength(1);
    expect((await verifyLedger(raw)).problems, `boundary ${at}`).toEqual([]);
  }
});
