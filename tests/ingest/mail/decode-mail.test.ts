import { expect, test } from "vitest";
import { readSmtpReply } from "../../../ingest/bounces/smtp-reply.ts";
import { decodeMail } from "../../../ingest/mail/decode-mail.ts";

const mail = (text: string): Uint8Array => Buffer.from(text.replace(/^\n/, "").replaceAll("\n", "\r\n"));

const report = (action: string, status: string, diagnostic: string): Uint8Array =>
  mail(`
From: MAILER-DAEMON@mx.example.org
To: sender@example.com
Subject: Undelivered Mail Returned to Sender
Date: Thu, 29 Apr 2021 23:34:45 +0900
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
Arrival-Date: Thu, 29 Apr 2021 23:30:00 +0900

Final-Recipient: rfc822; one@example.net
Action: ${action}
Status: ${status}
Diagnostic-Code: smtp; ${diagnostic}

Final-Recipient: rfc822; two@example.net
Original-Recipient: rfc822; alias@example.net
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 over
 quota

--b
Content-Type: message/rfc822

From: sender@example.com
To: one@example.net
Message-ID: <m1@example.com>
Subject: hello

hi
--b--
`);

test("when a delivery status names two recipients then each is a bounce of its own, with the mail it is about", async () => {
  const decoded = await decodeMail(report("failed", "5.1.1", "550 5.1.1 <one@example.net>: User unknown"));
  expect(decoded).toMatchObject([
    {
      signal: {
        eventType: "bounce",
        recipient: "one@example.net",
        messageId: "m1@example.com",
        occurredAt: "2021-04-29T14:30:00.000Z",
        metadata: {
          class: "hard",
          smtp_code: "550",
          enhanced_code: "5.1.1",
          reason: "userunknown",
          reporting_mta: "mx.example.org",
        },
      },
    },
    {
      signal: {
        eventType: "bounce",
        recipient: "alias@example.net",
        metadata: { class: "soft", reason: "mailboxfull" },
      },
    },
  ]);
});

test("when the delivery is only delayed then it is deferred, and when it was made then delivered", async () => {
  expect(await decodeMail(report("delayed", "4.4.1", "connect to mx timed out"))).toMatchObject([
    { signal: { eventType: "deferred" } },
    {},
  ]);
  expect(await decodeMail(report("delivered", "2.0.0", "250 ok"))).toMatchObject([
    { signal: { eventType: "delivered" } },
    {},
  ]);
});

test("when a policy refuses the mail then the address is not condemned", async () => {
  expect(
    await decodeMail(
      report(
        "failed",
        "5.7.1",
        "554 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org",
      ),
    ),
  ).toMatchObject([{ signal: { metadata: { class: "block", reason: "blocked" } } }, {}]);
});

const feedback = (type: string): Uint8Array =>
  mail(`
From: <abusedesk@example.net>
To: <fbl@example.com>
Subject: FW: Earn money
Date: Thu, 8 Mar 2021 14:00:00 -0400
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.
--b
Content-Type: message/feedback-report

Feedback-Type: ${type}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <reader@example.net>
Arrival-Date: Thu, 8 Mar 2021 14:00:00 EDT
Source-IP: 192.0.2.1

--b
Content-Type: message/rfc822

From: <somespammer@example.com>
To: <reader@example.net>
Message-ID: <8787KJKJ3K4J3K4J3K4J3.mail@example.com>
Subject: Earn money

Spam
--b--
`);

test("when a reader complains then it is a complaint about the mail that is attached", async () => {
  expect(await decodeMail(feedback("abuse"))).toMatchObject([
    {
      signal: {
        eventType: "complaint",
        recipient: "reader@example.net",
        messageId: "8787KJKJ3K4J3K4J3K4J3.mail@example.com",
        metadata: { feedback_type: "abuse" },
      },
    },
  ]);
});

test("when a report says not-spam then it is no complaint", async () => {
  expect(await decodeMail(feedback("not-spam"))).toMatchObject([{ kind: "dead-letter", reason: "not-a-signal" }]);
});

test("when somebody is out of office then it is an automatic reply and no bounce", async () => {
  const decoded = await decodeMail(
    mail(`
From: Kijitora <kijitora@example.org>
To: sender@example.com
Subject: Out of office
Auto-Submitted: auto-replied
In-Reply-To: <m1@example.com>
Date: Thu, 29 Apr 2021 23:34:45 +0900

Back on May 5th. 550 people were invited.
`),
  );
  expect(decoded).toMatchObject([
    {
      signal: {
        eventType: "reply",
        recipient: "kijitora@example.org",
        messageId: "m1@example.com",
        metadata: { automatic: true },
      },
    },
  ]);
});

test("when a person writes then it is no signal, and when it is no mail at all then nothing breaks", async () => {
  expect(
    await decodeMail(mail("\nFrom: a@example.org\nTo: b@example.com\nSubject: lunch?\n\nAt noon.\n")),
  ).toMatchObject([{ kind: "dead-letter", reason: "not-a-signal" }]);
  for (const junk of [new Uint8Array(), new Uint8Array([0, 255, 13, 10, 0]), Buffer.from("--b\n".repeat(50_000))]) {
    expect((await decodeMail(junk))[0]).toMatchObject({ kind: "dead-letter" });
  }
});

test.each([
  ["a licence", "The Something Licence\n\nPermission is hereby granted: to everybody.\n"],
  ["a table", "file\tcode\nbounce-1.eml\t5.1.1\n"],
  ["a note", "# Mails\n\nNote: undeliverable mails of May.\n"],
])("when %s lies among the mails then the letter says that it is no mail", async (_what, text) => {
  expect(await decodeMail(Buffer.from(text))).toMatchObject([{ kind: "dead-letter", reason: "malformed-input" }]);
});

test.each(["<reader@example.net>", "reader@example.net", "<reader@example.net>:"])(
  "when a session is told with RCPT TO: %s then that is the one who was refused",
  async (told) => {
    const text = `
From: post_master@mx.example.net
To: sender@example.com
Subject: Re:hello
In-Reply-To: <m1@example.com>
Date: Thu, 29 Apr 2021 23:34:45 +0900

Error: Invalid user address

Error message below:
550 - Requested action not taken: no such user here

Message details:
  MAIL FROM: sender@example.com
  RCPT TO: ${told}
  From: sender@example.com
`;
    expect(await decodeMail(mail(text))).toMatchObject([
      {
        signal: {
          eventType: "bounce",
          recipient: "reader@example.net",
          metadata: { class: "block", smtp_code: "550" },
        },
      },
    ]);
  },
);

test.each([
  ["550 5.1.1 <x@y>: no", { smtpCode: "550", enhancedCode: "5.1.1" }],
  ["5.1.0 - Unknown address error 550-'5.7.1 <x@y>... Access denied'", { smtpCode: "550", enhancedCode: "5.7.1" }],
  ["host mx [192.0.2.250]: 421 busy", { smtpCode: "421" }],
  ["delivered in 250.5 ms from 5.1.1.5", {}],
])("when a server says %j then its codes are %j", (text, reply) => {
  expect(readSmtpReply(text)).toEqual(reply);
});
