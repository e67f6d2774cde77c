import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { environmentOf, ownBigQuery } from "./support/own-bigquery.ts";
import { inboxloopOrThrow } from "./support/run-node.ts";

/** `inboxloop ingest file | mail | seeds --to bigquery`: what is on this machine goes straight there, once. */
const bigquery = await ownBigQuery();
let folder: string;
let warehouse: Warehouse;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-cloud-"));
  warehouse = await connectBigQuery({ projectId: "files", ...bigquery });
});
afterAll(async () => {
  await warehouse?.close();
  await rm(folder, { recursive: true, force: true });
});

const home = () => ["--home", join(folder, "home"), "--json"];
const there = ["--to", "bigquery", "--project", "files"];
const ingest = async (args: readonly string[], settings: Record<string, string> = {}): Promise<unknown> =>
  JSON.parse(
    await inboxloopOrThrow(["ingest", ...args, ...there, ...home()], {
      env: { ...environmentOf(bigquery), ...settings },
    }),
  );

const event = (id: string) =>
  `{"event_id":"${id}","event_type":"open","user_id":"reader@example.org","message_id":"m1","timestamp_utc":"2026-01-31T09:00:00Z","consent":true,"provenance":"app","metadata":{"isp":"gmail"}}`;

const bounce = `From: MAILER-DAEMON@mx.example
To: sender@example.org
Subject: Undelivered Mail Returned to Sender
Date: Sat, 31 Jan 2026 09:00:00 +0000
Message-ID: <bounce-1@mx.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Nobody of that name lives here.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; reader@example.net
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b--
`;

test("when files and mails are ingested into BigQuery twice then each is there once, without an address", async () => {
  const events = join(folder, "events.ndjson");
  await writeFile(events, [event("e1"), event("e2"), event("e2"), "{"].join("\n"));
  const mail = join(folder, "bounce.eml");
  await writeFile(mail, bounce.replaceAll("\n", "\r\n"));

  expect(await ingest(["file", events])).toMatchObject({
    totals: { received: 4, landed: 2, duplicate: 1, dead_letter: 1 },
  });
  expect(await ingest(["file", events])).toMatchObject({ files: [{ state: "already-ingested" }] });
  expect(await ingest(["mail", mail])).toMatchObject({ received: 1, landed: 1 });
  expect(await ingest(["mail", mail])).toMatchObject({ state: "already-ingested", already_ingested: 1 });

  const { rows } = await warehouse.query(
    "select event_type, count(*) as n, max(to_json_string(e)) as line from raw.events as e group by 1 order by 1",
  );
  expect(rows.map(({ event_type, n }) => [event_type, n])).toEqual([
    ["bounce", 1n],
    ["open", 2n],
  ]);
  for (const row of rows) expect(row["line"]).not.toContain("@");
  expect((await warehouse.query("select count(*) as n from raw.dead_letters")).rows).toEqual([{ n: 1n }]);
});

test("when seed tests and Postmaster statistics are ingested into BigQuery twice then each is there once", async () => {
  const seeds = join(folder, "seeds.csv");
  await writeFile(seeds, "Test ID,ISP,Date,Sent,Inbox,Spam\nt1,gmail,2026-01-31,10,8,2\nt1,yahoo,2026-01-31,10,9,1\n");
  const server = createServer((_request, response) => {
    const stats = [1, 2].map((day) => ({
      metric: "spam_rate",
      date: { year: 2026, month: 1, day },
      value: { doubleValue: 0.001 },
    }));
    response.end(JSON.stringify({ domainStats: stats }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const settings = {
      INBOXLOOP_POSTMASTER_TOKEN: "t",
      INBOXLOOP_POSTMASTER_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    };
    const days = ["--postmaster", "example.com", "--from", "2026-01-01", "--until", "2026-01-03"];
    expect(await ingest(["seeds", seeds, ...days], settings)).toMatchObject({
      files: { totals: { received: 2, landed: 2 } },
      postmaster: { landed: 2, domains: [{ days_asked: 3, days_landed: 2 }] },
    });
    expect(await ingest(["seeds", seeds, ...days], settings)).toMatchObject({
      files: { files: [{ state: "already-ingested" }] },
      postmaster: { received: 0, domains: [{ days_before: 2, days_asked: 1, days_landed: 0 }] },
    });
  } finally {
    server.close();
  }
  const { rows } = await warehouse.query(
    "select (select count(*) from raw.seed_tests) as tests, (select count(*) from raw.postmaster_stats) as statistics",
  );
  expect(rows).toEqual([{ tests: 2n, statistics: 2n }]);
});

test("when it is asked whether all of it is there, then the ledger and BigQuery agree", async () => {
  const verdict = JSON.parse(
    await inboxloopOrThrow(["ingest", "verify", ...there, ...home()], { env: environmentOf(bigquery) }),
  );
  expect(verdict).toMatchObject({ ok: true });
});
