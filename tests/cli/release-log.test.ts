import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { releaseLogFile, releaseLogIn } from "../../cli/release-log.ts";
import { homeAt } from "../../platform/home.ts";
import { journalTable } from "../../platform/journal/journal-table.ts";
import { verifySignatures } from "../../release/decide.ts";
import { adoptLog, anchorLog, readLog, verifyAnchors } from "../../release/log.ts";
import { approve, promote, releaseStatus, rollback, submit } from "../../release/release.ts";
import { ReleaseWatch } from "../../serve/release-watch.ts";
import type { Target } from "../../targets/target.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";
import { artefactOf, openDesk, submission } from "../release/support/desk.ts";

/** A target that keeps its journals in tables, as BigQuery's does; the home beside it is this machine's. */
let folder: string;
let warehouse: DuckDbWarehouse;
const target = (): Target =>
  ({
    name: "cloud",
    home: homeAt(folder),
    journal: (name, kind) => journalTable(async () => warehouse, `ops.${name}`, kind),
  }) as Pick<Target, "name" | "home" | "journal"> as Target;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-release-log-"));
  warehouse = await openDuckDbWarehouse({ path: ":memory:" });
});
afterEach(async () => {
  await warehouse.close();
  await rm(folder, { recursive: true, force: true });
});

test("when the target keeps the log in a table, then a version is released in it, and who watches it hears of it", async () => {
  const log = releaseLogIn(target());
  const desk = openDesk(folder);
  const watch = await ReleaseWatch.open({
    log,
    models: async () => folder,
    key: Buffer.alloc(32),
    lastGood: join(folder, "in-force.json"),
  });
  expect(watch.current).toMatchObject({ trouble: undefined, models: { lineup: { champion: null } } });
  await submit(desk.as("ada", { log }), submission("v1"));
  await approve(desk.as("ben", { log }), "v1", artefactOf("v1"));
  await promote(desk.as("ben", { log }), "v1", { ...artefactOf("v1"), evidence: null });
  expect(await watch.look()).toBe(true);
  expect(watch.current.models.lineup.champion).toMatchObject({ version: "v1" });
  await rollback(desk.as("ben", { log }), "v1", "complaints");
  await watch.look();
  expect(watch.current.models.lineup.champion).toBeNull();
  expect(await watch.look()).toBe(false);
  watch.close();
});

test("when the home holds a log from before, then it is not passed over: it is adopted whole, once", async () => {
  const desk = openDesk(folder);
  await submit(desk.as("ada"), submission("v1"));
  await approve(desk.as("ben"), "v1", artefactOf("v1"));
  const log = releaseLogIn(target());
  await expect(releaseStatus(log)).rejects.toMatchObject({
    code: "release.log-elsewhere",
    next: expect.stringContaining("--target cloud change adopt"),
  });

  const before = await readLog(desk.log);
  const anchor = anchorLog(before, desk.at);
  expect(await adoptLog(log, await readLog(releaseLogFile(desk.log.where)))).toHaveLength(2);
  const adopted = await readLog(log);
  expect(adopted).toEqual(before);
  verifySignatures(adopted, desk.people, log);
  verifyAnchors(adopted, [anchor], log);
  await expect(adoptLog(log, before)).rejects.toMatchObject({ code: "release.stale" });

  await promote(desk.as("ben", { log }), "v1", { ...artefactOf("v1"), evidence: null });
  expect((await releaseStatus(log)).state.champion).toBe("v1");
  await rename(desk.log.where, `${desk.log.where}.adopted`);
  expect((await releaseStatus(log)).state.champion).toBe("v1");
});
