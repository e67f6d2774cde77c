// From webhooks alone: the campaign, the variant, the sender and the mailbox provider of a mail, provider by provider.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import isps from "../../../includes/isps.js";
import { decoderFor } from "../../../ingest/decoders.ts";
import { createDoor } from "../../../ingest/door/door.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { ispLookup } from "../../../ingest/door/isp-lookup.ts";
import { providers } from "../../../ingest/sources/providers.ts";
import { sourceDeclarations } from "../../../platform/source-declarations.ts";
import { testKeys } from "../support.ts";

const hashId = createIdHasher(testKeys.ids.active);
const arrival = Date.parse("2026-03-02T10:00:00Z") * 1000;
const at = 1_772_442_000;
const iso = "2026-03-02T09:00:00.000Z";

/** One delivery of each provider, with what its documentation lets a sender pass along. */
const deliveries: Readonly<Record<string, unknown>> = {
  amazon_ses: {
    eventType: "Delivery",
    mail: {
      messageId: "m1",
      timestamp: iso,
      source: "bounce@mail.shop.example",
      destination: ["kim@gmx.de"],
      tags: { spring: ["s-1"], "arm-of-test": ["b"] },
      commonHeaders: { from: ["Shop <news@shop.example>"] },
    },
    delivery: { timestamp: iso, recipients: ["kim@gmx.de"] },
  },
  brevo: {
    event: "delivered",
    email: "kim@gmx.de",
    "message-id": "<m1@x>",
    ts_event: at,
    "X-Mailin-custom": "spring:s-1|arm-of-test:b",
    sender_email: "news@shop.example",
  },
  mailersend: {
    type: "activity.delivered",
    created_at: iso,
    data: {
      created_at: iso,
      email: {
        from: "news@shop.example",
        message: { id: "m1" },
        recipient: { email: "kim@gmx.de" },
        tags: ["spring=s-1", "arm-of-test=b"],
      },
    },
  },
  mailgun: {
    "event-data": {
      event: "delivered",
      id: "e1",
      timestamp: at,
      recipient: "kim@gmx.de",
      message: { headers: { from: "Shop <news@shop.example>", "message-id": "m1@x" } },
      "user-variables": { spring: "s-1", "arm-of-test": "b" },
      "delivery-status": { code: 250, message: "OK", "mx-host": "mx00.emig.gmx.net" },
    },
  },
  mailjet: {
    event: "sent",
    time: at,
    MessageID: 19,
    email: "kim@gmx.de",
    Payload: '{"spring":"s-1","arm-of-test":"b"}',
  },
  mailomat: {
    id: "e1",
    eventType: "delivered",
    occurredAt: iso,
    messageId: "m1@x",
    recipient: "kim@gmx.de",
    payload: {
      message: { headers: { from: "news@shop.example" } },
      "delivery-status": { code: 250, message: "OK", remote: { mx: "mx00.emig.gmx.net" } },
    },
  },
  mailtrap: {
    events: [
      {
        event: "delivery",
        message_id: "m1",
        event_id: "e1",
        email: "kim@gmx.de",
        timestamp: at,
        custom_variables: { spring: "s-1", "arm-of-test": "b" },
        sending_domain_name: "shop.example",
      },
    ],
  },
  mandrill: [
    {
      event: "delivered",
      ts: at,
      msg: {
        _id: "m1",
        email: "kim@gmx.de",
        sender: "news@shop.example",
        metadata: { spring: "s-1", "arm-of-test": "b" },
      },
    },
  ],
  postal: {
    event: "MessageSent",
    timestamp: at,
    uuid: "u1",
    payload: {
      status: "Sent",
      message: { id: 1, to: "kim@gmx.de", from: "news@shop.example", tag: "spring=s-1" },
    },
  },
  postmark: {
    RecordType: "Delivery",
    MessageID: "m1",
    Recipient: "kim@gmx.de",
    DeliveredAt: iso,
    Metadata: { spring: "s-1", "arm-of-test": "b" },
  },
  resend: {
    type: "email.delivered",
    created_at: iso,
    data: {
      email_id: "m1",
      from: "Shop <news@shop.example>",
      to: ["kim@gmx.de"],
      tags: { spring: "s-1", "arm-of-test": "b" },
    },
  },
  sendgrid: [
    {
      event: "delivered",
      email: "kim@gmx.de",
      timestamp: at,
      sg_event_id: "e1",
      sg_message_id: "m1.recv1",
      spring: "s-1",
      "arm-of-test": "b",
    },
  ],
  sparkpost: [
    {
      msys: {
        message_event: {
          type: "delivery",
          event_id: "e1",
          transmission_id: "m1",
          timestamp: String(at),
          raw_rcpt_to: "kim@gmx.de",
          friendly_from: "news@shop.example",
          rcpt_meta: { spring: "s-1", "arm-of-test": "b" },
        },
      },
    },
  ],
  sweego: {
    event_type: "delivered",
    timestamp: iso,
    swg_uid: "m1",
    event_id: "e1",
    channel: "email",
    recipient: "kim@gmx.de",
    domain_from: "shop.example",
    campaign_id: "default",
    headers: { spring: "s-1", "arm-of-test": "b" },
  },
  unisender_go: {
    events_by_user: [
      {
        events: [
          {
            event_name: "transactional_email_status",
            event_data: {
              status: "delivered",
              email: "kim@gmx.de",
              job_id: "m1",
              event_time: "2026-03-02 09:00:00",
              metadata: { spring: "s-1", "arm-of-test": "b" },
            },
          },
        ],
      },
    ],
  },
};

