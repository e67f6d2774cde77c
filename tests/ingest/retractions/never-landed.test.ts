import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import rawTables from "../../../includes/raw_tables.js";
import retractions from "../../../includes/retractions.js";
import { decoderFor } from "../../../ingest/decoders.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { openLocalIngest } from "../../../ingest/ingest-files.ts";
import { runIngest } from "../../../ingest/pipeline.ts";
import { replay } from "../../../ingest/replay.ts";
import { type RetractEnv, retract, undoRetraction } from "../../../ingest/retractions/retract.ts";
import { rowDigest } from "../../../ingest/retractions/row-digest.ts";
import { landedInSegments } from "../../../ingest/segments/read-landed.ts";
import { compileProject } from "../../../warehouse/dataform/compile.ts";
import type { Graph } from "../../../warehouse/dataform/graph.ts";
import { planBuild } from "../../../warehouse/dataform/plan.ts";
import { runPlan } from "../../../warehouse/dataform/run.ts";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { localEngine } from "../../../warehouse/duckdb/local-engine.ts";
import { ingest, rowsOf, temporaryFolder, testContext, testKeys, testNow, writeLines } from "../support.ts";

const at = (day: number, hour = 0, second = 0) => new Date(Date.UTC(2026, 0, day, hour, 0, second)).toISOString();
const person = (n: number) => `reader${n}@example.org`;
const event = (id: string, type: string, n: number, when: string, more: Record<string, unknown> = {}) => ({
  event_id: id,
  event_type: type,
  user_id: person(n),
  message_id: `m${n}`,
  campaign_id: `c${n % 2}`,
  timestamp_utc: when,
  consent: true,
  provenance: "test/good",
  metadata: { isp: n % 2 === 0 ? "gmail" : "yahoo", sender_domain: "shop.example" },
  ...more,
});

const readers = Array.from({ length: 8 }, (_, n) => n);
const good = [
  ...["c0", "c1"].map((id) => ({ table: "campaigns", campaign_id: id, kind: "bulk", started_at: at(1) })),
  ...readers.flatMap((n) => [
    { table: "profiles", user_id: person(n), isp: "gmail", region: "de-by", signed_up_at: at(1) },
    { table: "consents", user_id: person(n), purpose: "training", is_granted: true, effective_at: at(1) },
    { table: "consents", user_id: person(n), purpose: "activation", is_granted: true, effective_at: at(1) },
    event(`s${n}`, "sent", n, at(5, 9)),
    event(`d${n}`, "delivered", n, at(5, 9, 5)),
    event(`o${n}`, "open", n, at(5, 12)),
    event(`k${n}`, "click", n, at(5, 12, 30), { metadata: { link_id: "a" } }),
  ]),
  { table: "decisions", decision_id: "x1", user_id: person(1), message_id: "m1", arm: "t", decided_at: at(4) },
  { table: "seed_tests", seed_test_id: "t1", isp: "gmail", sent: 10, inbox: 9, spam: 1, tested_at: at(5) },
];
/** Wrong in every table, about people, messages, campaigns and days of the rest. */
const bad = [
  { table: "campaigns", campaign_id: "c0", kind: "transactional", started_at: at(2) },
  { table: "profiles", user_id: person(2), isp: "yahoo", region: "us-ca", signed_up_at: at(3) },
  { table: "consents", user_id: person(3), purpose: "training", is_granted: false, effective_at: at(2) },
  { table: "suppressions", user_id: person(4), reason: "complaint", since_at: at(3) },
  { table: "identity_links", left_id: person(5), right_id: person(6), link_kind: "login", linked_at: at(2) },
  { table: "decisions", decision_id: "x2", user_id: person(2), message_id: "m2", arm: "h", decided_at: at(4) },
  { table: "human_labels", message_id: "m1", label: "spam", labelled_by: "ann", labelled_at: at(8) },
  { table: "seed_tests", seed_test_id: "t2", isp: "gmail", sent: 10, inbox: 0, spam: 10, tested_at: at(6) },
  { table: "dmarc_reports", report_id: "r1", org_name: "x", policy_domain: "shop.example", messages: 5 },
  { table: "tls_reports", report_id: "r2", org_name: "x", policy_domain: "shop.example", succeeded: 1, failed: 9 },
  { table: "postmaster_stats", domain: "shop.example", metric: "spam_rate", day_at: at(5), value: 0.4 },
  {
    ...{ table: "device_reports", report_id: "0123456789abcdef0123456789abcdef", campaign_id: "c0" },
    ...{ period_at: at(5, 0), mechanism: "summary_reading_v1", epsilon: 1, answer: 2 },
  },
  { table: "erasure_requests", user_id: person(7), requested_at: at(9) },
  // it makes the click of the same reader a repeat, and the delivery later than the open
  event("bad1", "click", 0, at(5, 11, 59), { metadata: { link_id: "a" } }),
  event("bad2", "complaint", 1, at(6)),
  event("bad3", "unsubscribe", 2, at(6)),
  event("bad4", "bounce", 3, at(5, 10), { metadata: { class: "hard" } }),
  event("bad5", "purchase", 4, at(7), { message_id: undefined, metadata: { revenue: 9, currency: "EUR" } }),
  event("bad6", "delivered", 5, at(5, 9, 1)),
  { ...event("bad7", "open", 5, at(5)), event_type: "no-such-type" },
];

