import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { retainHome } from "../../../cli/commands/privacy/home-retention.ts";
import { dataPolicyFile, parseDataPolicy } from "../../../governance/data-policy/data-policy.ts";
import { retentionJournal } from "../../../governance/retention/retention-journal.ts";
import { journalFile } from "../../../platform/journal/journal-file.ts";
import { buildProject } from "../../../warehouse/dataform/build.ts";
import { localEngine } from "../../../warehouse/duckdb/local-engine.ts";
import { ingest, temporaryFolder, testContext, testNow, writeLines } from "../../ingest/support.ts";
import { openHomeWarehouse, worldAt } from "../erasure/support.ts";

const projectDir = join(import.meta.dirname, "../../..");
const own = parseDataPolicy(readFileSync(join(projectDir, dataPolicyFile), "utf8"), dataPolicyFile);
const at = (days: number) => new Date(testNow.getTime() - days * 86_400_000).toISOString();
let events = 0;
const event = (user: string, type: string, days: number, more: object = {}) => ({
  event_id: `e${events++}`,
  event_type: type,
  user_id: user,
  timestamp_utc: at(days),
  received_at: at(days),
  provenance: "test",
  ...more,
});
const grant = (user: string, purpose: string, days: number) => ({
  table: "consents",
  user_id: user,
  purpose,
  is_granted: true,
  effective_at: at(days),
  received_at: at(days),
});

const records = [
  ...["ann", "bob", "cem", "dee", "eve"].map((user) => ({
    table: "profiles",
    user_id: user,
    isp: "gmail",
    received_at: at(900),
  })),
  ...["ann", "bob", "cem", "dee"].map((user) => grant(user, "activation", 900)),
  // Ann unsubscribed long ago; the send of that mail is what it is judged by.
  event("ann", "sent", 801, { message_id: "m1" }),
  event("ann", "delivered", 801, { message_id: "m1" }),
  event("ann", "unsubscribe", 800, { message_id: "m1" }),
  event("bob", "complaint", 700, { message_id: "m2" }),
  event("cem", "bounce", 600, { message_id: "m3", metadata: { class: "hard" } }),
  // Dee allowed training by a form and took it back by a flag; Eve has nothing but a flag that grants.
  event("dee", "page_view", 500, { consent: false }),
  event("eve", "page_view", 500, { consent: true }),
  event("eve", "open", 10, { message_id: "m4" }),
];

async function builtAt(folder: string, compiled: string) {
  const warehouse = await openHomeWarehouse(worldAt(folder).home);
  const engine = localEngine(warehouse, "test");
  try {
    const { result } = await buildProject({
      projectDir,
      engine,
      vars: { as_of: testNow.toISOString() },
      cacheDir: compiled,
      now: () => testNow,
      newId: randomUUID,
      select: ["governance.suppressions", "governance.consent_states"],
      includeDeps: true,
    });
    expect(result.results.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    const lines = async (sql: string) => (await warehouse.query(sql)).rows.map(({ line }) => String(line)).sort();
    return {
      stopped: await lines(
        "select concat(user_id_hash, ' ', reason, ' ', cast(is_in_force as string)) as line from governance.suppressions",
      ),
      allowed: await lines(
        "select concat(person_id, ' ', purpose, ' ', channel) as line from governance.consent_states where is_allowed",
      ),
      events: await lines("select event_type as line from events.events"),
    };
  } finally {
    await engine.close();
  }
}

test("when rows went by their age then whoever was stopped still is, nobody allows more than before, and tables have what is left", async () => {
  const folder = temporaryFolder();
  const compiled = temporaryFolder();
  const { home, context, world } = worldAt(folder);
  await ingest(home.raw, [writeLines(join(`${folder}.in`), records)], {
    context: { ...testContext(home.raw, { erasures: home.erasures }), trustReceivedAt: true },
  });
  const before = await builtAt(folder, compiled);
  expect(before.stopped).toHaveLength(3);
  expect(before.events).toHaveLength(8);
  const journal = journalFile(home.retentions, retentionJournal, {
    pid: process.pid,
    sleep: context.sleep,
    patienceMs: 1_000,
  });
  const policy = { ...own, retention: { ...own.retention, "raw.events": { after_days: 100, because: "a test" } } };
  const { signal, refreshViews } = world;
  const outcomes = await retainHome(
    { home, context, journal, policy, file: "policies.yaml", signal, refreshViews },
    { dryRun: false },
  );
  expect(outcomes).toMatchObject([{ kind: "done", receipt: { rows: 1 } }]);
  const after = await builtAt(folder, compiled);
  expect(after.stopped).toEqual(before.stopped);
  expect(before.allowed).toEqual(expect.arrayContaining(after.allowed));
  expect(before.allowed.length - after.allowed.length).toBe(1);
  expect(after.events).toEqual(before.events.filter((_, i) => i !== before.events.indexOf("page_view")));
});
