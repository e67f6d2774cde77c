// Files as Salesforce Marketing Cloud, Customer.io, Brevo, ActiveCampaign and Braze document them, through the whole door: who, which mail, when, and whose act.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import avro from "avsc";
import { expect, test } from "vitest";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { otherFilesOf } from "../../../ingest/files/file-details.ts";
import { type Mapping, parseMapping, type presetNames, readPreset } from "../../../ingest/mapping/schema.ts";
import { DuckDBInstance } from "../../../packages/googlesql/duckdb/client.ts";
import { ingest, rowsOf, temporaryFolder, testKeys } from "../support.ts";

const hashId = createIdHasher(testKeys.ids.active);
type Row = Readonly<Record<string, unknown>> & { readonly metadata: Readonly<Record<string, unknown>> };

/** What lands of files of these names and contents, and why the rest does not. */
const landed = (preset: (typeof presetNames)[number], files: Readonly<Record<string, readonly string[]>>) =>
  landedAs(readPreset(preset), files);
async function landedAs(mapping: Mapping, files: Readonly<Record<string, readonly string[]>>) {
  const folder = temporaryFolder();
  const paths = Object.entries(files).map(([name, lines]) => {
    writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
    return join(folder, name);
  });
  return landedOf(folder, mapping, paths);
}
async function landedOf(folder: string, mapping: Mapping, paths: readonly string[]) {
  const raw = join(folder, "raw");
  const outcomes = await ingest(raw, paths, { file: { mapping } });
  const rows = async (table: string) => (await rowsOf(raw, table)) as unknown as Row[];
  return {
    rows,
    events: await rows("events"),
    refused: outcomes.flatMap((one) => Object.entries(one.dead_letters_by_reason)),
    filtered: outcomes.reduce((sum, one) => sum + one.filtered, 0),
  };
}
const at = (micros: unknown) => new Date(Number(micros) / 1000).toISOString();
const brief = (rows: readonly Row[]) =>
  rows.map((row) => [row["event_type"], at(row["timestamp_utc"])]).sort((a, b) => (String(a) < String(b) ? -1 : 1));

const view = "AccountID,OYBAccountID,JobID,ListID,BatchID,SubscriberID,SubscriberKey,EventDate,Domain";
const mail = (more: string, at = "7/1/2025 8:05:11 AM", key = "jane@example.org", batch = "3") =>
  `7000001,,501,20,${batch},9001,${key},${at},example.org${more}`;

test("when data views of Salesforce Marketing Cloud are read then their summer times are UTC-6 and all acts are of the mail that was sent", async () => {
  const { events, refused, rows } = await landed("salesforce-marketing-cloud", {
    "2025-07_Sent.csv": [view, mail("")],
    "2025-07_Open.csv": [`${view},IsUnique`, mail(",True", "7/1/2025 1:00:00 PM")],
    "2025-07_Click.csv": [
      `${view},URL,LinkName,IsUnique`,
      mail(",https://shop.example/a,Shop,True", "2025-07-01T13:00:09"),
    ],
    "2025-07_Bounce.csv": [
      `${view},BounceCategory,BounceSubcategory,SMTPBounceReason,SMTPCode,IsFalseBounce`,
      mail(",Hard bounce,User Unknown,550 5.1.1 no such user,550,False"),
      mail(",Technical/Other bounce,,,0,False", "7/1/2025 8:06:11 AM"),
      mail(",Unknown bounce,,452 4.2.2 mailbox full,0,False", "7/1/2025 8:07:11 AM"),
      mail(",Hard bounce,User Unknown,,550,True", "7/1/2025 8:08:11 AM"),
    ],
    "2025-07_Unsubscribe.csv": [`${view},IsUnique`, mail(",True")],
    "2025-07_Complaint.csv": [`${view},IsUnique`, mail(",True")],
    "2025-07_Job.csv": [
      "JobID,EmailName,PickupTime,SchedTime,TriggeredSendCustomerKey",
      "501,July,7/1/2025 8:00:00 AM,,",
      "502,Welcome,7/1/2025 8:00:00 AM,,key-1",
    ],
  });
  expect(refused).toEqual([]);
  expect(brief(events)).toEqual([
    ["bounce", "2025-07-01T14:05:11.000Z"],
    ["bounce", "2025-07-01T14:06:11.000Z"],
    ["bounce", "2025-07-01T14:07:11.000Z"],
    ["click", "2025-07-01T19:00:09.000Z"],
    ["complaint", "2025-07-01T14:05:11.000Z"],
    ["open", "2025-07-01T19:00:00.000Z"],
    ["sent", "2025-07-01T14:05:11.000Z"],
    ["unsubscribe", "2025-07-01T14:05:11.000Z"],
  ]);
  expect(new Set(events.map((row) => row["message_id"]))).toEqual(
    new Set([hashId("salesforce-marketing-cloud:501:20:3:9001")]),
  );
  expect(new Set(events.map((row) => row["user_id_hash"]))).toEqual(new Set([hashId("jane@example.org")]));
  const bounces = events.filter((row) => row["event_type"] === "bounce");
  expect(bounces.map(({ metadata }) => [metadata["class"], metadata["smtp_code"] ?? null])).toEqual([
    ["hard", "550"],
    ["soft", null],
    ["soft", "452"],
  ]);
  expect((await rows("campaigns")).map((row) => [row["campaign_id"], row["kind"]])).toEqual([
    ["501", null],
    ["502", "trigger"],
  ]);
});

