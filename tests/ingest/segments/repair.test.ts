import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import rawTables from "../../../includes/raw_tables.js";
import { openLocalIngest } from "../../../ingest/ingest-files.ts";
import { compact, planCompaction } from "../../../ingest/segments/compact.ts";
import { repairSegments } from "../../../ingest/segments/repair.ts";
import { verifyLedger } from "../../../ingest/segments/verify.ts";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import type { Column } from "../../../warehouse/warehouse.ts";
import { eventRecord, ingest, rowsOf, segmentsOf, temporaryFolder, testContext, writeLines } from "../support.ts";

const lock = { pid: process.pid, sleep: async () => {}, patienceMs: 1000, code: "ingest.locked" };
const repair = (raw: string, more: object = {}) =>
  repairSegments(raw, { from: undefined, setAside: false, dryRun: false, ...more }, lock);

async function landed(batches = 1): Promise<{ readonly raw: string; readonly copy: string; readonly segment: string }> {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  for (let n = 0; n < batches; n++)
    await ingest(raw, [
      writeLines(
        join(folder, `${n}.ndjson`),
        Array.from({ length: 100 }, (_, k) => eventRecord(n * 100 + k)),
      ),
    ]);
  const copy = join(folder, "copy");
  cpSync(raw, copy, { recursive: true });
  return { raw, copy, segment: join(raw, "events", segmentsOf(raw, "events")[0]!) };
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 4;
  writeFileSync(path, bytes);
}

/** What somebody who asks the warehouse is told. */
async function asked(raw: string, sql = "select * from raw.events"): Promise<unknown> {
  const tables = Object.fromEntries(
    rawTables.names.map((name: string) => [name, rawTables.columns(name) as readonly Column[]]),
  );
  const open = () => openDuckDbWarehouse({ path: join(raw, "..", "w.duckdb"), rawDir: raw, rawTables: tables });
  try {
    const warehouse = await open();
    try {
      return (await warehouse.query(sql)).rows.length;
    } finally {
      await warehouse.close();
    }
  } catch (error) {
    return error;
  }
}

const damaged = { code: "warehouse.damaged-segment", exit: "check", next: expect.stringContaining("ingest repair") };

test("when any byte of a segment is flipped then the first look says which file, and what to do", async () => {
  const { raw, segment } = await landed();
  const whole = readFileSync(segment);
  for (const part of [0, 0.1, 0.33, 0.5, 0.71, 0.9, 0.999]) {
    flip(segment, Math.floor(whole.length * part));
    expect(await asked(raw), `at ${part}`).toMatchObject({ ...damaged, where: segment });
    writeFileSync(segment, whole);
  }
  expect(await asked(raw)).toBe(100);
});

test.each([0, 3, 1000])(
  "when a segment is cut to %d bytes then it is an error of its own, and no bug",
  async (bytes) => {
    const { raw, segment } = await landed();
    truncateSync(segment, bytes);
    expect(await asked(raw)).toMatchObject({ ...damaged, where: segment });
  },
);

test("when a segment of an earlier version, without a noted digest, cannot be read then the file is still named", async () => {
  const { raw, segment } = await landed();
  const log = join(raw, "ingest_ledger", "ledger.ndjson");
  writeFileSync(log, readFileSync(log, "utf8").replaceAll(/,"sha256":"[0-9a-f]+"/g, ""));
  truncateSync(segment, 900);
  expect(await asked(raw)).toMatchObject({ ...damaged, where: segment });
});

test("when a copy has the segment then it is brought back, and what was damaged is kept", async () => {
  const { raw, copy, segment } = await landed(2);
  flip(segment, 500);
  expect((await verifyLedger(raw)).problems).not.toEqual([]);
  expect(await repair(raw, { from: copy, dryRun: true })).toMatchObject({
    repaired: [{ done: "from-copy", rows: 100 }],
  });
  expect((await verifyLedger(raw)).problems).not.toEqual([]);
  expect(await repair(raw, { from: copy })).toMatchObject({ segments: 2, repaired: [{ done: "from-copy" }] });
  expect((await verifyLedger(raw)).problems).toEqual([]);
  expect(await rowsOf(raw, "events")).toHaveLength(200);
  expect(existsSync(join(raw, ".damaged", "events"))).toBe(true);
  expect(await asked(raw)).toBe(200);
  expect(await repair(raw)).toMatchObject({ repaired: [] });
});

test("when the copy is damaged too then it is not taken, and only who asks for it goes on without the rows", async () => {
  const { raw, copy, segment } = await landed(2);
  truncateSync(segment, 100);
  flip(segment.replace(raw, copy), 500);
  expect(await repair(raw, { from: copy })).toMatchObject({ repaired: [{ done: "no-copy" }] });
  expect(await repair(raw, { from: copy, setAside: true })).toMatchObject({ repaired: [{ done: "set-aside" }] });
  expect(await asked(raw)).toBe(100);
  expect((await verifyLedger(raw)).problems.map((one) => one.kind)).toEqual(["missing-segment"]);
  const more = writeLines(join(raw, "..", "more.ndjson"), [eventRecord(1000)]);
  expect(await ingest(raw, [more])).toMatchObject([{ landed: 1 }]);
});

test("when the ledger's mirror is damaged then it is made again from the log", async () => {
  const { raw } = await landed(2);
  const [mirror] = segmentsOf(raw, "ingest_ledger");
  truncateSync(join(raw, "ingest_ledger", mirror!), 50);
  expect((await verifyLedger(raw)).problems.map((one) => one.kind)).toContain("mirror");
  expect(await repair(raw)).toMatchObject({ repaired: [{ done: "mirror", rows: 1 }] });
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

test("when a segment is damaged then compaction refuses to make a good one of it", async () => {
  const { raw, segment } = await landed(4);
  flip(segment, 500);
  const { sink } = await openLocalIngest(testContext(raw));
  try {
    const steps = await planCompaction(sink, { maxRows: 10_000, minSegments: 2 });
    await expect(compact(sink, steps, new AbortController().signal)).rejects.toMatchObject({
      code: "ingest.damaged-segment",
    });
  } finally {
    await sink.close();
  }
});

test("when the warehouse file is broken then the error says how to make it again", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "w.duckdb");
  const open = () => openDuckDbWarehouse({ path });
  await (await open()).close();
  const whole = readFileSync(path);
  for (const broken of [whole.subarray(0, 5000), Buffer.alloc(9000, 7), Buffer.from(whole).fill(9, 4096, 9000)]) {
    writeFileSync(path, broken);
    rmSync(`${path}.wal`, { force: true });
    await expect(open()).rejects.toMatchObject({
      code: "warehouse.unreadable",
      next: expect.stringContaining("inboxloop build"),
    });
  }
});