const declaration = {
  campaign: [{ argument: "spring" }, { tag: "spring=" }],
  variant: [{ argument: "arm-of-test" }, { tag: "arm-of-test=" }],
};
/** What of these some providers do not hand back; the sender then says it for all of the source's mail. */
const notHandedBack: Readonly<Record<string, readonly string[]>> = {
  mailjet: ["sender"],
  mailomat: ["campaign", "variant"],
  postal: ["variant"],
  postmark: ["sender"],
  sendgrid: ["sender"],
  unisender_go: ["sender"],
};

async function land(
  name: string,
  body: unknown,
  sources: unknown,
  ispOfDomain?: (domain: string) => string | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  const decode = decoderFor(name, { hashId, fileId: "f", sources: sourceDeclarations.parse(sources) });
  const [item] = await decode({ data: Buffer.from(JSON.stringify(body)), position: 0 });
  const admitted = createDoor({ hashId, trustReceivedAt: false, ispOfDomain })(item!, arrival);
  if (admitted.kind !== "row") throw new Error(JSON.stringify(admitted));
  return admitted.row;
}

test("when every provider is looked up then each has its delivery here", () => {
  expect(Object.keys(deliveries).sort()).toEqual([...providers.keys()].sort());
});

test.each(Object.keys(deliveries))(
  "when %s hands back what was declared then the delivery has its campaign, variant, sender and domain",
  async (name) => {
    const lacks = notHandedBack[name] ?? [];
    const row = await land(name, deliveries[name], {
      [name]: { ...declaration, ...(lacks.includes("sender") ? { sender: { value: "shop.example" } } : {}) },
    });
    expect(row["campaign_id"]).toBe(lacks.includes("campaign") ? null : "s-1");
    const metadata = row["metadata"] as Record<string, unknown>;
    expect(metadata["variant"]).toBe(lacks.includes("variant") ? undefined : "b");
    expect(metadata["sender_domain"]).toBe("shop.example");
    expect(metadata["recipient_domain"]).toBe("gmx.de");
    // Nothing of the rest stays.
    expect(JSON.stringify(row)).not.toContain("news@");
    expect(JSON.stringify(row)).not.toContain('arm-of-test":');
  },
);

