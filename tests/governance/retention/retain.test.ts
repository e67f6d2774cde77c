import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { retainHome } from "../../../cli/commands/privacy/home-retention.ts";
import { type DataPolicy, dataPolicyFile, parseDataPolicy } from "../../../governance/data-policy/data-policy.ts";
import { retentionCutoffs } from "../../../governance/retention/plan.ts";
import { retentionJournal } from "../../../governance/retention/retention-journal.ts";
import { verifyLedger } from "../../../ingest/segments/verify.ts";
import { journalFile } from "../../../platform/journal/journal-file.ts";
import { listSnapshots } from "../../../retrain/snapshot/snapshot.ts";
import { verifySnapshot } from "../../../retrain/snapshot/verify-snapshot.ts";
import { ingest, rowsOf, temporaryFolder, testContext, testNow, writeLines } from "../../ingest/support.ts";
import { copyHome, fillHome, worldAt } from "../erasure/support.ts";

class Died extends Error {}

const own = parseDataPolicy(
  readFileSync(join(import.meta.dirname, "../../..", dataPolicyFile), "utf8"),
  dataPolicyFile,
);
const keeping = (days: Readonly<Record<string, number | null>>): DataPolicy => ({
  ...own,
  retention: {
    ...own.retention,
    ...Object.fromEntries(
      Object.entries(days).map(([table, after_days]) => [table, { after_days, because: "a test" }]),
    ),
  },
});
const day = 86_400_000;
const at = (days: number) => new Date(testNow.getTime() - days * day).toISOString();

const retain = (folder: string, policy: DataPolicy, fault?: (point: string) => void, dryRun = false) => {
  const { home, context, world } = worldAt(folder, fault);
  const journal = journalFile(home.retentions, retentionJournal, {
    pid: process.pid,
    sleep: context.sleep,
    patienceMs: 1_000,
  });
  const { signal, refreshViews } = world;
  return retainHome({ home, context, journal, policy, file: "policies.yaml", signal, refreshViews }, { dryRun });
};

/** Lands records with the times at which they were received. */
async function land(folder: string, records: readonly object[]): Promise<void> {
  const { home } = worldAt(folder);
  const context = { ...testContext(home.raw, { erasures: home.erasures, batchRecords: 4 }), trustReceivedAt: true };
  await ingest(home.raw, [writeLines(join(`${folder}.in`), records)], { context });
}

const event = (id: string, days: number, more: object = {}) => ({
  event_id: id,
  event_type: "open",
  user_id: `${id}@example.org`,
  message_id: `m-${id}`,
  timestamp_utc: at(days),
  received_at: at(days),
  provenance: "test",
  ...more,
});

test("when rows are older than their table is kept then they go, and what stops mail stays with its whole message", async () => {
  const folder = temporaryFolder();
  await land(folder, [
    event("old", 101),
    event("young", 99),
    event("stop", 500, { event_type: "unsubscribe" }),
    event("its-send", 501, { event_type: "sent", message_id: "m-stop" }),
    event("spam", 400, { event_type: "complaint", message_id: undefined }),
    event("refused", 300, { event_type: "page_view", message_id: undefined, consent: false }),
    event("viewed", 300, { event_type: "page_view", message_id: undefined, consent: true }),
    { table: "suppressions", user_id: "a@example.org", reason: "manual", since_at: at(900), received_at: at(900) },
    { table: "decisions", decision_id: "d1", user_id: "a@example.org", decided_at: at(31), received_at: at(31) },
  ]);
  const policy = keeping({ "raw.events": 100, "raw.decisions": 30 });
  const filesIn = () => readdirSync(join(folder, "raw", "events"), { recursive: true });
  const before = filesIn();
  const [planned] = await retain(folder, policy, undefined, true);
  expect(planned).toMatchObject({
    kind: "planned",
    plan: {
      rows: 3,
      places: [
        { where: "raw.events", rows: 2 },
        { where: "raw.decisions", rows: 1 },
      ],
    },
  });
  expect(filesIn()).toEqual(before);
  const [done] = await retain(folder, policy);
  expect(done).toMatchObject({ kind: "done", isResumed: false, receipt: { rows: 3, snapshots: [] } });
  const { home } = worldAt(folder);
  expect((await rowsOf(home.raw, "events")).map((row) => row["event_id"]).sort()).toEqual([
    "its-send",
    "refused",
    "spam",
    "stop",
    "young",
  ]);
  expect(await rowsOf(home.raw, "decisions")).toEqual([]);
  expect(await rowsOf(home.raw, "suppressions")).toHaveLength(1);
  expect(await verifyLedger(home.raw)).toMatchObject({ problems: [], erased: 3 });
  expect(await retain(folder, policy)).toMatchObject([{ kind: "nothing" }]);
  expect(readFileSync(home.retentions, "utf8").trim().split("\n")).toHaveLength(2);
});