test("when nothing says which data view a file is then its rows are dead letters, and a column EventType says it", async () => {
  const unnamed = await landed("salesforce-marketing-cloud", { "export.csv": [`${view},IsUnique`, mail(",True")] });
  expect(unnamed.events).toEqual([]);
  expect(unnamed.refused).toEqual([["missing-column", 1]]);
  const named = await landed("salesforce-marketing-cloud", {
    "export_Sent.csv": [`${view},IsUnique,EventType`, mail(",True,Complaint")],
  });
  expect(named.events.map((row) => row["event_type"])).toEqual(["complaint"]);
});

test("when a SubscriberKey is no address then _Subscribers links it, and who left or is held is suppressed by the address", async () => {
  const { events, rows } = await landed("salesforce-marketing-cloud", {
    "a_Sent.csv": [view, mail("", "7/1/2025 8:05:11 AM", "003XX1"), mail("", "7/1/2025 9:05:11 AM", "003XX1", "4")],
    "a_Subscribers.csv": [
      "SubscriberID,SubscriberKey,EmailAddress,Status,DateJoined,DateUnsubscribed,DateUndeliverable",
      "9001,003XX1,jane@example.org,active,1/5/2025 9:00:00 AM,,",
      "9002,003XX2,kim@example.org,unsubscribed,1/5/2025 9:00:00 AM,2/5/2025 9:00:00 AM,",
      "9003,003XX3,gone@example.org,held,1/5/2025 9:00:00 AM,,3/5/2025 9:00:00 AM",
    ],
  });
  expect(new Set(events.map((row) => row["user_id_hash"]))).toEqual(new Set([hashId("003XX1")]));
  expect(new Set(events.map((row) => row["message_id"])).size).toBe(2);
  expect((await rows("identity_links")).map((row) => [row["left_id"], row["right_id"]])[0]).toEqual([
    hashId("003XX1"),
    hashId("jane@example.org"),
  ]);
  expect((await rows("suppressions")).map((row) => [row["user_id_hash"], row["reason"], at(row["since_at"])])).toEqual([
    [hashId("kim@example.org"), "unsubscribe", "2025-02-05T15:00:00.000Z"],
    [hashId("gone@example.org"), "invalid_address", "2025-03-05T15:00:00.000Z"],
  ]);
});

const call = (metric: string, data: object, more: object = {}) =>
  JSON.stringify({
    event_id: `01E4${metric}${JSON.stringify(data).length}`,
    object_type: "email",
    metric,
    timestamp: 1_767_340_000,
    data: {
      delivery_id: "dgT=",
      recipient: "jane@example.org",
      identifiers: { id: "42", email: "jane@example.org" },
      ...data,
    },
    ...more,
  });

