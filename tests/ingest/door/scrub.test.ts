import fc from "fast-check";
import { expect, test } from "vitest";
import events from "../../../includes/events.js";
import rawTables from "../../../includes/raw_tables.js";
import { decodeRecord } from "../../../ingest/door/decode.ts";
import { createDoor } from "../../../ingest/door/door.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { rawColumns } from "../../../ingest/door/raw-row.ts";
import { scrubId, scrubPhrase, scrubText, scrubUrl } from "../../../ingest/door/scrub.ts";
import { hashed, testKeys, testNow } from "../support.ts";

const hashId = createIdHasher(testKeys.ids.active);
const door = createDoor({ hashId, trustReceivedAt: false });
const arrival = testNow.getTime() * 1000;
const id = (text: string): string => scrubId(text, hashId);

const address = "zelda.quux@victim-host.example";
const base64 = (text: string): string => Buffer.from(text).toString("base64");
/** One mailbox in the spellings of senders, trackers and people. */
const spellings: readonly string[] = [
  address,
  address.toUpperCase(),
  `<${address}>`,
  `mailto:${address}`,
  address.replace("@", "%40"),
  address.replace("@", "%2540"),
  address.replace("@", "%252540"),
  address.replace("@", "\uff20"),
  address.replace("@", "&#64;"),
  address.replace("@", "=40"),
  address.replace("@", " (at) ").replace(".example", " (dot) example"),
  address.replace("@", "[at]"),
  address.replace("@", " at ").replace(".example", " dot example"),
  `bounce+${address.replace("@", "=")}@lists.example`,
  base64(address),
  base64(address).replace(/=+$/, ""),
  encodeURIComponent(base64(`e=${address}`)),
  `u_${base64(address).replace(/=+$/, "")}`,
  `h.${Buffer.from(JSON.stringify({ email: address })).toString("base64url")}.s`,
  Buffer.from(address).toString("hex"),
];
const traces = [/zelda|quux|victim/i, /15155550199|1515 555|555-0199|555 0199/, /198\.51\.100\.77|2001:db8:77::9/];
/** Everything that could still be read out of a row: itself, and what its runs of digits decode to. */
const readable = (value: unknown): string => {
  const text = JSON.stringify(value);
  const runs = text.match(/[A-Za-z0-9+/_-]{12,}/g) ?? [];
  return [
    text,
    ...runs.flatMap((run) => [0, 1, 2, 3].map((skip) => Buffer.from(run.slice(skip), "base64").toString("latin1"))),
  ].join(" ");
};
const expectNoTrace = (value: unknown): void => {
  const text = readable(value);
  for (const trace of traces) expect(text).not.toMatch(trace);
};

const planted = fc.oneof(
  fc.constantFrom(...spellings),
  fc.constantFrom(
    "+1 515 555 0199",
    "tel:+15155550199",
    "(515) 555-0199",
    "515-555-0199",
    "198.51.100.77",
    "2001:db8:77::9",
  ),
);
const around = fc.constantFrom(
  (one: string) => one,
  (one: string) => `promo:${one}`,
  (one: string) => `promo-2026 ${one} 77`,
  (one: string) => `550 5.1.1 <${one}>: no such user`,
  (one: string) => `https://shop.example/u/${one}/open`,
  (one: string) => `https://shop.example/o?e=${one}&utm_campaign=spring#${one}`,
  (one: string) => `https://shop.example/o?utm_term=${one}`,
  (one: string) => `${"pad ".repeat(600)}${one}`,
);
const text = fc.tuple(planted, around).map(([one, wrap]) => wrap(one));

test("when identifiers are planted in any field of an event, in any spelling, then none is in the row", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...(events.names as string[])),
      text,
      text,
      fc.boolean(),
      (type, one, other, isKnown) => {
        const keys = [...(events.metadataKeys(type) as string[]), "note", one.slice(-300)];
        const admitted = door(
          decodeRecord(
            {
              event_type: type,
              user_id: isKnown ? address : hashed("somebody"),
              event_id: one.slice(-900),
              message_id: other.slice(-900),
              campaign_id: one.slice(-900),
              provenance: other,
              timestamp_utc: "2026-01-31T09:00:00Z",
              metadata: Object.fromEntries(
                keys.map((key, n) => [
                  key,
                  n % 3 === 0 ? [one, { [one.slice(-300)]: other }] : n % 3 === 1 ? one : other,
                ]),
              ),
            },
            "test",
          ),
          arrival,
        );
        // What no amount can be read from is refused aloud, with the name of its field and not with what stood there.
        if (admitted.kind === "dead-letter") {
          expect(admitted.reason).toBe("money-unreadable");
          expectNoTrace({ detail: admitted.detail });
          return;
        }
        const { recipient_domain: _domain, ...metadata } = admitted.row["metadata"] as Record<string, unknown>;
        expectNoTrace({ ...admitted.row, metadata });
      },
    ),
    { numRuns: 1500 },
  );
});

