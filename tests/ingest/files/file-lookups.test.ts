import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { otherFilesOf } from "../../../ingest/files/file-details.ts";
import { parseMapping, readPreset } from "../../../ingest/mapping/schema.ts";
import { ingest, rowsOf, temporaryFolder, testKeys } from "../support.ts";

const hashId = createIdHasher(testKeys.ids.active);
const live = new AbortController().signal;

/** Who was sent what, without a time, and the campaigns, which have one. */
function exported() {
  const folder = temporaryFolder();
  const file = (name: string, lines: readonly string[]) => {
    writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
    return join(folder, name);
  };
  return {
    raw: join(folder, "raw"),
    recipients: file("campaign_recipient.csv", [
      "campaign_id,member_id,combination_id,list_id",
      "c1,m1,,l1",
      "c2,m1,,l1",
      "c1,m2,b,l1",
    ]),
    campaigns: file("campaign.csv", [
      "id,list_id,send_time,subject_line,title",
      "c1,l1,2026-01-31 08:00:00,Hello,First",
    ]),
    more: file("campaign_2.csv", ["id,list_id,send_time,subject_line,title", "c2,l1,2026-01-30 09:00:00,Again,Second"]),
  };
}
const run = async (raw: string, paths: readonly string[], mapping = readPreset("mailchimp")) =>
  ingest(raw, paths, { file: { mapping, others: (await otherFilesOf(paths, mapping, hashId, live)).others } });
const times = async (raw: string) =>
  (await rowsOf(raw, "events")).map((row) => [row["campaign_id"], String(row["timestamp_utc"])]).sort();

test("when the campaigns are in the run then each mail has its campaign's time, whatever the order of the files", async () => {
  const found = [];
  for (const order of [
    ["recipients", "campaigns", "more"],
    ["more", "campaigns", "recipients"],
  ] as const) {
    // biome-ignore format: two orders
    const files = exported();
    const outcomes = await run(
      files.raw,
      order.map((name) => files[name]),
    );
    expect(outcomes.map(({ dead_letter }) => dead_letter)).toEqual([0, 0, 0]);
    found.push(await times(files.raw));
  }
  expect(found[0]).toHaveLength(3);
  expect(found[0]).toEqual(found[1]);
});

test("when a campaign is in none of the files then its mails alone are dead letters that say so, and land once its file is given", async () => {
  const files = exported();
  const [first] = await run(files.raw, [files.recipients, files.campaigns]);
  expect(first).toMatchObject({ landed: 2, dead_letters_by_reason: { "missing-column": 1 } });
  const again = await run(files.raw, [files.recipients, files.campaigns, files.more]);
  expect(again.map(({ landed }) => landed)).toEqual([1, 0, 1]);
  expect(await times(files.raw)).toHaveLength(3);
});

test("when a mapping looks something up that it does not declare then it is refused with its place", () => {
  const text =
    "version: 1\nrows:\n  - table: events\n    set: { campaign_id: { lookup: campaigns, by: id, of: name } }\n";
  expect(() => parseMapping(text, "m.yaml")).toThrow(/looks up "campaigns"/);
  expect(() => parseMapping(text.replace("of: name", "of: name, cast: wish"), "m.yaml")).toThrow(/not valid/);
});
