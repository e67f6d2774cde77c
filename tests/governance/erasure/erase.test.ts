import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readPerson } from "../../../cli/commands/privacy/export.ts";
import { privacyStatus } from "../../../governance/erasure/status.ts";
import { findInSpool } from "../../../ingest/bus/erase-spool.ts";
import { openLocalIngest } from "../../../ingest/ingest-files.ts";
import { openLedger } from "../../../ingest/ledger.ts";
import { compact, planCompaction } from "../../../ingest/segments/compact.ts";
import { ledgerPath } from "../../../ingest/segments/local-sink.ts";
import { verifyLedger } from "../../../ingest/segments/verify.ts";
import { findSnapshot, listSnapshots } from "../../../retrain/snapshot/snapshot.ts";
import { verifySnapshot } from "../../../retrain/snapshot/verify-snapshot.ts";
import { openLmdbStore } from "../../../serve/online/lmdb-store.ts";
import { temporaryFolder, testKeys } from "../../ingest/support.ts";
import {
  copyHome,
  erase,
  fillHome,
  hashId,
  jane,
  janesCookie,
  janesIds,
  joe,
  land,
  landSpool,
  openHomeWarehouse,
  others,
  placesNaming,
  putInSpool,
  rawRows,
  worldAt,
} from "./support.ts";

let whole = "";
beforeAll(async () => {
  whole = `${process.env["TMPDIR"] ?? "/tmp"}/inboxloop-erasure-${process.pid}`;
  await fillHome(whole);
  return async () => {
    const { rmSync } = await import("node:fs");
    rmSync(whole, { recursive: true, force: true });
    rmSync(`${whole}.in`, { recursive: true, force: true });
  };
});

const freshHome = (): string => {
  const folder = join(temporaryFolder(), "home");
  copyHome(whole, folder);
  return folder;
};

test("when an erasure is planned then every place is named with its rows, and nothing changes", async () => {
  const folder = freshHome();
  const before = await rawRows(folder);
  const [planned] = await erase(worldAt(folder), [jane], true);
  if (planned?.kind !== "planned") throw new Error("not planned");
  const { plan } = planned;
  expect({ people: plan.people, linked: plan.linked, ids: plan.subject.ids.length }).toEqual({
    people: 1,
    linked: 1,
    ids: 2,
  });
  const places = Object.fromEntries(
    plan.found.flatMap(({ findings }) => findings.places.map(({ where, rows }) => [where, rows])),
  );
  expect(places).toMatchObject({
    "raw.events": 6,
    "raw.profiles": 1,
    "raw.consents": 1,
    "raw.identity_links": 1,
    "raw.decisions": 1,
    "raw.human_labels": 1,
    "raw.suppressions": 1,
    "raw.erasure_requests": 1,
    "raw.dead_letters": 3,
    spool: 2,
    "events.events": 6,
    "governance.pairs": 1,
    "decisions/spring@today/page-000000.ndjson": 2,
    "reports/with.html": 1,
  });
  expect(Object.keys(places).filter((one) => one.startsWith("snapshot "))).toHaveLength(2);
  expect(places["online store"]).toBeGreaterThan(3);
  expect(await rawRows(folder)).toEqual(before);
  expect(JSON.stringify(planned)).not.toContain(jane);
});

test("when a person is erased then no byte of the home names them, and everybody else is as before", async () => {
  const folder = freshHome();
  const before = await rawRows(folder);
  const texts = [...janesIds, jane, janesCookie, "j1-message"];
  expect((await placesNaming(folder, texts)).length).toBeGreaterThan(8);
  const [outcome] = await erase(worldAt(folder), [jane]);
  expect(outcome?.kind).toBe("done");
  expect(await placesNaming(folder, texts)).toEqual([]);

  const after = await rawRows(folder);
  const isOthers = (row: string) => !texts.some((text) => row.includes(text)) && !row.includes("j9");
  for (const [table, rows] of Object.entries(before)) {
    if (table === "dead_letters") continue;
    expect(after[table], table).toEqual(rows.filter(isOthers));
  }
  expect(after["dead_letters"]).toEqual(before["dead_letters"]?.filter((row) => after["dead_letters"]?.includes(row)));
  expect(after["dead_letters"]).toHaveLength(1);

  const verdict = await verifyLedger(join(folder, "raw"));
  expect(verdict.problems).toEqual([]);
  const { erasures: receipts, erased_ids: digests, ...rest } = after;
  expect(digests).toHaveLength(new Set(digests).size);
  expect(receipts).toHaveLength(1);
  const gone = Object.values(before).flat().length - Object.values(rest).flat().length;
  expect(verdict).toMatchObject({ ok: true, erased: gone });
  expect(verdict.received).toBe(verdict.landed + verdict.duplicate + verdict.dead_letter);
});

