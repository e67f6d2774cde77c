import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import rawTables from "../../../includes/raw_tables.js";
import { BigQuerySink } from "../../../ingest/bigquery/bigquery-sink.ts";
import { verifyBigQueryLedger } from "../../../ingest/bigquery/verify-bigquery.ts";
import type { RawRow } from "../../../ingest/door/raw-row.ts";
import type { LedgerEntry } from "../../../ingest/ledger.ts";
import { giveHomeKeys, makeSealedHome } from "../../../platform/home-seal.ts";
import { hashOf } from "../../../platform/journal/chain.ts";
import type { StreamKind } from "../../../warehouse/bigquery/streams.ts";
import type { QueryResult, Row } from "../../../warehouse/warehouse.ts";
import { inClear } from "../../governance/support/homes.ts";
import { cryptoSettings } from "../../support/duckdb-crypto.ts";
import { memoryStreams } from "../../warehouse/bigquery/memory-streams.ts";
import { temporaryFolder } from "../support.ts";

type World = ReturnType<typeof memoryStreams>;
const pathOf = (table: string) => `projects/p/datasets/raw/tables/${table}`;

function makeWorld(): World {
  const world = memoryStreams();
  for (const name of rawTables.names as string[]) {
    world.types.set(pathOf(name), new Map(rawTables.columns(name).map((column) => [column.name, column.type])));
  }
  return world;
}

let ids = 0;
const open = (world: World, state: string, options: { kind?: StreamKind; fault?: (point: string) => void } = {}) =>
  BigQuerySink.open({
    state,
    projectId: "p",
    dataset: "raw",
    kind: options.kind ?? "committed",
    streams: world.port,
    warehouse: {
      execute: async () => ({}),
      columns: async (table) => rawTables.columns(table.split(".").at(-1) ?? ""),
      query: async () => ({ columns: [], rows: [] }),
    },
    idKey: "v1:test",
    lock: { pid: process.pid, sleep: async () => {}, patienceMs: 100 },
    now: () => 1_769_900_000_000,
    newId: () => createHash("sha256").update(String(ids++)).digest("hex").slice(0, 16),
    pause: async () => {},
    fault: options.fault,
  });

const event = (id: string): RawRow => ({
  ...Object.fromEntries(rawTables.columns("events").map(({ name }) => [name, null])),
  event_id: id,
  event_type: "open",
  received_at: 1_769_900_000_000_000,
});
const source = { name: "pubsub:s", id: "pubsub-s/run" };
const end = (received: number, to = received) => ({
  received, landed: received, duplicate: 0, dead_letter: 0, leftOut: {}, to, isEnd: false, receivedAt: 1_769_900_000_000_000,
}); // biome-ignore format: short

const eventsOf = (world: World) => (world.tables.get(pathOf("events")) ?? []).map((row) => row["event_id"]);

function ledgerOf(state: string): LedgerEntry[] {
  const path = join(state, "ledger.ndjson");
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
  const entries = lines.map((line) => JSON.parse(line) as LedgerEntry);
  let previous = "0".repeat(64);
  for (const entry of entries) {
    expect(entry.previous_hash).toBe(previous);
    expect(hashOf(entry)).toBe(entry.entry_hash);
    previous = entry.entry_hash;
  }
  return entries;
}

const landedBy = (entries: readonly LedgerEntry[]) =>
  entries.reduce((sum, entry) => sum + (entry.kind === "batch" ? entry.landed : 0), 0);

test("when a batch is committed then its rows are there, the ledger counts them, and nothing is left on the way", async () => {
  const [world, state] = [makeWorld(), temporaryFolder()];
  const sink = await open(world, state);
  const batch = await sink.begin(source, 0);
  expect(await batch.append("events", [event("a"), event("b")])).toEqual({ kind: "written", rows: 2 });
  expect(await batch.commit(end(2))).toEqual({ kind: "committed", sequence: 0 });
  await sink.close();
  expect(eventsOf(world)).toEqual(["a", "b"]);
  expect(ledgerOf(state)).toMatchObject([{ landed: 2, to: 2, tables: { events: { rows: 2 } } }]);
  expect(world.tables.get(pathOf("ingest_ledger"))).toMatchObject([{ landed: 2, sequence: 0 }]);
  expect(readdirSync(join(state, "open"))).toEqual([]);
  expect([...world.streams.values()].filter(({ rows, isEnded }) => rows > 0 && !isEnded)).toHaveLength(1); // the default one
});