test("when Customer.io's calls are read then machines' acts are theirs, what it inferred is none, and kinds of mailings are told apart", async () => {
  const { events, refused, filtered } = await landed("customerio", {
    "calls.ndjson": [
      call("sent", { campaign_id: 7, action_id: 3 }),
      call("sent", { newsletter_id: 7, content_id: 2, delivery_id: "dgN=" }),
      call("opened", { campaign_id: 7, prefetched: true }),
      call("opened", { campaign_id: 7, prefetched: false, proxied: true }),
      call("opened", { campaign_id: 7, synthetic: true }),
      call("clicked", { campaign_id: 7, href: "https://shop.example/a", link_id: 5, machine: true }),
      call("bounced", { campaign_id: 7, failure_message: "550 5.1.1 no such user" }),
      call("dropped", { campaign_id: 7, failure_message: "suppressed" }),
      call("failed", { campaign_id: 7, failure_message: "no such template" }),
      call("sent", { campaign_id: 7, device_id: "d" }, { object_type: "push" }),
      JSON.stringify({
        event_id: "01E5",
        object_type: "customer",
        metric: "unsubscribed",
        timestamp: 1_767_340_000,
        data: { customer_id: "42", email_address: "jane@example.org", identifiers: { id: "42" } },
      }),
    ],
  });
  expect(refused).toEqual([]);
  expect(filtered).toBe(3);
  const told = events.map((row) => [
    row["event_type"],
    row["message_id"],
    row["campaign_id"],
    row.metadata["machine"] ?? null,
    row.metadata["class"] ?? null,
  ]);
  expect(told).toEqual([
    ["sent", "dgT=", "7", null, null],
    ["sent", "dgN=", "newsletter:7", null, null],
    ["open", "dgT=", "7", true, null],
    ["open", "dgT=", "7", false, null],
    ["click", "dgT=", "7", true, null],
    ["bounce", "dgT=", "7", null, "hard"],
    ["bounce", "dgT=", "7", null, "block"],
    ["unsubscribe", null, null, null, null],
  ]);
  expect(new Set(events.map((row) => row["user_id_hash"]))).toEqual(new Set([hashId("jane@example.org")]));
});

test("when Brevo's export names one call to two people then each has a mail of their own, the one of the webhooks", async () => {
  const { events, refused } = await landed("brevo", {
    "webhooks.csv": [
      "id,email,message-id,date,event,ts_event,ts_epoch,reason,link,camp_id",
      "1,jane@example.org,<201798300811.5787683@relay.example>,2026-01-02 09:00:00,delivered,1767340000,1767340000123,,,",
      "1,kim@example.org,<201798300811.5787683@relay.example>,2026-01-02 09:00:00,hard_bounce,1767340001,,550 5.7.1 content refused,,",
      "1,jane@example.org,<201798300811.5787683@relay.example>,2026-01-02 09:00:00,unique_proxy_open,1767340002,,,,",
      "2,jane@example.org,,2026-01-02 09:00:00,click,1767340003,,,https://shop.example/a,88",
      "1,kim@example.org,<201798300811.5787683@relay.example>,2026-01-02 09:00:00,blocked,1767340004,,,,",
    ],
    "report.ndjson": [
      JSON.stringify({
        email: "jane@example.org",
        date: "2026-01-02T08:00:05+01:00",
        subject: "x",
        messageId: "<201798300811.5787683@relay.example>",
        event: "opened",
        ip: "192.0.2.7",
      }),
    ],
  });
  expect(refused).toEqual([]);
  const of = (person: string) => hashId(person).slice(7, 23);
  expect(
    events.map((row) => [
      row["event_type"],
      row["message_id"],
      row.metadata["class"] ?? null,
      row.metadata["machine"] ?? null,
    ]),
  ).toEqual([
    ["delivered", `<201798300811.5787683@relay.example>:${of("jane@example.org")}`, null, null],
    ["bounce", `<201798300811.5787683@relay.example>:${of("kim@example.org")}`, "block", null],
    ["open", `<201798300811.5787683@relay.example>:${of("jane@example.org")}`, null, true],
    ["click", `brevo-campaign:88:${of("jane@example.org")}`, null, null],
    ["bounce", `<201798300811.5787683@relay.example>:${of("kim@example.org")}`, "block", null],
    ["open", `<201798300811.5787683@relay.example>:${of("jane@example.org")}`, null, null],
  ]);
  expect(at(events.at(-1)!["timestamp_utc"])).toBe("2026-01-02T07:00:05.000Z");
});

