import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { verifyHome } from "../../../cli/commands/privacy/verify-home.ts";
import { temporaryFolder } from "../../ingest/support.ts";
import { erase, fillHome, hashId, jane, joe, openHomeWarehouse, putInSpool, worldAt } from "./support.ts";

test("when a home is verified after an erasure then nothing is found, and each place that names the person again is named", async () => {
  const folder = temporaryFolder();
  await fillHome(folder);
  const { world, home } = worldAt(folder);
  expect(await verifyHome(world)).toMatchObject({ erased: 0, findings: [] });
  await erase(worldAt(folder), [jane]);
  const clean = await verifyHome(world);
  expect(clean).toMatchObject({ findings: [], unread: [] });
  expect(clean.erased).toBeGreaterThan(5);
  expect(clean.files).toBeGreaterThan(10);

  const warehouse = await openHomeWarehouse(home);
  await warehouse.execute("create schema if not exists other");
  await warehouse.execute(`create table other.late as select '${hashId(jane)}' as who, 'j1-message' as message_id`);
  await warehouse.execute(`create table other.fine as select '${hashId(joe)}' as who`);
  await warehouse.close();
  writeFileSync(join(folder, "note.json"), `{"a": 1, "message": "j1-message"}\n`);
  await putInSpool(home, [["api", JSON.stringify({ event_type: "open", user_id: jane })]]);
  const found = await verifyHome(world);
  expect(found.findings.map(({ file, place }) => `${file} ${place}`).sort()).toEqual([
    "note.json ",
    "spool frames",
    "warehouse.duckdb other.late.message_id",
    "warehouse.duckdb other.late.who",
  ]);
  expect(JSON.stringify(found)).not.toMatch(/sha256:|j1-message/);
});
