import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { replay } from "../../../ingest/replay.ts";
import { decodePlacement } from "../../../ingest/seeds/placement.ts";
import { ingest, rowsOf, temporaryFolder, testContext, testKeys, writeLines } from "../support.ts";

const hashId = createIdHasher(testKeys.ids.active);
const decode = (value: unknown, rowNumber = 1) =>
  decodePlacement(value, { hashId, fileId: "abcdef0123456789", rowNumber });

test("when a test's counts are given then they are a row of seed_tests", () => {
  expect(
    decode({
      seed_test_id: "t1",
      campaign_id: "c1",
      isp: "Gmail",
      region: "us",
      sent: "20",
      inbox: "15",
      promotions: "2",
      spam: "2",
      missing: "1",
      tested_at: "2026-01-31T09:00:00Z",
    }),
  ).toEqual([
    {
      kind: "row",
      table: "seed_tests",
      values: {
        seed_test_id: "t1",
        campaign_id: "c1",
        isp: "gmail",
        region: "us",
        sent: 20,
        inbox: 15,
        promotions: 2,
        spam: 2,
        missing: 1,
        tested_at: "2026-01-31T09:00:00Z",
      },
    },
  ]);
});

test("when nobody says how many were sent then it is what is accounted for", () => {
  expect(
    decode({ "Test ID": "t1", Provider: "yahoo", Inbox: 3, Junk: 1, Missed: 1, "Test date": "2026-01-31" }),
  ).toMatchObject([{ values: { isp: "yahoo", sent: 5, inbox: 3, spam: 1, missing: 1, promotions: 0 } }]);
});

test.each([
  ["Inbox", "inbox"],
  ["Primary", "inbox"],
  ["Promotions", "promotions"],
  ["updates", "promotions"],
  ["SPAM", "spam"],
  ["Junk E-mail", "spam"],
  ["NOT_RECEIVED", "missing"],
  ["Missing", "missing"],
])("when a seed found the mail in %s then its folder is %s", (word, folder) => {
  expect(
    decode({ test_id: "t1", seed: "seed7@gmail.com", folder: word, tested_at: "2026-01-31T09:00:00Z" }),
  ).toMatchObject([
    {
      signal: {
        eventType: "inbox_placement",
        occurredAt: "2026-01-31T09:00:00Z",
        metadata: { folder, isp: "gmail.com", seed_test_id: "t1", seed_id: hashId("seed7@gmail.com") },
      },
    },
  ]);
});

test.each([
  ["a folder that nobody knows", { test_id: "t1", folder: "Quarantine" }, "wrong-type"],
  ["a word that names no folder", { test_id: "t1", status: "delivered" }, "wrong-type"],
  ["a seed that is waited for", { test_id: "t1", status: "WAITING" }, "not-a-signal"],
  ["no test", { folder: "spam" }, "missing-field"],
  ["no provider", { test_id: "t1", inbox: 1, tested_at: "2026-01-31" }, "missing-field"],
  ["no time", { test_id: "t1", isp: "gmail", inbox: 1 }, "missing-field"],
  [
    "a share instead of a count",
    { test_id: "t1", isp: "gmail", inbox: "87.5%", tested_at: "2026-01-31" },
    "wrong-type",
  ],
  [
    "more found than sent",
    { test_id: "t1", isp: "gmail", sent: 3, inbox: 3, spam: 1, tested_at: "2026-01-31" },
    "wrong-type",
  ],
  ["a list", [1], "wrong-type"],
])("when a record has %s then it is a dead letter", (_what, value, reason) => {
  expect(decode(value)).toMatchObject([{ kind: "dead-letter", reason }]);
});

