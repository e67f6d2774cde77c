import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { type DocumentRef, documentsInBytes, findDocuments } from "../../../ingest/documents/find-documents.ts";
import { ingestDocuments } from "../../../ingest/documents/ingest-documents.ts";
import { rowsOf, temporaryFolder, testContext } from "../support.ts";

const live = new AbortController().signal;

const bounce = (n: number): string => `From: MAILER-DAEMON@mx.example.net
To: sender@example.com
Date: Sat, 31 Jan 2026 10:00:0${n % 10} +0000
Subject: Undelivered Mail Returned to Sender
Message-ID: <b${n}@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

The mail could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; reader${n}@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <reader${n}@example.org>: no such user

--b
Content-Type: text/rfc822-headers

From: sender@example.com
To: reader${n}@example.org
Message-ID: <m${n}@example.com>

--b--
`;

const run = (home: string, kind: "mail" | "dmarc", found: AsyncIterable<DocumentRef>, signal = live) =>
  ingestDocuments(kind, found, { ...testContext(join(home, "raw")), state: join(home, "state") }, signal);

async function* listed(documents: readonly DocumentRef[]) {
  yield* documents;
}

function maildir(folder: string): string {
  for (const name of ["cur", "new", "tmp"]) mkdirSync(join(folder, name), { recursive: true });
  return folder;
}

test("when a Maildir grows then only its new mails are ingested, and none twice", async () => {
  const home = temporaryFolder();
  const mails = maildir(join(home, "Maildir"));
  writeFileSync(join(mails, "cur", "1.a:2,S"), bounce(1));
  writeFileSync(join(mails, "new", "2.b"), bounce(2));
  writeFileSync(join(mails, "tmp", "3.c"), bounce(3));
  const first = await run(home, "mail", findDocuments(mails));
  expect(first).toMatchObject({ documents: 2, received: 2, landed: 2, already_ingested: 0, state: "ingested" });
  // The reader has moved a mail, and another one has come.
  writeFileSync(join(mails, "cur", "2.b:2,S"), bounce(2));
  writeFileSync(join(mails, "new", "3.c"), bounce(3));
  const second = await run(home, "mail", findDocuments(mails));
  expect(second).toMatchObject({ documents: 3, repeated: 1, already_ingested: 2, received: 1, landed: 1 });
  expect(await run(home, "mail", findDocuments(mails))).toMatchObject({ state: "already-ingested", received: 0 });
  const rows = await rowsOf(join(home, "raw"), "events");
  expect(rows.map((row) => row["message_id"])).toHaveLength(3);
  expect(JSON.stringify(rows)).not.toMatch(/reader\d@/);
  expect(rows[0]).toMatchObject({ event_type: "bounce", metadata: { class: "hard", enhanced_code: "5.1.1" } });
});

test("when a run is interrupted then the next one takes up the mails that had not landed", async () => {
  const home = temporaryFolder();
  const all = Array.from({ length: 70 }, (_, n) => documentsInBytes(Buffer.from(bounce(n)))[0]!);
  const stop = new AbortController();
  let reads = 0;
  const counting = all.map((one) => ({
    digest: one.digest,
    read: () => {
      reads += 1;
      if (reads === 40) stop.abort();
      return one.read();
    },
  }));
  const first = await run(home, "mail", listed(counting), stop.signal);
  expect(first).toMatchObject({ state: "interrupted", received: 64 });
  const second = await run(home, "mail", listed(all));
  expect(second).toMatchObject({ state: "ingested", already_ingested: 64, received: 6, landed: 6 });
  expect(await rowsOf(join(home, "raw"), "events")).toHaveLength(70);
});

test("when an mbox is given then each of its mails is a document, its quoted lines restored", async () => {
  const home = temporaryFolder();
  const mbox = [1, 2, 3].map((n) => `From MAILER-DAEMON Sat Jan 31 10:00:0${n} 2026\n${bounce(n)}\n`).join("");
  writeFileSync(join(home, "box"), mbox.replaceAll("The mail could", ">From here the mail could"));
  const outcome = await run(home, "mail", findDocuments(join(home, "box")));
  expect(outcome).toMatchObject({ documents: 3, received: 3, landed: 3 });
  const [piped] = documentsInBytes(Buffer.from("From a@example.com Sat Jan 31 10:00:00 2026\nSubject: x\n\n>From b\n"));
  expect(String(await piped?.read())).toBe("Subject: x\n\nFrom b\n");
});

test("when a mail is no report then it is a dead letter and replay knows its decoder", async () => {
  const home = temporaryFolder();
  const outcome = await run(
    home,
    "mail",
    listed(documentsInBytes(Buffer.from("From: a@example.com\nSubject: lunch?\n\nAt noon?\n"))),
  );
  expect(outcome).toMatchObject({ received: 1, dead_letter: 1, dead_letters_by_reason: { "not-a-signal": 1 } });
  expect((await rowsOf(join(home, "raw"), "dead_letters"))[0]).toMatchObject({ source: "mail:documents" });
});

const report = `<?xml version="1.0"?><feedback><report_metadata><org_name>example.net</org_name><email>d@example.net</email>
<report_id>r1</report_id><date_range><begin>1769817600</begin><end>1769903999</end></date_range></report_metadata>
<policy_published><domain>example.com</domain><p>none</p></policy_published>
<record><row><source_ip>192.0.2.7</source_ip><count>3</count><policy_evaluated><disposition>none</disposition>
<dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers>
<auth_results><spf><domain>example.com</domain><result>fail</result></spf></auth_results></record></feedback>`;

test("when a DMARC report comes twice in two wrappings then its rows land once", async () => {
  const home = temporaryFolder();
  const plain = documentsInBytes(Buffer.from(report));
  const packed = documentsInBytes(gzipSync(report));
  expect(await run(home, "dmarc", listed([...plain, ...packed]))).toMatchObject({
    received: 2,
    landed: 1,
    duplicate: 1,
  });
  expect(await rowsOf(join(home, "raw"), "dmarc_reports")).toMatchObject([
    { report_id: "r1", source_ip_prefix: "192.0.2.0/24", messages: 3 },
  ]);
});
