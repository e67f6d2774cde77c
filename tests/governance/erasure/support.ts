import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Erased, type ErasureWorld, eraseFromHome } from "../../../cli/commands/privacy/home-erasure.ts";
import type { ErasureRequest } from "../../../governance/erasure/plan.ts";
import rawTables from "../../../includes/raw_tables.js";
import { consumeSpool } from "../../../ingest/bus/consume-spool.ts";
import { sealedWriter } from "../../../ingest/bus/sealed-spool.ts";
import { SpoolWriter } from "../../../ingest/bus/spool-writer.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import type { IngestContext } from "../../../ingest/ingest-files.ts";
import { type Home, homeAt } from "../../../platform/home.ts";
import { readHomeTextSync, writeWhole } from "../../../platform/home-files.ts";
import { sealOf } from "../../../platform/home-seal.ts";
import { journalFile } from "../../../platform/journal/journal-file.ts";
import { erasureJournal } from "../../../platform/tombstones.ts";
import { createSnapshot } from "../../../retrain/snapshot/snapshot.ts";
import { heardInErasure } from "../../../serve/heard.ts";
import { openLmdbStore } from "../../../serve/online/lmdb-store.ts";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { SegmentStore } from "../../../warehouse/duckdb/segment-store.ts";
import { ingest, rowsOf, testContext, testKeys, testNow, writeLines } from "../../ingest/support.ts";
import { fillExamples } from "../../retrain/support/examples.ts";
import { plainWarehouse } from "../../retrain/support/plain-duckdb.ts";
import { stored } from "../../serve/support/bench.ts";
import { writeConstantModel } from "../../serve/support/constant-model.ts";

export const hashId = createIdHasher(testKeys.ids.active);
/** The person who is to be erased, by address, by a cookie that a login links to it; and who stays. */
export const jane = "jane.doe@example.org";
export const janesCookie = "cookie-7781";
export const joe = "joe.bloggs@example.org";
export const others = Array.from({ length: 12 }, (_, n) => `other${n}@example.org`);
export const janesIds = [hashId(jane), hashId(janesCookie)];

const day = (n: number) => new Date(Date.UTC(2026, 0, 1 + n)).toISOString();
const event = (id: string, user: string | undefined, n: number, more: Record<string, unknown> = {}) => ({
  event_id: id,
  event_type: "open",
  ...(user === undefined ? {} : { user_id: user }),
  message_id: `${id}-message`,
  campaign_id: "promo",
  timestamp_utc: day(n % 28),
  consent: true,
  provenance: "test",
  metadata: { isp: "gmail" },
  ...more,
});

/** Everything that lands in this home, by files; what names Jane is mixed with the rest. */
export const recordsOf = (): readonly (readonly unknown[])[] => [
  [
    ...others.flatMap((user, n) => [
      { table: "profiles", user_id: user, isp: "gmail", signed_up_at: day(0) },
      event(`a${n}`, user, n),
      event(`b${n}`, user, n, { event_type: "click" }),
    ]),
    { table: "profiles", user_id: jane, isp: "gmail", signed_up_at: day(0) },
    event("j1", jane, 3),
    event("j2", jane, 4, { event_type: "click" }),
    event("cookie", janesCookie, 5, { event_type: "page_view", message_id: undefined }),
    { table: "consents", user_id: jane, purpose: "training", is_granted: true, effective_at: day(1) },
    { table: "consents", user_id: joe, purpose: "training", is_granted: true, effective_at: day(1) },
  ],
  [
    event("late", undefined, 6, { message_id: "j1-message" }),
    event("joe", joe, 6),
    { table: "identity_links", left_id: janesCookie, right_id: jane, link_kind: "login", linked_at: day(2) },
    {
      table: "decisions",
      decision_id: "d-jane",
      user_id: jane,
      message_id: "j9",
      campaign_id: "promo",
      arm: "t",
      decided_at: day(6),
    },
    {
      table: "decisions",
      decision_id: "d-joe",
      user_id: joe,
      message_id: "o9",
      campaign_id: "promo",
      arm: "t",
      decided_at: day(6),
    },
    { table: "human_labels", message_id: "j1-message", label: "spam", labelled_by: "ann" },
    { table: "human_labels", message_id: "a1-message", label: "spam", labelled_by: "ann" },
    { ...event("bad", jane, 3), event_type: "no-such-type" },
    { ...event("bad-other", joe, 3), event_type: "no-such-type" },
    `{"event_type": "open", "user_id": "${jane}"`,
    ...others.map((user, n) => event(`c${n}`, user, n + 9)),
  ],
  [
    { table: "suppressions", user_id: jane, reason: "complaint", since_at: day(9) },
    { table: "suppressions", user_id: others[1], reason: "complaint", since_at: day(9) },
    { table: "erasure_requests", user_id: jane, requested_at: day(20) },
    event("j3", jane, 21),
  ],
];

