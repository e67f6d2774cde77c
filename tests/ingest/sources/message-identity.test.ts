// Who an event is about, for every payload that a provider documents: nobody but the people whom it names.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createDoor } from "../../../ingest/door/door.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import type { Item } from "../../../ingest/door/signal.ts";
import { exportIdentities } from "../../../ingest/mapping/export-identities.ts";
import { messageIdentities, personsMeant } from "../../../ingest/sources/message-identity.ts";
import { providers } from "../../../ingest/sources/providers.ts";
import { documented } from "./documented-events.ts";

const hashId = createIdHasher({ version: "1", secret: Buffer.from("a key of the tests, long enough") });
const door = createDoor({ hashId, trustReceivedAt: false });
const arrival = Date.UTC(2030, 0, 1) * 1000;

const decode = (provider: string, body: unknown) =>
  providers.get(provider)!.decode({
    headers: { "svix-id": "msg_1" },
    body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
  });
const rowsOf = (items: readonly Item[]) =>
  items.map((item) => {
    const made = door(item, arrival);
    if (made.kind !== "row") throw new Error(`${made.reason}: ${made.detail}`);
    return made.row as Readonly<Record<string, unknown>> & { readonly metadata: Readonly<Record<string, unknown>> };
  });
const told = (provider: string, body: unknown) =>
  rowsOf(decode(provider, body)).map((row) => [
    row["event_type"],
    people.find((person) => hashId(person) === row["user_id_hash"]) ?? null,
    row["message_id"] && String(row["message_id"]).replace(/:[0-9a-f]{16}$/, ":*"),
    row.metadata["is_recipient_unknown"] ?? false,
  ]);
const people = ["ann@example.com", "bob@example.net", "gone@example.net"];

test("when Postmark tells of one call to two people then each has an e-mail of their own", () => {
  const rows = rowsOf([
    ...decode("postmark", { RecordType: "Delivery", MessageID: "pm-1", Recipient: "ann@example.com" }),
    ...decode("postmark", { RecordType: "Delivery", MessageID: "pm-1", Recipient: "bob@example.net" }),
    ...decode("postmark", { RecordType: "Click", MessageID: "pm-1", Recipient: "ann@example.com" }),
    ...decode("postmark", { RecordType: "SpamComplaint", ID: 4, MessageID: "pm-1", Email: "bob@example.net" }),
  ]);
  const [ann, bob, click, complaint] = rows.map((row) => row["message_id"]);
  expect(ann).not.toBe(bob);
  expect([click, complaint]).toEqual([ann, bob]);
  expect(rows.map((row) => row.metadata["provider_message_id"])).toEqual(["pm-1", "pm-1", "pm-1", "pm-1"]);
});

const sesMail = { messageId: "s1", timestamp: "2026-03-02T09:00:00.000Z", destination: people.slice(0, 2) };
test.each([
  ["Open", { open: {} }, [["open", null, "s1", true]]],
  ["Click", { click: {} }, [["click", null, "s1", true]]],
  [
    "Subscription",
    { subscription: { newTopicPreferences: { unsubscribeAll: true } } },
    [["unsubscribe", null, "s1", true]],
  ],
  [
    "Send",
    {},
    [
      ["sent", "ann@example.com", "s1:*", false],
      ["sent", "bob@example.net", "s1:*", false],
    ],
  ],
  ["Delivery", { delivery: { recipients: ["bob@example.net"] } }, [["delivered", "bob@example.net", "s1:*", false]]],
  [
    "Bounce",
    { bounce: { bounceType: "Permanent", bouncedRecipients: [{ emailAddress: "bob@example.net" }] } },
    [["bounce", "bob@example.net", "s1:*", false]],
  ],
  ["Bounce", { bounce: { bounceType: "Permanent", bouncedRecipients: [] } }, [["bounce", null, "s1", true]]],
  [
    "Complaint",
    { complaint: { complainedRecipients: [{ emailAddress: "ann@example.com" }] } },
    [["complaint", "ann@example.com", "s1:*", false]],
  ],
  [
    "Complaint",
    { complaint: { complainedRecipients: [{ emailAddress: "ann@example.com" }, { emailAddress: "bob@example.net" }] } },
    [["complaint", null, "s1", true]],
  ],
])("when SES tells of a %s of a mail to two people (%#) then it is of whom it names", (eventType, more, expected) => {
  expect(told("amazon_ses", { eventType, mail: sesMail, ...more })).toEqual(expected);
});

