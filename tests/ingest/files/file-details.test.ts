import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { otherFilesOf } from "../../../ingest/files/file-details.ts";
import { parseMapping, readPreset } from "../../../ingest/mapping/schema.ts";
import { ingest, rowsOf, temporaryFolder, testKeys } from "../support.ts";

const hashId = createIdHasher(testKeys.ids.active);
const live = new AbortController().signal;
const mapping = readPreset("hubspot");

function exported(folder: string, name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

/** An export as an ELT loader lands it: every event in one table, and details of a kind in a table of its own. */
function hubspotExport() {
  const folder = temporaryFolder();
  const synced = "2026-02-01 00:00:00.000";
  const created = "2026-01-31 08:05:11.000";
  return {
    raw: join(folder, "raw"),
    events: exported(folder, "email_event_data.csv", [
      "id,_fivetran_synced,created,email_campaign_id,sent_by_id,type,filtered_event,recipient",
      `b1,${synced},${created},7,s1,BOUNCE,,reader@example.org`,
      `c1,${synced},${created},7,s1,CLICK,false,reader@example.org`,
      `o1,${synced},${created},7,s1,OPEN,true,reader@example.org`,
    ]),
    bounces: exported(folder, "email_event_bounce_data.csv", [
      "id,_fivetran_synced,category,status,response",
      `b1,${synced},UNKNOWN_USER,550,550 5.1.1 no such user`,
      `b2,${synced},MAILBOX_FULL,452,452 4.2.2 full`,
    ]),
    clicks: exported(folder, "email_event_click_data.csv", [
      "id,_fivetran_synced,referer,browser,location,ip_address,url,user_agent",
      `c1,${synced},,Firefox,,192.0.2.7,https://example.com/a,Mozilla`,
    ]),
  };
}

const run = async (raw: string, paths: readonly string[]) => {
  const { others } = await otherFilesOf(paths, mapping, hashId, live);
  return ingest(raw, paths, { file: { mapping, others } });
};
const detailsOf = async (paths: readonly string[], of = mapping) =>
  (await otherFilesOf(paths, of, hashId, live)).others.details;
const landed = async (raw: string) =>
  Object.fromEntries(
    (await rowsOf(raw, "events")).map((row) => [
      row["event_id"],
      { type: row["event_type"], user: row["user_id_hash"], ...(row["metadata"] as object) },
    ]),
  );

test("when the files of a HubSpot export come together then each event has its details, whatever their order", async () => {
  for (const order of [
    (e: ReturnType<typeof hubspotExport>) => [e.events, e.bounces, e.clicks],
    (e: ReturnType<typeof hubspotExport>) => [e.clicks, e.bounces, e.events],
  ]) {
    const files = hubspotExport();
    const outcomes = await run(files.raw, order(files));
    expect(outcomes.reduce((sum, one) => sum + one.landed, 0)).toBe(4);
    expect(outcomes.reduce((sum, one) => sum + one.duplicate, 0)).toBe(0);
    const rows = await landed(files.raw);
    const user = hashId("reader@example.org");
    expect(rows["hubspot:b1"]).toMatchObject({
      type: "bounce",
      user,
      class: "hard",
      smtp_code: "550",
      enhanced_code: "5.1.1",
      category: "UNKNOWN_USER",
    });
    expect(rows["hubspot:b1"]).not.toHaveProperty("is_time_assumed");
    expect(rows["hubspot:c1"]).toMatchObject({
      type: "click",
      user,
      url: "https://example.com/a",
      ip_prefix: "192.0.2.0/24",
    });
    expect(rows["hubspot:o1"]).toMatchObject({ type: "open", machine: true });
    // Details of an event that the export does not have stay an event by themselves.
    expect(rows["hubspot:b2"]).toMatchObject({ type: "bounce", class: "soft", is_time_assumed: true });
  }
});

test("when the same export comes again then nothing lands, and what more details say of an event is kept beside it", async () => {
  const files = hubspotExport();
  await run(files.raw, [files.events, files.bounces]);
  const again = await run(files.raw, [files.events, files.bounces]);
  expect(again.map((one) => one.state)).toEqual(["already-ingested", "already-ingested"]);
  const more = await run(files.raw, [files.events, files.bounces, files.clicks]);
  expect(more.map((one) => [one.state, one.landed, one.conflict, one.duplicate])).toEqual([
    ["ingested", 1, 1, 2],
    ["ingested", 0, 0, 1],
    ["ingested", 0, 0, 0],
  ]);
});

test("when a file comes alone, or the mapping joins nothing, then files are read as they are", async () => {
  const files = hubspotExport();
  expect(await detailsOf([files.bounces])).toBeUndefined();
  expect(await detailsOf([files.bounces, files.clicks])).toBeUndefined();
  const plain = parseMapping("{version: 1, rows: [{table: profiles, set: {user_id: {column: id}}}]}", "mapping.yaml");
  expect(await detailsOf([files.events, files.bounces], plain)).toBeUndefined();
  const lines = files.events.replace("email_event_data.csv", "details.ndjson");
  writeFileSync(lines, '{"id":"b1","category":"MAILBOX_FULL"}\n[1]\n{broken\n');
  const details = await detailsOf([files.events, lines]);
  expect(
    details?.join({ id: "b1", type: "BOUNCE", recipient: "x", category: "" }, "email_event_data.csv"),
  ).toMatchObject({
    category: "MAILBOX_FULL",
    type: "BOUNCE",
  });
});
