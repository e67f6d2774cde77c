// Addresses of every script, and reports on several people: each gets what is said of them, nobody what is said of another.

import { expect, test } from "vitest";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { pseudonymise } from "../../../ingest/door/pseudonymise.ts";
import { addressesIn } from "../../../ingest/mail/addresses.ts";
import { decodeMail } from "../../../ingest/mail/decode-mail.ts";
import { addressOfField, readReportFields, recipientOfBlock } from "../../../ingest/mail/report-fields.ts";

const mail = (text: string): Uint8Array => Buffer.from(text.replace(/^\n/, "").replaceAll("\n", "\r\n"));
const hashId = createIdHasher({ version: "1", secret: Buffer.from("a key of the tests, long enough") });
const told = async (text: string) =>
  (await decodeMail(mail(text))).map((one) => {
    if (one.kind !== "signal") return one.kind === "dead-letter" ? one.reason : one.table;
    const { eventType, recipient, metadata } = one.signal;
    return [eventType, recipient, metadata["class"], metadata["smtp_code"], metadata["enhanced_code"]]
      .filter((part) => part !== undefined)
      .join(" ");
  });
const delivery = (blocks: string, said = "The mail could not be delivered.", more = "") => `
Return-Path: <>
From: MAILER-DAEMON@mx.sender.test
To: bounce@sender.test
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=utf-8

${said}

--b
Content-Type: message/global-delivery-status

Reporting-MTA: dns; mx.sender.test

${blocks}

--b
${more}
--b--
`;

test.each([
  ["Jörg <jörg@example.com>", ["jörg@example.com"]],
  ["用户@例子.广告 and jo\u0308rg@bücher.test", ["用户@例子.广告", "jo\u0308rg@bücher.test"]],
  ["<δοκιμή@παράδειγμα.δοκιμή>:", ["δοκιμή@παράδειγμα.δοκιμή"]],
  ["宛先kijitora@example.jpは存在しません", ["kijitora@example.jp"]],
  ["(kim@example.org), 'ann@example.org'.", ["kim@example.org", "ann@example.org"]],
  ['"two words"@example.org', []],
])("when a text says %s then its addresses are whole", (text, expected) => {
  expect(addressesIn(text)).toEqual(expected);
});

test.each([
  ["utf-8; j\\x{F6}rg@example.com", "jörg@example.com"],
  ["UTF-8;jörg@example.com", "jörg@example.com"],
  ["utf-8; back\\x{5C}slash@example.com", "back\\slash@example.com"],
  ["utf-8; odd\\x{D800}@example.com", "odd\\x{D800}@example.com"],
  ["rfc822; <kim@example.org> (Kim)", "kim@example.org"],
])("when a report names %s then it is %s", (field, address) => {
  expect(addressOfField(field)).toBe(address);
});

test.each([
  ["rfc822;kim+2Btag@example.org", "kim+tag@example.org", "kim+tag@example.org"],
  ["rfc822;kim+2Btag@example.org", "kim+2Btag@example.org", "kim+2Btag@example.org"],
  ["rfc822;kim+40example.org", "other@example.org", "kim@example.org"],
  ["rfc822;kim+20@example.org", "kim+20@example.org", "kim+20@example.org"],
])("when ORCPT %s was passed on as xtext beside %s then it is %s", (original, final, recipient) => {
  const [block] = readReportFields(`Original-Recipient: ${original}\nFinal-Recipient: rfc822; ${final}`);
  expect(recipientOfBlock(block!)).toBe(recipient);
});

test("when a domain is written in two ways then it is one person, and one domain", async () => {
  const rows = await Promise.all(
    ["utf-8; ann@bücher.test", "rfc822; ann@xn--bcher-kva.test", "utf-8; Ann@BÜCHER.test."].map(async (recipient) => {
      const [one] = await decodeMail(mail(delivery(`Final-Recipient: ${recipient}\nAction: failed\nStatus: 5.1.1`)));
      if (one?.kind !== "signal") throw new Error("no signal");
      const made = pseudonymise(one.signal, 1, hashId);
      return made.kind === "row"
        ? [made.row["user_id_hash"], (made.row["metadata"] as object as { recipient_domain: string }).recipient_domain]
        : made;
    }),
  );
  expect(new Set(rows.map(String)).size).toBe(1);
  expect(rows[0]).toEqual([hashId("ann@xn--bcher-kva.test"), "xn--bcher-kva.test"]);
});