let graph: Graph;
const projectDir = resolve(import.meta.dirname, "../../..");
const cacheDir = mkdtempSync(join(tmpdir(), "inboxloop-retractions-"));
beforeAll(async () => {
  ({ graph } = await compileProject({ projectDir, cacheDir, vars: { as_of: "2026-01-25" } }));
});
afterAll(() => rmSync(cacheDir, { recursive: true, force: true }));

const columnsOfRaw = Object.fromEntries(rawTables.names.map((name: string) => [name, rawTables.columns(name)]));

/** Builds the whole project over a home, and gives every model's rows, as text. */
async function built(home: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const warehouse = await openDuckDbWarehouse({
    path: join(home, "warehouse.duckdb"),
    rawDir: join(home, "raw"),
    rawTables: columnsOfRaw,
  });
  try {
    const engine = localEngine(warehouse, "home");
    const plan = planBuild(graph, { relations: await engine.relations(graph.actions) });
    const result = await runPlan(plan, engine, { now: () => testNow, newId: randomUUID });
    expect(result.results.filter(({ outcome }) => outcome === "failed" || outcome === "skipped")).toEqual([]);
    const rows = new Map<string, readonly string[]>();
    for (const { id, kind, target } of graph.actions) {
      if (!["table", "view", "incremental"].includes(kind) || accounts.has(id)) continue;
      const read = await warehouse.query(`select * from ${target.schema}.${target.name}`);
      rows.set(
        id,
        read.rows.map((row) => JSON.stringify(row, (_, v) => (typeof v === "bigint" ? String(v) : v))).sort(),
      );
    }
    return rows;
  } finally {
    await warehouse.close();
  }
}

/** Our own accounts say what the door did, and not what counts. */
const accounts = new Set([
  "staging.stg_raw__ingest_ledger",
  "staging.stg_raw__retractions",
  "monitoring.ingest_accounting",
  "monitoring.ingest_left_out",
]);

async function land(home: string, name: string, records: readonly unknown[]): Promise<void> {
  mkdirSync(home, { recursive: true });
  await ingest(join(home, "raw"), [writeLines(join(home, `${name}.ndjson`), records)], {
    context: { deviceReports: { c0: { epsilon: 1, period: "day" } } },
  });
}

async function acting<T>(
  home: string,
  act: (env: RetractEnv, batchOf: (name: string) => string) => Promise<T>,
): Promise<T> {
  const { sink, envFor } = await openLocalIngest(testContext(join(home, "raw")));
  const batchOf = (name: string): string => {
    const found = sink.ledger.entries.find((entry) => entry.kind === "batch" && entry.source.includes(name));
    return found?.kind === "batch" ? found.batch_id : "";
  };
  const env = {
    landed: landedInSegments(sink),
    envFor,
    now: () => testNow,
    newId: randomUUID,
    signal: new AbortController().signal,
  };
  try {
    return await act(env, batchOf);
  } finally {
    sink.close();
  }
}

/** Fails with the names of the models that differ. */
function expectSame(one: ReadonlyMap<string, readonly string[]>, other: ReadonlyMap<string, readonly string[]>): void {
  const differ = [...one.keys()].filter((id) => JSON.stringify(one.get(id)) !== JSON.stringify(other.get(id)));
  expect(differ).toEqual([]);
}

test("when a batch is taken back then every model is as if it had never landed, and undone as if it had never been taken back", async () => {
  const [home, clean] = [join(temporaryFolder(), "a"), join(temporaryFolder(), "b")];
  await land(clean, "good", good);
  await land(home, "good", good);
  await land(home, "bad", bad);
  const tables = new Set(bad.map((one) => ("table" in one ? one.table : "events")));
  // what no file lands is written by the door itself
  expect([...tables, "dead_letters"].sort()).toEqual([...retractions.tables].sort());
  const before = await built(home);
  const without = await built(clean);
  const same = [...without.keys()].filter((id) => JSON.stringify(before.get(id)) === JSON.stringify(without.get(id)));
  expect(same).not.toContain("events.distinct_events");
  expect(same).not.toContain("training.examples");

  const how = { reason: "wrong file", dryRun: false };
  const planned = await acting(home, (env, batchOf) =>
    retract(env, { kind: "batch", batchId: batchOf("bad") }, { ...how, dryRun: true }),
  );
  expect(planned).toMatchObject({ retraction_id: null, already: 0, rows: { events: 6, consents: 1, dead_letters: 1 } });
  expect(Object.values(planned.rows).reduce((sum, n) => sum + n, 0)).toBe(bad.length);
  const done = await acting(home, (env, batchOf) => retract(env, { kind: "batch", batchId: batchOf("bad") }, how));
  expect(done).toMatchObject({ rows: planned.rows, already: 0 });
  expect(await acting(home, (env, batchOf) => retract(env, { kind: "batch", batchId: batchOf("bad") }, how))).toEqual({
    retraction_id: null,
    dry_run: false,
    rows: {},
    already: bad.length,
  });
  expectSame(await built(home), without);

  const undone = await acting(home, (env) => undoRetraction(env, done.retraction_id!, how));
  expect(undone.rows).toBe(bad.length);
  expectSame(await built(home), before);
  await expect(acting(home, (env) => undoRetraction(env, done.retraction_id!, how))).rejects.toMatchObject({
    code: "ingest.no-retraction",
  });
});