test("when ActiveCampaign's files are read then acts and bounces of a campaign are one mail, and a time without an offset is refused", async () => {
  const { events, refused, rows } = await landed("activecampaign", {
    "bounce_logs.csv": [
      "id,bounceid,campaignid,messageid,subscriberid,email,tstamp,error",
      "23,1,11,12,4,jane@example.org,2025-05-12T11:30:06-05:00,550 5.1.1 no such user",
      "24,1,11,12,5,kim@example.org,2025-05-12 11:30:06,",
    ],
    "calls.ndjson": [
      JSON.stringify({
        type: "open",
        date_time: "2025-05-12T12:30:06-05:00",
        "contact[id]": "4",
        "contact[email]": "jane@example.org",
        "campaign[id]": "11",
      }),
      JSON.stringify({
        type: "click",
        date_time: "2025-05-12T17:31:06Z",
        "contact[id]": "4",
        "contact[email]": "jane@example.org",
        "campaign[id]": "11",
        "link[url]": "https://shop.example/a",
      }),
    ],
    "contacts.csv": [
      "id,email,cdate,udate,bounced_hard",
      "4,jane@example.org,2026-01-02T10:44:02-05:00,2026-01-03T10:44:02-05:00,1",
    ],
    "contact_lists.csv": [
      "contact,list,status,udate,unsubreason",
      "4,1,2,2026-01-04T10:44:02-05:00,",
      "4,2,1,2026-01-04T10:44:02-05:00,",
    ],
    "campaigns.csv": ["id,type,name,sdate,send_amt", "11,single,May,2025-05-12T11:00:00-05:00,2"],
  });
  expect(refused).toEqual([["time-unreadable", 1]]);
  expect(events.map((row) => [row["event_type"], at(row["timestamp_utc"]), row["message_id"]])).toEqual([
    ["bounce", "2025-05-12T16:30:06.000Z", hashId("activecampaign:11:4")],
    ["open", "2025-05-12T17:30:06.000Z", hashId("activecampaign:11:4")],
    ["click", "2025-05-12T17:31:06.000Z", hashId("activecampaign:11:4")],
  ]);
  expect((await rows("suppressions")).map((row) => [row["user_id_hash"], row["reason"], row["scope_key"]])).toEqual([
    [hashId("jane@example.org"), "invalid_address", null],
    [hashId("activecampaign:4"), "unsubscribe", "activecampaign-list:1"],
  ]);
  expect((await rows("identity_links")).map((row) => [row["left_id"], row["right_id"]])).toEqual([
    [hashId("activecampaign:4"), hashId("jane@example.org")],
  ]);
});

/** An Avro container file of one schema's records. */
async function avroFile(
  path: string,
  namespace: string,
  name: string,
  fields: readonly object[],
  records: readonly object[],
) {
  const encoder = avro.createFileEncoder(path, { type: "record", name, namespace, fields } as avro.Schema, {
    codec: "deflate",
  });
  for (const record of records) encoder.write(record);
  await new Promise<void>((done, failed) => {
    encoder.on("error", failed);
    encoder.end();
    encoder.on("finish", () => setImmediate(done));
  });
  return path;
}
const text = (name: string) => ({ name, type: "string" });
const maybe = (name: string, type: unknown = "string") => ({ name, type: ["null", type], default: null });
const common = [
  text("id"),
  text("user_id"),
  maybe("dispatch_id"),
  { name: "time", type: "int" },
  text("email_address"),
  maybe("campaign_id"),
  maybe("canvas_id"),
];

