import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { normaliseAddress } from "../../../ingest/door/address.ts";
import { seal, unseal } from "../../../ingest/door/dead-letter.ts";
import { decodeLine } from "../../../ingest/door/decode.ts";
import { createDoor } from "../../../ingest/door/door.ts";
import { DoorWindow } from "../../../ingest/door/door-window.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { instantText, parseInstant } from "../../../ingest/door/instant.ts";
import { ipPrefix } from "../../../ingest/door/ip-prefix.ts";
import { eventRecord, hashed, testKeys, testNow } from "../support.ts";

const arrival = testNow.getTime() * 1000;
const hashId = createIdHasher(testKeys.ids.active);
const door = createDoor({ hashId, trustReceivedAt: false });
const admit = (record: unknown) =>
  door(decodeLine(Buffer.from(typeof record === "string" ? record : JSON.stringify(record)), "test"), arrival);
const rowOf = (record: unknown) => {
  const admitted = admit(record);
  if (admitted.kind !== "row") throw new Error(`${admitted.reason}: ${admitted.detail}`);
  return admitted.row;
};

test("when an event has our shape then it is a row with every column", () => {
  expect(rowOf(eventRecord(1, { metadata: { isp: "gmail", favourite_colour: "red" } }))).toEqual({
    event_id: "e1",
    event_type: "open",
    user_id_hash: hashed("user1"),
    message_id: "m1",
    campaign_id: "promo-202601",
    timestamp_utc: Date.UTC(2026, 0, 1, 0, 0, 1) * 1000,
    received_at: arrival,
    consent: true,
    provenance: "test",
    metadata: { isp: "gmail" },
    schema_version: 1,
  });
});

test("when an event uses the other spelling of its fields then it is the same row", () => {
  const { metadata, consent, provenance, ...rest } = eventRecord(1);
  expect(rowOf({ ...rest, event_metadata: metadata, consent_flag: consent, provenance_id: provenance })).toEqual(
    rowOf(eventRecord(1)),
  );
});

test.each([
  ["{broken", "malformed-json"],
  ["[1,2]", "wrong-type"],
  ["7", "wrong-type"],
  [{ ...eventRecord(1), event_type: "snooze" }, "unknown-event-type"],
  [{ ...eventRecord(1), event_type: "constructor" }, "unknown-event-type"],
  [{ ...eventRecord(1), event_type: 5 }, "wrong-type"],
  [{ ...eventRecord(1), event_type: undefined }, "missing-field"],
  [{ ...eventRecord(1), timestamp_utc: undefined }, "missing-field"],
  [{ ...eventRecord(1), user_id_hash: "" }, "missing-field"],
  [{ ...eventRecord(1), user_id_hash: { id: 1 } }, "wrong-type"],
  [{ ...eventRecord(1), consent: "maybe" }, "wrong-type"],
  [{ ...eventRecord(1), metadata: [1] }, "wrong-type"],
  [{ ...eventRecord(1), timestamp_utc: "2026-02-30T00:00:00Z" }, "time-unreadable"],
  [{ ...eventRecord(1), timestamp_utc: "yesterday" }, "time-unreadable"],
  [{ ...eventRecord(1), timestamp_utc: "2026-02-01T00:05:01Z" }, "time-in-future"],
  [{ ...eventRecord(1), event_id: "x".repeat(2000) }, "too-large"],
  [{ ...eventRecord(1), metadata: { isp: "x".repeat(1_100_000) } }, "too-large"],
  [JSON.stringify(eventRecord(1)).replace('"gmail"', "[".repeat(40) + "]".repeat(40)), "too-deep"],
  [
    { table: "consents", user_id: "a@b.example", purpose: "training", is_granted: "yes", effective_at: "2026-01-01" },
    "wrong-type",
  ],
  [{ table: "consents", user_id: "a@b.example", purpose: "training", is_granted: true }, "missing-field"],
  [{ table: "ingest_ledger", batch_id: "forged" }, "not-a-signal"],
  [{ table: "users", name: "x" }, "not-a-signal"],
] as const)("when a line is %j then it is a dead letter %s", (record, reason) => {
  expect(admit(record)).toMatchObject({ kind: "dead-letter", reason });
});