test("when rows that were taken back come again then they land again and are no duplicates, in a run that was under way as well", async () => {
  const raw = join(temporaryFolder(), "raw");
  const folder = temporaryFolder();
  const records = [event("e1", "open", 1, at(2)), event("e2", "open", 2, at(2))];
  await ingest(raw, [writeLines(join(folder, "one.ndjson"), records)]);
  const home = resolve(raw, "..");
  const inFile = (name: string, more: unknown) => writeLines(join(folder, name), [...records, more]);
  const [second] = await ingest(raw, [inFile("two.ndjson", event("e3", "open", 3, at(2)))]);
  expect(second).toMatchObject({ landed: 1, duplicate: 2 });

  const { sink, envFor } = await openLocalIngest(testContext(raw));
  const longRun = envFor({
    source: {
      name: "ndjson:long",
      id: "long",
      from: 0,
      async *pull() {
        yield [message(records[0], 1)];
        // the batch is full: what follows is another one
        await acting(home, (env) =>
          retract(
            env,
            { kind: "where", selection: { table: "events", ids: new Set(["e1"]) } },
            { reason: "x", dryRun: false },
          ),
        );
        yield [message(records[0], 2), message(records[1], 3)];
      },
      async ack() {},
    },
    decode: decoderFor("ndjson", { hashId: createIdHasher(testKeys.ids.active), fileId: "" }),
  });
  const totals = await runIngest({ ...longRun, batchRecords: 1 }, new AbortController().signal);
  sink.close();
  expect(totals).toMatchObject({ received: 3, duplicate: 2, landed: 1 });
  expect((await rowsOf(raw, "events")).filter((row) => row["event_id"] === "e1")).toHaveLength(2);
});

test("when a row that was taken back comes again with its old time then it is a dead letter, and lands once the retraction is undone", async () => {
  const home = join(temporaryFolder(), "home");
  const raw = join(home, "raw");
  const record = { ...event("e1", "open", 1, at(2)), received_at: at(2) };
  const context = { trustReceivedAt: true };
  mkdirSync(home, { recursive: true });
  await ingest(raw, [writeLines(join(home, "one.ndjson"), [record])], { context });
  const taken = await acting(home, (env, batchOf) =>
    retract(env, { kind: "batch", batchId: batchOf("one") }, { reason: "x", dryRun: false }),
  );
  const [again] = await ingest(raw, [writeLines(join(home, "two.ndjson"), [record, { ...record, event_id: "e2" }])], {
    context,
  });
  expect(again).toMatchObject({ landed: 1, duplicate: 0, dead_letters_by_reason: { retracted: 1 } });
  await acting(home, (env) => undoRetraction(env, taken.retraction_id!, { reason: "x", dryRun: false }));
  const replayed = await replay(testContext(raw, context), { dryRun: true }, new AbortController().signal);
  expect(replayed).toMatchObject({ selected: 1, accepted: 1 });
});

const message = (record: unknown, position: number) => ({ data: Buffer.from(JSON.stringify(record)), position });

test("when a row's digest is made by the door and by the models' SQL then it is the same, for every table", async () => {
  const home = join(temporaryFolder(), "home");
  await land(home, "all", [...good, ...bad]);
  const warehouse = await openDuckDbWarehouse({
    path: join(home, "warehouse.duckdb"),
    rawDir: join(home, "raw"),
    rawTables: columnsOfRaw,
  });
  try {
    for (const name of retractions.tables as readonly string[]) {
      const { rows } = await warehouse.query(
        `select ${retractions.digestOf(name, "landed")} as digest from raw.${name} as landed`,
      );
      const ours = (await rowsOf(join(home, "raw"), name)).map((row) => rowDigest(name, row));
      expect(ours.length, name).toBeGreaterThan(0);
      expect(rows.map(({ digest }) => digest).sort(), name).toEqual(ours.sort());
    }
  } finally {
    await warehouse.close();
  }
});
