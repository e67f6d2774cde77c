import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readPerson } from "../../cli/commands/privacy/export.ts";
import { eraseFromHome } from "../../cli/commands/privacy/home-erasure.ts";
import { deletedRows, deletionsJournal } from "../../governance/deletions.ts";
import { erasedId } from "../../governance/erasure/erased-ids.ts";
import { verifyBigQueryLedger } from "../../ingest/bigquery/verify-bigquery.ts";
import { homeAt } from "../../platform/home.ts";
import { journalTable } from "../../platform/journal/journal-table.ts";
import { erasureJournal } from "../../platform/tombstones.ts";
import { listSnapshots } from "../../retrain/snapshot/snapshot.ts";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import { tablesOf } from "../../warehouse/people-in-tables.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { runIn } from "../cli/support/in-process.ts";
import {
  fillBeside,
  hashId,
  jane,
  janesCookie,
  janesIds,
  joe,
  placesNaming,
  recordsOf,
} from "../governance/erasure/support.ts";
import { ingest, testContext, writeLines } from "../ingest/support.ts";
import { environmentOf, ownBigQuery } from "./support/own-bigquery.ts";

/** `privacy erase --target bigquery`, and what is asked after it: in this process, so that it can die wherever a test likes; every row is asked for afterwards. */
class Died extends Error {}

const bigquery = await ownBigQuery();
const project = "erase";
const datasets = ["raw", "events", "governance"];
let folder: string;
let warehouse: Warehouse;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-cloud-"));
  warehouse = await connectBigQuery({ projectId: project, ...bigquery });
  const settings = {
    ...environmentOf(bigquery),
    GOOGLE_CLOUD_PROJECT: project,
    INBOXLOOP_ID_KEY: "v1:an id key for tests only",
    INBOXLOOP_DEAD_LETTER_KEY: "v1:a letter key for tests",
  };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await warehouse?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A home whose rows are in BigQuery; `fault` dies where it throws. */
function worldAt(fault?: (point: string) => void) {
  const home = homeAt(join(folder, "home"));
  const journal = journalTable(async () => warehouse, "ops.erasures", erasureJournal);
  const context = testContext(home.raw, {
    erasures: journal,
    fault,
    now: () => new Date(),
    bigQuery: {
      projectId: project,
      dataset: "raw",
      location: undefined,
      kind: "committed",
      state: join(home.root, "bigquery"),
      ...bigquery,
    },
  });
  const world = {
    home,
    context: { ...context, sleep: async () => {} },
    journal,
    refreshViews: async () => {},
    bigQuery: {
      openWarehouse: () => connectBigQuery({ projectId: project, ...bigquery }),
      datasets: async () => datasets,
      deletions: journalTable(async () => warehouse, "ops.deletions", deletionsJournal),
    },
    dueDays: 30,
    retrainDays: 30,
    shredsUnreadable: false,
    signal: new AbortController().signal,
  };
  return { home, context, world };
}

/** The command line on the same home and project, with how it ended. */
async function privacy(...words: string[]) {
  const at = ["--target", "bigquery", "--home", join(folder, "home"), "--json", "--quiet"];
  try {
    const said = JSON.parse(await runIn(folder, ["privacy", ...words, ...at]));
    return { exit: process.exitCode ?? 0, ...said };
  } finally {
    process.exitCode = undefined;
  }
}

const requestOf = (who: string) => ({ ids: [hashId(who)], requested_at: "2026-01-21T00:00:00.000Z" });
const erase = (fault?: (point: string) => void, dryRun = false) =>
  eraseFromHome(worldAt(fault).world, [requestOf(jane)], { dryRun });

const land = (name: string, records: readonly unknown[]) => {
  const { home, context } = worldAt();
  return ingest(home.raw, [writeLines(join(folder, `${name}.ndjson`), records)], { context });
};

/** Every row of every table, as text. */
async function allRows(): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const { name } of await tablesOf(warehouse, [...datasets, "ops"])) {
    const { rows } = await warehouse.query(`select to_json_string(t) as line from \`${name}\` as t order by line`);
    found.set(
      name,
      rows.map((row) => String(row["line"])),
    );
  }
  return found;
}

const janesMessages = ["j1-message", "j2-message", "j3-message", "j9"];
const isJanes = (line: string): boolean =>
  [...janesIds, ...janesMessages.map((id) => `"${id}"`)].some((text) => line.includes(text));

