import { expect, test } from "vitest";
import rawTables from "../../../includes/raw_tables.js";
import { decodeApiRecord } from "../../../ingest/decoders.ts";
import { decodeLine } from "../../../ingest/door/decode.ts";
import { createDoor, type DoorOptions } from "../../../ingest/door/door.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { jsonShapes } from "../../../ingest/door/json-columns.ts";
import { coarseRegion } from "../../../ingest/door/places.ts";
import { sensitiveKind } from "../../../platform/personal-keys.ts";
import { eventRecord, testKeys, testNow } from "../support.ts";

const arrival = testNow.getTime() * 1000;
const hashId = createIdHasher(testKeys.ids.active);
const admit = (record: unknown, more: Partial<DoorOptions> = {}, source?: string) => {
  const door = createDoor({ hashId, trustReceivedAt: false, ...more });
  const bytes = Buffer.from(JSON.stringify(record));
  const item = source ? decodeApiRecord(bytes, "profiles", source) : decodeLine(bytes, "test");
  const admitted = door(item, arrival);
  if (admitted.kind !== "row") throw new Error(`${admitted.reason}: ${admitted.detail}`);
  return admitted;
};
const profile = (attributes: unknown, more: object = {}) => ({
  table: "profiles",
  user_id: "jane@example.org",
  attributes,
  ...more,
});

test("when a profile says more than is listed then the rest is left out by its name, and what it says lands nowhere", () => {
  const said = {
    plan: "pro",
    language: "de",
    orders: 7,
    lifetime_value: "120.50",
    is_customer: true,
    last_order_at: "2026-01-31T10:00:00Z",
    health: "diabetes",
    religion: "Quaker",
    birth_date: "1980-02-29",
    full_name: "Jane Doe",
    street: "Hauptstr. 1",
    location: { lat: 52.52, lon: 13.405 },
    mobile: "+49 170 1234567",
    favourite_colour: "red",
    "Jane Doe": true,
  };
  const { row, leftOut } = admit(profile(said));
  expect(row["attributes"]).toEqual({
    plan: "pro",
    language: "de",
    orders: 7,
    lifetime_value: 120.5,
    is_customer: true,
    last_order_at: "2026-01-31T10:00:00Z",
  });
  expect([...leftOut].sort()).toEqual(
    ["*", "birth_date", "favourite_colour", "full_name", "health", "location", "mobile", "religion", "street"].map(
      (key) => `attributes.${key}`,
    ),
  );
});

test.each([
  ["an event", { ...eventRecord(1), shoe_size: 42, "jane@example.org": 1, nothing: null }],
  ["a row of another table", profile({}, { shoe_size: 42, "jane@example.org": 1, nothing: null })],
])("when %s has fields that no column is for then it lands and they are told by name", (_, record) => {
  const { leftOut } = admit(record);
  expect([...leftOut].sort()).toEqual(["*", "shoe_size"]);
});

test.each([
  ["an event", { ...eventRecord(1), schema_version: 2, received_at: "2026-01-31T10:00:00Z", table: "events" }],
  ["a row of another table", profile({}, { provenance: "crm", received_at: "2026-01-31T10:00:00Z" })],
])("when %s has nothing but what is read then nothing is left out", (_, record) => {
  expect(admit(record).leftOut).toEqual([]);
});

test.each([
  ["plan", "jane@example.org"],
  ["plan", "+49 170 1234567"],
  ["tier", "52.5200,13.4050"],
  ["plan", "Hauptstr. 1, 10115 Berlin"],
  ["plan", "SW1A 1AA"],
  ["plan", "x".repeat(65)],
  ["plan", "line\nline"],
  ["plan", { health: "diabetes" }],
  ["plan", ["diabetes"]],
  ["orders", 1.5],
  ["orders", "many"],
  ["is_customer", "perhaps"],
  ["last_order_at", "yesterday"],
])("when the value of %s is %j then it is left out and the profile lands", (key, value) => {
  const { row, leftOut } = admit(profile({ [key]: value, language: "de" }));
  expect(row["attributes"]).toEqual({ language: "de" });
  expect(leftOut).toEqual([`attributes.${key}`]);
});

test("when a source has declared attributes then they land from it and from no other", () => {
  const attributes = {
    "*": { visits: "integer" as const },
    "api/shop": { shirt: { maxLength: 2, oneOf: ["S", "M"] }, plan: "integer" as const },
  };
  const said = { visits: 3, shirt: "M", plan: 2, seat: "12A" };
  const plain = admit(profile(said), { attributes });
  expect([plain.row["attributes"], plain.leftOut]).toEqual([
    { visits: 3, plan: 2 },
    ["attributes.shirt", "attributes.seat"],
  ]);
  const shop = admit(profile(said), { attributes }, "api/shop");
  expect([shop.row["attributes"], shop.leftOut]).toEqual([{ visits: 3, shirt: "M", plan: 2 }, ["attributes.seat"]]);
  expect(admit(profile({ shirt: "XL", plan: "pro" }), { attributes }, "api/shop").row["attributes"]).toEqual({});
});