export interface TestHome {
  readonly home: Home;
  readonly context: IngestContext;
  readonly world: ErasureWorld;
}

/** A home as a home of a test sees it, at a folder; `fault` dies where it throws. */
export function worldAt(folder: string, fault?: (point: string) => void, batchRecords = 9): TestHome {
  const home = homeAt(folder);
  const context = testContext(home.raw, { erasures: home.erasures, fault, batchRecords });
  const world: ErasureWorld = {
    home,
    context,
    journal: journalFile(home.erasures, erasureJournal, {
      pid: process.pid,
      sleep: context.sleep,
      patienceMs: 1_000,
    }),
    refreshViews: async () => (await openHomeWarehouse(home)).close(),
    dueDays: 30,
    retrainDays: 30,
    shredsUnreadable: false,
    signal: new AbortController().signal,
  };
  return { home, context, world };
}

export const openHomeWarehouse = (home: Home) =>
  openDuckDbWarehouse({
    path: home.warehouse,
    rawDir: home.raw,
    rawTables: Object.fromEntries(rawTables.names.map((table: string) => [table, rawTables.columns(table)])),
  });

/** Fills a home with every kind of thing that can hold a person. */
export async function fillHome(folder: string, { batchRecords = 9 } = {}): Promise<void> {
  const { home, context } = worldAt(folder, undefined, batchRecords);
  mkdirSync(folder, { recursive: true });
  for (const [n, records] of recordsOf().entries()) await land(folder, `in-${n}`, records, batchRecords);
  await fillSpool(home, context);
  const warehouse = await openHomeWarehouse(home);
  await warehouse.execute("create schema if not exists events");
  await warehouse.execute("create table events.events as select * from raw.events");
  await warehouse.execute("create schema if not exists governance");
  await warehouse.execute(
    "create table governance.pairs as select left_id as from_id, concat(right_id, ' open') as subject_key, left_is_role from raw.identity_links union all select 'x', 'y', false",
  );
  await warehouse.execute(
    "create table governance.counts as select event_type, count(*) as n from raw.events group by event_type",
  );
  await warehouse.close();
  await fillBeside(home);
}

/** What a home holds beside raw rows, its spool and its warehouse, whatever its target. */
export async function fillBeside(home: Home): Promise<void> {
  await fillSnapshots(home);
  const store = openLmdbStore(join(home.root, "online"));
  await store.transact((tx) => {
    for (const id of [janesIds[0]!, hashId(joe)]) {
      tx.putPerson(id, stored(id));
      tx.addSend(id, { at: 1, kind: "bulk", campaign_id: "promo" });
      tx.putHeard(id, heardInErasure(1));
      tx.putDecision({
        decision_id: `online ${id}`,
        user_id_hash: id,
        message_id: `m ${id}`,
        decided_at: day(3),
      } as never);
    }
  });
  await store.close();
  // a batch that was stopped before it landed
  const run = join(home.root, "decisions", "spring@today");
  mkdirSync(run, { recursive: true });
  await writeWhole(
    join(run, "page-000000.ndjson"),
    [janesIds[0]!, hashId(joe), janesIds[0]!]
      .map((id, n) => `${JSON.stringify({ table: "decisions", decision_id: `page ${n}`, user_id_hash: id })}\n`)
      .join(""),
  );
  // An encrypted home has none.
  if (sealOf(home.root)) return;
  mkdirSync(home.reports, { recursive: true });
  writeFileSync(join(home.reports, "with.html"), `<p>${janesIds[0]}</p>`);
  writeFileSync(join(home.reports, "without.html"), "<p>nobody</p>");
}

/** Lands records as a file of their own, kept outside the home. */
export async function land(folder: string, name: string, records: readonly unknown[], batchRecords = 9) {
  const { home, context } = worldAt(folder, undefined, batchRecords);
  const outside = `${folder}.in`;
  mkdirSync(outside, { recursive: true });
  return ingest(home.raw, [writeLines(join(outside, `${name}.ndjson`), records)], { context });
}