test("when nothing is declared then a name that means nothing else counts, after the provider's own word", async () => {
  const [own] = deliveries["sendgrid"] as readonly object[];
  const bare = { ...own, campaign: "c-1", variant: "a" };
  expect(await land("sendgrid", [bare], {})).toMatchObject({ campaign_id: "c-1", metadata: { variant: "a" } });
  const single = { ...bare, singlesend_id: "single-7" };
  expect(await land("sendgrid", [single], {})).toMatchObject({ campaign_id: "single-7" });
  expect(await land("sendgrid", [single], { sendgrid: { campaign: { argument: "campaign" } } })).toMatchObject({
    campaign_id: "c-1",
  });
});

test("when a declaration changes then an event that comes again is the same event", async () => {
  const before = await land("mailjet", deliveries["mailjet"], {});
  const after = await land("mailjet", deliveries["mailjet"], { mailjet: declaration });
  expect(after["campaign_id"]).toBe("s-1");
  expect(after["event_id"]).toBe(before["event_id"]);
});

test("when an argument holds an address then it is a token", async () => {
  const [own] = deliveries["sendgrid"] as readonly object[];
  const row = await land("sendgrid", [{ ...own, spring: "promo-kim@gmx.de" }], { sendgrid: declaration });
  expect(String(row["campaign_id"])).not.toContain("kim");
  expect(row["campaign_id"]).toBeTruthy();
});

test("when the event or a list names the host that takes the mail then it tells the provider, and nothing is looked up", async () => {
  const host = (mx: string) => ({
    "event-data": {
      event: "delivered",
      id: "e1",
      timestamp: at,
      recipient: "kim@company.example",
      message: { headers: { "message-id": "m1@x" } },
      "delivery-status": { code: 250, "mx-host": mx },
    },
  });
  expect(await land("mailgun", host("company-example.mail.protection.outlook.com"), {})).toMatchObject({
    metadata: { isp: "microsoft_365" },
  });
  expect((await land("mailgun", host("mx.company.example"), {}))["metadata"]).not.toHaveProperty("isp");
  const dir = mkdtempSync(join(tmpdir(), "inboxloop-isps-"));
  try {
    writeFileSync(
      join(dir, "mx.csv"),
      "domain,mx\nCompany.example,aspmx.l.google.com.\nother.example,mx.other.example\n",
    );
    const lookup = ispLookup("mx.csv", dir)!;
    expect(lookup("company.example")).toBe("google_workspace");
    expect(lookup("other.example")).toBeUndefined();
    expect(await land("mailgun", host("mx.company.example"), {}, lookup)).toMatchObject({
      metadata: { isp: "google_workspace" },
    });
    writeFileSync(join(dir, "bad.csv"), "a,b\n1,2\n");
    expect(() => ispLookup("bad.csv", dir)).toThrow(/header/);
    expect(() => ispLookup("none.csv", dir)).toThrow(/cannot be read/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test.each([
  ["gmail-smtp-in.l.google.com.", "gmail"],
  ["ASPMX.L.GOOGLE.COM", "google_workspace"],
  ["hotmail-com.olc.protection.outlook.com", "outlook"],
  ["company-example.mail.protection.outlook.com", "microsoft_365"],
  ["mta7.am0.yahoodns.net", "yahoo"],
  ["mx01.mail.icloud.com", "apple"],
  ["mxa-00123.gslb.pphosted.com", "proofpoint"],
  ["eu-smtp-inbound-1.mimecast.com", "mimecast"],
  ["evilgmail-smtp-in.l.google.com.example", undefined],
  ["notpphosted.com", undefined],
  ["", undefined],
])("when %s takes the mail then it is %s's", (host, isp) => expect(isps.ofMx(host)).toBe(isp));

test("when the table of providers is read then no domain, word or host stands for two", () => {
  for (const key of ["domains", "called", "mx"] as const) {
    const all = isps.groups.flatMap((group) => [...(group[key] ?? [])]);
    expect(all.filter((one: string, index: number) => all.indexOf(one) !== index)).toEqual([]);
    expect(all.filter((one: string) => one !== one.toLowerCase() || one.includes("'"))).toEqual([]);
  }
});