test.each([
  [
    "EmailConsul's seeds",
    {
      id: "1",
      status: "NOT_RECEIVED",
      seedlisting_id: "t9",
      email: "s@gmail.com",
      host: "GMAIL",
      received_timestamp: "2026-01-31T09:00:00Z",
    },
    { folder: "missing", isp: "gmail", seed_test_id: "t9" },
  ],
  [
    "Instantly's analytics",
    {
      test_id: "t9",
      is_spam: false,
      has_category: true,
      recipient_email: "s@outlook.com",
      timestamp_created: "2026-01-31T09:00:00Z",
    },
    { folder: "promotions", isp: "outlook.com", seed_test_id: "t9" },
  ],
])("when %s come as their API gives them then each is a placement", (_whose, value, metadata) => {
  expect(decode(value)).toMatchObject([{ signal: { eventType: "inbox_placement", metadata } }]);
});

test("when Mailgun Optimize gives a seed list then each provider is a row, and their sum is none", () => {
  const stats = (inbox: number, spam: number, missing: number) => ({
    inbox,
    spam,
    missing,
    pending: 0,
    total: inbox + spam + missing,
    delivered: inbox + spam,
  });
  const list = {
    kid: "610abd2009b08f382ac86c45",
    last_result_at: "2026-01-31T09:00:00Z",
    delivery_stats: { all: stats(9, 2, 1), gmail: stats(5, 1, 0), yahoo: stats(4, 1, 1) },
  };
  expect(decode(list)).toMatchObject([
    { table: "seed_tests", values: { seed_test_id: "610abd2009b08f382ac86c45", isp: "gmail", sent: 6, inbox: 5 } },
    { table: "seed_tests", values: { isp: "yahoo", sent: 6, missing: 1 } },
  ]);
  expect(decode({ ...list, delivery_stats: { all: stats(0, 0, 0) } })).toMatchObject([{ reason: "not-a-signal" }]);
});

test("when files of every shape are ingested then each result lands once and no seed's address is kept", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const csv = join(folder, "seeds.csv");
  writeFileSync(
    csv,
    "Test ID;Seed;Folder;Date\nt1;a@gmail.com;Inbox;2026-01-31 09:00\nt1;b@gmail.com;Spam;2026-01-31 09:00\nt1;b@gmail.com;Spam;2026-01-31 09:00\nt1;c@gmail.com;Elsewhere;2026-01-31 09:00\n",
  );
  const lines = writeLines(join(folder, "tests.ndjson"), [
    { seed_test_id: "t2", isp: "gmail", inbox: 4, spam: 1, tested_at: 1_769_850_000 },
    { seed_test_id: "t2", isp: "yahoo", inbox: 5, tested_at: "2026-01-31T09:00:00Z" },
  ]);
  const document = join(folder, "list.json");
  writeFileSync(
    document,
    JSON.stringify(
      {
        items: [
          {
            kid: "k1",
            last_result_at: "2026-01-31T09:00:00Z",
            delivery_stats: { aol: { inbox: 1, spam: 0, missing: 0, total: 1 } },
          },
        ],
      },
      null,
      1,
    ),
  );
  const run = () => ingest(raw, [csv, lines, document], { file: { isSeeds: true } });
  const outcomes = await run();
  expect(outcomes.map((one) => one.rows_by_table)).toEqual([{ events: 2 }, { seed_tests: 2 }, { seed_tests: 1 }]);
  expect(outcomes[0]).toMatchObject({ duplicate: 1, dead_letters_by_reason: { "wrong-type": 1 } });
  expect((await run()).map((one) => one.state)).toEqual(Array(3).fill("already-ingested"));
  const events = await rowsOf(raw, "events");
  expect(events.map((row) => (row["metadata"] as Record<string, unknown>)["folder"])).toEqual(["inbox", "spam"]);
  expect(JSON.stringify([events, await rowsOf(raw, "dead_letters")])).not.toMatch(/[abc]@gmail/);
  // The dead letter is read again as the CSV record that it was.
  const again = await replay(testContext(raw), { dryRun: true }, new AbortController().signal);
  expect(again).toMatchObject({ selected: 1, refused: { "wrong-type": 1 } });
});
