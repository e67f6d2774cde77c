import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import rawTables from "../../includes/raw_tables.js";
import { openLmdbStore } from "../../serve/online/lmdb-store.ts";
import { pushFeatures } from "../../serve/online/push.ts";
import type { OnlineStore } from "../../serve/online/store.ts";
import { streamOnce } from "../../serve/online/stream.ts";
import { SegmentStore } from "../../warehouse/duckdb/segment-store.ts";
import type { Column } from "../../warehouse/warehouse.ts";
import { personOf } from "../policy/cases.ts";
import { stored } from "./support/bench.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const startMs = Date.UTC(2026, 10, 1);
const people = 900;

/** A home's raw folder with one segment of that many product views, a minute apart, of 900 people in turn. */
async function rawWith(table: string, rows: readonly object[], segments: SegmentStore, folder: string): Promise<void> {
  const columns = rawTables.columns(table) as readonly Column[];
  const full = rows.map((row) => Object.fromEntries(columns.map(({ name }) => [name, (row as never)[name] ?? null])));
  const lines = join(folder, `${table}.ndjson`);
  writeFileSync(lines, full.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await mkdir(join(folder, "raw", table), { recursive: true });
  await segments.encode(lines, columns, join(folder, "raw", table, `segment-${rows.length}.parquet`));
}

const views = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    event_id: `v${n}`,
    event_type: "product_view",
    user_id_hash: personOf(n % people),
    timestamp_utc: (startMs + n * 61_000) * 1000,
    received_at: (startMs + n * 61_000 + 1000) * 1000,
    provenance: "web",
    metadata: { category: "garden" },
  }));

async function openAt(folder: string): Promise<OnlineStore> {
  const store = openLmdbStore(join(folder, "online"));
  if (store.note("push") === undefined)
    await store.transact((tx) => {
      for (let n = 0; n < people; n++) tx.putPerson(personOf(n), stored(personOf(n), { as_of: startMs - 3_600_000 }));
      tx.putNote("push", { as_of: startMs - 3_600_000, received_to: startMs - 3_600_000, people });
    });
  return store;
}
const counted = (store: OnlineStore): readonly number[] =>
  Array.from({ length: people }, (_, n) => store.person(personOf(n))!.fresh.length);

test("when counting stops anywhere within a segment, then it goes on there, and every row counts once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "inboxloop-stream-"));
  folders.push(folder);
  const segments = await SegmentStore.open();
  await rawWith("events", views(4500), segments, folder);
  const seen: number[] = [];
  for (let stops = 0; seen.at(-1) !== 4500; stops++) {
    expect(stops).toBeLessThan(10);
    const store = await openAt(folder);
    const stop = new AbortController();
    // Killed behind its second transaction: the store is closed and opened again.
    let transactions = 0;
    const watched: OnlineStore = {
      ...store,
      transact: async (work) => {
        const done = await store.transact(work);
        transactions += 1;
        if (transactions === 2) stop.abort(new Error("killed"));
        return done;
      },
    };
    await streamOnce(join(folder, "raw"), segments, watched, stop.signal).catch((error) =>
      expect(error.message).toBe("killed"),
    );
    seen.push(counted(store).reduce((a, b) => a + b));
    await store.close();
  }
  expect(seen.slice(0, 2)).toEqual([2000, 4000]);
  const store = await openAt(folder);
  expect(counted(store)).toEqual(Array(people).fill(5));
  expect((await streamOnce(join(folder, "raw"), segments, store)).rows).toBe(0);
  await store.close();
  segments.close();
});

test("when more waits than one turn takes, then what forbids mail is counted before the rest of it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "inboxloop-stream-"));
  folders.push(folder);
  const segments = await SegmentStore.open();
  await rawWith("events", views(45_000), segments, folder);
  const store = await openAt(folder);
  const first = await streamOnce(join(folder, "raw"), segments, store);
  expect(first).toMatchObject({ rows: 20_000, is_behind: true });
  const refusal = {
    consent_id: "c1",
    user_id_hash: personOf(3),
    purpose: "activation",
    is_granted: false,
    effective_at: startMs * 1000,
    received_at: startMs * 1000,
    provenance: "crm",
  };
  await rawWith("consents", [refusal], segments, folder);
  const second = await streamOnce(join(folder, "raw"), segments, store);
  expect(second).toMatchObject({ rows: 20_001, is_behind: true });
  expect(store.heard(personOf(3))).toMatchObject([{ kind: "consent", is_granted: false }]);
  expect(await streamOnce(join(folder, "raw"), segments, store)).toMatchObject({ rows: 5000, is_behind: false });
  expect(counted(store)).toEqual(Array(people).fill(50));
  await store.close();
  segments.close();
});