test("when a line is not UTF-8 then it is a dead letter and not a guess", () => {
  expect(decodeLine(Buffer.from([0x7b, 0xff, 0x7d]), "test")).toMatchObject({ reason: "malformed-input" });
});

test("when any bytes come then there is an answer and no exception", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        expect(["row", "dead-letter"]).toContain(door(decodeLine(bytes, "test"), arrival).kind);
      },
    ),
    { numRuns: 2000 },
  );
});

test("when fields hold anything at all then no raw address reaches the row", () => {
  const address = "jane.doe+news@example.com";
  const text = fc.constantFrom(
    address,
    `<${address}>`,
    `550 5.1.1 <${address}>: no such user`,
    `mailto:${address}?x=1`,
    "see https://x.example/?e=jane.doe%2Bnews%40example.com&y=2",
    `${"pad ".repeat(700)}${address}`,
  );
  const value = fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.dictionary(fc.constantFrom("a", "b"), text));
  fc.assert(
    fc.property(fc.constantFrom("bounce", "open", "click", "unsubscribe"), value, text, (type, any, id) => {
      const admitted = admit({
        ...eventRecord(1),
        event_type: type,
        user_id_hash: undefined,
        user_id: address,
        event_id: id.slice(0, 1000),
        campaign_id: id.slice(0, 1000),
        provenance: id,
        metadata: { diagnostic: any, reason: any, user_agent: any, url: any, tags: [any], note: any },
      });
      expect(JSON.stringify(admitted)).not.toMatch(/jane\.doe/i);
    }),
    { numRuns: 500 },
  );
});

test("when one mailbox is written in several ways then it has one id", () => {
  const ways = [
    "Jane@Example.COM",
    " jane@example.com ",
    "Jane Doe <jane@example.com>",
    "mailto:jane@example.com",
    "jane@example.com.",
  ];
  expect(new Set(ways.map((way) => rowOf({ ...eventRecord(1), user_id_hash: way })["user_id_hash"])).size).toBe(1);
  expect(normaliseAddress("jane@BÜCHER.example")).toBe("jane@xn--bcher-kva.example");
  expect(normaliseAddress("User-17")).toBe("User-17");
});

test("when an id arrives hashed then it is kept, in lower case", () => {
  expect(
    rowOf({ ...eventRecord(1), user_id_hash: hashed("x").toUpperCase().replace("SHA256", "sha256") })["user_id_hash"],
  ).toBe(hashed("x"));
});

test("when the key is another one then the ids are others", () => {
  const other = createIdHasher({ version: "v2", secret: Buffer.from("another key, 16 bytes") });
  expect(other("jane@example.com")).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(other("jane@example.com")).not.toBe(hashId("jane@example.com"));
});

test("when an event has no id then its digest is one, whenever it comes and in whatever order its keys stand", () => {
  const { event_id: _id, ...bare } = eventRecord(1, { metadata: { isp: "gmail", region: "US-CA" } });
  const swapped = { ...bare, metadata: { region: "US-CA", isp: "gmail" } };
  const later = door(decodeLine(Buffer.from(JSON.stringify(swapped)), "test"), arrival + 1e9);
  expect(later.kind === "row" && later.row["event_id"]).toBe(rowOf(bare)["event_id"]);
  expect(rowOf({ ...bare, message_id: "m2" })["event_id"]).not.toBe(rowOf(bare)["event_id"]);
});

test("when the sender's clock is ahead by less than five minutes then the event lands and says so", () => {
  const row = rowOf({ ...eventRecord(1), timestamp_utc: "2026-02-01T00:04:00Z" });
  expect(row["metadata"]).toMatchObject({ clock_skew_seconds: 240 });
});

