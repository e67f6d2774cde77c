import { expect, test } from "vitest";
import { classifyRefusal } from "../../../ingest/bounces/classify.ts";
import { decodeMail } from "../../../ingest/mail/decode-mail.ts";
import { providers } from "../../../ingest/sources/providers.ts";

const mail = (text: string): Uint8Array => Buffer.from(text.replace(/^\n/, "").replaceAll("\n", "\r\n"));
const judge = (said: string, session = "") => {
  const { reason, bounceClass } = classifyRefusal({ said, session });
  return `${reason} ${bounceClass}`;
};

test.each([
  // what follows "rejected:" is the reason
  ["550 5.0.0 <a@example.net>: Recipient address rejected: Policy violation", "policyviolation block"],
  ["550 5.1.1 <a@example.net>: Recipient address rejected: User unknown in virtual mailbox table", "userunknown hard"],
  // a name that cannot be looked up for now may be there tomorrow
  ["550 Name service error: Host not found, try again", "networkerror soft"],
  ["450 4.0.0 DNS Error: DNS type 'mx' lookup of example.net responded with code NXDOMAIN", "networkerror soft"],
  ["550 5.1.2 Host unknown (Name server: host not found)", "hostunknown hard"],
  ["550 5.4.4 No MX record found for domain example.net", "notaccept hard"],
  // time that ran out
  ["421 4.4.2 Connection timed out", "expired soft"],
  ["550 5.4.316 Message expired, connection refused (Socket error code 10061)", "expired soft"],
  ["550 5.4.312 Message expired, DNS query failed", "networkerror soft"],
  // 5.2.1 is "disabled", unless the words say otherwise
  ["550 5.2.1 The email account that you tried to reach is disabled", "suspend soft"],
  ["525 5.7.13 Disabled recipient address", "suspend soft"],
  ["552 5.2.3 Message size exceeds fixed maximum message size (10485760)", "exceedlimit soft"],
  ["552 5.3.4 Message size exceeds fixed maximum message size", "mesgtoobig soft"],
  ["554 5.6.0 This message has been scored as spam with a probability of 99%", "spamdetected block"],
  ["550 5.7.25 The IP address sending this message does not have a PTR record", "requireptr block"],
  ["550 5.7.509 Access denied, sending domain does not pass DMARC verification", "authfailure block"],
  ["550 5.7.1 This message is not RFC 5322 compliant", "notcompliantrfc block"],
  ["521 5.7.1 Service unavailable; client [192.0.2.1] blocked using dnsbl.example", "blocked block"],
  ["521 Nothing here", "notaccept hard"],
  // of the sender, not of the reader's address
  ["501 5.0.0 Invalid domain name", "blocked block"],
  ["554 mx.example.net ESMTP not accepting connections", "blocked block"],
  ["503 Improper sequence of commands", "syntaxerror soft"],
  // an address between the words, with its dots
  ["550 5.1.1 <a.b@example.net> recipient rejected", "userunknown hard"],
  ["550 5.0.0 User unknown; <a.b@example.net> is not a known user (in reply to RCPT TO command)", "userunknown hard"],
  ["550 5.7.17 sorry, no mailbox here by that name", "userunknown hard"],
  ["552 5.0.0 delivery has failed due to a full mailbox", "mailboxfull soft"],
  ["550 5.1.351 Remote server returned unknown recipient or mailbox unavailable", "userunknown hard"],
  ["550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents delivery", "speeding soft"],
])("when a server says %s then it is %s", (said, verdict) => {
  expect(judge(said)).toBe(verdict);
});

test("when a plain 550 says no such user then it is (RFC 5321), but not from a filter that had taken the mail", () => {
  expect(judge("550 no such user")).toBe("userunknown hard");
  expect(judge("550: <a@example.net>: no such user")).toBe("userunknown hard");
  expect(judge("550 no such user (in reply to end of DATA command)")).toBe("filtered block");
  expect(judge("550 5.2.0 User unknown")).toBe("filtered block");
  expect(classifyRefusal({ said: "550 no such user", isFiltersWord: true })).toMatchObject({ bounceClass: "block" });
  expect(judge("554 delivery error: dd This user doesn't have a yahoo.example account")).toBe("userunknown hard");
});