test("when the home is encrypted then rows on their way are sealed, and who opens the sink after a kill counts them as ever", async () => {
  giveHomeKeys(cryptoSettings);
  onTestFinished(() => giveHomeKeys({}));
  const home = join(temporaryFolder(), "home");
  await makeSealedHome(home);
  const [world, state] = [makeWorld(), join(home, "bigquery", "p.raw")];
  const dying = await open(world, state, {
    fault: (point) => {
      if (point === "append-answered") throw new Error("killed");
    },
  });
  const batch = await dying.begin(source, 0);
  await expect(batch.append("events", [event("zq-planted")])).rejects.toThrow("killed");
  await batch.discard();
  await dying.close();
  const [id] = readdirSync(join(state, "open"));
  const log = join(state, "open", id!, "appends.ndjson");
  expect(readFileSync(log).length).toBeGreaterThan(100);
  expect(inClear(home, ["zq-planted", "event_type"])).toEqual([]);

  const lines = readFileSync(log, "utf8");
  writeFileSync(log, lines.replace(/^..../, "AAAA"));
  await expect(open(world, state)).rejects.toMatchObject({ code: "home.damaged-file" });
  writeFileSync(log, lines);
  const next = await open(world, state);
  expect(landedBy(next.ledger.entries)).toBe(1);
  await next.close();
  expect(eventsOf(world)).toEqual(["zq-planted"]);
  expect(inClear(home, ["zq-planted", "event_type"])).toEqual([]);
});

test("when the sink dies at any boundary then each row is in BigQuery once and counted once, or not at all and comes again", async () => {
  const points: string[] = [];
  const run = async (world: World, state: string, fault: (point: string) => void) => {
    const sink = await open(world, state, { fault });
    for (const [from, names] of [
      [0, ["a", "b"]],
      [2, ["c", "d"]],
    ] as const) {
      const batch = await sink.begin(source, from);
      try {
        for (const name of names) await batch.append("events", [event(name)]);
        await batch.commit(end(2, from + 2));
      } finally {
        await batch.discard();
      }
    }
    return sink;
  };
  await (await run(makeWorld(), temporaryFolder(), (point) => points.push(point))).close();
  expect(new Set(points)).toContain("append-noted");
  expect(new Set(points)).toContain("ledger-torn");
  for (let death = 1; death <= points.length; death++) {
    const [world, state] = [makeWorld(), temporaryFolder()];
    let left = death;
    const dies = (point: string) => {
      left -= 1;
      // What dies here leaves its lock behind, as a killed process does; a test process lives on, so it is cleared away.
      if (left === 0) throw Object.assign(new Error(`died at ${point}`), { isDeath: true });
    };
    await expect(run(world, state, dies)).rejects.toMatchObject({ isDeath: true });
    await clearLock(state);
    const sink = await open(world, state);
    const known = new Set<string>();
    for await (const keys of sink.lastKeys("events", 100)) for (const key of keys) known.add(key.split(" ")[0]!);
    await sink.close();
    const entries = ledgerOf(state);
    const where = `died at ${points[death - 1]}, boundary ${death}`;
    expect(new Set(eventsOf(world)).size, where).toBe(eventsOf(world).length);
    expect(landedBy(entries), where).toBe(eventsOf(world).length);
    const recovered = entries.filter((entry) => entry.kind === "batch" && entry.source === "recovered");
    expect(known.size, where).toBe(landedBy(recovered));
    expect((world.tables.get(pathOf("ingest_ledger")) ?? []).length, where).toBeGreaterThanOrEqual(entries.length);
  }
});

test("when an answer is lost and the process dies then the stream's own count says what landed", async () => {
  const [world, state] = [makeWorld(), temporaryFolder()];
  let dead = false;
  const sink = await open(world, state, {
    fault: (point) => {
      if (dead && point === "append-answered") throw new Error("died");
    },
  });
  const batch = await sink.begin(source, 0);
  await batch.append("events", [event("a")]);
  dead = true;
  await expect(batch.append("events", [event("b")])).rejects.toThrow("died");
  await batch.discard();
  await clearLock(state);
  await (await open(world, state)).close();
  expect(eventsOf(world)).toEqual(["a", "b"]);
  expect(ledgerOf(state)).toMatchObject([
    { source: "recovered", received: 2, landed: 2, tables: { events: { rows: 2 } } },
  ]);
});

