import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseMapping } from "../../../ingest/mapping/schema.ts";
import { ingest, rowsOf, temporaryFolder } from "../support.ts";

const people = ["ann@example.com", "bob@example.com", "cyd@example.net"];
const template = (id: string, encode: (address: string) => string) => {
  const folder = temporaryFolder();
  const file = join(folder, "export.csv");
  const rows = ["spring", "summer"].flatMap((campaign) =>
    people.map((one) => `${one},${encode(one)},${campaign},2026-01-01T10:00:00Z,2026-01-01T12:00:00Z`),
  );
  writeFileSync(file, ["Email,Key,Campaign,Sent At,Opened At", ...rows, ""].join("\n"));
  const row = (type: string, at: string) =>
    `{table: events, set: {event_type: ${type}, event_id: {text: "${id}:${type}"}, message_id: {text: "${id}"}, campaign_id: {column: Campaign}, user_id: {column: Email}, timestamp_utc: {column: ${at}, cast: instant}}}`;
  const mapping = parseMapping(
    `{version: 1, rows: [${row("sent", "Sent At")}, ${row("open", "Opened At")}]}`,
    "m.yaml",
  );
  return { raw: join(folder, "raw"), file, mapping };
};

test.each([
  ["{Campaign}:{Key}", (one: string) => one],
  ["{Campaign}-{Key}-77", (one: string) => one],
  ["{Key}/{Campaign}", (one: string) => encodeURIComponent(encodeURIComponent(one))],
  ["{Campaign}.{Key}", (one: string) => Buffer.from(one).toString("base64url")],
] as const)(
  "when an export's only identity is %s then no row is lost, no two people share a message and no address lands",
  async (id, encode) => {
    const { raw, file, mapping } = template(id, encode);
    const [outcome] = await ingest(raw, [file], { file: { mapping } });
    expect(outcome).toMatchObject({ received: 12, landed: 12, duplicate: 0, dead_letter: 0 });
    const rows = await rowsOf(raw, "events");
    const userOf = new Map(rows.map((row) => [row["message_id"], row["user_id_hash"]]));
    expect(userOf.size).toBe(6);
    for (const row of rows) expect(userOf.get(row["message_id"])).toBe(row["user_id_hash"]);
    expect(JSON.stringify(rows.map(({ metadata: _domain, ...row }) => row))).not.toMatch(
      /ann|bob|cyd|example|YW5u|Ym9i|Y3lk/,
    );
  },
);