/** What must be the same however often a retention was interrupted. */
async function stateOf(folder: string) {
  const { home } = worldAt(folder);
  const journal = readFileSync(home.retentions, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const [begun, done] = journal;
  const verdict = await verifyLedger(home.raw);
  const tables = ["events", "dead_letters", "decisions", "consents", "profiles"];
  return {
    rows: await Promise.all(tables.map(async (table) => JSON.stringify(await rowsOf(home.raw, table)))),
    aside: existsSync(join(home.raw, ".set-aside")) ? readdirSync(join(home.raw, ".set-aside")) : [],
    cutoffs: begun?.["cutoffs"],
    receipt: { rows: done?.["rows"], places: done?.["places"], snapshots: done?.["snapshots"] },
    entries: journal.map(({ kind }) => kind),
    problems: verdict.problems,
    erased: verdict.erased,
    snapshots: (await listSnapshots(home.snapshots)).map(({ id }) => id).sort(),
  };
}

/** Boundaries that come once a segment or snapshot: a retention dies at the first few of each. */
const isRepeated = (point: string): boolean => /^(erasure-|ledger-torn|snapshot-)/.test(point);

test("when a retention dies at one boundary after the other then the next one goes on, and the end is the same", async () => {
  const folder = temporaryFolder();
  const wanted = join(folder, "wanted");
  const dying = join(folder, "dying");
  await fillHome(wanted, { batchRecords: 1000 });
  copyHome(wanted, dying);
  // All that the home holds was received at testNow; its snapshots' mails were sent before.
  const policy = keeping({ "raw.events": 20, "raw.dead_letters": 20, "raw.decisions": 20 });
  const later = new Date(testNow.getTime() + 21 * day);
  const at = (world: string, fault?: (point: string) => void) => {
    const made = worldAt(world, fault);
    const journal = journalFile(made.home.retentions, retentionJournal, {
      pid: process.pid,
      sleep: made.context.sleep,
      patienceMs: 1_000,
    });
    const { signal, refreshViews } = made.world;
    const context = { ...made.context, now: () => later };
    return retainHome(
      { home: made.home, context, journal, policy, file: "policies.yaml", signal, refreshViews },
      { dryRun: false },
    );
  };
  await at(wanted);
  const expected = await stateOf(wanted);
  expect(expected).toMatchObject({ entries: ["begun", "done"], problems: [] });
  expect(expected.rows.slice(1, 3)).toEqual(["[]", "[]"]);
  expect(expected.receipt.snapshots).not.toEqual([]);

  const deaths: string[] = [];
  const fault = (point: string) => {
    if (deaths.filter((one) => one === point).length >= (isRepeated(point) ? 6 : 1)) return;
    deaths.push(point);
    throw new Died(point);
  };
  for (let isDead = true; isDead; ) {
    const before = deaths.length;
    await at(dying, fault).catch((error: unknown) => {
      if (deaths.length === before) throw error;
    });
    isDead = deaths.length > before;
  }
  expect(deaths.length).toBeGreaterThan(20);
  expect(await stateOf(dying)).toEqual(expected);
  const { home } = worldAt(dying);
  for (const snapshot of await listSnapshots(home.snapshots))
    expect(await verifySnapshot(snapshot)).toMatchObject({ verdict: "pass" });
});

test("when a policy would let go what says who may not be reached then it is refused with the table", () => {
  for (const table of ["raw.suppressions", "raw.consents", "raw.erased_ids", "raw.identity_links"])
    expect(() => retentionCutoffs(keeping({ [table]: 30 }), "policies.yaml", testNow)).toThrow(
      expect.objectContaining({ code: "retention.must-stay", message: expect.stringContaining(table) }),
    );
});

test("when the cutoff is worked out then it is a midnight, so that all runs of a day are one", () => {
  const of = (now: string) => retentionCutoffs(own, dataPolicyFile, new Date(now));
  expect(of("2026-03-05T00:00:00Z")).toEqual(of("2026-03-05T23:59:59Z"));
  expect(of("2026-03-05T10:00:00Z")).toContainEqual({
    of: "events",
    kept_days: 1095,
    before: "2023-03-06T00:00:00.000Z",
  });
});