test("when a decision brings more than a decision has then the rest is left out, to the bottom", () => {
  const { row, leftOut } = admit({
    table: "decisions",
    decision_id: "d1",
    user_id: "jane@example.org",
    decided_at: "2026-01-31T10:00:00Z",
    attributes: {
      experiment_id: "e1",
      release_id: null,
      propensity: 0.25,
      plan: "pro",
      diagnosis: "flu",
      policy: { id: "p", digest: "sha256:1", owner: "Jane" },
      candidates: [{ variant: "a", value: 1, probabilities: { click: 0.2 }, comment: "x" }],
      steps: [{ step: "caps", code: "ok", saw: { sends: 2, birth_date: "1980-02-29" } }],
    },
  });
  expect(row["attributes"]).toEqual({
    experiment_id: "e1",
    release_id: null,
    propensity: 0.25,
    plan: "pro",
    policy: { id: "p", digest: "sha256:1" },
    candidates: [{ variant: "a", value: 1, probabilities: { click: 0.2 } }],
    steps: [{ step: "caps", code: "ok", saw: { sends: 2 } }],
  });
  expect([...leftOut].sort()).toEqual([
    "attributes.candidates.comment",
    "attributes.diagnosis",
    "attributes.policy.owner",
    "attributes.steps.saw.birth_date",
  ]);
});

test("when metadata holds a key that its type has not, or an object, then it is left out by its name", () => {
  const metadata = { isp: "gmail", favourite_colour: "red", tags: ["a", { b: 1 }, "c"], client: { name: "Jane" } };
  const { row, leftOut } = admit(eventRecord(1, { metadata }));
  expect(row["metadata"]).toEqual({ isp: "gmail", tags: ["a", "c"] });
  expect(leftOut).toEqual(["metadata.favourite_colour", "metadata.client"]);
});

test("when a raw table has a JSON column then something says what it may hold", () => {
  const shapeOf = jsonShapes();
  const ours = new Set(["events.metadata", "ingest_ledger.left_out"]);
  for (const table of rawTables.names as readonly string[])
    for (const { name, type } of rawTables.columns(table) as readonly { name: string; type: string }[])
      if (type === "JSON" && !ours.has(`${table}.${name}`)) expect(shapeOf(table, name, "file")).toBeDefined();
});

const fine = [
  "52.5200,13.4050",
  "Hauptstr. 1, 10115 Berlin, +49 170 1234567",
  "10115",
  "D-10115",
  "SW1A 1AA",
  "75008 Paris",
  "jane@example.org",
  "Unter den Linden 77",
  "Lindenallee",
  "Baker Street",
  "rue de Rivoli",
  "52° 31′",
  "198.51.100.7",
  "Munich, Bavaria",
  "she lives near the old mill by the river bank in town",
  "geo:52.5,13.4",
  "8FVC9G8F+6X",
  "///filled.count.soap",
  "jane (at) example (dot) org",
  "jane at example dot org",
];
const coarse = [
  ...["de", "DE", "DEU", "DE-BY", "us-ca", "FR-75", "GB-ENG", "de-by", "us-east", "uk", "unknown", "suburban"],
  ...["California", "North Rhine-Westphalia", "Baden-Württemberg", "Provence-Alpes-Côte d'Azur", "São Paulo"],
  ...["Korea, Republic of", "EMEA", "東京都", "New South Wales", "Rhode Island", "Congo (Kinshasa)"],
];
const tables = [
  ["profiles", { user_id: "u1" }],
  ["seed_tests", { seed_test_id: "s1", isp: "gmail", tested_at: "2026-01-31T10:00:00Z" }],
] as const;

test.each(fine)("when a region is %j then it lands nowhere and is counted", (region) => {
  for (const [table, rest] of tables) {
    const { row, leftOut } = admit({ table, ...rest, region });
    expect([row["region"], leftOut]).toEqual([null, ["region"]]);
  }
  const event = admit(eventRecord(1, { metadata: { isp: "gmail", region } }));
  expect([event.row["metadata"], event.leftOut]).toEqual([{ isp: "gmail" }, ["metadata.region"]]);
});

test.each(coarse)("when a region is %j then it stays", (region) => {
  expect(coarseRegion(region)).toBe(region);
  expect(admit({ table: "profiles", user_id: "u1", region }).leftOut).toEqual([]);
});

test.each([
  ...["health_status", "Diagnosis", "bloodType", "religion", "ethnicity", "sexualOrientation", "birthDate", "dob"],
  ...["first name", "lastName", "Nachname", "street", "Postleitzahl", "zip", "city", "lat", "geoLocation", "gps"],
  ...["phone_number", "mobile", "email", "iban", "passport_no", "ssn", "ip_address", "politicalParty", "trade_union"],
])("when an attribute is called %s then its name tells of something sensitive", (name) => {
  expect(sensitiveKind(name)).toBeDefined();
});

test.each([
  ...["plan", "tier", "lifecycle_stage", "language", "time_zone", "latest_order", "longest_visit", "history"],
  ...["recency", "newbie", "channel", "platform", "capacity", "spend", "template", "translation", "brand", "pinned"],
])("when an attribute is called %s then its name tells of nothing sensitive", (name) => {
  expect(sensitiveKind(name)).toBeUndefined();
});