test("when Braze's Avro files are read then their schema says what happened, a dispatch is a mailing, and bots' acts are theirs", async () => {
  const folder = temporaryFolder();
  const namespace = "dataexport.S3.inner.users.messages.email";
  const event = (id: string, person: string, more: object) => ({
    id,
    user_id: "b1",
    dispatch_id: "d1",
    time: 1_767_340_000,
    email_address: person,
    campaign_id: "c1",
    canvas_id: null,
    ...more,
  });
  const paths = [
    await avroFile(join(folder, "part-0.avro"), namespace, "Send", common, [
      event("1", "jane@example.org", {}),
      event("2", "kim@example.org", {}),
    ]),
    await avroFile(
      join(folder, "part-1.avro"),
      namespace,
      "Open",
      [...common, maybe("machine_open"), maybe("user_agent")],
      [
        event("3", "jane@example.org", { machine_open: "true", user_agent: "Mozilla/5.0" }),
        event("4", "jane@example.org", { machine_open: null, user_agent: "Mozilla/5.0", dispatch_id: null }),
      ],
    ),
    await avroFile(
      join(folder, "part-2.avro"),
      namespace,
      "Bounce",
      [...common, maybe("bounce_reason"), maybe("is_drop", "boolean")],
      [
        event("5", "jane@example.org", { bounce_reason: "550 5.1.1 no such user", is_drop: false }),
        event("6", "kim@example.org", { bounce_reason: "Bounced Address", is_drop: true }),
        event("7", "kim@example.org", { bounce_reason: "went wrong", is_drop: null }),
      ],
    ),
    await avroFile(join(folder, "part-3.avro"), namespace, "Abort", common, [event("8", "jane@example.org", {})]),
    await avroFile(join(folder, "part-4.avro"), "dataexport.S3.inner.users.messages.pushnotification", "Open", common, [
      event("9", "jane@example.org", {}),
    ]),
  ];
  const { events, refused, filtered } = await landedOf(folder, readPreset("braze"), paths);
  const of = (person: string) => `d1:${hashId(person).slice(7, 23)}`;
  expect(refused).toEqual([]);
  expect(filtered).toBe(2);
  expect(
    events.map((row) => [
      row["event_type"],
      row["message_id"],
      row.metadata["machine"] ?? null,
      row.metadata["class"] ?? null,
    ]),
  ).toEqual([
    ["sent", of("jane@example.org"), null, null],
    ["sent", of("kim@example.org"), null, null],
    ["open", of("jane@example.org"), true, null],
    ["open", null, null, null],
    ["bounce", of("jane@example.org"), null, "hard"],
    ["bounce", of("kim@example.org"), null, "block"],
    ["bounce", of("kim@example.org"), null, "hard"],
  ]);
});

test("when an Avro file is large, has 64-bit integers and bytes, or is cut then each record is read once, and damage is said", async () => {
  const folder = temporaryFolder();
  const mapping = parseMapping(
    'version: 1\nrows:\n  - table: events\n    when: { column: _record, equals: own.Act }\n    set:\n      event_id: { text: "{n}:{raw}" }\n      event_type: open\n      user_id: { column: who }\n      message_id: { column: n, cast: text }\n      timestamp_utc: { column: at, cast: instant, format: epoch-micros }\n',
    "own.yaml",
  );
  const records = Array.from({ length: 2_500 }, (_, n) => ({
    n: n === 0 ? 9_007_199_254_740_000 : n,
    who: `p${n}@example.org`,
    at: 1_767_340_000_000_000 + n,
    raw: Buffer.from([n % 256]),
  }));
  const path = await avroFile(
    join(folder, "own.avro"),
    "own",
    "Act",
    [{ name: "n", type: "long" }, text("who"), { name: "at", type: "long" }, { name: "raw", type: "bytes" }],
    records,
  );
  const [outcome] = await ingest(join(folder, "raw"), [path], { file: { mapping } });
  expect(outcome).toMatchObject({ state: "ingested", records: 2_500, landed: 2_500, dead_letter: 0 });
  const rows = await rowsOf(join(folder, "raw"), "events");
  expect(new Set(rows.map((row) => row["user_id_hash"])).size).toBe(2_500);
  expect(rows.map((row) => row["message_id"])).toContain("9007199254740000");
  const cut = join(folder, "cut.avro");
  writeFileSync(cut, readFileSync(path).subarray(0, -40));
  await expect(ingest(join(folder, "raw"), [cut], { file: { mapping } })).rejects.toMatchObject({
    code: "ingest.damaged-file",
  });
});

/** A Parquet file of one SELECT. */
async function parquetFile(path: string, select: string): Promise<string> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`copy (${select}) to '${path}' (format parquet)`);
  connection.closeSync();
  instance.closeSync();
  return path;
}

const delivery = (id: string, type: string, campaign: string, newsletter: string) =>
  `select 1 workspace_id, '${id}' delivery_id, 'cio_01' internal_customer_id, 's1' subject_id, 'trigger-1' event_id, '${type}' delivery_type, ${campaign}::bigint campaign_id, 3 action_id, ${newsletter}::bigint newsletter_id, null::bigint content_id, null::bigint trigger_id, timestamp '2026-01-02 08:00:00' created_at, null::bigint transactional_message_id, 1 seq_num`;
