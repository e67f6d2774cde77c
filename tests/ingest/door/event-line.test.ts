import fc from "fast-check";
import { expect, test } from "vitest";
import events from "../../../includes/events.js";
import { eventLine } from "../../../ingest/door/event-line.ts";
import { pseudonymise } from "../../../ingest/door/pseudonymise.ts";
import { canonicalLine, type RawRow, rawColumns } from "../../../ingest/door/raw-row.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "plain",
    'a "quote"',
    "back\\slash",
    "\0",
    "\u001f",
    "\u007f",
    "\ud800",
    "x\udc00",
    "😀",
    "\u2028",
    "\\u0000",
  ),
);
const value = fc.oneof(
  text,
  fc.constantFrom(0, -0, 1, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 1.5, 1e21, 1e-7, true, false, null),
  fc.double({ noNaN: false }),
  fc.jsonValue({ maxDepth: 2 }),
);
const metadata = fc.dictionary(
  fc.oneof(
    fc.constantFrom(...(events.metadataKeys("click") as string[])),
    text.filter((key) => key !== "__proto__"),
  ),
  value,
  { maxKeys: 6 },
);
const instant = fc.oneof(
  fc.integer({ min: 631152000, max: 7258118400 }).map((seconds) => seconds * 1e6),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, 999_999, 1_000_000, 1_000_001, 1.5, 2e15 - 1, 2e15),
);
const maybe = fc.option(text);

test("when an event is written out by hand then it is the canonical line of its row", () => {
  const row = fc.record({
    event_id: text,
    event_type: text,
    user_id_hash: maybe,
    message_id: maybe,
    campaign_id: maybe,
    timestamp_utc: instant,
    received_at: instant,
    consent: fc.option(fc.boolean()),
    provenance: text,
    metadata: fc.oneof(metadata, fc.constant(null), fc.jsonValue({ maxDepth: 2 })),
    schema_version: fc.constant(1),
  });
  fc.assert(
    fc.property(row, (made) => {
      expect(eventLine(made as RawRow)).toBe(canonicalLine(made as RawRow));
    }),
    { numRuns: 3000 },
  );
});

test("when a signal becomes a row then its columns are those of raw.events, in their order", () => {
  const made = pseudonymise(
    {
      eventType: "open",
      recipient: "jane@example.com",
      occurredAt: "2026-01-31T00:00:00Z",
      provenance: "test",
      metadata: {},
    },
    Date.UTC(2026, 1, 1) * 1000,
    (id) => id,
  );
  const columns = rawColumns("events").map(({ name }) => name);
  expect(made.kind === "row" && Object.keys(made.row)).toEqual(columns);
  const line = made.kind === "row" ? eventLine(made.row) : "";
  expect(Object.keys(JSON.parse(line) as object)).toEqual(columns);
});