const resent = (type: string, more: object = {}) => ({
  type,
  created_at: "2026-03-02T09:00:00.000Z",
  data: { email_id: "re-1", to: ["ann@example.com"], cc: ["Gone <gone@example.net>"], ...more },
});
test.each([
  [
    resent("email.sent"),
    [
      ["sent", "ann@example.com", "re-1:*", false],
      ["sent", "gone@example.net", "re-1:*", false],
    ],
  ],
  [resent("email.delivered"), [["delivered", null, "re-1", true]]],
  [resent("email.opened"), [["open", null, "re-1", true]]],
  [resent("email.complained"), [["complaint", null, "re-1", true]]],
  [
    resent("email.bounced", {
      bounce: { message: "smtp; 550 5.1.1 <gone@example.net>: user unknown", type: "Permanent" },
    }),
    [["bounce", "gone@example.net", "re-1:*", false]],
  ],
  [resent("email.bounced", { bounce: { message: "550 5.1.1 user unknown" } }), [["bounce", null, "re-1", true]]],
])("when Resend tells of a mail to two people (%#) then it is of whom it names", (body, expected) => {
  expect(told("resend", body)).toEqual(expected);
});

test("when a sender's own arguments stand among SendGrid's keys then they cost no event and are no id", () => {
  const sent = (email: string, n: number, more: object) => ({
    event: "delivered",
    email,
    timestamp: 1_772_442_003,
    sg_event_id: `c${n}`,
    sg_message_id: `U${n}.filter0001.1.1.0`,
    ...more,
  });
  const rows = rowsOf(
    decode("sendgrid", [
      sent("ann@example.com", 1, { newsletter: "weekly", message_id: "order-mail", pool: "eu-west" }),
      sent("bob@example.net", 2, { template_id: true, message_id: "order-mail", type: 7, ip: { a: 1 }, category: 5 }),
    ]),
  );
  expect(rows.map((row) => row["user_id_hash"])).toEqual([hashId("ann@example.com"), hashId("bob@example.net")]);
  expect(new Set(rows.map((row) => row["message_id"])).size).toBe(2);
  expect(rows.map((row) => row.metadata["fields_left_out"])).toEqual([
    ["newsletter", "pool"],
    ["type", "category", "ip", "template_id"],
  ]);
});

/** Every place of a JSON value, as a path. */
function placesOf(value: unknown, path: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] {
  if (value === null || typeof value !== "object") return [path];
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  return [
    ...(path.length > 0 ? [path] : []),
    ...[...keys].flatMap((key) => placesOf((value as never)[key], [...path, key])),
  ];
}
function withAt(value: unknown, path: readonly (string | number)[], put: unknown): unknown {
  const copy = structuredClone(value) as Record<string | number, unknown>;
  const holder = path.slice(0, -1).reduce<Record<string | number, unknown>>((at, key) => at[key] as never, copy);
  holder[path.at(-1)!] = put;
  return copy;
}
/** What senders pass along, wherever a provider may put it. */
function withArguments(value: unknown, own: object): unknown {
  if (Array.isArray(value)) return value.map((one) => withArguments(one, own));
  if (value === null || typeof value !== "object") return value;
  return {
    ...own,
    ...Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withArguments(one, own)])),
  };
}

const address = fc
  .tuple(
    fc.stringMatching(/^[a-z][a-z0-9._+-]{0,12}[a-z0-9]$/),
    fc.constantFrom("example.org", "bücher.test", "mail.example.co.uk"),
  )
  .map(([local, domain]) => `${local}@${domain}`);
const oddValue = fc.constantFrom<unknown>(7, true, null, "other@example.net", [], ["other@example.net"], {
  email: "other@example.net",
});
const otherPeople = ["other@example.net", "friend@example.net"].map(hashId);