test("when BigQuery refuses a row then the others land without it, once", async () => {
  const [world, state] = [makeWorld(), temporaryFolder()];
  const sink = await open(world, state);
  const batch = await sink.begin(source, 0);
  world.mishaps.push({ rowErrors: [{ index: 1, message: "no" }], error: { code: 3, message: "rows" } });
  const rows = [event("a"), event("bad"), event("c")];
  expect(await batch.append("events", rows)).toEqual({ kind: "rejected-rows", reasonByIndex: new Map([[1, "no"]]) });
  expect(await batch.append("events", [rows[0]!, rows[2]!])).toEqual({ kind: "written", rows: 2 });
  await batch.commit(end(2));
  await sink.close();
  expect(eventsOf(world)).toEqual(["a", "c"]);
});

test("when a row is too large for BigQuery then it is refused here; a letter lands, and its body stays on this machine", async () => {
  const [world, state] = [makeWorld(), temporaryFolder()];
  const sink = await open(world, state);
  const batch = await sink.begin(source, 0);
  const large = { ...event("large"), metadata: { link_id: "x".repeat(6_000_000) } };
  const refused = await batch.append("events", [event("a"), large]);
  expect(refused).toMatchObject({ kind: "rejected-rows" });
  expect(refused.kind === "rejected-rows" && [...refused.reasonByIndex.keys()]).toEqual([1]);
  expect(eventsOf(world)).toEqual([]);
  const body = Buffer.alloc(5_000_000, 7);
  const letter = {
    dead_letter_id: "letter:1",
    detail: "too long",
    payload: body.toString("base64"),
    batch_id: batch.id,
  };
  expect(await batch.append("dead_letters", [letter])).toEqual({ kind: "written", rows: 1 });
  await sink.close();
  const [there] = world.tables.get(pathOf("dead_letters")) ?? [];
  expect(there).toMatchObject({
    dead_letter_id: "letter:1",
    detail: expect.stringContaining("letters/letter-1.sealed"),
  });
  expect(there).not.toHaveProperty("payload");
  expect(readFileSync(join(state, "letters", "letter-1.sealed")).equals(body)).toBe(true);
});

test("when a text is no Unicode then what is stored is, as on this machine", async () => {
  const [world, state] = [makeWorld(), temporaryFolder()];
  const sink = await open(world, state);
  const batch = await sink.begin(source, 0);
  await batch.append("events", [{ ...event("a"), campaign_id: "\ud800x\0" }]);
  await sink.close();
  expect(world.tables.get(pathOf("events"))).toMatchObject([{ event_id: "a", campaign_id: "\ufffdx" }]);
});

test("when a second process opens the same folder then it waits, and then says who holds it", async () => {
  const [world, state] = [makeWorld(), temporaryFolder()];
  const sink = await open(world, state);
  await expect(open(world, state)).rejects.toMatchObject({ name: "UserError" });
  await sink.close();
  await (await open(world, state)).close();
});

async function clearLock(state: string): Promise<void> {
  await rm(join(state, "lock"), { force: true });
}

test("when BigQuery has what the ledger counts then it is whole; a missing row, an edited line or another mirror is found", async () => {
  const [world, state] = [makeWorld(), temporaryFolder()];
  const sink = await open(world, state);
  const batch = await sink.begin(source, 0);
  await batch.append("events", [event("a"), event("b")]);
  await batch.commit(end(2));
  await sink.close();
  const warehouse = {
    query: async (sql: string): Promise<QueryResult> => {
      const rows = world.tables.get(pathOf(/raw\.(\w+)/.exec(sql)?.[1] ?? "")) ?? [];
      if (sql.includes("count(*)")) return { columns: [], rows: [{ n: BigInt(rows.length) }] };
      const iso = (row: Row) => ({ ...row, received_at: new Date(Number(row["received_at"]) / 1000).toISOString() });
      return { columns: [], rows: rows.map(iso) };
    },
  };
  const gone = { deleted: new Map<string, number>(), now: new Date() };
  const verify = async () =>
    (await verifyBigQueryLedger(state, "raw", warehouse, gone)).problems.map(({ kind }) => kind);
  expect(await verifyBigQueryLedger(state, "raw", warehouse, gone)).toMatchObject({ ok: true, landed: 2, received: 2 });
  world.tables.get(pathOf("events"))?.pop();
  expect(await verify()).toEqual(["missing-rows"]);
  world.tables.set(pathOf("ingest_ledger"), []);
  expect(await verify()).toEqual(["missing-rows", "mirror"]);
  const path = join(state, "ledger.ndjson");
  writeFileSync(path, readFileSync(path, "utf8").replace('"landed":2', '"landed":1'));
  expect(await verify()).toContain("chain");
});
