import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { canonicalLine, type RawRow } from "../../ingest/door/raw-row.ts";
import { verifyLedger } from "../../ingest/segments/verify.ts";
import { eventRecord, ingest, rowsOf, segmentsOf, temporaryFolder, testKeys, writeLines } from "./support.ts";

class Died extends Error {}

/** 400 lines: 5 % of them repeat an earlier one, some are broken, some go to another table. */
function lines(): unknown[] {
  const made: unknown[] = [];
  for (let n = 0; n < 400; n++) {
    if (n % 20 === 19) made.push(eventRecord(n - 11));
    else if (n % 50 === 7) made.push("{broken");
    else if (n % 90 === 3) {
      made.push({
        table: "consents",
        user_id: `user${n}@example.com`,
        purpose: "training",
        is_granted: true,
        effective_at: "2026-01-01T00:00:00Z",
      });
    } else made.push(eventRecord(n));
  }
  return made;
}

const sortedLines = (rows: readonly RawRow[]): string[] => rows.map(canonicalLine).sort();
const ids = (rows: readonly RawRow[]): unknown[] => rows.map((row) => row["event_id"]);

async function dataOf(raw: string) {
  return {
    events: sortedLines(await rowsOf(raw, "events")),
    consents: sortedLines(await rowsOf(raw, "consents")),
    letters: (await rowsOf(raw, "dead_letters")).map((row) => `${row["position"]} ${row["reason"]}`).sort(),
  };
}

test("when an ingest dies at any boundary then repeating it lands every row exactly once", async () => {
  const folder = temporaryFolder();
  const file = writeLines(join(folder, "events.ndjson"), lines());
  const whole = join(folder, "whole");
  await ingest(whole, [file]);
  const expected = await dataOf(whole);
  const boundaries: string[] = [];
  await ingest(join(folder, "counted"), [file], {
    context: { batchRecords: 150, fault: (point) => boundaries.push(point) },
  });
  expect(new Set(boundaries)).toEqual(
    new Set([
      "staging-made",
      "lines-written",
      "encoded-events",
      "encoded-consents",
      "encoded-dead_letters",
      "ready",
      "ledger-torn",
      "ledger-appended",
      "published-events",
      "published-consents",
      "published-dead_letters",
      "mirrored",
      "staging-removed",
    ]),
  );

  // Each kind of boundary once, and the commit itself in a later batch too; tests/faults/kill.ts takes them all.
  const last = (point: string) => boundaries.lastIndexOf(point);
  const deaths = new Set([...new Set(boundaries)].map((point) => boundaries.indexOf(point)));
  for (const point of ["ready", "ledger-torn", "ledger-appended"]) deaths.add(last(point));
  for (const death of deaths) {
    const at = death + 1;
    const raw = join(folder, `died-${at}`);
    let left = at;
    const fault = (point: string) => {
      left -= 1;
      if (left === 0) throw new Died(`${point}, boundary ${at}`);
    };
    await expect(ingest(raw, [file], { context: { batchRecords: 150, fault } })).rejects.toThrow(Died);
    await ingest(raw, [file], { context: { batchRecords: 150 } });
    expect(await dataOf(raw), `died at ${boundaries[at - 1]}, boundary ${at}`).toEqual(expected);
    expect((await verifyLedger(raw)).problems, `died at ${boundaries[at - 1]}`).toEqual([]);
  }
});

test("when an ingest of several files dies while one is committed and the next is read then repeating it lands every row once", async () => {
  const folder = temporaryFolder();
  const all = lines();
  const files = [0, 1, 2].map((part) =>
    writeLines(join(folder, `part-${part}.ndjson`), all.slice(part * 140, (part + 1) * 140)),
  );
  const boundaries: string[] = [];
  const whole = join(folder, "whole");
  await ingest(whole, files, { context: { fault: (point) => boundaries.push(point) } });
  const expected = await dataOf(whole);
  const began = boundaries.flatMap((point, at) => (point === "staging-made" ? [at] : []));
  // From the second file's beginning to a little behind the third's; as a rule that is while the file before is committed.
  for (let death = began[1]!; death <= began[2]! + 2; death += 2) {
    const raw = join(folder, `died-${death}`);
    let left = death + 1;
    const fault = (point: string) => {
      left -= 1;
      if (left === 0) throw new Died(point);
    };
    await expect(ingest(raw, files, { context: { fault } })).rejects.toThrow(Died);
    await ingest(raw, files);
    expect(await dataOf(raw), `died at ${boundaries[death]}, boundary ${death}`).toEqual(expected);
    expect((await verifyLedger(raw)).problems, `died at ${boundaries[death]}`).toEqual([]);
  }
});

test("when an ingest dies before its commit then no reader sees a row of the batch", async () => {
  const folder = temporaryFolder();
  const file = writeLines(join(folder, "events.ndjson"), lines());
  const raw = join(folder, "raw");
  const fault = (point: string) => {
    if (point === "ready") throw new Died();
  };
  await expect(ingest(raw, [file], { context: { fault } })).rejects.toThrow(Died);
  expect(existsSync(join(raw, "events"))).toBe(false);
  expect(readdirSync(join(raw, ".staging")).some((name) => name.startsWith("ready-"))).toBe(true);
});