describe.each(Object.entries(documented))("payloads of %s", (name, cases) => {
  const bodies = cases.filter(([, body]) => typeof body !== "string").map(([, body]) => body);

  test("when arguments of the sender name others then no row names anybody but the reader", () => {
    fc.assert(
      fc.property(fc.nat(), address, (index, person) => {
        const body = JSON.parse(
          JSON.stringify(cases[index % cases.length]![1])
            .replaceAll("kim@example.org", person)
            .replaceAll("kim%40example.org", encodeURIComponent(person)),
        ) as unknown;
        const own = {
          customer: "other@example.net",
          user_email: "friend@example.net",
          message_id_: "other@example.net",
        };
        const items = decode(name, typeof body === "string" ? body : withArguments(body, own));
        for (const item of items) {
          if (item.kind !== "signal") continue;
          const [row] = rowsOf([item]);
          expect(row!["user_id_hash"]).toBe(hashId(person));
          expect(JSON.stringify(row)).not.toMatch(/(?:other|friend)@/);
        }
      }),
      { numRuns: 60, seed: 14 },
    );
  });

  test.runIf(bodies.length > 0)(
    "when any field is of another type then the event stands or is a dead letter, and never another's",
    () => {
      fc.assert(
        fc.property(fc.nat(), fc.nat(), oddValue, (index, place, put) => {
          const body = bodies[index % bodies.length];
          const places = placesOf(body);
          const path = places[place % places.length]!;
          const changed = withAt(body, path, put);
          const isEvidence = JSON.stringify(put)?.includes("@") === true;
          for (const item of decode(name, changed)) {
            if (item.kind !== "signal") continue;
            const made = door(item, arrival);
            if (made.kind !== "row") continue;
            const user = made.row["user_id_hash"];
            // Where the changed field is the reader's own, the other address is whom the payload names.
            if (isEvidence && otherPeople.includes(String(user)))
              expect(String(path.at(-1))).toMatch(/mail|to|recipient|rcpt|destination|^\d+$/i);
            else expect([null, hashId("kim@example.org"), hashId("7"), hashId("true")]).toContain(user);
          }
        }),
        { numRuns: 150, seed: 14 },
      );
    },
  );
});

test.each([
  ["550 5.1.1 <gone@example.net>: user unknown", ["gone@example.net"]],
  ["550 GONE@EXAMPLE.NET... no such user", ["gone@example.net"]],
  ["550 <ungone@example.net>: user unknown", [undefined]],
  ["550 gone@example.net.au unknown", [undefined]],
  ["550 user unknown", [undefined]],
  ["ann@example.com and gone@example.net refused.", ["ann@example.com", "gone@example.net"]],
])("when of three addressees a server says %s then those whom it names are meant", (said, expected) => {
  expect(personsMeant(people, said)).toEqual(expected);
});

test("when a mail has one addressee, however often, then whatever happened is theirs", () => {
  expect(personsMeant(["Ann@example.com", "ann@example.com"], "550 no")).toEqual(["ann@example.com"]);
  expect(personsMeant([], "550 ann@example.com")).toEqual([undefined]);
});

/** docs/reference/message-ids.md: the same table for readers. `npx vitest run tests/ingest/sources -u` writes it. */
function page(): string {
  const rows = Object.entries(messageIdentities).map(
    ([name, { field, scope, documentedAt, means }]) =>
      `| ${name} | \`${field}\` | ${scope === "person" ? "one e-mail to one person" : "a mailing"} | ${means} | <${documentedAt}> |`,
  );
  const scopes = {
    person: "one e-mail to one person",
    mailing: "a mailing",
    made: "one e-mail to one person, made of these",
  };
  const exported = Object.entries(exportIdentities).map(
    ([name, { field, scope, times, tells, documentedAt }]) =>
      `| ${name} | ${field} | ${scopes[scope]} | ${times} | ${tells} | <${documentedAt}> |`,
  );
  return `# What a provider's ids mean

Written by tests/ingest/sources/message-identity.test.ts from ingest/sources/message-identity.ts, where the rule stands once.

\`message_id\` is one e-mail to one person. Where a provider's id names a mailing the door makes it one person's: \`<id>:<first 16 digits of the person's hashed id>\`; the provider's
own stays in \`metadata.provider_message_id\`. An event of a mailing that names nobody has the bare id, no user, and \`metadata.is_recipient_unknown\`; it is in \`raw.events\` and counts for
nobody after that, unless your own events have that id as the \`message_id\` of an e-mail that went to one person alone. Where the server's words name one of several addressees the event is theirs. An id that turns out to name two people, by whatever road it came, is split by
person in \`events.distinct_events\`, and \`assert_events__a_message_is_one_persons\` watches.

A field that a provider sends in another type than it documents is left out and named in \`metadata.fields_left_out\`; only who, what and when can cost the event.

| provider | taken for the id | names | what the provider says | where |
| --- | --- | --- | --- | --- |
${rows.join("\n")}

## Exports, by preset

What \`ingest file --map <preset>\` ([mapping.md](mapping.md)) takes for a mail, from ingest/mapping/export-identities.ts. \`mailing_id\` in a mapping of one's own is the id of a
mailing, which the door makes one person's in the same way.

| preset | taken for the mail | names | times | bounces and machines | where |
| --- | --- | --- | --- | --- | --- |
${exported.join("\n")}
`;
}

test("when a reader looks an id up then the page says what the decoder makes of it", async () => {
  await expect(page()).toMatchFileSnapshot("../../../docs/reference/message-ids.md");
});