const metric = (n: number, id: string, name: string, more = "null reason, null::bigint link_id, null link_url") =>
  `select 'm${n}' event_id, 1 workspace_id, '${id}' delivery_id, '${name}' metric, ${more}, timestamp '2026-01-02 09:00:0${n}' created_at, ${n} seq_num`;

test("when Customer.io's data warehouse sync is read whole then a metric has its delivery's person and campaign, and people are linked and stopped", async () => {
  const folder = temporaryFolder();
  const paths = [
    await parquetFile(
      join(folder, "metrics_v4_1_1.parquet"),
      [
        metric(1, "d1", "sent"),
        metric(2, "d2", "sent"),
        metric(3, "d1", "clicked", "null reason, 5::bigint link_id, 'https://shop.example/a' link_url"),
        metric(4, "d1", "bounced", "'550 5.1.1 no such user' reason, null::bigint link_id, null link_url"),
        metric(5, "d3", "sent"),
        metric(6, "d1", "attempted"),
        metric(7, "gone", "opened"),
      ].join(" union all "),
    ),
    await parquetFile(
      join(folder, "deliveries_v4_1_1.parquet"),
      [
        delivery("d1", "email", "7", "null"),
        delivery("d2", "email", "null", "7"),
        delivery("d3", "push", "7", "null"),
      ].join(" union all "),
    ),
    await parquetFile(
      join(folder, "people_v4_1_1.parquet"),
      "select 1 workspace_id, '42' customer_id, 'cio_01' internal_customer_id, false deleted, false suppressed, timestamp '2025-01-01' created_at, timestamp '2026-01-01' updated_at, 'jane@example.org' email_addr union all select 1, null, 'cio_02', true, true, timestamp '2025-01-01', timestamp '2026-01-03', null",
    ),
    await parquetFile(
      join(folder, "attributes_v4_1_1.parquet"),
      `select 1 workspace_id, 'cio_01' internal_customer_id, 'unsubscribed' attribute_name, 'true' attribute_value, timestamp '2026-01-04' as "timestamp" union all select 1, 'cio_01', 'plan', 'pro', timestamp '2026-01-04'`,
    ),
    await parquetFile(
      join(folder, "outputs_v4_1_1.parquet"),
      "select 1 workspace_id, 'o1' output_id, 's1' subject_name, 'email' output_type, 3 action_id, 'd1' delivery_id, timestamp '2026-01-02' created_at, 1 seq_num",
    ),
  ];
  const raw = join(folder, "raw");
  const mapping = readPreset("customerio");
  const { others } = await otherFilesOf(paths, mapping, hashId, new AbortController().signal);
  const outcomes = await ingest(raw, paths, { file: { mapping, others } });
  expect(outcomes.flatMap((one) => Object.entries(one.dead_letters_by_reason))).toEqual([["missing-column", 1]]);
  const rows = async (table: string) => (await rowsOf(raw, table)) as unknown as Row[];
  const events = await rows("events");
  expect(
    events.map((row) => [
      row["event_type"],
      row["message_id"],
      row["campaign_id"],
      at(row["timestamp_utc"]),
      row.metadata["class"] ?? row.metadata["url"] ?? null,
    ]),
  ).toEqual([
    ["sent", "d1", "7", "2026-01-02T09:00:01.000Z", null],
    ["sent", "d2", "newsletter:7", "2026-01-02T09:00:02.000Z", null],
    ["click", "d1", "7", "2026-01-02T09:00:03.000Z", "https://shop.example/a"],
    ["bounce", "d1", "7", "2026-01-02T09:00:04.000Z", "hard"],
    ["unsubscribe", null, null, "2026-01-04T00:00:00.000Z", null],
  ]);
  expect(new Set(events.map((row) => row["user_id_hash"]))).toEqual(new Set([hashId("cio_01")]));
  expect((await rows("identity_links")).map((row) => [row["left_id"], row["right_id"]])).toEqual([
    [hashId("cio_01"), hashId("jane@example.org")],
    [hashId("cio_01"), hashId("42")],
  ]);
  expect((await rows("suppressions")).map((row) => [row["user_id_hash"], row["reason"], at(row["since_at"])])).toEqual([
    [hashId("cio_02"), "manual", "2026-01-03T00:00:00.000Z"],
  ]);
});

