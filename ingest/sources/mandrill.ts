// Mailchimp Transactional (Mandrill) webhooks: https://mailchimp.com/developer/transactional/docs/webhooks/

import { createHmac } from "node:crypto";
import { z } from "zod";
import { readSmtpReply } from "../bounces/smtp-reply.ts";
import type { Decoded } from "../door/signal.ts";
import { isoOfSeconds } from "./instants.ts";
import { messageIdentity } from "./message-identity.ts";
import type { Provider } from "./provider.ts";
import {
  asArguments,
  asList,
  authentic,
  bodyDigest,
  deadLetter,
  decodeEvent,
  isSame,
  ownValue,
  parseForm,
  parseJson,
  parseJsonText,
  present,
  refusalMetadata,
  refused,
  signal,
} from "./webhook.ts";

const provider = "mandrill" as const;

const event = z.looseObject({
  event: z.string().nullish(),
  type: z.string().nullish(),
  action: z.string().nullish(),
  _id: z.string().nullish(),
  ts: z.union([z.number(), z.string()]).nullish(),
  url: z.string().nullish(),
  ip: z.string().nullish(),
  user_agent: z.string().nullish(),
  user_agent_parsed: z.looseObject({ ua_family: z.string().nullish() }).nullish(),
  location: z.looseObject({ country_short: z.string().nullish() }).nullish(),
  msg: z
    .looseObject({
      _id: z.string().nullish(),
      email: z.string().nullish(),
      tags: z.array(z.string()).nullish(),
      subaccount: z.string().nullish(),
      sender: z.string().nullish(),
      metadata: z.unknown().optional(),
      template: z.string().nullish(),
      bounce_description: z.string().nullish(),
      diag: z.string().nullish(),
      smtp_events: z.array(z.looseObject({ ts: z.number().nullish(), diag: z.string().nullish() })).nullish(),
      reject: z.union([z.string(), z.looseObject({ reason: z.string().nullish() })]).nullish(),
    })
    .nullish(),
});
type Event = z.output<typeof event>;
const shape = { schema: event, needed: ["event", "ts", "msg.email"] };

const wordToType: Readonly<Record<string, string>> = {
  send: "sent",
  delivered: "delivered",
  deferral: "deferred",
  hard_bounce: "bounce",
  soft_bounce: "bounce",
  reject: "bounce",
  open: "open",
  click: "click",
  spam: "complaint",
  unsub: "unsubscribe",
};

function decodeOne(e: Event): Decoded {
  const eventType = e.event ? ownValue(wordToType, e.event) : undefined;
  if (!eventType)
    return deadLetter("not-a-signal", `event: ${e.event ?? `${e.type ?? "none"} ${e.action ?? ""}`.trim()}`);
  // Of a mail that was tried several times the last reply is what this event is about.
  const diagnostic = e.msg?.diag ?? e.msg?.smtp_events?.findLast(({ diag }) => diag)?.diag;
  const rejected = typeof e.msg?.reject === "string" ? e.msg.reject : e.msg?.reject?.reason;
  const reply = readSmtpReply(diagnostic);
  const trouble =
    e.event === "reject"
      ? { class: "block" }
      : eventType === "bounce" || eventType === "deferred"
        ? refusalMetadata({ said: diagnostic, reported: e.event === "hard_bounce" ? "hard" : "soft" })
        : eventType === "delivered"
          ? { smtp_code: reply.smtpCode, enhanced_code: reply.enhancedCode, diagnostic }
          : {};
  return signal({
    // Mandrill's _id names the message, so it is no event id; the door makes a digest of the event instead.
    eventType,
    recipient: e.msg?.email ?? undefined,
    ...messageIdentity(provider, e.msg?._id ?? e._id),
    campaignId: e.msg?.template ?? undefined,
    occurredAt: isoOfSeconds(e.ts),
    provenance: `webhook/${provider}`,
    beside: { arguments: asArguments(e.msg?.metadata), from: e.msg?.sender },
    metadata: present({
      provider,
      provider_event: e.event,
      tags: e.msg?.tags?.length ? e.msg.tags : undefined,
      user_agent: e.user_agent,
      client: e.user_agent_parsed?.ua_family,
      region: e.location?.country_short,
      ip_prefix: e.ip,
      url: e.url,
      reason: e.msg?.bounce_description ?? rejected,
      feedback_type: eventType === "complaint" ? "abuse" : undefined,
      ...trouble,
    }),
  });
}

/** The form as it is signed: names and values, sorted by name. */
function formText(body: Uint8Array): string {
  const form = parseForm(body);
  return Object.keys(form)
    .sort()
    .reduce((text, name) => text + name + asList(form[name]).join(""), "");
}

export const mandrill: Provider = {
  name: provider,
  delivers: ["sent", "delivered", "deferred", "bounce", "open", "click", "complaint", "unsubscribe"],

  /**
   * HMAC-SHA-1 (base64) under `signingKey` over the webhook's URL exactly as Mandrill knows it (`url`, where it differs
   * from the URL called), followed by each form field's name and value, sorted by name.
   */
  async verify(request, secrets) {
    if (!secrets["signingKey"]) return refused("no signingKey is configured");
    const signature = request.headers["x-mandrill-signature"];
    if (!signature) return refused("the call carries no signature");
    const signed = (secrets["url"] ?? request.url) + formText(request.body);
    const expected = createHmac("sha1", secrets["signingKey"]).update(signed, "utf8").digest("base64");
    return isSame(expected, signature) ? authentic : refused("the signature does not match");
  },

  callId: ({ body }) => bodyDigest(Buffer.from(formText(body))),

  decode({ body }) {
    const isJson = body[0] === 123 || body[0] === 91;
    let inner: unknown;
    if (isJson) {
      // A form that was stored as JSON: {"mandrill_events": "[...]"}, or the bare events.
      const parsed = parseJson(body);
      if (parsed.kind === "dead-letter") return [parsed];
      inner = (parsed.value as { mandrill_events?: unknown }).mandrill_events ?? parsed.value;
    } else {
      inner = parseForm(body)["mandrill_events"];
    }
    if (inner === undefined) return [deadLetter("missing-field", "mandrill_events")];
    const events = typeof inner === "string" ? parseJsonText(inner) : { kind: "value" as const, value: inner };
    if (events.kind === "dead-letter") return [events];
    return asList(events.value).flatMap((item) => decodeEvent(shape, item, decodeOne));
  },
};
