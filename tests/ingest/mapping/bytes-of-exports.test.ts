import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { parseMapping } from "../../../ingest/mapping/schema.ts";
import { ingest, rowsOf, temporaryFolder, testKeys } from "../support.ts";

const hashId = createIdHasher(testKeys.ids.active);
const mapping = (csv = "") =>
  parseMapping(
    `{version: 1, ${csv} rows: [{table: events, set: {event_type: sent, event_id: {row: x}, user_id: {column: Email}, timestamp_utc: {column: At, cast: instant}}}]}`,
    "m.yaml",
  );

/** Lands one file and gives the users that it names. */
async function users(bytes: Buffer, csv = "") {
  const folder = temporaryFolder();
  const file = join(folder, "export.csv");
  writeFileSync(file, bytes);
  const raw = join(folder, "raw");
  const [outcome] = await ingest(raw, [file], { file: { mapping: mapping(csv) } });
  return {
    outcome: outcome!,
    ids: outcome!.landed ? (await rowsOf(raw, "events")).map((row) => row["user_id_hash"]) : [],
  };
}
const at = "2026-01-01T10:00:00Z";
const text = `Email,At\njörg@example.com,${at}\nbob@example.com,${at}\n`;

test("when a record is not UTF-8 then it is a dead letter and the others land", async () => {
  const { outcome, ids } = await users(Buffer.from(text, "latin1"));
  expect(outcome).toMatchObject({ received: 2, landed: 1, dead_letters_by_reason: { "malformed-input": 1 } });
  expect(ids).toEqual([hashId("bob@example.com")]);
});

test.each([
  ["UTF-8", Buffer.from(text), ""],
  ["UTF-8 with its mark", Buffer.from(`\ufeff${text}`), ""],
  ["a quoted header behind a mark", Buffer.from(`\ufeff${text.replace("Email", '"Email"')}`), ""],
  ["UTF-16 with its mark", Buffer.from(`\ufeff${text}`, "utf16le"), ""],
  ["Windows-1252, declared", Buffer.from(text, "latin1"), "csv: {charset: windows-1252},"],
  ["CR line ends", Buffer.from(text.replaceAll("\n", "\r")), ""],
  ["CRLF line ends", Buffer.from(text.replaceAll("\n", "\r\n")), ""],
  ["Excel's sep= line", Buffer.from(`sep=;\n${text.replaceAll(",", ";")}`), ""],
] as const)("when the file is %s then the same people are in it", async (_name, bytes, csv) => {
  expect((await users(bytes, csv)).ids).toEqual([hashId("jörg@example.com"), hashId("bob@example.com")]);
});

test("when a declared charset does not fit then the rest is one dead letter and nobody is guessed", async () => {
  const { outcome } = await users(Buffer.from(text, "latin1"), "csv: {charset: utf-16le},");
  expect(outcome).toMatchObject({ landed: 0 });
});

const twice = Buffer.from(`Email,At,Email\nann@example.com,${at},backup@other.example\n`);
test("when a header names a column twice then it is refused, unless the mapping says which counts", async () => {
  await expect(users(twice)).rejects.toMatchObject({ code: "ingest.repeated-column" });
  expect((await users(twice, "csv: {repeated: first},")).ids).toEqual([hashId("ann@example.com")]);
  expect((await users(twice, "csv: {repeated: last},")).ids).toEqual([hashId("backup@other.example")]);
  expect((await users(twice, "csv: {repeated: number},")).ids).toEqual([hashId("ann@example.com")]);
});

test("when one time of a file shows a zone other than UTC then its times without one are dead letters", async () => {
  const { outcome, ids } = await users(
    Buffer.from("Email,At\nann@example.com,2026-01-01 10:00:00\nbob@example.com,2026-01-01 10:00:00 -0600\n"),
  );
  expect(outcome).toMatchObject({ landed: 1, dead_letters_by_reason: { "time-unreadable": 1 } });
  expect(ids).toEqual([hashId("bob@example.com")]);
});
