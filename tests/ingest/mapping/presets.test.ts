import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { applyMapping } from "../../../ingest/mapping/apply.ts";
import { presetNames, readPreset } from "../../../ingest/mapping/schema.ts";
import { ingest, rowsOf, temporaryFolder, testKeys } from "../support.ts";

const exportsFolder = resolve(import.meta.dirname, "../../../../shared/data/esp_exports");
const hashId = createIdHasher(testKeys.ids.active);

const decode = (preset: (typeof presetNames)[number], fields: Record<string, unknown>, fileName = "export.csv") =>
  applyMapping(readPreset(preset), fields, { fileId: "f", rowNumber: 1, hashId, defaultProvenance: "file", fileName });

const said = (preset: (typeof presetNames)[number], fields: Record<string, unknown>, fileName?: string) =>
  decode(preset, fields, fileName).map((item) =>
    item.kind === "signal" ? { type: item.signal.eventType, ...item.signal.metadata } : item,
  );

const marketo = {
  activity_date: "2026-01-31 08:05:11.000",
  campaign_id: "2522",
  campaign_run_id: "758",
  id: "58851192",
  lead_id: "1124755",
  primary_attribute_value_id: "1810",
};

test("when a Marketo bounce says why then its class, its codes and its words are kept", () => {
  const bounce = { ...marketo, activity_type_id: "8" };
  expect(said("marketo", { ...bounce, category: "2", details: "550 5.1.1 no such user" })).toMatchObject([
    { type: "bounce", class: "hard", smtp_code: "550", enhanced_code: "5.1.1", diagnostic: "550 5.1.1 no such user" },
  ]);
  expect(said("marketo", { ...bounce, category: "1", details: "550 blocked" })).toMatchObject([{ class: "block" }]);
  expect(said("marketo", { ...bounce, category: "9", details: "452 4.2.2 full" })).toMatchObject([{ class: "soft" }]);
  expect(said("marketo", { ...marketo, activity_type_id: "6", action_result: "skipped" })).toEqual([]);
  expect(said("marketo", { ...marketo, activity_type_id: "10", is_bot_activity: "true" })).toMatchObject([
    { type: "open", machine: true },
  ]);
});

test("when Marketo sends, opens and clicks concern one mailing to one lead then they name one message", () => {
  const ids = ["6", "10", "11"].map((type) => {
    const [item] = decode("marketo", { ...marketo, activity_type_id: type });
    return item?.kind === "signal" ? item.signal.messageId : undefined;
  });
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toMatch(/^sha256:/);
});

const hubspot = {
  id: "e1",
  recipient: "reader@example.org",
  created: "2026-01-31 08:05:11.000",
  email_campaign_id: "7",
  sent_by_id: "s1",
};

test("when HubSpot flags an open as filtered then it is a machine's", () => {
  expect(said("hubspot", { ...hubspot, type: "OPEN", filtered_event: "true" })).toMatchObject([
    { type: "open", machine: true, machine_reason: "filtered_event" },
  ]);
  expect(said("hubspot", { ...hubspot, type: "OPEN", filtered_event: "false" })).toMatchObject([{ machine: false }]);
});

test("when HubSpot's details stand beside the event then they are read, and alone they say so", () => {
  expect(
    said("hubspot", { ...hubspot, type: "BOUNCE", category: "UNKNOWN_USER", status: "550", response: "550 5.1.1 x" }),
  ).toMatchObject([{ type: "bounce", class: "hard", smtp_code: "550", enhanced_code: "5.1.1" }]);
  const alone = { id: "e2", _fivetran_synced: "2026-01-31 08:05:11.000" };
  expect(said("hubspot", { ...alone, category: "MAILBOX_FULL", status: "450", response: "" })).toMatchObject([
    { type: "bounce", class: "soft", smtp_code: "450", is_time_assumed: true },
  ]);
  expect(said("hubspot", { ...alone, drop_reason: "PREVIOUSLY_BOUNCED" })).toMatchObject([
    { type: "bounce", class: "block", reason: "PREVIOUSLY_BOUNCED" },
  ]);
  const client = { ...alone, browser: "b", ip_address: "", location: "", user_agent: "u" };
  expect(said("hubspot", client, "email_event_forward_data.csv")).toMatchObject([{ type: "forward" }]);
  expect(said("hubspot", client, "email_event_print_data.csv")).toEqual([]);
  expect(said("hubspot", { ...alone, ip_address: "", user_agent: "" })).toMatchObject([{ type: "complaint" }]);
});

test("when Klaviyo names its columns with or without underscores then they mean the same", () => {
  const event = {
    id: "k1",
    person_id: "p1",
    metric_id: "m",
    campaign_id: "c",
    datetime: "2026-01-31 08:05:11.000",
    timestamp: "2026-01-31 08:05:11.000",
  };
  for (const column of ["property_bounce_type", "propertybouncetype"]) {
    expect(said("klaviyo", { ...event, type: "Bounced Email", [column]: "Hard" })).toMatchObject([
      { type: "bounce", class: "hard" },
    ]);
  }
  expect(said("klaviyo", { ...event, type: "Opened Email", property_machine_open: "true" })).toMatchObject([
    { type: "open", machine: true },
  ]);
  expect(said("klaviyo", { ...event, type: "Placed Order", property_value: "15.5" })).toMatchObject([
    { type: "purchase", revenue: 15.5 },
  ]);
});