test("when a report is on two people then codes and reasons are never the other's", async () => {
  const blocks = `Final-Recipient: rfc822; one@example.net
Action: failed
Status: 5.0.0

Final-Recipient: rfc822; two@example.net
Action: failed
Status: 5.0.0`;
  expect(await told(delivery(blocks, "<two@example.net>: host mx said: 550 5.1.1 user unknown"))).toEqual([
    "bounce one@example.net soft 5.0.0",
    "bounce two@example.net hard 550 5.1.1",
  ]);
  const prose = `
Return-Path: <>
From: MAILER-DAEMON@mx.sender.test
To: bounce@sender.test
Subject: failure notice

<one@example.net>:
mailbox is full

<two@example.net>:
550 5.1.1 user unknown
`;
  expect(await told(prose)).toEqual(["bounce one@example.net soft", "bounce two@example.net hard 550 5.1.1"]);
});

test.each([
  ["delivered", "2.1.5", "delivered one@example.net 2.1.5"],
  ["", "2.0.0", "delivered one@example.net 2.0.0"],
  ["deliverable", "2.1.5", "not-a-signal"],
  ["undeliverable", "5.1.1", "not-a-signal"],
  ["failed", "5.1.1", "bounce one@example.net hard 5.1.1"],
])("when the action is %s with status %s then it is %s", async (action, status, expected) => {
  const line = action ? `Action: ${action}\n` : "";
  expect(await told(delivery(`Final-Recipient: rfc822; one@example.net\n${line}Status: ${status}`))).toEqual([
    expected,
  ]);
});

test("when a program's exit status stands in Diagnostic-Code then it is no reply code", async () => {
  const block = "Final-Recipient: rfc822; one@example.net\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: X-Unix; 255";
  expect(await told(delivery(block))).toEqual(["bounce one@example.net soft 5.0.0"]);
});

test("when somebody wrote to themselves then their bounce is still theirs", async () => {
  const text = `
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.sender.test>
To: kim@example.org
Subject: Undelivered Mail Returned to Sender

<kim@example.org>: host mx.example.org said: 550 5.1.1 user unknown
`;
  expect(await told(text)).toEqual(["bounce kim@example.org hard 550 5.1.1"]);
});

test("when a bounce of a mail to several names none of them then it is nobody's", async () => {
  const text = `
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.sender.test>
To: bounce@sender.test
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain

Your mail could not be delivered: 550 5.1.1 user unknown

--b
Content-Type: message/rfc822

From: bounce@sender.test
To: ann@example.com, bob@example.net
Message-ID: <m1@sender.test>

hi
--b--
`;
  expect(await told(text)).toEqual(["bounce hard 550 5.1.1"]);
});

test.each([
  ["Auto-Submitted: auto-generated\nSubject: Your weekly report", "not-a-signal"],
  ["Auto-Submitted: auto-generated\nSubject: Re: offer\nIn-Reply-To: <m1@sender.test>", "not-a-signal"],
  ["Auto-Submitted: auto-replied\nSubject: Auto: offer", "reply kim@example.org"],
  ["Auto-Submitted: auto-replied (vacation)\nSubject: away\nIn-Reply-To: <m1@sender.test>", "reply kim@example.org"],
  ["Return-Path: <>\nSubject: hello", "reply kim@example.org"],
  ["Return-Path: <>\nAuto-Submitted: auto-generated\nSubject: hello", "not-a-signal"],
  ["Return-Path: <>\nSubject: Re: hello\nIn-Reply-To: <m1@sender.test>", "reply kim@example.org"],
])("when a machine writes with %s then it is %s", async (headers, expected) => {
  expect(await told(`\nFrom: Kim <kim@example.org>\nTo: news@sender.test\n${headers}\n\nI am away.\n`)).toEqual([
    expected,
  ]);
});

test("when a complaint does not say which of the recipients complained then it is nobody's", async () => {
  const report = (fields: string, to: string) => `
From: fbl@isp.test
To: abuse@sender.test
Subject: FW: offer
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Fbl/1
Version: 1
${fields}
--b
Content-Type: message/rfc822

From: news@sender.test
To: ${to}
Message-ID: <m7@sender.test>

x
--b--
`;
  const two = "Original-Rcpt-To: ann@example.com\nOriginal-Rcpt-To: bob@example.net\n";
  expect(await told(report("", "ann@example.com, bob@example.net"))).toEqual(["complaint"]);
  expect(await told(report(two, "ann@example.com"))).toEqual(["complaint"]);
  expect(await told(report("Original-Rcpt-To: bob@example.net\n", "ann@example.com, bob@example.net"))).toEqual([
    "complaint bob@example.net",
  ]);
  expect(await told(report(`${two}Removal-Recipient: ann@example.com\n`, "x@example.com"))).toEqual([
    "complaint ann@example.com",
  ]);
});