test.each([
  ["554 Invalid content: message looks like junk", "content"],
  ["550 Invalid HELO name, go away", "host"],
  ["554 INVALID IP FOR SENDING MAIL OF DOMAIN shop.example", "host"],
  ["550 rate limit invalid for sender", "rate"],
  ["550 5.1.1 <news@shop.example>: Sender address rejected: User unknown in local recipient table", "sender"],
  ["550 5.1.0 Sender unknown", "sender"],
  ["553 5.1.8 <news@shop.example>... Domain of sender address news@shop.example does not exist", "sender"],
  ["550 5.1.1 no such user (in reply to MAIL FROM command)", "sender"],
  ["501 5.1.7 Invalid address (in reply to MAIL FROM command)", "sender"],
  ["550 unknown host name (in reply to EHLO command)", "host"],
  ["550 Unknown domain in HELO", "host"],
  ["550 invalid attachment name", "content"],
  ["554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "host"],
  ["550 sending rate invalid: too many messages", "rate"],
])("when %s is said then nobody's address is condemned: what was refused is the %s", (said, party) => {
  const { bounceClass, refusedParty } = classifyRefusal({ said, status: "5.1.1", reported: "hard" });
  expect([bounceClass, refusedParty]).toEqual(["block", party]);
});

test.each([
  ["550 5.1.1 account inactive", undefined, "550 5.1.1 userunknown hard"],
  ["556 5.1.10 Recipient address has a null MX", undefined, "556 5.1.10 notaccept hard"],
  ["550 This domain has no SMTP service", undefined, "550 undefined notaccept hard"],
  ["550 5.7.1 messages weren't sent: your network is on our block list (S3150)", "5.0.0", "550 5.7.1 blocked block"],
  ["smtp; 554 5.2.2 mailbox full", "5.0.0", "554 5.2.2 mailboxfull soft"],
  ["550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", "5.4.1", "550 5.4.1 userunknown hard"],
  [
    "550 permanent failure (cyd@example.com:550 5.1.1 that account does not exist)",
    "5.0.0",
    "550 5.1.1 userunknown hard",
  ],
  [
    "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required",
    "5.7.133",
    "550 5.7.133 securityerror block",
  ],
  ["550: <a@example.net>: Recipient address rejected", undefined, "550 undefined userunknown hard"],
  ["X-Unix; 255", "5.0.0", "undefined 5.0.0 mailererror soft"],
  ["452 4.2.2 over quota", "5.2.2", "452 4.2.2 mailboxfull soft"],
])("when %s is said beside status %s then the reply's own code decides", (said, status, verdict) => {
  const { smtpCode, enhancedCode, reason, bounceClass } = classifyRefusal({ said, status });
  expect(`${smtpCode} ${enhancedCode} ${reason} ${bounceClass}`).toBe(verdict);
});

test("when one reply comes by SES, SendGrid, Postmark and mail then it has one class and the same codes", async () => {
  for (const [said, status] of [
    [
      "550 5.7.1 Unfortunately, messages from [192.0.2.9] weren't sent; part of their network is on our block list (S3150).",
      "5.0.0",
    ],
    ["550 5.2.1 The email account that you tried to reach is disabled.", "5.2.1"],
    ["554 5.2.2 mailbox full", "5.0.0"],
    ["550 5.1.1 user unknown", "5.1.1"],
    ["550 5.7.26 Unauthenticated email is not accepted due to domain's DMARC policy.", "5.7.26"],
  ]) {
    const at = "2026-03-02T09:00:00.000Z";
    const calls: readonly (readonly [string, unknown])[] = [
      [
        "amazon_ses",
        {
          eventType: "Bounce",
          mail: { messageId: "v", destination: ["c@example.com"] },
          bounce: {
            bounceType: "Permanent",
            bounceSubType: "General",
            timestamp: at,
            bouncedRecipients: [{ emailAddress: "c@example.com", status, diagnosticCode: `smtp; ${said}` }],
          },
        },
      ],
      [
        "sendgrid",
        [{ event: "bounce", type: "bounce", email: "c@example.com", timestamp: 1_772_442_000, reason: said, status }],
      ],
      [
        "postmark",
        {
          RecordType: "Bounce",
          Type: "HardBounce",
          ID: 1,
          MessageID: "p",
          Email: "c@example.com",
          BouncedAt: at,
          Details: `smtp;${said}`,
        },
      ],
      [
        "mailgun",
        {
          "event-data": {
            event: "failed",
            severity: "permanent",
            recipient: "c@example.com",
            timestamp: 1,
            "delivery-status": { code: Number(said!.slice(0, 3)), message: said },
          },
        },
      ],
    ];
    const byHook = calls.flatMap(([name, body]) =>
      providers.get(name)!.decode({ headers: {}, body: Buffer.from(JSON.stringify(body)) }),
    );
    const byMail = await decodeMail(
      mail(`
From: MAILER-DAEMON@mx.example.org
To: sender@example.com
Subject: Undelivered Mail
Content-Type: multipart/report report-type=delivery-status boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; c@example.com
Action: failed
Status: ${status}
Diagnostic-Code: smtp; ${said}

--b--
`),
    );
    const told = [...byHook, ...byMail].map((one) =>
      one.kind === "signal"
        ? ["class", "smtp_code", "enhanced_code", "refused_party"].map((key) => one.signal.metadata[key]).join(" ")
        : one.kind === "dead-letter"
          ? one.reason
          : one.table,
    );
    expect(told).toHaveLength(5);
    expect(new Set(told).size).toBe(1);
  }
});

test.each([
  ["550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]", "spamdetected block"],
  ["550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. LPN007_416", "userunknown hard"],
  ["552 Boite du destinataire pleine. OFR_417 [417]", "mailboxfull soft"],
  ["550 5.1.1 <a@example.net> 192.0.2.1 has sent to too many recipients this hour. IB607", "speeding block"],
  ["550 5.2.0 192.0.2.1 blocked AUP#In-1310", "toomanyconn block"],
  ["552 5.2.0 192.0.2.1 AUP#CXDNS", "requireptr block"],
  ["550 5.1.1 No such user OFR_000", "userunknown hard"],
])("when an operator prints its own code (%s) then the code counts: %s", (said, verdict) => {
  expect(judge(said)).toBe(verdict);
});

test("when a queue that gave up quotes the last reply then that reply's codes are kept", async () => {
  const [decoded] = await decodeMail(
    mail(`
From: MAILER-DAEMON@mx.example.org
To: sender@example.com
Subject: Delivery Status Notification (Failure)
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; one@example.net
Action: failed
Status: 4.4.7
Diagnostic-Code: smtp; 554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.2 Connection timed out>

--b--
`),
  );
  expect(decoded).toMatchObject({
    signal: {
      eventType: "bounce",
      metadata: { smtp_code: "421", enhanced_code: "4.4.2", reason: "expired", class: "soft" },
    },
  });
});

test("when a delivery status leaves out the empty line between recipients then each is still told apart", async () => {
  const decoded = await decodeMail(
    mail(`
From: MAILER-DAEMON@mx.example.org
To: sender@example.com
Subject: Undelivered Mail
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; one@example.net
Original-Recipient: rfc822;one@example.net
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 mailbox full
Final-Recipient: rfc822; two@example.net
Original-Recipient: rfc822;two@example.net
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown

--b--
`),
  );
  expect(decoded.map((one) => one.kind === "signal" && [one.signal.recipient, one.signal.metadata["class"]])).toEqual([
    ["one@example.net", "soft"],
    ["two@example.net", "hard"],
  ]);
});

test("when a mail ends its lines in another way then it says the same", async () => {
  const text = `From: MAILER-DAEMON@mx.example.org
To: sender@example.com
Subject: Undelivered Mail
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; one@example.net
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user
 unknown

--b--
`;
  const [lf, crlf, cr] = await Promise.all(
    ["\n", "\r\n", "\r"].map((end) => decodeMail(Buffer.from(text.replaceAll("\n", end)))),
  );
  expect(lf).toMatchObject([{ signal: { recipient: "one@example.net", metadata: { class: "hard" } } }]);
  expect(crlf).toEqual(lf);
  expect(cr).toEqual(lf);
});

test("when a Sendmail transcript names several recipients then each has its own reply", async () => {
  const decoded = await decodeMail(
    mail(`
From: Mail Delivery Subsystem <MAILER-DAEMON@example.com>
To: sender@example.com
Subject: Returned mail: User unknown

   ----- Transcript of session follows -----
554 <one@example.org>... 550 Host unknown (Authoritative answer from name server)
While talking to mail.example.net:
>>> RCPT To:<two@example.net>
<<< 550 No such user here.
550 <two@example.net>... User unknown

   ----- Unsent message follows -----
From: sender@example.com
To: one@example.org
Subject: hello
`),
  );
  expect(decoded.map((one) => one.kind === "signal" && [one.signal.recipient, one.signal.metadata["reason"]])).toEqual([
    ["one@example.org", "hostunknown"],
    ["two@example.net", "userunknown"],
  ]);
});

test("when Outlook.com forwards a mail as a complaint then it is one, about the reader it names", async () => {
  const decoded = await decodeMail(
    mail(`
From: <staff@hotmail.com>
To: abuse@example.com
Subject: complaint about message from 192.0.2.1
Date: Thu, 29 Apr 2021 23:34:45 +0000
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: reader@example.net
From: sender@example.com
To: reader@example.net
Message-ID: <m1@example.com>
Subject: hello

hi
--b--
`),
  );
  expect(decoded).toMatchObject([
    {
      signal: {
        eventType: "complaint",
        recipient: "reader@example.net",
        messageId: "m1@example.com",
        occurredAt: "2021-04-29T23:34:45.000Z",
        metadata: { feedback_type: "abuse" },
      },
    },
  ]);
});

test("when a person sends a mail back as an attachment then it is no bounce", async () => {
  const decoded = await decodeMail(
    mail(`
From: Reader <reader@example.net>
To: sender@example.com
Subject: Fwd: hello
Date: Thu, 29 Apr 2021 23:34:45 +0000
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain

What is this about?

--b
Content-Type: message/rfc822

From: sender@example.com
To: reader@example.net
Message-ID: <m1@example.com>
Subject: hello

hi
--b--
`),
  );
  expect(decoded).toMatchObject([{ kind: "dead-letter", reason: "not-a-signal" }]);
});

test.each([
  ["manual-action/MDN-sent-manually; displayed", { eventType: "open", metadata: { machine: false } }],
  ["automatic-action/MDN-sent-automatically; displayed", { eventType: "open", metadata: { machine: true } }],
  ["manual-action/MDN-sent-automatically; deleted", undefined],
  ["automatic-action/MDN-sent-automatically; processed/warning", undefined],
])("when a receipt says %s then it is no bounce", async (disposition, expected) => {
  const decoded = await decodeMail(
    mail(`
From: Reader <reader@example.net>
To: sender@example.com
Subject: Read: hello
Date: Thu, 29 Apr 2021 23:34:45 +0000
Content-Type: multipart/report; report-type=disposition-notification; boundary="b"

--b
Content-Type: text/plain

About your message.

--b
Content-Type: message/disposition-notification

Reporting-UA: mail.example.net; Mail 1.0
Final-Recipient: rfc822;reader@example.net
Original-Message-ID: <m1@example.com>
Disposition: ${disposition}

--b
Content-Type: text/rfc822-headers

From: sender@example.com
To: reader@example.net
Message-ID: <m1@example.com>

--b--
`),
  );
  if (!expected) expect(decoded).toMatchObject([{ kind: "dead-letter", reason: "not-a-signal" }]);
  else
    expect(decoded).toMatchObject([
      { signal: { ...expected, recipient: "reader@example.net", messageId: "m1@example.com" } },
    ]);
});

test("when a person's automatic reply has no return path then it is a reply, not a bounce", async () => {
  const decoded = await decodeMail(
    mail(`
Return-Path: <>
From: John <john@example.net>
To: bounces@example.com
Subject: Thank you for your e-mail
Date: Thu, 29 Apr 2021 23:34:45 +0000
Precedence: bulk

I will endeavour to reply as soon as possible.
`),
  );
  expect(decoded).toMatchObject([{ signal: { eventType: "reply", recipient: "john@example.net" } }]);
});

test.each(["Subject: unsubscribe", "Subject: hello\nAuto-Submitted: auto-replied\nX-Apple-Unsubscribe: true"])(
  "when a mail client asks to be unsubscribed (%s) then it is an unsubscribe, not a reply",
  async (header) => {
    const decoded = await decodeMail(
      mail(`
From: Reader <reader@example.net>
To: leave-123@example.com
${header}
Date: Thu, 29 Apr 2021 23:34:45 +0000

Mail sent this to unsubscribe.
`),
    );
    expect(decoded).toMatchObject([
      { signal: { eventType: "unsubscribe", recipient: "reader@example.net", metadata: { method: "mail" } } },
    ]);
  },
);

// Refusals of us in the words that servers use for unknown readers too: nobody is condemned.
test.each([
  ["550 Invalid EHLO: host unknown", "host"],
  ["550 Access denied: your host is unknown", "host"],
  ["550 Your mail server's hostname is unknown", "host"],
  ["550 Too many invalid recipients from your IP", "rate"],
  ["550 5.1.1 too many unknown users", "rate"],
  ["550 Sorry, your domain does not exist", "sender"],
  ["550 Verification failed for <news@shop.example>: no such user here", "sender"],
  ["550 Callback verification of sender: mailbox unavailable", "sender"],
])("when a server says %j then not the reader is refused but the %s", (said, party) => {
  const verdict = classifyRefusal({ said });
  expect(verdict.refusedParty).toBe(party);
  expect(verdict.bounceClass).not.toBe("hard");
});

test.each([
  "550 no mailbox by that name",
  "550 no user here with that address",
  "550 address unknown",
  "550 <ann@reader.example> does not exist",
])("when a plain 550 says %j then the address is condemned", (said) => {
  expect(judge(said)).toBe("userunknown hard");
});

test.each(["550 IP address unknown", "550 sender address unknown", "550 5.7.1 address not found in your SPF record"])(
  "when the address is not the reader's, as in %j, then it is not",
  (said) => expect(judge(said)).not.toContain("hard"),
);
