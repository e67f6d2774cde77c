// Feedback reports of providers that hide who complained: the person is found by what the sender wrote into its own mail, or nobody is named.

import { expect, test } from "vitest";
import { oneClickToken, readOneClickToken } from "../../../ingest/collector/one-click.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { pseudonymise } from "../../../ingest/door/pseudonymise.ts";
import { decodeMail } from "../../../ingest/mail/decode-mail.ts";
import { recipientWrittenInto } from "../../../ingest/mail/own-mail.ts";
import { isRedacted } from "../../../ingest/mail/reported-person.ts";

const key = { version: "1", secret: Buffer.from("a key of the tests, long enough for this") };
const other = { version: "1", secret: Buffer.from("a key of somebody else, as long as ours") };
const kim = `sha256:${"ab".repeat(32)}`;
const readLink = (token: string) => readOneClickToken(token, [key]);
const link = (signing = key, more = {}) =>
  `<https://mail.sender.test/unsubscribe/${oneClickToken({ userIdHash: kim, ...more }, signing)}>`;

const report = (fields: string, headers: string): Uint8Array =>
  Buffer.from(
    `From: feedback@mailbox.test
To: fbl@sender.test
Subject: Email Feedback Report
Date: Thu, 5 Nov 2026 14:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

An abuse report.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Reporter/1.0
Version: 1
Arrival-Date: Thu, 5 Nov 2026 14:00:00 +0000
${fields}

--b
Content-Type: message/rfc822

From: News <news@sender.test>
Message-ID: <0102@sender.test>
Subject: News
${headers}

Hello
--b--
`.replaceAll("\n", "\r\n"),
  );
const told = async (fields: string, headers: string) =>
  (await decodeMail(report(fields, headers), { readLink })).map((one) =>
    one.kind === "signal" ? [one.signal.eventType, one.signal.recipient, one.signal.messageId] : one.kind,
  );

test.each([
  ["redacted@mailbox.test", true],
  ["redacted-aGVsbG8=@mailbox.test", true],
  ["xxxxxx@mailbox.test", true],
  ["***@mailbox.test", true],
  ["undisclosed-recipients@mailbox.test", true],
  ["[redacted]@mailbox.test", true],
  ["kim@redacted.invalid", true],
  ["kim@mailbox.test", false],
  ["red@mailbox.test", false],
  ["hidden.valley@mailbox.test", false],
  ["xx@mailbox.test", false],
])("when the address is %s then that it is hidden is %s", (address, expected) => {
  expect(isRedacted(address)).toBe(expected);
});

test.each([
  ["bounce+kim=example.org@news.sender.test", "kim@example.org"],
  ["bounce+kim+tag=example.org@news.sender.test", "kim+tag@example.org"],
  ["bounces+1234567-8ab2-kim=example.org@em.sender.test", "kim@example.org"],
  ["news-return-17-kim=example.org@lists.sender.test", "kim@example.org"],
  ["unsub+8f2c77aa=kim=example.org@lists.sender.test", "kim@example.org"],
  ["kim=example.org@bounce.sender.test", "kim@example.org"],
  ["prvs=1234abcdef=kim.lee@sender.test", undefined],
  ["SRS0=HHH=TT=example.org=kim.lee@forwarder.test", undefined],
  ["bounce+8f2c77aa@news.sender.test", undefined],
  ["news@sender.test", undefined],
])("when a sender writes %s then the recipient in it is %s", (address, recipient) => {
  expect(recipientWrittenInto(address)).toBe(recipient);
});

test("when the recipient is hidden everywhere then the complaint names nobody, and no person called redacted", async () => {
  expect(await told("Original-Rcpt-To: <redacted@mailbox.test>", "To: undisclosed-recipients:;")).toEqual([
    ["complaint", undefined, "0102@sender.test"],
  ]);
  expect(await told("Removal-Recipient: <redacted@mailbox.test>", "To: xxxxx@mailbox.test")).toEqual([
    ["complaint", undefined, "0102@sender.test"],
  ]);
});

test("when the mail that is returned has no id either then the complaint still lands, of nobody, and the same report twice is one", async () => {
  const text = Buffer.from(report("", "To: redacted@mailbox.test"))
    .toString()
    .replace("Message-ID: <0102@sender.test>\r\n", "");
  const [row, again] = await Promise.all(
    [1, 2].map(async () => {
      const [one] = await decodeMail(Buffer.from(text), { readLink });
      if (one?.kind !== "signal") throw new Error("no signal");
      return pseudonymise(one.signal, 1_800_000_000_000_000, createIdHasher(key));
    }),
  );
  expect(row).toMatchObject({
    kind: "row",
    row: { event_type: "complaint", user_id_hash: null, metadata: { is_recipient_unknown: true } },
  });
  expect(again).toEqual(row);
});

test("when the mail has our one-click link then it says who complained, of which e-mail", async () => {
  const message = { messageId: `m-${"0".repeat(32)}`, campaignId: "spring" };
  const [one] = await decodeMail(
    report(
      "Original-Rcpt-To: redacted@mailbox.test",
      `To: redacted@mailbox.test\nList-Unsubscribe: ${link(key, message)}`,
    ),
    { readLink },
  );
  expect(one).toMatchObject({ signal: { eventType: "complaint", recipient: kim, ...message } });
  const folded = link().replace("unsubscribe/", "unsubscribe/\n ");
  expect(await told("", `List-Unsubscribe: <mailto:leave@sender.test>,\n ${folded}`)).toEqual([
    ["complaint", kim, "0102@sender.test"],
  ]);
});

test("when somebody else signed the link then it says nothing", async () => {
  expect(await told("", `List-Unsubscribe: ${link(other)}`)).toEqual([["complaint", undefined, "0102@sender.test"]]);
});

test("when the mail was forwarded then the subscriber's own link goes before the mailbox that complained", async () => {
  const [one] = await told(
    "Original-Rcpt-To: <office@elsewhere.test>",
    `To: kim@example.org\nList-Unsubscribe: ${link()}`,
  );
  expect(one).toEqual(["complaint", kim, "0102@sender.test"]);
});

test.each([
  ["Original-Mail-From: <bounce+kim=example.org@news.sender.test>", ""],
  ["Original-Rcpt-To: redacted@mailbox.test", "Return-Path: <bounces+1234567-8ab2-kim=example.org@em.sender.test>"],
  ["", "List-Unsubscribe: <mailto:unsub+8f2c=kim=example.org@lists.sender.test?subject=leave>"],
])("when the recipient is hidden and the sender wrote it into %s %s then it is that one", async (fields, headers) => {
  expect((await told(fields, `To: redacted@mailbox.test${headers && `\n${headers}`}`))[0]?.slice(0, 2)).toEqual([
    "complaint",
    "kim@example.org",
  ]);
});

test("when the reporter names the recipient then what the sender wrote is not asked", async () => {
  const fields =
    "Original-Mail-From: <bounce+8f2c.old=example.org@news.sender.test>\nOriginal-Rcpt-To: kim@example.org";
  expect((await told(fields, "To: kim@example.org"))[0]?.[1]).toBe("kim@example.org");
});
