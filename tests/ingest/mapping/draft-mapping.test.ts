import { expect, test } from "vitest";
import { createDoor } from "../../../ingest/door/door.ts";
import { applyMapping } from "../../../ingest/mapping/apply.ts";
import { draftMapping } from "../../../ingest/mapping/draft-mapping.ts";
import { draftTime } from "../../../ingest/mapping/draft-times.ts";
import { eventWord } from "../../../ingest/mapping/event-words.ts";
import { parseMapping } from "../../../ingest/mapping/schema.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What a draft makes of records, through the door. */
function landed(fileName: string, records: readonly Fields[], settle: (text: string) => string = (text) => text) {
  const drafted = draftMapping({ fileName, records });
  const mapping = parseMapping(settle(drafted.text), "mapping.yaml");
  const hashId = (id: string) => `hashed ${id}`;
  const door = createDoor({ hashId, trustReceivedAt: false });
  const items = records.flatMap((record, at) =>
    applyMapping(mapping, record, { fileId: "f", rowNumber: at + 1, hashId, defaultProvenance: "p", fileName }),
  );
  const admitted = items.map((item) => door(item, Date.parse("2026-03-01T00:00:00Z") * 1000));
  return {
    drafted,
    rows: admitted.flatMap((one) => (one.kind === "row" ? [one.row] : [])),
    letters: admitted.flatMap((one) => (one.kind === "row" ? [] : [one.reason])),
  };
}
const inUtc = (text: string) => text.replace("version: 1", "version: 1\nzone: UTC");
const why = ({ drafted }: ReturnType<typeof landed>) => drafted.doubts.map((one) => one.why).join("\n");

test("when a log of events has words of its own then each becomes our event, and what is not known is said", () => {
  const record = (email: string, action: string, day: string, more: Fields = {}) => ({
    "Email Address": email,
    "Campaign Name": "Jan Sale",
    Action: action,
    "Action Date": `${day}/01/2026 09:12`,
    "Order Total": "",
    ...more,
  });
  const records = [
    record("a@example.org", "Opened", "31"),
    record("b@example.org", "Link Clicked", "30"),
    record("b@example.org", "Hard Bounced", "30"),
    record("b@example.org", "Placed Order", "30", { "Order Total": "1.234,50" }),
    record("b@example.org", "Jiggled", "30"),
  ];
  const found = landed("export.csv", records, inUtc);
  expect(found.letters).toEqual([]);
  expect(found.rows.map(({ event_type, user_id_hash }) => [event_type, user_id_hash])).toEqual([
    ["open", "hashed a@example.org"],
    ["click", "hashed b@example.org"],
    ["bounce", "hashed b@example.org"],
    ["purchase", "hashed b@example.org"],
  ]);
  expect(found.rows[2]!["metadata"]).toMatchObject({ class: "hard" });
  expect(found.rows[3]!["metadata"]).toMatchObject({ revenue: 1234.5 });
  expect(found.rows[0]!["timestamp_utc"]).toBe(Date.parse("2026-01-31T09:12:00Z") * 1000);
  expect(new Set(found.rows.map((row) => row["message_id"])).size).toBe(2);
  for (const said of ['left out: "Jiggled"', "name no zone", "names no currency", "no column names the mail"])
    expect(why(found)).toContain(said);
  // The zone is never guessed: without one nothing lands.
  expect(landed("export.csv", records).letters).toEqual(Array(4).fill("time-unreadable"));
  // A kind that the first records did not show is a letter that can be replayed, not a record that is dropped.
  const mapping = parseMapping(inUtc(found.drafted.text), "mapping.yaml");
  const context = { fileId: "f", rowNumber: 9, hashId: (id: string) => id, defaultProvenance: "p" };
  expect(applyMapping(mapping, record("c@example.org", "Unsubscribed", "30"), context)).toMatchObject([
    { kind: "dead-letter", reason: "wrong-type" },
  ]);
});

test("when a mail has a line with a column for each event then each gives an event, the empty ones too", () => {
  const records = [
    {
      id: 1,
      client_id: "u1",
      message_id: "m1",
      sent_at: "2026-01-01T10:00:00Z",
      opened_at: "2026-01-01T11:00:00Z",
      unsubscribed_at: "",
      is_opened: "t",
    },
    {
      id: 2,
      client_id: "u2",
      message_id: "m2",
      sent_at: "2026-01-01T10:00:00Z",
      opened_at: "",
      unsubscribed_at: "",
      is_opened: "f",
    },
  ];
  const found = landed("messages.csv", records);
  expect(found.rows.map((row) => [row["event_type"], row["message_id"]])).toEqual([
    ["sent", "m1"],
    ["open", "m1"],
    ["sent", "m2"],
  ]);
  expect(new Set(found.rows.map((row) => row["event_id"])).size).toBe(3);
  expect(found.drafted.text).toContain("event_type: unsubscribe");
  expect(why(found)).toContain('"unsubscribed_at" is empty in the first records');
});

test("when nothing says what happened then the file's name does, and without that it is a list of people", () => {
  const clicks = [{ subscriber_key: "s1", timestamp: "2026-01-01T10:00:00Z", url: "https://example.org/a" }];
  const byName = landed("email_clicks_2026.csv", clicks);
  expect(byName.rows).toMatchObject([{ event_type: "click", user_id_hash: "hashed s1" }]);
  expect(why(byName)).toContain("by the file's name it is click");
  const people = landed("people.csv", [{ "E-Mail": "a@example.org", City: "x" }]);
  expect(people.rows).toMatchObject([{ user_id_hash: "hashed a@example.org" }]);
  expect(people.drafted.unused).toEqual(["City"]);
});

test.each([
  [["2026-01-31T09:00:00Z", "2026-01-31T09:00:00+02:00"], { needsZone: false }],
  [["1769853600", "1769853601"], { needsZone: false }],
  [["2026-01-31 09:00:00"], { needsZone: true }],
  [["31/01/2026 09:12", "02/01/2026 09:12"], { format: "d/M/yyyy HH:mm", needsZone: true }],
  [["1/31/2026 9:12 PM"], { format: "M/d/yyyy h:mm a", needsZone: true }],
  [["02.01.2026"], { needsZone: true, isOpen: ["d.M.yyyy", "M.d.yyyy"] }],
  [["Tuesday"], undefined],
] as const)("when times are written %j then %j", (values, expected) => {
  expect(draftTime(values, true)).toEqual(expected);
});

test("when a column of numbers is not named like a time then it is none", () => {
  expect(draftTime(["1769853600"], false)).toBeUndefined();
});

test.each([
  ["[Email] Opened", "open"],
  ["OPEN", "open"],
  ["email.delivered", "delivered"],
  ["Spam Report", "complaint"],
  ["list_unsubscribe", "unsubscribe"],
  ["Opt-Out", "unsubscribe"],
  ["softBounce", "bounce"],
  ["Received Email", "delivered"],
  ["Active", undefined],
  ["", undefined],
] as const)("when an export says %s then it is %s", (word, type) => {
  expect(eventWord(word)?.type).toBe(type);
});
