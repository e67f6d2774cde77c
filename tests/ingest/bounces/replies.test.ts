// The replies that large receivers and mail systems publish, one class for each, whether they come alone or in a report of RFC 3464.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { classifyRefusal } from "../../../ingest/bounces/classify.ts";
import { decodeMail } from "../../../ingest/mail/decode-mail.ts";

const families = z
  .record(z.string(), z.partialRecord(z.enum(["hard", "soft", "block"]), z.array(z.string())))
  .parse(parse(readFileSync(join(import.meta.dirname, "replies.yaml"), "utf8")));

const report = (said: string): Uint8Array =>
  Buffer.from(
    [
      "From: MAILER-DAEMON@mx.example.org",
      "To: news@shop.example",
      "Subject: Undelivered Mail",
      'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
      "",
      "--b",
      "Content-Type: message/delivery-status",
      "",
      "Reporting-MTA: dns; mx.example.org",
      "",
      "Final-Recipient: rfc822; reader@example.com",
      "Action: failed",
      "Status: 5.0.0",
      `Diagnostic-Code: smtp; ${said}`,
      "",
      "--b--",
      "",
    ].join("\r\n"),
  );

describe.each(Object.entries(families))("when %s answers", (_family, classes) => {
  test.each(
    Object.entries(classes).flatMap(([wanted, replies]) => (replies ?? []).map((said) => [wanted, said] as const)),
  )("then the refusal is %s: %s", async (wanted, said) => {
    expect(classifyRefusal({ said }).bounceClass).toBe(wanted);
    const [decoded] = await decodeMail(report(said));
    if (decoded?.kind !== "signal") throw new Error(`not a signal: ${JSON.stringify(decoded)}`);
    expect(decoded.signal.metadata["class"]).toBe(wanted);
  });
});

const prose = (body: string): Uint8Array =>
  Buffer.from(
    [
      "From: MAILER-DAEMON@mx.example.org",
      "To: news@shop.example",
      "Subject: Returned mail",
      "Content-Type: text/plain",
      "",
      body,
      "",
    ].join("\n"),
  );

test.each([
  ["The following address had errors:\n\nreader@example.com [User unknown]", "block"],
  [
    "Unable to deliver to:\n\n<reader@example.com>:\nThis user doesn't have a example.com account (reader@example.com) [-9]",
    "block",
  ],
  [
    "Error below:\n550 - Requested action not taken: no such user here\n\nMessage details:\n  MAIL FROM: news@shop.example\n  RCPT TO: reader@example.com",
    "block",
  ],
  ["<reader@example.com>:\n192.0.2.9 failed after I sent the message.\nRemote host said: 550 no such user", "block"],
  ["<reader@example.com>:\n192.0.2.9 does not like sender.\nRemote host said: 550 no such user", "block"],
  ["<reader@example.com>:\n192.0.2.9 does not like recipient.\nRemote host said: 550 no such user", "hard"],
  ["reader@example.com\n\nThe error that the other server returned was:\n550 no such user (state 14)", "hard"],
  [
    "  reader@example.com\n    SMTP error from remote mail server after RCPT TO:<reader@example.com>:\n    host mx.example.com [192.0.2.9]: 550 no such user",
    "hard",
  ],
  [
    "Your message was not delivered to:\n\n  reader@example.com\n\nbecause:\n\n  User Ann (reader@example.com) not listed in Domino Directory",
    "hard",
  ],
  ["Unknown user: reader@example.com\n\n", "hard"],
])(
  "when a report in prose says %j then only an answer to RCPT or a look into the directory condemns: %s",
  async (body, wanted) => {
    const [decoded] = await decodeMail(prose(body));
    if (decoded?.kind !== "signal") throw new Error(`not a signal: ${JSON.stringify(decoded)}`);
    expect(decoded.signal.recipient).toBe("reader@example.com");
    expect(decoded.signal.metadata["class"]).toBe(wanted);
  },
);

test("when a report links to a page of help before it quotes the reply then the reply's codes are kept", async () => {
  const [decoded] = await decodeMail(
    prose(
      "Your message to reader@example.com couldn't be delivered.\n\nFor more tips see DSN 5.1.10 Errors in Exchange Online<http://go.example/?LinkId=1>.\n\nreader@example.com\nRemote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'",
    ),
  );
  expect(decoded).toMatchObject({
    signal: { metadata: { smtp_code: "550", enhanced_code: "5.1.10", reason: "userunknown", class: "hard" } },
  });
});