test("when a person is erased then tables of the warehouse keep the others, and views read on", async () => {
  const folder = freshHome();
  const { home } = worldAt(folder);
  await erase(worldAt(folder), [jane]);
  const warehouse = await openHomeWarehouse(home);
  try {
    const one = async (sql: string) => Number((await warehouse.query(sql)).rows[0]?.["n"]);
    expect(await one("select count(*) as n from events.events")).toBe(
      await one("select count(*) as n from raw.events"),
    );
    expect(await one("select count(*) as n from governance.pairs")).toBe(1);
    expect(await one("select count(*) as n from governance.counts")).toBeGreaterThan(1);
    expect((await warehouse.columns("events.events"))?.find(({ name }) => name === "metadata")?.type).toBe("JSON");
  } finally {
    await warehouse.close();
  }
  const page = readFileSync(join(home.root, "decisions/spring@today/page-000000.ndjson"), "utf8");
  expect(page).toBe(`${JSON.stringify({ table: "decisions", decision_id: "page 1", user_id_hash: hashId(joe) })}\n`);
  expect(existsSync(join(home.reports, "with.html"))).toBe(false);
  expect(existsSync(join(home.reports, "without.html"))).toBe(true);
  const store = openLmdbStore(join(home.root, "online"));
  expect(store.person(janesIds[0]!)).toBeUndefined();
  expect(store.heard(janesIds[0]!)).toEqual([]);
  expect(store.heard(hashId(joe))).toHaveLength(1);
  expect(store.decisionsOf(janesIds[0]!, 9)).toEqual([]);
  expect(store.person(hashId(joe))).toBeDefined();
  expect(store.decisionsOf(hashId(joe), 9)).toHaveLength(1);
  expect(store.queueLength()).toBe(1);
  await store.close();
});

test("when a snapshot held the person then its successor proves that nothing else changed", async () => {
  const folder = freshHome();
  const { home } = worldAt(folder);
  const before = await findSnapshot(home.snapshots, "baseline");
  const [outcome] = await erase(worldAt(folder), [jane]);
  if (outcome?.kind !== "done") throw new Error("not done");
  const after = await findSnapshot(home.snapshots, "baseline");
  expect(after.id).not.toBe(before.id);
  expect((await findSnapshot(home.snapshots, before.id)).id).toBe(after.id);
  const [erased] = after.lock.erased ?? [];
  expect(erased).toMatchObject({ parent: { id: before.id, rows: before.lock.lock.rows } });
  expect(after.lock.lock.rows).toBe(before.lock.lock.rows - (erased?.rows ?? 0));
  expect(await verifySnapshot(after)).toMatchObject({
    verdict: "pass",
    erased: [{ parent: before.id, rows: erased?.rows, proven: true }],
  });
  expect(await listSnapshots(home.snapshots)).toHaveLength(2);
  expect(outcome.receipt.snapshots).toContainEqual({ parent: before.id, successor: after.id, rows: erased?.rows });

  const other = {
    ...after,
    lock: { ...after.lock, erased: [{ ...erased!, row_hashes: erased!.row_hashes.slice(1) }] },
  };
  expect((await verifySnapshot(other)).verdict).toBe("fail");
});

