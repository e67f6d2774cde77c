import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { verifyLedger } from "../../../ingest/segments/verify.ts";
import { listSnapshots } from "../../../retrain/snapshot/snapshot.ts";
import { verifySnapshot } from "../../../retrain/snapshot/verify-snapshot.ts";
import { temporaryFolder } from "../../ingest/support.ts";
import { copyHome, erase, fillHome, jane, janesIds, placesNaming, rawRows, worldAt } from "./support.ts";

class Died extends Error {}

/** What must be the same however often an erasure was interrupted. */
async function stateOf(folder: string) {
  const { home } = worldAt(folder);
  const journal = readFileSync(home.erasures, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const [begun, done] = journal;
  const verdict = await verifyLedger(home.raw);
  return {
    // Receipts are called by ids of chance.
    raw: JSON.parse(
      JSON.stringify(await rawRows(folder)).replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<id>"),
    ),
    tokens: begun?.["tokens"],
    receipt: { rows: done?.["rows"], places: done?.["places"], snapshots: done?.["snapshots"] },
    entries: journal.map(({ kind }) => kind),
    problems: verdict.problems,
    erased: verdict.erased,
    snapshots: (await listSnapshots(home.snapshots)).map(({ id }) => id).sort(),
    isUnderWay: existsSync(`${home.erasures}.under-way.json`),
  };
}

/** Boundaries that come once a segment, frame or snapshot: an erasure dies at the first few of each. */
const isRepeated = (point: string): boolean => /^(erasure-|ledger-torn|spool-|snapshot-)/.test(point);

test("when an erasure dies at one boundary after the other then the next one goes on, and the end is the same", async () => {
  const folder = temporaryFolder();
  const wanted = join(folder, "wanted");
  const dying = join(folder, "dying");
  await fillHome(wanted, { batchRecords: 1000 });
  copyHome(wanted, dying);
  await erase(worldAt(wanted), [jane]);
  const expected = await stateOf(wanted);
  expect(expected).toMatchObject({ entries: ["begun", "done"], problems: [], isUnderWay: false });

  const deaths: string[] = [];
  const fault = (point: string) => {
    if (deaths.filter((one) => one === point).length >= (isRepeated(point) ? 6 : 1)) return;
    deaths.push(point);
    throw new Died(point);
  };
  for (let isDead = true; isDead; ) {
    const before = deaths.length;
    // Some steps say what stopped them in words of their own.
    await erase(worldAt(dying, fault), [jane]).catch((error: unknown) => {
      if (deaths.length === before) throw error;
    });
    isDead = deaths.length > before;
  }
  expect(deaths.length, deaths.join(", ")).toBeGreaterThanOrEqual(50);
  expect(new Set(deaths).size).toBeGreaterThan(20);
  expect(await stateOf(dying)).toEqual(expected);
  expect(await placesNaming(dying, [...janesIds, jane])).toEqual([]);
  for (const snapshot of await listSnapshots(join(dying, "snapshots")))
    expect((await verifySnapshot(snapshot)).verdict).toBe("pass");
});
