import { expect, test } from "vitest";
import { decodeMail } from "../../../ingest/mail/decode-mail.ts";
import { decodeAuthenticationReport } from "../../../ingest/reports/decode-report.ts";

const mail = (text: string): Uint8Array => Buffer.from(text.replace(/^\n/, "").replaceAll("\n", "\r\n"));

const withArf = mail(`
From: Reporter <noreply@isp.test>
To: ruf@sender.test
Subject: FW: offer
Date: Mon, 02 Mar 2026 10:00:00 +0000
Message-ID: <f1@isp.test>
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an authentication failure report.

--b
Content-Type: message/feedback-report

Feedback-Type: auth-failure
User-Agent: Isp/1
Version: 1
Original-Mail-From: <spoof@sender.test>
Original-Rcpt-To: <jane@isp.test>
Arrival-Date: Mon, 02 Mar 2026 09:59:00 +0000
Source-IP: 203.0.113.77
Reported-Domain: Sender.test
Authentication-Results: mx.isp.test; dkim=fail (bad signature) header.d=sender.test; spf=pass
Auth-Failure: bodyhash
DKIM-Domain: sender.test
DKIM-Selector: s1
Delivery-Result: reject

--b
Content-Type: message/rfc822

From: spoof@sender.test
To: jane@isp.test
Subject: offer

x
--b--
`);
const inProse = mail(`
From: DMARC <report@big.test>
To: ruf@sender.test
Subject: DMARC failure
Date: Mon, 02 Mar 2026 10:00:00 +0000
Message-ID: <f2@big.test>
Content-Type: text/plain

A message claiming to be from you has failed the published DMARC policy for your domain.

  Sender Domain: sender.test
  Sender IP Address: 203.0.113.77
  Received Date: Mon, 02 Mar 2026 09:59:00 +0000
  SPF Alignment: no
  DKIM Alignment: yes
  DMARC Results: Quarantine, Accept
`);

test.each([
  [
    "with an ARF part",
    withArf,
    {
      report_id: "f1@isp.test",
      org_name: "isp.test",
      disposition: "reject",
      dkim: "fail",
      spf: "pass",
      details: { kind: "failure", failed: "bodyhash", dkim: [{ domain: "sender.test", selector: "s1" }] },
    },
  ],
  [
    "in prose",
    inProse,
    {
      report_id: "f2@big.test",
      org_name: "big.test",
      disposition: "quarantine",
      dkim: "pass",
      spf: "fail",
      details: { kind: "failure" },
    },
  ],
])(
  "when a failure report comes %s then it is one message of a domain, and names nobody",
  async (_how, bytes, values) => {
    for (const decode of [decodeMail, decodeAuthenticationReport]) {
      const items = await decode(bytes);
      expect(items).toMatchObject([
        {
          kind: "row",
          table: "dmarc_reports",
          values: {
            ...values,
            policy_domain: "sender.test",
            source_ip_prefix: "203.0.113.77",
            messages: 1,
            range_begin_at: "2026-03-02T09:59:00.000Z",
          },
        },
      ]);
      expect(JSON.stringify(items)).not.toContain("jane");
    }
  },
);

test("when it names neither a domain nor a source then it is a dead letter", async () => {
  const text = "From: r@x.test\nTo: a@b.test\nSubject: x\n\nThis is an authentication failure report. Sorry.\n";
  expect(await decodeMail(mail(text))).toMatchObject([{ kind: "dead-letter", reason: "missing-field" }]);
});