test("when a file is ingested twice, under another name too, then the tables do not change", async () => {
  const folder = temporaryFolder();
  const file = writeLines(join(folder, "events.ndjson"), lines());
  const raw = join(folder, "raw");
  const [first] = await ingest(raw, [file]);
  const before = await dataOf(raw);
  const copy = join(folder, "copy.ndjson");
  writeFileSync(copy, readFileSync(file));
  const [again, copied] = await ingest(raw, [file, copy]);
  expect([again?.state, copied?.state]).toEqual(["already-ingested", "already-ingested"]);
  expect(again?.earlier).toMatchObject({ received: first?.received, landed: first?.landed });
  expect(await dataOf(raw)).toEqual(before);
});

test("when the same events come in another packing then the door counts each as a duplicate", async () => {
  const folder = temporaryFolder();
  const file = writeLines(join(folder, "events.ndjson"), lines());
  const raw = join(folder, "raw");
  await ingest(raw, [file]);
  const before = await dataOf(raw);
  const packed = join(folder, "events.ndjson.gz");
  writeFileSync(packed, gzipSync(readFileSync(file)));
  const [outcome] = await ingest(raw, [packed]);
  expect(outcome).toMatchObject({ landed: 0, duplicate: 392, dead_letter: 8 });
  expect((await dataOf(raw)).events).toEqual(before.events);
});

test("when events are split, reordered and redelivered then the same rows land", async () => {
  const folder = temporaryFolder();
  const records = Array.from({ length: 200 }, (_, n) => eventRecord(n));
  const raw = join(folder, "whole");
  await ingest(raw, [writeLines(join(folder, "whole.ndjson"), records)]);
  const expected = sortedLines(await rowsOf(raw, "events"));
  for (const seed of [1, 2, 3]) {
    let state = seed * 2654435761;
    const random = () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return state / 2 ** 32;
    };
    const shuffled = [...records, ...records.filter(() => random() < 0.3)].sort(() => random() - 0.5);
    const cut = Math.floor(random() * shuffled.length);
    const files = [shuffled.slice(0, cut), shuffled.slice(cut)].map((part, n) =>
      writeLines(join(folder, `part-${seed}-${n}.ndjson`), part),
    );
    const split = join(folder, `split-${seed}`);
    const outcomes = await ingest(split, files, { context: { batchRecords: 1 + Math.floor(random() * 90) } });
    expect(sortedLines(await rowsOf(split, "events")), `seed ${seed}`).toEqual(expected);
    const sum = (key: "received" | "landed" | "duplicate") => outcomes.reduce((total, one) => total + one[key], 0);
    expect(sum("received"), `seed ${seed}`).toBe(shuffled.length);
    expect(sum("landed") + sum("duplicate"), `seed ${seed}`).toBe(shuffled.length);
  }
});

test("when two processes ingest the same file at once then one of them lands it", async () => {
  const folder = temporaryFolder();
  const file = writeLines(
    join(folder, "events.ndjson"),
    Array.from({ length: 3000 }, (_, n) => eventRecord(n)),
  );
  const raw = join(folder, "raw");
  const results = await Promise.allSettled([1, 2].map(() => ingest(raw, [file], { context: { batchRecords: 500 } })));
  for (const result of results) {
    if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "ingest.superseded" });
  }
  await ingest(raw, [file]);
  const landed = ids(await rowsOf(raw, "events"));
  expect(landed).toHaveLength(3000);
  expect(new Set(landed).size).toBe(3000);
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

test("when a batch is committed then readers find its segments, the ledger's row and the dead letters as Parquet", async () => {
  const folder = temporaryFolder();
  const file = writeLines(join(folder, "events.ndjson"), lines());
  const raw = join(folder, "raw");
  await ingest(raw, [file], { context: { batchRecords: 1000 } });
  for (const table of ["events", "consents", "dead_letters", "ingest_ledger"])
    expect(segmentsOf(raw, table).length).toBeGreaterThan(0);
  expect(readdirSync(join(raw, ".staging"))).toEqual([]);
});

test("when the id key was exchanged under the same version then nothing is ingested under it", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  await ingest(raw, [writeLines(join(folder, "a.ndjson"), [eventRecord(1)])]);
  const more = writeLines(join(folder, "b.ndjson"), [eventRecord(2)]);
  const keyOf = (version: string) => {
    const active = { version, secret: Buffer.from("some other secret, long enough") };
    return { keys: { ...testKeys, ids: { active, all: [active], isDemo: false } } };
  };
  await expect(ingest(raw, [more], { context: keyOf("v1") })).rejects.toMatchObject({ code: "ingest.key-changed" });
  expect(await ingest(raw, [more], { context: keyOf("v2") })).toMatchObject([{ landed: 1 }]);
});