test("when the same request comes again then nothing happens", async () => {
  const folder = freshHome();
  await erase(worldAt(folder), [jane]);
  const journal = readFileSync(worldAt(folder).home.erasures, "utf8");
  const ledger = readFileSync(join(folder, "raw", "ingest_ledger", "ledger.ndjson"), "utf8");
  expect(await erase(worldAt(folder), [jane])).toMatchObject([{ kind: "nothing", isErasedAlready: true }]);
  expect(await erase(worldAt(folder), "pending")).toEqual([]);
  expect(readFileSync(worldAt(folder).home.erasures, "utf8")).toBe(journal);
  expect(readFileSync(join(folder, "raw", "ingest_ledger", "ledger.ndjson"), "utf8")).toBe(ledger);
});

test("when a request came through the door then --pending carries it out, linked ids with it", async () => {
  const folder = freshHome();
  const [outcome] = await erase(worldAt(folder), "pending");
  expect(outcome).toMatchObject({ kind: "done", begun: { people: 1, ids: 2 } });
  expect(await placesNaming(folder, janesIds)).toEqual([]);
});

test("when a late event or a re-import names somebody who was erased then it is dropped and counted by name", async () => {
  const folder = freshHome();
  await erase(worldAt(folder), [jane]);
  const late = [
    { event_id: "n1", event_type: "open", user_id: jane, message_id: "new", timestamp_utc: "2026-01-30T00:00:00Z" },
    { event_id: "n2", event_type: "open", message_id: "j1-message", timestamp_utc: "2026-01-30T00:00:00Z" },
    { event_id: "n3", event_type: "open", user_id: joe, message_id: "joes", timestamp_utc: "2026-01-30T00:00:00Z" },
    { event_id: "n4", event_type: "nonsense", user_id: jane, message_id: "x", timestamp_utc: "2026-01-30T00:00:00Z" },
    { table: "human_labels", message_id: "j1-message", label: "spam", labelled_by: "ann" },
    {
      table: "identity_links",
      left_id: "new-cookie",
      right_id: jane,
      link_kind: "login",
      linked_at: "2026-01-30T00:00:00Z",
    },
    { table: "erasure_requests", user_id: janesCookie, requested_at: "2026-01-30T00:00:00Z" },
  ];
  const [outcome] = await land(folder, "late", late);
  expect(outcome).toMatchObject({
    received: 7,
    landed: 1,
    duplicate: 0,
    dead_letter: 6,
    dead_letters_by_reason: { erased: 4, "unknown-event-type": 1, "missing-field": 1 },
  });
  expect(await placesNaming(folder, [...janesIds, jane, janesCookie, "j1-message"])).toEqual([]);
  const letters = (await rawRows(folder))["dead_letters"]!.map((row) => JSON.parse(row));
  expect(letters.filter(({ payload }) => payload === null)).toHaveLength(6);
  expect((await verifyLedger(join(folder, "raw"))).problems).toEqual([]);
  expect(await erase(worldAt(folder), [jane])).toMatchObject([{ kind: "nothing", isErasedAlready: true }]);
});

test("when many people are erased then it is one erasure, and each segment is written again once", async () => {
  const folder = freshHome();
  const [outcome] = await erase(worldAt(folder), [jane, others[1]!, others[2]!, "nobody@example.org"]);
  expect(outcome).toMatchObject({ kind: "done", begun: { people: 4, ids: 5 } });
  const ledger = openLedger(ledgerPath(join(folder, "raw")));
  const replaced = (await ledger.refresh({ repair: false })).flatMap((entry) =>
    entry.kind === "erasure" ? entry.parts.map(({ segment }) => segment) : [],
  );
  expect(replaced.length).toBeGreaterThan(5);
  expect(new Set(replaced).size).toBe(replaced.length);
  expect(await placesNaming(folder, [...janesIds, hashId(others[1]!), hashId(others[2]!)])).toEqual([]);
  expect((await verifyLedger(join(folder, "raw"))).problems).toEqual([]);
});

