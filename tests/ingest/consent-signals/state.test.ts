import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { seededRandom } from "../../../platform/seeded-random.ts";
import { buildProject } from "../../../warehouse/dataform/build.ts";
import { localEngine } from "../../../warehouse/duckdb/local-engine.ts";
import { openHomeWarehouse, worldAt } from "../../governance/erasure/support.ts";
import { ingest, rowsOf, temporaryFolder, testNow, writeLines } from "../support.ts";
import { tcString } from "./strings.ts";

const projectDir = join(import.meta.dirname, "../../..");
const day = (n: number) => new Date(Date.UTC(2026, 0, n));
const said = (user: string, signal: string, value: unknown, n: number) => ({
  table: "consents",
  user_id: user,
  signal,
  value,
  effective_at: day(n).toISOString(),
  provenance: "banner",
});
const plain = (user: string, purpose: string, isGranted: boolean, n: number, channel?: string) => ({
  table: "consents",
  user_id: user,
  purpose,
  is_granted: isGranted,
  effective_at: day(n).toISOString(),
  provenance: "form",
  ...(channel === undefined ? {} : { channel }),
});
const choice = (n: number, publisher: readonly number[]) => tcString({ lastUpdated: day(n), publisher });

const statements = [
  { table: "profiles", user_id: "ann", isp: "gmail" },
  { table: "profiles", user_id: "bob", isp: "gmail" },
  // Ann opts into mail, agrees on the site, takes most of it back there.
  plain("ann", "activation", true, 2, "email"),
  said("ann", "tcf", choice(3, [5, 6, 8, 9, 10]), 3),
  said("ann", "gcm", "13r3r3r3r5", 4),
  said("ann", "tcf", choice(6, [8, 9]), 6),
  // What is broken, or says nothing of a choice, changes nothing.
  said("ann", "tcf", choice(9, [5, 6, 8, 9, 10]).slice(0, 30), 9),
  said("ann", "gcm", "11t1t1t1t5", 9),
  said("ann", "usp", "1YNN", 9),
  // Bob allows everything by a form; his browser says no.
  plain("bob", "training", true, 2),
  plain("bob", "activation", true, 2),
  said("bob", "gpc", "1", 5),
  said("bob", "gpc", "0", 8),
];

/** The consents of everybody, after the statements landed in some order, in batches of their own. */
async function stateAfter(order: readonly object[], perFile: number, compiled: string): Promise<readonly string[]> {
  const folder = temporaryFolder();
  const { home, context } = worldAt(folder, undefined, 3);
  mkdirSync(`${folder}.in`, { recursive: true });
  for (let at = 0; at < order.length; at += perFile)
    await ingest(home.raw, [writeLines(join(`${folder}.in`, `${at}.ndjson`), order.slice(at, at + perFile))], {
      context: { ...context, now: () => new Date(testNow.getTime() + at * 60_000) },
    });
  const letters = (await rowsOf(home.raw, "dead_letters")).map(({ reason }) => String(reason)).sort();
  expect(letters).toEqual(["consent-signal", "consent-signal", "not-a-signal", "not-a-signal"]);
  const warehouse = await openHomeWarehouse(home);
  const engine = localEngine(warehouse, "test");
  try {
    const { result } = await buildProject({
      projectDir,
      engine,
      vars: { as_of: "2026-02-10T00:00:00Z" },
      cacheDir: compiled,
      now: () => testNow,
      newId: randomUUID,
      select: ["governance.consent_states"],
      includeDeps: true,
    });
    expect(result.results.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    const { rows } = await warehouse.query(
      "select concat(substr(person_id, 1, 12), ' ', purpose, ' ', channel, ' ', consent_status) as line from governance.consent_states where consent_status in ('granted', 'refused', 'withdrawn') or channel = 'web' order by line",
    );
    return rows.map(({ line }) => String(line));
  } finally {
    await engine.close();
  }
}

test("when statements and signals come in any order and in any batches then what everybody allows is the same", async () => {
  const compiled = temporaryFolder();
  const expected = await stateAfter(statements, statements.length, compiled);
  for (const seed of [3, 4]) {
    const draw = seededRandom(seed);
    const order = [...statements].map((one) => [draw(), one] as const).sort(([a], [b]) => a - b);
    expect(
      await stateAfter(
        order.map(([, one]) => one),
        4,
        compiled,
      ),
    ).toEqual(expected);
  }
  expect(expected.map((line) => line.split(" ").slice(1).join(" "))).toEqual([
    "activation email granted",
    "activation web refused",
    "segmentation email refused",
    "segmentation web refused",
    "training email refused",
    "training web refused",
    "activation email granted",
    "activation web refused",
    "measurement web granted",
    "segmentation web refused",
    "training web refused",
  ]);
});