const brevoLog = [
  "st_text,ts,sub,frm,email,tag,mid,link",
  "Sent,21-07-2025 10:22:05,Hello,news@shop.example,jane@example.org,july,<201798300811.1@relay.example>,NA",
  "Hard bounce,21-07-2025 10:22:09,Hello,news@shop.example,kim@example.org,NA,<201798300811.1@relay.example>,NA",
  "Loaded by proxy,21-07-2025 10:23:05,Hello,news@shop.example,jane@example.org,july,<201798300811.1@relay.example>,NA",
  "Clicked,21-01-2026 10:22:05,Hello,news@shop.example,jane@example.org,july,<201798300811.2@relay.example>,https://shop.example/a",
  "Inviata,21-01-2026 10:22:05,Hello,news@shop.example,jane@example.org,july,<201798300811.2@relay.example>,NA",
];

test("when Brevo's page Logs is read then its clock must be declared, and a word of another language is a dead letter", async () => {
  const undeclared = await landed("brevo", { "logs.csv": brevoLog });
  expect(undeclared.events).toEqual([]);
  expect(undeclared.refused).toEqual([
    ["time-unreadable", 4],
    ["wrong-type", 1],
  ]);
  const mapping = parseMapping("version: 1\nextends: brevo\nzone: Europe/Rome\n", "own.yaml");
  const { events, refused } = await landedAs(mapping, { "logs.csv": brevoLog });
  expect(refused).toEqual([["wrong-type", 1]]);
  const of = (person: string, call: number) => `<201798300811.${call}@relay.example>:${hashId(person).slice(7, 23)}`;
  expect(
    events.map((row) => [
      row["event_type"],
      row["message_id"],
      at(row["timestamp_utc"]),
      row.metadata["class"] ?? row.metadata["machine"] ?? row.metadata["url"] ?? null,
    ]),
  ).toEqual([
    ["sent", of("jane@example.org", 1), "2025-07-21T08:22:05.000Z", null],
    ["bounce", of("kim@example.org", 1), "2025-07-21T08:22:09.000Z", "hard"],
    ["open", of("jane@example.org", 1), "2025-07-21T08:23:05.000Z", true],
    ["click", of("jane@example.org", 2), "2026-01-21T09:22:05.000Z", "https://shop.example/a"],
  ]);
  expect(events[0]?.metadata["tags"]).toEqual(["july"]);
});

test("when a mapping declares how an account writes times then the same data view is read day first, month first or by the 24-hour clock", async () => {
  const times = async (more: string, written: string) => {
    const mapping = parseMapping(`version: 1\nextends: salesforce-marketing-cloud\n${more}`, "own.yaml");
    const { events, refused } = await landedAs(mapping, { "2025_Sent.csv": [view, mail("", written)] });
    return events.map((row) => at(row["timestamp_utc"])).concat(refused.map(([reason]) => String(reason)));
  };
  const said = "10/11/2025 1:02:03 PM";
  expect(await times("", said)).toEqual(["2025-10-11T19:02:03.000Z"]);
  expect(await times("times: d/M/yyyy h:mm:ss a\n", said)).toEqual(["2025-11-10T19:02:03.000Z"]);
  expect(await times('times: [d/M/yyyy H:mm, "d/M/yyyy H:mm:ss"]\n', "10/11/2025 13:02")).toEqual([
    "2025-11-10T19:02:00.000Z",
  ]);
  expect(await times("times: d/M/yyyy h:mm:ss a\n", "11/30/2025 1:02:03 PM")).toEqual(["time-unreadable"]);
  expect(await times("times: d/M/yyyy h:mm:ss a\nzone: Europe/Paris\n", said)).toEqual(["2025-11-10T12:02:03.000Z"]);
  for (const [text, words] of [
    ["version: 1\nextends: nobody\n", "there is no preset"],
    ["version: 1\nextends: brevo\nrows: []\n", "rows"],
    ["version: 1\nextends: brevo\ntimes: sometime\n", "no format of times"],
  ] as const)
    expect(() => parseMapping(text, "own.yaml")).toThrow(words);
});