test("when an erasure dies at one boundary after the other then the next goes on, and nothing of the person is left in any table", async () => {
  const { home, world } = worldAt();
  await land("in", recordsOf().flat());
  await fillBeside(home);
  await warehouse.execute(`create schema events; create schema governance;
create table events.events as select * from raw.events;
create table governance.pairs as select left_id as from_id, concat(right_id, ' open') as subject_key, left_is_role from raw.identity_links union all select 'x', 'y', false;
create table governance.nested as select 'n' as k, [user_id_hash] as members, struct(user_id_hash as who, 1 as n) as st from raw.profiles;
create view governance.seen as select * from raw.events;
create table governance.counts as select event_type, count(*) as n from raw.events group by event_type;
create schema aside; create table aside.letters as select * from raw.dead_letters`);
  expect(await privacy("status")).toMatchObject({ exit: 4, pending: 1, overdue: 1, erasures: [], is_under_way: false });
  const before = await allRows();
  const janes = new Map([...before].map(([table, lines]) => [table, lines.filter(isJanes)]));
  expect([...janes].filter(([, lines]) => lines.length > 0).map(([table]) => table)).toEqual([
    "events.events",
    "governance.nested",
    "governance.pairs",
    "raw.consents",
    "raw.decisions",
    "raw.erasure_requests",
    "raw.events",
    "raw.human_labels",
    "raw.identity_links",
    "raw.profiles",
    "raw.suppressions",
  ]);
  const exported = await readPerson(world, janesIds.slice(0, 1));
  expect(exported.rows.length).toBe([...janes.values()].reduce((sum, lines) => sum + lines.length, 0));

  const [planned] = await erase(undefined, true);
  const placesOf = (found: unknown) =>
    (found as { holding: string; findings: { places: { where: string; rows: number }[] } }[]).flatMap(
      ({ findings }) => findings.places,
    );
  const planPlaces = new Map(
    placesOf((planned as never as { plan: { found: unknown } }).plan.found).map((one) => [one.where, one.rows]),
  );
  for (const [table, lines] of janes) if (lines.length > 0) expect(planPlaces.get(table), table).toBe(lines.length);
  // Letters hold her address, sealed.
  const letters = planPlaces.get("raw.dead_letters")!;
  expect(letters).toBeGreaterThan(1);
  expect(await allRows()).toEqual(before);

  const points = ["begun", "deletion-noted", "rows-deleted", "table-rows-deleted", "append-answered"];
  for (const point of points) {
    const died = erase((at) => {
      if (at === point) throw new Died(at);
    });
    await expect(died, point).rejects.toThrow(point);
  }
  expect(await privacy("status")).toMatchObject({ is_under_way: true });
  const [ended] = await erase();
  expect(ended).toMatchObject({ kind: "done", isResumed: true });

  const after = await allRows();
  for (const [table, lines] of after) expect(lines.filter(isJanes), table).toEqual([]);
  expect(await placesNaming(home.root, [...janesIds, jane])).toEqual([]);
  // Everybody else's rows are what they were; her letters are gone, and what the erasure says of itself has come.
  for (const [table, lines] of before) {
    if (
      ["raw.erasures", "raw.erased_ids", "raw.ingest_ledger", "raw.dead_letters"].includes(table) ||
      table.startsWith("ops.")
    )
      continue;
    expect(after.get(table), table).toEqual(lines.filter((line) => !isJanes(line)));
  }
  expect(before.get("raw.dead_letters")!.length - after.get("raw.dead_letters")!.length).toBe(letters);
  expect(after.get("raw.erasures")).toHaveLength(1);
  expect(new Set(after.get("raw.erased_ids")).size).toBe(after.get("raw.erased_ids")!.length);
  expect(after.get("raw.erased_ids")!.length).toBeGreaterThanOrEqual(janesIds.length + janesMessages.length);

  // The accounts: what was written down before it went is what went, and the ledger knows.
  const { entries } = await world.journal.read();
  expect(entries.map(({ kind }) => kind)).toEqual(["begun", "done"]);
  const deleted = await deletedRows(world.bigQuery.deletions);
  for (const [table, rows] of deleted) expect(rows, table).toBe(planPlaces.get(table));
  const receipt = entries[1] as Extract<(typeof entries)[number], { kind: "done" }>;
  expect(receipt.places.filter(({ holding }) => holding === "raw").map(({ where, rows }) => [where, rows])).toEqual(
    [...deleted].sort(),
  );
  expect((await listSnapshots(home.snapshots)).map(({ lock }) => lock.erased?.length ?? 0).every((n) => n > 0)).toBe(
    true,
  );
  const state = join(home.root, "bigquery", `${project}.raw`);
  expect(await verifyBigQueryLedger(state, "raw", warehouse, { deleted, now: new Date() })).toMatchObject({
    ok: true,
    problems: [],
  });
});

