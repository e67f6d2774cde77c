import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ingest, rowsOf, temporaryFolder, writeLines } from "../support.ts";

const sendgrid = [
  {
    email: "jane@example.com",
    event: "bounce",
    type: "blocked",
    timestamp: 1769850720,
    sg_event_id: "a",
    sg_message_id: "s1.filter0.1",
    reason: "550 5.7.1 <jane@example.com> refused",
    status: "5.7.1",
  },
  {
    email: "jane@example.com",
    event: "open",
    timestamp: 1769850721,
    sg_event_id: "b",
    sg_message_id: "s1.recvd-x",
    sg_machine_open: true,
    ip: "192.0.2.77",
  },
  {
    email: "jane@example.com",
    event: "group_resubscribe",
    timestamp: 1769850722,
    sg_event_id: "c",
    sg_message_id: "s1.filter0.1",
  },
  {
    email: "jane@example.com",
    event: "snoozed",
    timestamp: 1769850722,
    sg_event_id: "d",
    sg_message_id: "s1.filter0.1",
  },
];

const ses = (more: object) => ({
  mail: {
    timestamp: "2026-01-30T00:00:00.000Z",
    messageId: "ses-1",
    destination: ["jane@example.com", "joe@example.com"],
  },
  ...more,
});
const sns = (message: object) => ({
  Type: "Notification",
  MessageId: "sns-1",
  TopicArn: "arn:aws:sns:eu-west-1:1:topic",
  Message: JSON.stringify(message),
  Timestamp: "2026-01-31T12:00:00.000Z",
});

test("when a file holds a SendGrid call then each event of it lands or is a dead letter", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const file = join(folder, "call.json");
  writeFileSync(file, JSON.stringify(sendgrid, null, 2));
  const [outcome] = await ingest(raw, [file]);
  expect(outcome).toMatchObject({
    records: 1,
    received: 4,
    landed: 2,
    dead_letters_by_reason: { "not-a-signal": 1, "unknown-event-type": 1 },
  });
  const [bounce, open] = await rowsOf(raw, "events");
  expect(bounce).toMatchObject({ event_type: "bounce", event_id: "a", provenance: "webhook/sendgrid" });
  expect(bounce?.["metadata"]).toMatchObject({
    class: "block",
    enhanced_code: "5.7.1",
    diagnostic: "550 5.7.1 <[address]> refused",
  });
  expect(open?.["metadata"]).toMatchObject({
    machine: true,
    ip_prefix: "192.0.2.0/24",
    recipient_domain: "example.com",
  });
  expect(open?.["message_id"]).toBe(bounce?.["message_id"]);
  expect((await rowsOf(raw, "dead_letters")).map((row) => [row["position"], row["source"]])).toEqual([
    ["1#2", "sendgrid:call.json"],
    ["1#3", "sendgrid:call.json"],
  ]);
});

test("when SES reports several recipients then each has its event, its message and the event's own time", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const bounce = sns(
    ses({
      notificationType: "Bounce",
      bounce: {
        bounceType: "Permanent",
        bounceSubType: "General",
        timestamp: "2026-01-31T09:00:00.000Z",
        bouncedRecipients: [
          { emailAddress: "jane@example.com", status: "5.1.1", diagnosticCode: "smtp; 550 5.1.1 no such user" },
          { emailAddress: "Joe <joe@example.com>" },
        ],
      },
    }),
  );
  const complaint = ses({
    eventType: "Complaint",
    complaint: { complaintFeedbackType: "not-spam", complainedRecipients: [{ emailAddress: "jane@example.com" }] },
  });
  const raised = {
    "detail-type": "Email Opened",
    source: "aws.ses",
    id: "eb-1",
    time: "2026-01-31T10:00:00Z",
    detail: ses({ eventType: "Open", open: { timestamp: "2026-01-31T09:59:00.000Z" } }),
  };
  const file = writeLines(join(folder, "calls.ndjson"), [bounce, complaint, raised]);
  await ingest(raw, [file], { file: { source: "amazon_ses" } });
  const rows = await rowsOf(raw, "events");
  const bounces = rows.filter((row) => row["event_type"] === "bounce");
  expect(bounces.map((row) => row["event_id"])).toEqual(["sns-1#1", "sns-1#2"]);
  expect(new Set(bounces.map((row) => row["message_id"])).size).toBe(2);
  expect(bounces[0]?.["timestamp_utc"]).toBe(Date.UTC(2026, 0, 31, 9) * 1000);
  expect(bounces[0]?.["metadata"]).toMatchObject({
    class: "hard",
    smtp_code: "550",
    enhanced_code: "5.1.1",
    provider_message_id: "ses-1",
  });
  // Who of the two opened it nobody says.
  const opens = rows.filter((row) => row["event_type"] === "open");
  expect(opens).toMatchObject([
    {
      event_id: "eb-1",
      user_id_hash: null,
      message_id: "ses-1",
      timestamp_utc: Date.UTC(2026, 0, 31, 9, 59) * 1000,
      metadata: { is_recipient_unknown: true },
    },
  ]);
  expect((await rowsOf(raw, "dead_letters")).map((row) => row["reason"])).toEqual(["not-a-signal"]);
});

