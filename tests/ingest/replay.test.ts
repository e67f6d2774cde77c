import { join } from "node:path";
import { expect, test } from "vitest";
import { parseMapping } from "../../ingest/mapping/schema.ts";
import { parseSince, replay } from "../../ingest/replay.ts";
import { verifyLedger } from "../../ingest/segments/verify.ts";
import { eventRecord, ingest, rowsOf, temporaryFolder, testContext, testNow, writeLines } from "./support.ts";

const live = new AbortController().signal;
const later = { now: () => new Date("2026-03-01T00:00:00Z") };

async function homeWithLetters() {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const early = eventRecord(2, { timestamp_utc: "2026-02-15T00:00:00Z" });
  const file = writeLines(join(folder, "events.ndjson"), [eventRecord(1), early, "{broken"]);
  await ingest(raw, [file]);
  return { folder, raw };
}

test("when today's code accepts a letter then it lands once, however often it is replayed", async () => {
  const { raw } = await homeWithLetters();
  const options = { dryRun: false };
  const first = await replay(testContext(raw, later), options, live);
  expect(first).toMatchObject({ selected: 2, accepted: 1, refused: { "malformed-json": 1 } });
  const second = await replay(testContext(raw, later), options, live);
  expect(second).toMatchObject({ selected: 1, accepted: 0 });
  expect((await rowsOf(raw, "events")).map((row) => row["event_id"])).toEqual(["e1", "e2"]);
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

test("when a replay is dry or filtered then nothing else changes", async () => {
  const { raw } = await homeWithLetters();
  expect(await replay(testContext(raw, later), { dryRun: true }, live)).toMatchObject({ accepted: 1, dry_run: true });
  expect(await replay(testContext(raw, later), { dryRun: false, reason: "malformed-json" }, live)).toMatchObject({
    selected: 1,
    accepted: 0,
  });
  const after = parseSince("2026-02-01T00:00:01Z", testNow)!;
  expect(await replay(testContext(raw, later), { dryRun: false, since: after }, live)).toMatchObject({ selected: 0 });
  expect(await replay(testContext(raw, later), { dryRun: false, limit: 1 }, live)).toMatchObject({ selected: 1 });
  expect(await rowsOf(raw, "events")).toHaveLength(2);
});

test("when a mapping is corrected then the letters of the mapped file land as the rows they were", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const csv = writeLines(join(folder, "people.csv"), ["id,region", '"x, y",north', "b,south"]);
  const mapping = (column: string) =>
    parseMapping(
      `{version: 1, rows: [{table: profiles, set: {user_id: {row: customer}, region: {column: ${column}}, isp: {column: id}}}]}`,
      "mapping.yaml",
    );
  const [outcome] = await ingest(raw, [csv], { file: { mapping: mapping("area") } });
  expect(outcome).toMatchObject({ landed: 0, dead_letters_by_reason: { "missing-column": 2 } });
  const settled = await replay(testContext(raw), { dryRun: false, mapping: mapping("region") }, live);
  expect(settled).toMatchObject({ selected: 2, accepted: 2 });
  expect((await rowsOf(raw, "profiles")).map((row) => [row["isp"], row["region"]])).toEqual([
    ["x, y", "north"],
    ["b", "south"],
  ]);
});

test("when many events of one body are refused then the body is kept once, and each of them can be replayed", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const early = (n: number) => eventRecord(n, { timestamp_utc: "2026-02-15T00:00:00Z" });
  const padding = "x".repeat(5_000);
  const body = [
    early(1),
    eventRecord(2),
    early(3),
    { ...early(4), metadata: { isp: padding } },
    { event_type: "open" },
  ];
  const one = writeLines(join(folder, "one.json"), [JSON.stringify(body, null, 1)]);
  const two = writeLines(join(folder, "two.json"), [JSON.stringify([early(5), early(6)], null, 1)]);
  const outcomes = await ingest(raw, [one, two]);
  expect(outcomes.map(({ landed, dead_letter }) => [landed, dead_letter])).toEqual([
    [1, 4],
    [0, 2],
  ]);
  const letters = await rowsOf(raw, "dead_letters");
  const sizes = letters.map((row) => Buffer.from(String(row["payload"]), "base64").length);
  expect(letters.map((row) => row["position"])).toEqual(["1#0", "1#2", "1#3", "1#4", "1#0", "1#1"]);
  expect(sizes[0]).toBeGreaterThan(5_000);
  expect([...sizes.slice(1, 4), sizes[5]].every((size) => size! < 40)).toBe(true);

  const settled = await replay(testContext(raw, later), { dryRun: false }, live);
  expect(settled).toMatchObject({ selected: 6, accepted: 5, refused: { "missing-field": 1 } });
  const landed = (await rowsOf(raw, "events")).map((row) => row["event_id"]);
  expect(landed).toEqual(["e2", "e1", "e3", "e4", "e5", "e6"]);
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

test("when only the letters of one reason are replayed then those without bytes of their own are found too", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const early = eventRecord(2, { timestamp_utc: "2026-02-15T00:00:00Z" });
  const file = writeLines(join(folder, "one.json"), [JSON.stringify([{ event_type: "open" }, early], null, 1)]);
  await ingest(raw, [file]);
  const options = { dryRun: false, reason: "time-in-future" };
  expect(await replay(testContext(raw, later), options, live)).toMatchObject({ selected: 1, accepted: 1 });
});