test("when a late event or the same file comes again after that then nothing of it lands, and others still do", async () => {
  const event = (id: string, user_id: string) => ({
    event_id: id,
    event_type: "open",
    user_id,
    message_id: `late-${id}`,
    timestamp_utc: "2026-01-22T00:00:00Z",
    provenance: "test",
  });
  await land("late", [event("l1", jane), event("l2", janesCookie), event("l3", joe), ...recordsOf()[0]!.slice(-5)]);
  const { rows } = await warehouse.query("select event_id from raw.events where event_id like 'l_' order by 1");
  expect(rows).toEqual([{ event_id: "l3" }]);
  for (const [table, lines] of await allRows()) expect(lines.filter(isJanes), table).toEqual([]);
  expect(await erase()).toMatchObject([{ kind: "nothing", isErasedAlready: true }]);
});

test("when it is asked about afterwards then its receipt is told, and tables are clean until one names the person again", async () => {
  const [done] = (await worldAt().world.journal.read()).entries.filter(({ kind }) => kind === "done");
  const { rows, models } = done as { rows: number; models: readonly { name: string }[] };
  const status = await privacy("status");
  expect(status).toMatchObject({ exit: 0, pending: 0, is_under_way: false, erasures: [{ people: 1, rows, late: 1 }] });
  expect(models.length).toBeGreaterThan(0);
  expect(status.models.map(({ name }: { name: string }) => name)).toEqual(models.map(({ name }) => name));

  const clean = await privacy("verify");
  expect(clean).toMatchObject({ exit: 0, ok: true, findings: [], unread: [] });
  expect(clean.tables).toBeGreaterThan(15);
  expect(clean.erased).toBeGreaterThan(5);

  const [own, cookie] = janesIds;
  await warehouse.execute(`create table governance.again as select '${own}' as who, 'j1-message' as mail, [struct('${cookie}' as id)] as nested, json '{"m": "j2-message"}' as said, 'about ${own}, twice' as words;
create table governance.fine as select '${hashId(joe)}' as who, json '{"m": "another"}' as said;
insert into raw.dead_letters select * from aside.letters`);
  const found = await privacy("verify");
  expect(found).toMatchObject({ exit: 4, ok: false });
  const places = found.findings.map(({ file, place }: { file: string; place: string }) => `${file} ${place}`);
  expect(places.sort()).toEqual([
    "governance.again mail",
    "governance.again nested",
    "governance.again said",
    "governance.again who",
    "governance.again words",
    "raw.dead_letters payload",
  ]);
  expect(JSON.stringify(found)).not.toMatch(/sha256:|j1-message/);
  await warehouse.execute("drop table governance.again; delete from raw.dead_letters where true");
});

test("when the person is let in again then what is new of them lands and counts, and what was linked or sent before stays out", async () => {
  const readmit = () => privacy("readmit", janesIds[0]!, "--reason", "signed up again");
  expect(await readmit()).toMatchObject({ ids: 1, reason: "signed up again" });
  await expect(readmit()).rejects.toMatchObject({ code: "privacy.not-erased" });
  const statements = await warehouse.query("select id_digest, stated_at from raw.erased_ids where is_readmitted");
  expect(statements.rows).toMatchObject([{ id_digest: erasedId(janesIds[0]!).id_digest }]);
  const event = (id: string, user_id: string, message_id: string) => ({
    event_id: id,
    event_type: "open",
    user_id,
    message_id,
    timestamp_utc: "2026-01-23T00:00:00Z",
    provenance: "test",
  });
  await land("back", [
    event("back-1", jane, "new-message"),
    event("back-2", jane, "j1-message"),
    event("back-3", janesCookie, "other-message"),
  ]);
  const { rows } = await warehouse.query("select event_id, user_id_hash from raw.events where event_id like 'back-%'");
  expect(rows).toEqual([{ event_id: "back-1", user_id_hash: janesIds[0] }]);
  expect(await privacy("verify")).toMatchObject({ exit: 0, ok: true });
  expect(await privacy("status")).toMatchObject({ exit: 0, pending: 0 });
});
