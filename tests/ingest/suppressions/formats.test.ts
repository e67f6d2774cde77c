import { describe, expect, test } from "vitest";
import { createDoor } from "../../../ingest/door/door.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { decodeSuppressions } from "../../../ingest/suppressions/decode-suppressions.ts";
import { readSuppressions, suppressionFormats, writeSuppressions } from "../../../ingest/suppressions/formats.ts";

// The documents are those of the providers' API references, with other addresses.
const documents: readonly (readonly [string, unknown, readonly object[]])[] = [
  [
    "ses",
    {
      SuppressedDestinationSummaries: [
        { EmailAddress: "a@a.example", Reason: "BOUNCE", LastUpdateTime: "2026-01-02T03:04:05.000000+00:00" },
        { EmailAddress: "b@a.example", Reason: "COMPLAINT", LastUpdateTime: 1767323045 },
      ],
      NextToken: "x",
    },
    [
      { address: "a@a.example", reason: "hard_bounce", scope: "all", sinceAt: "2026-01-02T03:04:05.000000+00:00" },
      { address: "b@a.example", reason: "complaint", sinceAt: "2026-01-02T03:04:05.000Z" },
    ],
  ],
  ["ses", { email: "c@a.example", reason: "complaint" }, [{ address: "c@a.example", reason: "complaint" }]],
  [
    "sendgrid",
    [{ created: 1443651125, email: "a@a.example", reason: "550 5.1.1 no such user", status: "5.1.1" }],
    [{ reason: "hard_bounce", sinceAt: "2015-09-30T22:12:05.000Z" }],
  ],
  [
    "sendgrid",
    [{ created: 1449953655, email: "a@a.example", reason: "Mail domain mentioned is unknown" }],
    [{ reason: "invalid_address" }],
  ],
  ["sendgrid", [{ created: 1443651141, email: "a@a.example", ip: "192.0.2.1" }], [{ reason: "complaint" }]],
  ["sendgrid", [{ created: 1443651141, email: "a@a.example" }], [{ reason: "unsubscribe", scope: "all" }]],
  [
    "sendgrid",
    { suppressions: [{ email: "a@a.example", group_id: 7, group_name: "Weekly News", created_at: 1410986704 }] },
    [{ reason: "unsubscribe", scope: "list", scopeKey: "Weekly News" }],
  ],
  [
    "mailgun",
    {
      items: [
        { address: "a@a.example", code: "550", error: "No such mailbox", created_at: "Fri, 21 Oct 2011 11:02:55 GMT" },
      ],
      paging: {},
    },
    [{ reason: "hard_bounce", sinceAt: "2011-10-21T11:02:55.000Z" }],
  ],
  [
    "mailgun",
    { items: [{ address: "a@a.example", tags: ["*"], created_at: "Fri, 21 Oct 2011 11:02:55 GMT" }] },
    [{ reason: "unsubscribe", scope: "all" }],
  ],
  [
    "mailgun",
    { items: [{ address: "a@a.example", tags: ["news"] }] },
    [{ reason: "unsubscribe", scope: "list", scopeKey: "news" }],
  ],
  [
    "mailgun",
    { items: [{ address: "a@a.example", created_at: "Fri, 21 Oct 2011 11:02:55 GMT" }] },
    [{ reason: "complaint" }],
  ],
  [
    "postmark",
    {
      Suppressions: [
        {
          EmailAddress: "a@a.example",
          SuppressionReason: "HardBounce",
          Origin: "Recipient",
          CreatedAt: "2019-12-10T08:58:33-05:00",
        },
        {
          EmailAddress: "b@a.example",
          SuppressionReason: "SpamComplaint",
          Origin: "Recipient",
          CreatedAt: "2019-12-11T08:58:33-05:00",
        },
        { EmailAddress: "c@a.example", SuppressionReason: "ManualSuppression", Origin: "Recipient" },
        { EmailAddress: "d@a.example", SuppressionReason: "ManualSuppression", Origin: "Customer" },
      ],
    },
    [
      { reason: "hard_bounce", sinceAt: "2019-12-10T08:58:33-05:00" },
      { reason: "complaint" },
      { reason: "unsubscribe" },
      { reason: "manual" },
    ],
  ],
  [
    "brevo",
    {
      contacts: [
        {
          email: "a@a.example",
          senderEmail: "",
          reason: { code: "hardBounce", message: "Hard bounced" },
          blockedAt: "2017-05-01T12:30:00Z",
        },
        { email: "b@a.example", reason: { code: "unsubscribedViaMA", message: "" } },
        { email: "c@a.example", reason: { code: "contactFlaggedAsSpam", message: "" } },
        { email: "d@a.example", reason: { code: "adminBlocked", message: "" } },
      ],
      count: 4,
    },
    [
      { reason: "hard_bounce", sinceAt: "2017-05-01T12:30:00Z" },
      { reason: "unsubscribe" },
      { reason: "complaint" },
      { reason: "manual" },
    ],
  ],
  [
    "inboxloop",
    { Address: "a@a.example", Reason: "legal hold", Since: "2026-01-01" },
    [{ reason: "legal_hold", sinceAt: "2026-01-01" }],
  ],
];

describe("lists of suppressions", () => {
  test.each(documents)("when %s lists somebody then it is read as documented: %j", (format, value, expected) => {
    expect(readSuppressions(format, value)).toMatchObject(expected);
  });

  test("when an entry names no address then it is not left out silently", () => {
    expect(readSuppressions("ses", { SuppressedDestinationSummaries: [{ Reason: "BOUNCE" }] })).toEqual([undefined]);
  });

  test.each(["ses", "mailgun", "postmark", "inboxloop"])(
    "when a list for %s is written then its own reader finds the addresses",
    (format) => {
      const written = writeSuppressions(format, [{ address: "a@a.example", reason: "complaint" }]);
      const read = format === "postmark" ? readSuppressions(format, JSON.parse(written)) : undefined;
      if (read) expect(read).toMatchObject([{ address: "a@a.example" }]);
      else expect(written).toContain("a@a.example,");
    },
  );

  test("the formats are those of the command line", () => {
    expect(suppressionFormats).toEqual(["ses", "sendgrid", "mailgun", "postmark", "brevo", "inboxloop"]);
  });
});

describe("at the door", () => {
  const door = createDoor({
    hashId: createIdHasher({ version: "v1", secret: Buffer.from("a key of 16 bytes") }),
    trustReceivedAt: false,
  });
  const arrival = Date.UTC(2026, 0, 3) * 1000;

  test("when a list lands then no address does", () => {
    const items = decodeSuppressions("ses", { EmailAddress: "kim@shop.example", Reason: "COMPLAINT" });
    const admitted = items.map((item) => door(item, arrival));
    expect(admitted).toMatchObject([
      { kind: "row", table: "suppressions", row: { reason: "complaint", channel: "email" } },
    ]);
    expect(JSON.stringify(admitted)).not.toContain("kim@");
  });

  test("when a link names an address of a role then that is kept beside the hash", () => {
    const link = {
      left_id: "Info@shop.example",
      right_id: "kim@shop.example",
      link_kind: "form",
      linked_at: "2026-01-01T00:00:00Z",
    };
    expect(door({ kind: "row", table: "identity_links", values: link }, arrival)).toMatchObject({
      row: { left_is_role: true, right_is_role: false },
    });
  });
});