test("when segments are merged after an erasure then the ledger is whole, and a flipped byte is seen", async () => {
  const folder = freshHome();
  const raw = join(folder, "raw");
  await erase(worldAt(folder), [jane]);
  const { sink } = await openLocalIngest(worldAt(folder).context);
  await compact(sink, await planCompaction(sink, { maxRows: 1000, minSegments: 2 }), new AbortController().signal);
  sink.close();
  expect((await verifyLedger(raw)).problems).toEqual([]);
  await erase(worldAt(folder), [joe]);
  expect((await verifyLedger(raw)).problems).toEqual([]);
  const [segment] = readdirSync(join(raw, "events")).filter((name) => name.includes("-erased-"));
  const path = join(raw, "events", segment!);
  const bytes = readFileSync(path);
  bytes[40] = bytes[40]! ^ 1;
  writeFileSync(path, bytes);
  expect((await verifyLedger(raw)).ok).toBe(false);
});

test("when a call waits in the spool then it lands first, without the person, and the erasure goes on", async () => {
  const folder = freshHome();
  const { home, context } = worldAt(folder);
  await putInSpool(home, [
    [jane, "w1"],
    [joe, "w2"],
  ]);
  expect(await erase(worldAt(folder), [jane])).toMatchObject([{ kind: "waiting", waiting: 1 }]);
  expect(await landSpool(home, context)).toMatchObject({
    received: 2,
    landed: 1,
    dead_letters_by_reason: { erased: 1 },
  });
  expect(await erase(worldAt(folder), "pending")).toMatchObject([{ kind: "done", isResumed: true }]);
  const { dir, keys, landedTo } = { dir: home.spool, keys: testKeys, landedTo: 99 };
  const found = await findInSpool({ dir, keys, landedTo, isWanted: (id) => janesIds.includes(id) });
  expect(found).toMatchObject({ landed: 0, waiting: 0, unopened: 0 });
  const kept = await findInSpool({ dir, keys, landedTo, isWanted: (id) => id === hashId(joe) });
  expect(kept.landed).toBe(2);
});

test("when a model learned from an erased person then it is listed until the day by which it must be trained anew", async () => {
  const folder = freshHome();
  const { world, home } = worldAt(folder);
  const [outcome] = await erase({ world }, [jane]);
  if (outcome?.kind !== "done") throw new Error("not done");
  expect(outcome.receipt.models.map(({ name, retrain_by }) => [name, retrain_by])).toEqual([
    ["m1", "2026-03-03T00:00:00.000Z"],
  ]);
  const { entries } = await world.journal.read();
  const at = (now: string, models: readonly string[]) =>
    privacyStatus({
      entries,
      pending: [{ requested_at: "2026-01-05T00:00:00.000Z" }],
      models: new Set(models),
      isUnderWay: false,
      dueDays: 30,
      now: new Date(now),
    });
  expect(at("2026-02-02T00:00:00Z", ["m1", "m2"])).toMatchObject({
    pending: 1,
    due_at: "2026-02-04T00:00:00.000Z",
    overdue: 0,
    erasures: [{ people: 1, ids: 2, late: 0 }],
    models: [{ name: "m1", is_overdue: false }],
  });
  expect(at("2026-03-04T00:00:00Z", ["m1"])).toMatchObject({ overdue: 1, models: [{ name: "m1", is_overdue: true }] });
  expect(at("2026-03-04T00:00:00Z", ["m2"]).models).toEqual([]);
  const [receipt] = (await rawRows(folder))["erasures"]!.map((row) => JSON.parse(row));
  expect(receipt).toMatchObject({ rows_erased: outcome.receipt.rows, models: ["m1"] });
  expect(readFileSync(home.erasures, "utf8")).not.toContain("sha256:");
});

test("when a person asks for what is held of them then raw and built rows come, of linked ids too", async () => {
  const { world } = worldAt(freshHome());
  const held = await readPerson(world, [hashId(jane)]);
  expect({ ids: held.ids, linked: held.linked }).toEqual({ ids: 2, linked: 1 });
  const tables = new Set(held.rows.map(({ table }) => table));
  for (const table of ["raw.events", "raw.profiles", "raw.consents", "raw.decisions", "events.events"])
    expect(tables, table).toContain(table);
  expect(held.rows.filter(({ table }) => table === "raw.events")).toHaveLength(6);
  expect(JSON.stringify(held.rows)).not.toContain(hashId(joe));
});
