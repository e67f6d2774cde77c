import { rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { retainInBigQuery } from "../../cli/commands/privacy/retention-in-bigquery.ts";
import { dataPolicyOf } from "../../cli/data-policy.ts";
import { deletedRows, deletionsJournal } from "../../governance/deletions.ts";
import { retentionJournal } from "../../governance/retention/retention-journal.ts";
import { homeAt } from "../../platform/home.ts";
import { journalTable } from "../../platform/journal/journal-table.ts";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { runIn } from "../cli/support/in-process.ts";
import { testContext, writeLines } from "../ingest/support.ts";
import { environmentOf, ownBigQuery } from "./support/own-bigquery.ts";
import { root } from "./support/run-node.ts";

/** `privacy retain` and `ingest retract --batch` with `--target bigquery`. */
class Died extends Error {}

const bigquery = await ownBigQuery();
const project = "retain";
let folder: string;
let warehouse: Warehouse;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-cloud-"));
  warehouse = await connectBigQuery({ projectId: project, ...bigquery });
  const settings = {
    ...environmentOf(bigquery),
    GOOGLE_CLOUD_PROJECT: project,
    INBOXLOOP_ID_KEY: "a1".repeat(32),
    INBOXLOOP_DEAD_LETTER_KEY: "b2".repeat(32),
  };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await warehouse?.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = ["--target", "bigquery", "--home"];
const run = async (...words: string[]) =>
  JSON.parse(await runIn(folder, [...words, ...at, join(folder, "home"), "--json", "--quiet"]));
const idsIn = async (table: string) =>
  (await warehouse.query(`select event_id from ${table} order by event_id`)).rows.map((row) => row["event_id"]);

const now = Date.now();
const before = (days: number) => new Date(now - days * 86_400_000).toISOString();
const event = (id: string, days: number, more: object = {}) => ({
  event_id: id,
  event_type: "open",
  user_id: `${id}@example.org`,
  message_id: `m-${id}`,
  timestamp_utc: before(days),
  received_at: before(days),
  provenance: "test",
  ...more,
});

test("when rows are older than their table is kept then they go, what stops mail stays, and a kill changes nothing of it", async () => {
  const events = [
    event("old", 2001),
    event("older", 2002),
    event("young", 9),
    event("stop", 3000, { event_type: "unsubscribe" }),
    event("its-send", 3001, { event_type: "sent", message_id: "m-stop" }),
    event("spam", 2400, { event_type: "complaint", message_id: undefined }),
    event("refused", 2300, { event_type: "page_view", message_id: undefined, consent: false }),
    event("viewed", 2300, { event_type: "page_view", message_id: undefined, consent: true }),
  ];
  await run("ingest", "file", writeLines(join(folder, "old.ndjson"), events), "--trust-received-at");
  const dry = await run("privacy", "retain", "--project", root, "--dry-run");
  expect(dry).toMatchObject({
    outcomes: [{ kind: "planned", plan: { rows: 3, places: [{ where: "raw.events", rows: 3 }] } }],
    expiring: [],
  });
  expect(await idsIn("raw.events")).toHaveLength(events.length);

  const stated = (await dataPolicyOf(root))!;
  const home = homeAt(join(folder, "home"));
  const deletions = journalTable(async () => warehouse, "ops.deletions", deletionsJournal);
  const retain = (fault: (point: string) => void) =>
    retainInBigQuery(
      {
        home,
        context: testContext(home.raw, {
          fault,
          now: () => new Date(),
          bigQuery: {
            projectId: project,
            dataset: "raw",
            kind: "committed",
            state: join(home.root, "bigquery"),
            ...bigquery,
          },
        }),
        journal: journalTable(async () => warehouse, "ops.retentions", retentionJournal),
        refreshViews: async () => {},
        policy: stated.policy,
        file: stated.file,
        signal: new AbortController().signal,
        deletions,
        openWarehouse: () => connectBigQuery({ projectId: project, ...bigquery }),
      },
      { dryRun: false },
    );
  for (const point of ["retention-begun", "deletion-noted", "rows-deleted"]) {
    const died = retain((one) => {
      if (one === point) throw new Died(one);
    });
    await expect(died, point).rejects.toThrow(point);
  }
  const done = await run("privacy", "retain", "--project", root);
  expect(done.outcomes).toMatchObject([
    { kind: "done", isResumed: true, receipt: { rows: 3, places: [{ where: "raw.events", rows: 3 }] } },
    { kind: "nothing" },
  ]);
  expect(await idsIn("raw.events")).toEqual(["its-send", "refused", "spam", "stop", "young"]);
  expect([...(await deletedRows(deletions))]).toEqual([["raw.events", 3]]);
  expect(await run("ingest", "verify")).toMatchObject({ ok: true, erased: 3 });
  // Events outlive their partition; of the others each that the policy gives days has them.
  const tables = (done.expiring as { table: string; days: number }[]).map(({ table }) => table);
  expect(tables).toContain("raw.decisions");
  expect(tables).not.toContain("raw.events");
});

test("when a batch is taken back then its rows and no others are, and a batch that cannot be told apart is refused", async () => {
  const land = async (name: string, ids: readonly string[]) => {
    const records = ids.map((id) => event(id, 1));
    writeFileSync(join(folder, name), records.map((one) => `${JSON.stringify(one)}\n`).join(""));
    await run("ingest", "file", join(folder, name));
  };
  await land("good.ndjson", ["g1", "g2"]);
  await land("wrong.ndjson", ["w1", "w2", "w3"]);
  const { rows } = await warehouse.query("select batch_id from raw.ingest_ledger where source = 'ndjson:wrong.ndjson'");
  const batch = String(rows[0]!["batch_id"]);
  const retract = (...more: string[]) => run("ingest", "retract", "--batch", batch, "--reason", "wrong file", ...more);
  expect(await retract("--dry-run")).toMatchObject({ dry_run: true, rows: { events: 3 }, already: 0 });
  const { retraction_id } = await retract();
  const named = await warehouse.query("select row_id from raw.retractions where retraction_id = @id order by row_id", {
    params: { id: retraction_id },
  });
  expect(named.rows.map((row) => row["row_id"])).toEqual(["w1", "w2", "w3"]);
  expect(await retract()).toMatchObject({ rows: {}, already: 3 });

  // Another machine's row, received among these.
  await warehouse.execute(
    "insert into raw.events (event_id, event_type, received_at) select 'x', 'open', received_at from raw.events where event_id = 'w2'",
  );
  await expect(retract("--dry-run")).rejects.toMatchObject({ code: "ingest.batch-mixed" });
});
