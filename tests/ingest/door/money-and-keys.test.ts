import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decodeRecord } from "../../../ingest/door/decode.ts";
import { createDoor } from "../../../ingest/door/door.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { ingest, rowsOf, temporaryFolder, testKeys, testNow } from "../support.ts";

const door = createDoor({ hashId: createIdHasher(testKeys.ids.active), trustReceivedAt: false });
const conversion = (metadata: object) =>
  door(
    decodeRecord(
      {
        event_type: "conversion",
        user_id: "ann@example.com",
        message_id: "m1",
        timestamp_utc: "2026-01-01T10:00:00Z",
        metadata,
      },
      "t",
    ),
    testNow.getTime() * 1000,
  );

test.each(["1,234.50", "1.234,50", "12 EUR", "", "free", true, [80]])(
  "when an amount is %j then the event is a dead letter and no purchase of nothing",
  (revenue) => {
    expect(conversion({ revenue, currency: "EUR" })).toMatchObject({ kind: "dead-letter", reason: "money-unreadable" });
  },
);

test("when a currency is none then the event is a dead letter; its code lands in capitals", () => {
  expect(conversion({ revenue: 80, currency: "euros" })).toMatchObject({ reason: "money-unreadable" });
  expect(conversion({ revenue: 80, currency: "XXQ" })).toMatchObject({ reason: "money-unreadable" });
  expect(conversion({ revenue: 80, currency: "CLF" })).toMatchObject({ row: { metadata: { currency: "CLF" } } });
  expect(conversion({ revenue: -80, currency: "eur" })).toMatchObject({
    kind: "row",
    row: { metadata: { revenue: -80, currency: "EUR" } },
  });
});

const unsubscribed = (id: string, recipient: string, day: number) => ({
  signature: { timestamp: "1", token: `${recipient}${day}`, signature: "x" },
  "event-data": { event: "unsubscribed", id, timestamp: Date.UTC(2026, 0, day) / 1000 + 0.1, recipient },
});

test("when a provider's ids are unique for a day then neither another person nor another day is a duplicate, also after a restart", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const file = (name: string, calls: readonly object[]) => {
    const path = join(folder, name);
    writeFileSync(path, calls.map((call) => `${JSON.stringify(call)}\n`).join(""));
    return path;
  };
  const first = file("a.ndjson", [
    unsubscribed("x", "ann@example.com", 2),
    unsubscribed("x", "bob@example.net", 5),
    unsubscribed("x", "ann@example.com", 9),
  ]);
  const [outcome] = await ingest(raw, [first], { file: { source: "mailgun" } });
  expect(outcome).toMatchObject({ received: 3, landed: 3, duplicate: 0 });
  const again = file("b.ndjson", [unsubscribed("x", "ann@example.com", 9), unsubscribed("x", "cyd@example.net", 9)]);
  const [redelivered] = await ingest(raw, [again], { file: { source: "mailgun" } });
  expect(redelivered).toMatchObject({ received: 2, landed: 1, duplicate: 1 });
  expect(new Set((await rowsOf(raw, "events")).map((row) => row["user_id_hash"])).size).toBe(3);
});