test("when decisions land, then what a batch sends counts once, and neither what it did not send nor the service's own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "inboxloop-stream-"));
  folders.push(folder);
  const segments = await SegmentStore.open();
  const decided = (n: number, attributes: unknown) => ({
    decision_id: `d-${n}`,
    user_id_hash: personOf(n),
    campaign_id: "spring",
    arm: "rules",
    decided_at: startMs * 1000,
    received_at: startMs * 1000,
    attributes,
  });
  const send_at = new Date(startMs).toISOString();
  await rawWith(
    "decisions",
    [
      decided(0, { action: "send", send_at, campaign_kind: "trigger", steps: [{ saw: { action: "suppress" } }] }),
      decided(1, { action: "send", send_at }),
      decided(2, { action: "suppress", send_at: null, campaign_kind: "bulk" }),
      decided(3, { action: "send", send_at: "some day", campaign_kind: "bulk" }),
      decided(4, null),
      decided(5, { action: "send", send_at, campaign_kind: "bulk" }),
    ],
    segments,
    folder,
  );
  const store = await openAt(folder);
  await store.transact((tx) =>
    tx.putDecision({ table: "decisions", decision_id: "d-5", user_id_hash: personOf(5), decided_at: send_at }),
  );
  expect(await streamOnce(join(folder, "raw"), segments, store)).toMatchObject({ rows: 6, changed: 2 });
  // A segment that compaction makes of others comes again, under another name.
  const again = join(folder, "raw", "decisions");
  renameSync(join(again, "segment-6.parquet"), join(again, "segment-merged.parquet"));
  expect(await streamOnce(join(folder, "raw"), segments, store)).toMatchObject({ rows: 6, changed: 0 });
  expect([0, 1, 2, 3, 4, 5].map((n) => store.sends(personOf(n)))).toEqual([
    [{ at: startMs, kind: "trigger", campaign_id: "spring", decided_at: startMs }],
    [{ at: startMs, kind: "bulk", campaign_id: "spring", decided_at: startMs }],
    [],
    [],
    [],
    [],
  ]);
  await store.close();
  segments.close();
});

test("when sends of batches are older than what is kept, then a push lets go of their notes, and they do not count again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "inboxloop-stream-"));
  folders.push(folder);
  const segments = await SegmentStore.open();
  const dayMs = 86_400_000;
  const decided = (n: number, at: number) => ({
    decision_id: `d-${n}`,
    user_id_hash: personOf(n),
    campaign_id: "spring",
    decided_at: at * 1000,
    received_at: at * 1000,
    attributes: { action: "send", send_at: new Date(at).toISOString(), campaign_kind: "bulk" },
  });
  const store = await openAt(folder);
  await rawWith("decisions", [decided(0, startMs), decided(1, startMs + 5 * dayMs)], segments, folder);
  expect(await streamOnce(join(folder, "raw"), segments, store)).toMatchObject({ rows: 2, changed: 2 });
  const pushAsOf = (at: number) =>
    pushFeatures(
      {
        query: async (_sql, options) => ({
          columns: [],
          rows:
            options?.file === "decision inputs"
              ? [{ user_id_hash: personOf(2), person_id: personOf(2), as_of_at: new Date(at).toISOString() }]
              : [],
        }),
      },
      store,
      { pageRows: 10, signal: new AbortController().signal },
    );
  await pushAsOf(startMs + 40 * dayMs);
  expect([0, 1].map((n) => store.note(`counted d-${n}`))).toEqual([startMs, startMs + 5 * dayMs]);
  await pushAsOf(startMs + 42 * dayMs);
  expect([0, 1].map((n) => store.note(`counted d-${n}`))).toEqual([undefined, startMs + 5 * dayMs]);
  expect(store.note("push")).toMatchObject({ as_of: startMs + 42 * dayMs });
  const again = join(folder, "raw", "decisions");
  renameSync(join(again, "segment-2.parquet"), join(again, "segment-merged.parquet"));
  expect(await streamOnce(join(folder, "raw"), segments, store)).toMatchObject({ rows: 2, changed: 0 });
  expect([0, 1].map((n) => store.sends(personOf(n)).length)).toEqual([1, 1]);
  await store.close();
  segments.close();
});