test("when identifiers are planted in any column of any other table then none is in the row", () => {
  const tables = (rawTables.names as string[]).filter(
    (name) => !["events", "dead_letters", "ingest_ledger"].includes(name),
  );
  fc.assert(
    fc.property(fc.constantFrom(...tables), text, text, (table, one, other) => {
      const values: Record<string, unknown> = { table };
      for (const { name, type } of rawColumns(table)) {
        if (type === "STRING") values[name] = one.slice(-900);
        if (type === "BOOL") values[name] = true;
        if (type === "INT64") values[name] = 1;
        if (type === "TIMESTAMP") values[name] = "2026-01-31T09:00:00Z";
        if (type === "JSON")
          values[name] = { email: address, first_name: "Zelda", tier: one, [one.slice(-300)]: [other] };
      }
      values["purpose"] = "training";
      const admitted = door(decodeRecord(values, "test"), arrival);
      if (admitted.kind === "row") expectNoTrace(admitted.row);
    }),
    { numRuns: 1500 },
  );
});

test("when ids name persons then each is a token of its own, the same every time, whoever the event is about", () => {
  const people = ["ann@example.com", "bob@example.com", "cyd@example.net"];
  const ids = ["spring", "summer"].flatMap((campaign) =>
    people.flatMap((one) => [
      `${campaign}:${one}`,
      `${campaign}-${one}-77`,
      `${campaign}/${encodeURIComponent(one)}`,
      `${campaign}.${base64(one)}`,
    ]),
  );
  expect(new Set(ids.map(id)).size).toBe(ids.length);
  for (const one of ids) expect(id(one)).toMatch(/^keyed:[0-9a-f]{32}$/);
  expect(ids.map(id)).toEqual(ids.map((one) => scrubId(one, createIdHasher(testKeys.ids.active))));
  expect(id("spring:Ann@Example.com")).toBe(id("spring:ann@example.com"));
  const of = (user: string) => {
    const made = door(
      decodeRecord(
        {
          event_type: "open",
          user_id: user,
          message_id: "spring:ann@example.com",
          timestamp_utc: "2026-01-31T09:00:00Z",
        },
        "t",
      ),
      arrival,
    );
    return made.kind === "row" && made.row["message_id"];
  };
  expect(of("ann@example.com")).toBe(of(hashed("ann")));
  expect(id(`+${"4915123456789"}`)).toMatch(/^keyed:/);
});

test.each([
  "promo-202601:42",
  "550e8400-e29b-41d4-a716-446655440000",
  "20260131101112.18666.16540@mail.example.com",
  "D992C2C3-F175-4C4D-97E2-53A90E4E5BF5@gmail.com",
  "0000015023a9bde3-50e76a13-a681-4aff-9ef3-63360127adc0-000000@us-west-2.amazonses.com",
  "E1P1ceB-000FL1-4q@mx1.example.org",
  "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
  "bW9yZS1yYW5kb20tYnl0ZXM",
  hashed("x"),
])("when an id names nobody (%s) then it stays as it is", (one) => {
  expect(id(one)).toBe(one);
});

test.each([
  "20260201.jane@example.org",
  "jane1985@example.org",
  "4915123456789@sms.example",
  "promo20260131.jane.doe@example.org",
])("when an id could be somebody's address (%s) then it is a token, though it could be a Message-ID", (one) => {
  expect(id(one)).toMatch(/^keyed:/);
});

test.each([
  [
    "https://shop.example/a/b?id=77&utm_source=news&UTM_Medium=email&token=x#frag",
    "https://shop.example/a/b?utm_source=news&UTM_Medium=email",
  ],
  ["https://jane:secret@shop.example/a", "https://shop.example/a"],
  ["https://shop.example/a?utm_content=jane%2540example.org", "https://shop.example/a"],
  ["https://shop.example/u/amFuZUBleGFtcGxlLm9yZw==/open", "https://shop.example/u/[address]/open"],
  ["https://192.0.2.9/x", "https://192.0.2.0/24/x"],
  ["/pricing?plan=pro", "/pricing"],
])("when a URL is %s then %s is kept of it", (url, kept) => {
  expect(scrubUrl(url)).toBe(kept);
});

test.each([
  ["550 5.1.1 User jane.doe unknown", "550 5.1.1 User [name] unknown"],
  ["Jane Doe: I never signed up, call (555) 123-4567", "[name]: I never signed up, call [phone]"],
  ["Dear Sir, my name is peter parker and I want out", "Dear Sir, my name is [name] and I want out"],
  ["Requested action not taken: mailbox unavailable", "Requested action not taken: mailbox unavailable"],
  [
    "550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using Spamhaus",
    "550 5.7.1 Service unavailable; Client host [192.0.2.0/24] blocked using Spamhaus",
  ],
  [
    "452 4.2.2 The email account that you tried to reach is over quota",
    "452 4.2.2 The email account that you tried to reach is over quota",
  ],
  ["see https://support.example/mail/?p=jane for more", "see https://support.example/mail/ for more"],
  ["zq77 mailbox full", "[name] mailbox full"],
])("when a free text is %s then it lands as %s", (said, kept) => {
  expect(scrubPhrase(said, "zq77")).toBe(kept);
});

test("when a text names nobody then it stays as it is", () => {
  for (const one of [
    "Welcome Series",
    "gmail",
    "2026-01-31 10:00:00 +0100",
    "A/B test 3.2",
    "10:20:30",
    "v1.2",
    "30% off & more",
    "export/hubspot",
  ])
    expect(scrubText(one)).toBe(one);
});