test("when received_at is trusted then the future is measured from it", () => {
  const trusting = createDoor({ hashId, trustReceivedAt: true });
  const line = (received: unknown) =>
    trusting(
      decodeLine(Buffer.from(JSON.stringify({ ...eventRecord(1), received_at: received })), "test"),
      Date.UTC(2020, 0, 1) * 1000,
    );
  expect(line("2026-01-01T00:00:02Z")).toMatchObject({
    kind: "row",
    row: { received_at: Date.UTC(2026, 0, 1, 0, 0, 2) * 1000 },
  });
  expect(line(undefined)).toMatchObject({ reason: "time-in-future" });
  expect(line("soon")).toMatchObject({ reason: "time-unreadable" });
});

test.each([
  ["192.0.2.77", "192.0.2.0/24"],
  ["::ffff:192.0.2.77", "192.0.2.0/24"],
  ["2001:db8:1:2::9", "2001:db8:1::/48"],
  ["2001:db8::1", "2001:db8:0::/48"],
  ["192.0.2.77/32", "192.0.2.0/24"],
  ["::1", "0:0:0::/48"],
  ["not an address", undefined],
])("when an IP address is %s then %s is kept of it", (ip, prefix) => {
  expect(ipPrefix(ip)).toBe(prefix);
});

test.each([
  ["2026-01-31T09:12:00Z", "2026-01-31T09:12:00.000000Z"],
  ["2026-01-31T09:12:00.123456789Z", "2026-01-31T09:12:00.123456Z"],
  ["2026-01-31 09:12:00", "2026-01-31T09:12:00.000000Z"],
  ["2026-01-31T09:12:00+02:00", "2026-01-31T07:12:00.000000Z"],
  ["2026-01-31T23:59:60Z", "2026-02-01T00:00:00.000000Z"],
  ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000000Z"],
  [1769850720, "2026-01-31T09:12:00.000000Z"],
  [1769850720123, "2026-01-31T09:12:00.123000Z"],
])("when an instant is written %s then it is %s", (written, text) => {
  expect(instantText(parseInstant(written)!)).toBe(text);
});

test("when instants are read one after the other then the day read last never leaks into the next", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date("1991-01-01"), max: new Date("2100-01-01"), noInvalidDate: true }), (date) => {
      expect(parseInstant(date.toISOString())).toBe(date.getTime() * 1000);
    }),
    { numRuns: 2000 },
  );
  for (const bad of ["2026-01-31T24:00:00Z", "2026-01-31T09:60:00Z", "2026-01-31T09:12:0xZ", "2026-01-31T0912:00:Z"]) {
    parseInstant("2026-01-31T09:12:00Z");
    expect(parseInstant(bad), bad).toBeUndefined();
  }
});

test("when rows pass the window then exactly those among the last ones are known", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(60), { maxLength: 400 }), fc.integer({ min: 1, max: 30 }), (keys, capacity) => {
      const window = new DoorWindow(capacity, [7, 8, 9, 10]);
      const landed: number[] = [];
      for (const key of keys) {
        const isKnown = landed.slice(-capacity).includes(key);
        expect(window.admit(`key ${key}`, "")).toBe(isKnown ? "duplicate" : "new");
        if (!isKnown) landed.push(key);
      }
    }),
    { numRuns: 300 },
  );
});

test("when a dead letter is sealed then only its key opens it, and only whole", () => {
  const sealed = seal(Buffer.from("jane@example.com did this"), testKeys.deadLetters, randomBytes);
  expect(sealed.includes("jane")).toBe(false);
  expect(unseal(sealed, testKeys.deadLetters)?.toString()).toBe("jane@example.com did this");
  expect(unseal(sealed, testKeys.ids)).toBeUndefined();
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = changed[at]! ^ 1;
    expect(unseal(changed, testKeys.deadLetters)).toBeUndefined();
  }
});