/** A model that says which snapshot it learned from. */
async function learnedFrom(home: Home, name: string, snapshot: string): Promise<void> {
  await writeConstantModel(home.models, name, { click: 0.1 });
  const path = join(home.models, name, "model.json");
  const record = JSON.parse(readHomeTextSync(path)) as { lineage: { snapshot: { id: string } } };
  record.lineage.snapshot.id = snapshot;
  await writeWhole(path, JSON.stringify(record));
}

export async function fillSpool(home: Home, context: IngestContext): Promise<void> {
  await putInSpool(home, [
    [jane, "s1"],
    [joe, "s2"],
    [janesCookie, "s3"],
    [others[0]!, "s4"],
  ]);
  await landSpool(home, context);
}

/** Calls that the collector accepted: who, and the event's id. */
export async function putInSpool(home: Home, calls: readonly (readonly [string, string])[]): Promise<void> {
  const spool = sealedWriter(await SpoolWriter.open(home.spool), testKeys.deadLetters, randomBytes);
  const call = (user: string, id: string) => ({
    kind: "api-shop/events",
    receivedAt: testNow.getTime(),
    data: Buffer.from(JSON.stringify(event(id, user, 22))),
  });
  await spool.publish(calls.map(([user, id]) => call(user, id)));
  await spool.close();
}

export const landSpool = (home: Home, context: IngestContext) =>
  consumeSpool(context, { spool: home.spool, isDraining: () => true }, new AbortController().signal);

async function fillSnapshots(home: Home): Promise<void> {
  const warehouse = await plainWarehouse();
  try {
    await fillExamples(warehouse, 300);
    await warehouse.run("update training.examples set user_id_hash = 'sha256:' || sha256(user_id_hash)");
    await warehouse.run(`update training.examples set user_id_hash = '${janesIds[0]}' where message_id like '%7'`);
    const env = { warehouse, snapshots: home.snapshots, now: () => testNow };
    const baseline = await createSnapshot(env, { name: "baseline" });
    await learnedFrom(home, "m1", baseline.kind === "planned" ? "" : baseline.id);
    await learnedFrom(home, "m2", "another");
    await createSnapshot(env, { name: "later", from: new Date("2026-01-20T00:00:00Z") });
  } finally {
    await warehouse.close();
  }
}

export const copyHome = (from: string, to: string): void => cpSync(from, to, { recursive: true });

export const erase = (
  { world }: Pick<TestHome, "world">,
  who: readonly string[] | "pending",
  dryRun = false,
): Promise<readonly Erased[]> => {
  const requests: readonly ErasureRequest[] | "pending" =
    who === "pending" ? who : who.map((one) => ({ ids: [hashId(one)], requested_at: testNow.toISOString() }));
  return eraseFromHome(world, requests, { dryRun });
};

/** Rows of every raw table, as text, without those of some ids and messages. */
export async function rawRows(folder: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const tables: Record<string, readonly string[]> = {};
  for (const table of rawTables.names as readonly string[]) {
    if (table === "ingest_ledger" || !existsSync(join(folder, "raw", table))) continue;
    tables[table] = (await rowsOf(join(folder, "raw"), table)).map((row) => JSON.stringify(row));
  }
  return tables;
}

/**
 * Every byte of a home: what stands in files as it is, and what stands in columns of Parquet and LMDB once it is unpacked. Names the places in which
 * one of the texts stands.
 */
export async function placesNaming(folder: string, texts: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  const store = await SegmentStore.open();
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      let bytes = readFileSync(path).toString("latin1");
      if (path.endsWith(".parquet")) bytes += await parquetText(path);
      if (texts.some((text) => bytes.includes(text))) found.push(path.slice(folder.length + 1));
    }
  } finally {
    store.close();
  }
  return found.sort();
}

async function parquetText(path: string): Promise<string> {
  const { visitParquetTexts } = await import("../../../warehouse/duckdb/text-values.ts");
  const { PersonRows } = await import("../../../warehouse/duckdb/person-rows.ts");
  const texts: string[] = [];
  await visitParquetTexts(
    path,
    (_table, _column, values) => texts.push(...values.map((value) => Buffer.from(value as string).toString("latin1"))),
    new AbortController().signal,
  );
  const rows = await PersonRows.open({ ids: janesIds, messages: [] });
  try {
    texts.push(...(await rows.rows(path)));
  } finally {
    rows.close();
  }
  return texts.join("\n");
}