test("when records come as one JSON array then each is a record", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "profiles.json");
  writeFileSync(file, JSON.stringify([{ user_id: "a" }, { user_id: "b" }, 7], null, 1));
  const [outcome] = await ingest(join(folder, "raw"), [file], { file: { table: "profiles" } });
  expect(outcome).toMatchObject({ landed: 2, dead_letters_by_reason: { "wrong-type": 1 } });
});

const payloads = resolve(import.meta.dirname, "../../../../shared/data/esp_webhooks/anymail");

describe.runIf(existsSync(payloads))("payload files of ../shared/data/esp_webhooks", () => {
  test("when SendGrid's and SES's payloads are given as files then all of them land without naming the provider", async () => {
    const raw = join(temporaryFolder(), "raw");
    const files = ["sendgrid", "amazon_ses"].flatMap((esp) =>
      readdirSync(join(payloads, esp)).map((name) => join(payloads, esp, name)),
    );
    const outcomes = await ingest(raw, files);
    expect(outcomes.filter((one) => one.dead_letter > 0)).toEqual([]);
    // One event that two of the samples tell, apart from what its sender passed along.
    expect(outcomes.flatMap((one) => (one.duplicate > 0 ? basename(one.path) : []))).toEqual(["delivered_event.json"]);
    expect(
      (await rowsOf(raw, "events")).every((row) =>
        ["sendgrid", "amazon_ses"].includes(String((row["metadata"] as { provider: unknown }).provider)),
      ),
    ).toBe(true);
  });
});

test("when the command line ingests then the result is on stdout, trouble on stderr, and the exit code says which", () => {
  const folder = temporaryFolder();
  const file = writeLines(join(folder, "events.ndjson"), [
    '{"event_type":"open","user_id":"jane@example.com","timestamp_utc":"2026-01-31T09:12:00Z"}',
    "{jane@example.com",
  ]);
  const run = (...args: string[]) =>
    spawnSync(
      process.execPath,
      ["--import", "tsx", "cli/main.ts", "--home", join(folder, "home"), "--json", "ingest", ...args],
      {
        cwd: resolve(import.meta.dirname, "../../.."),
        encoding: "utf8",
        env: { PATH: process.env["PATH"] },
      },
    );
  const first = run("file", file);
  expect(first.status, first.stderr).toBe(0);
  expect(JSON.parse(first.stdout)).toMatchObject({
    totals: { received: 2, landed: 1, dead_letter: 1 },
    files: [{ state: "ingested" }],
  });
  expect(first.stderr).toContain("dead letters: 1 malformed-json");
  expect(first.stdout + first.stderr).not.toContain("jane");
  expect(run("verify").status).toBe(0);
  const missing = run("file", join(folder, "nowhere.csv"));
  expect([missing.status, missing.stdout]).toEqual([2, ""]);
  expect(missing.stderr).toMatch(/^error: no such file.*\[ingest\.no-file\]\nwhere: .*\nnext: /m);
});