describe.runIf(existsSync(exportsFolder))("exports of ../shared/data/esp_exports", () => {
  test.each(presetNames.filter((name) => existsSync(join(exportsFolder, name))))(
    "when every %s file is ingested then nothing is a dead letter and no address lands",
    async (name) => {
      const raw = temporaryFolder();
      const files = readdirSync(join(exportsFolder, name)).map((file) => join(exportsFolder, name, file));
      const outcomes = await ingest(raw, files, { file: { mapping: readPreset(name) } });
      expect(outcomes.map((one) => [one.path, one.dead_letters_by_reason])).toEqual(files.map((path) => [path, {}]));
      // Every file of events gives one event a record, but for what is no signal: skipped sends, PROCESSED, prints.
      for (const one of outcomes) expect(one.received + one.filtered).toBeGreaterThanOrEqual(one.records);
      expect(JSON.stringify(await rowsOf(raw, "events"))).not.toMatch(/[\w.]+@(?:gmail|hotmail)\./);
    },
  );
});

const mailchimp = { campaign_id: "c1", member_id: "m1", _fivetran_synced: "2026-02-01 00:00:00.000", list_id: "l1" };

test("when Mailchimp's members act on a campaign then each act is of the mail that they were sent, and automations' of theirs", () => {
  const act = { ...mailchimp, timestamp: "2026-01-31 08:05:11", ip: "192.0.2.7", bounce_type: "", url: "" };
  const ids = ["open", "click", "bounce"].map((action) => {
    const [item] = decode("mailchimp", { ...act, action, bounce_type: action === "bounce" ? "hard" : "" });
    return item?.kind === "signal"
      ? [item.signal.eventType, item.signal.metadata?.["class"] ?? null, item.signal.messageId]
      : item;
  });
  expect(ids).toEqual([
    ["open", null, hashId("mailchimp:c1:m1")],
    ["click", null, hashId("mailchimp:c1:m1")],
    ["bounce", "hard", hashId("mailchimp:c1:m1")],
  ]);
  const { campaign_id: _, ...ofAutomation } = act;
  expect(decode("mailchimp", { ...ofAutomation, automation_email_id: "a1", action: "open" })).toMatchObject([
    { kind: "signal", signal: { campaignId: "a1", messageId: hashId("mailchimp:a1:m1") } },
  ]);
  expect(decode("mailchimp", { ...mailchimp, timestamp: "2026-01-31 08:05:11", reason: "" })).toMatchObject([
    { signal: { eventType: "unsubscribe", messageId: hashId("mailchimp:c1:m1"), recipient: "m1" } },
  ]);
  expect(decode("mailchimp", { automation_email_id: "a1", member_id: "m1", list_id: "l1" })).toEqual([]);
});

test("when Mailchimp's members have left a list or their address is cleaned then they are suppressed, and pending ones are not", () => {
  const member = {
    id: "m1",
    list_id: "l1",
    email_address: "reader@example.org",
    country_code: "CA",
    timestamp_signup: "2026-01-01 00:00:00",
    last_changed: "2026-01-31 08:05:11",
  };
  const suppressed = (status: string) =>
    decode("mailchimp", { ...member, status }).flatMap((item) =>
      item.kind === "row" && item.table === "suppressions" ? [item.values] : [],
    );
  expect(suppressed("unsubscribed")).toMatchObject([
    { user_id: "m1", reason: "unsubscribe", scope: "list", scope_key: "l1" },
  ]);
  expect(suppressed("cleaned")).toMatchObject([{ user_id: "m1", reason: "invalid_address", scope: "all" }]);
  for (const status of ["subscribed", "pending", "archived", "transactional"]) expect(suppressed(status)).toEqual([]);
  const tables = decode("mailchimp", { ...member, status: "subscribed" }).map(
    (item) => item.kind === "row" && item.table,
  );
  expect(tables).toEqual(["profiles", "identity_links"]);
});

const iterable = {
  _fivetran_id: "e1",
  email: "reader@example.org",
  created_at: "2026-01-31 08:05:11.000",
  message_id: "msg-1",
  campaign_id: "7",
};

test("when Iterable's bounce names its kind or only the server's words then its class is known; subscriptions and pushes are no mail", () => {
  const bounce = { ...iterable, event_name: "emailBounce" };
  expect(
    said("iterable", { ...bounce, recipient_state: "HardBounce", status: "550 5.1.1 no such user" }),
  ).toMatchObject([{ type: "bounce", class: "hard", smtp_code: "550", enhanced_code: "5.1.1" }]);
  expect(said("iterable", { ...bounce, recipient_state: "", status: "452 4.2.2 mailbox full" })).toMatchObject([
    { class: "soft" },
  ]);
  expect(said("iterable", { ...iterable, event_name: "emailOpen", proxy_source: "Apple" })).toMatchObject([
    { machine: true },
  ]);
  expect(said("iterable", { ...iterable, event_name: "emailOpen", proxy_source: "Google" })[0]).not.toHaveProperty(
    "machine",
  );
  for (const event_name of ["emailSubscribe", "pushSend", "emailSendSkip"])
    expect(said("iterable", { ...iterable, event_name })).toEqual([]);
  const { email: _, ...nobody } = iterable;
  const [item] = decode("iterable", { ...nobody, _fivetran_user_id: "9", event_name: "emailSend" });
  expect(item).toMatchObject({ kind: "signal", signal: { messageId: "msg-1" } });
  expect(item?.kind === "signal" && item.signal.recipient).toBeFalsy();
});
