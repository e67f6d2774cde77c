import { join } from "node:path";
import { expect, test } from "vitest";
import { readmitToHome } from "../../../cli/commands/privacy/home-erasure.ts";
import { erasedId } from "../../../governance/erasure/erased-ids.ts";
import erasures from "../../../includes/erasures.js";
import { temporaryFolder, testNow } from "../../ingest/support.ts";
import { erase, hashId, jane, joe, land, openHomeWarehouse, placesNaming, rawRows, worldAt } from "./support.ts";

const event = (id: string, user: string) => ({
  event_id: id,
  event_type: "open",
  user_id: user,
  message_id: `${id}-message`,
  timestamp_utc: "2026-01-05T00:00:00Z",
  provenance: "test",
});
const statements = async (folder: string) =>
  ((await rawRows(folder))["erased_ids"] ?? []).map((row) => JSON.parse(row));

test("when a person is erased then models are told by digests that name nobody, and once let in the door takes them again", async () => {
  const folder = join(temporaryFolder(), "home");
  await land(folder, "before", [event("a", jane), event("b", joe)]);
  const { world } = worldAt(folder);
  await expect(readmitToHome(world, [hashId(jane)], "came back")).rejects.toMatchObject({ code: "privacy.not-erased" });
  await erase(worldAt(folder), [jane]);
  const erased = await statements(folder);
  expect(erased.map(({ id_digest }) => id_digest).sort()).toEqual(
    [hashId(jane), "a-message"].map((id) => erasedId(id).id_digest).sort(),
  );
  expect(await placesNaming(folder, [hashId(jane), jane, "a-message"])).toEqual([]);
  expect(await land(folder, "late", [event("c", jane)])).toMatchObject([{ dead_letters_by_reason: { erased: 1 } }]);

  for (const reason of ["jane.doe@example.org signed up", `it is ${hashId(jane)}`])
    await expect(readmitToHome(world, [hashId(jane)], reason)).rejects.toMatchObject({ code: "privacy.reason" });
  await readmitToHome(world, [hashId(jane)], "signed up again");
  const { entries } = await world.journal.read();
  expect(entries.at(-1)).toMatchObject({
    kind: "readmitted",
    ids: 1,
    reason: "signed up again",
    at: testNow.toISOString(),
  });
  expect((await statements(folder)).filter(({ is_readmitted }) => is_readmitted === true)).toHaveLength(1);
  expect(JSON.stringify(entries)).not.toContain("sha256:");

  // the former message stays erased; a new one is somebody's again
  expect(
    await land(folder, "back", [event("d", jane), { ...event("e", jane), message_id: "a-message" }]),
  ).toMatchObject([{ landed: 1, dead_letters_by_reason: { erased: 1 } }]);
  await expect(readmitToHome(world, [hashId(jane)], "again")).rejects.toMatchObject({ code: "privacy.not-erased" });
  await erase(worldAt(folder), [jane]);
  expect(await land(folder, "once more", [event("f", jane)])).toMatchObject([
    { dead_letters_by_reason: { erased: 1 } },
  ]);
});

test("when an id's digest and hint are made by an erasure and by the models' SQL then they are the same", async () => {
  const folder = join(temporaryFolder(), "home");
  await land(folder, "one", [event("a", joe)]);
  const warehouse = await openHomeWarehouse(worldAt(folder).home);
  try {
    for (const id of [hashId(jane), "j1-message", "<a.b@mail.example>", "größe"]) {
      const { rows } = await warehouse.query(
        `select ${erasures.digestOf("@id")} as id_digest, ${erasures.hintOf("@id")} as id_hint`,
        { params: { id } },
      );
      expect(rows).toEqual([erasedId(id)]);
    }
  } finally {
    await warehouse.close();
  }
});
