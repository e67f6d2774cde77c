// Mailgun webhooks: https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks
// Today's JSON ({signature, event-data}) and the legacy form posts that older domains still send.

import { createHmac } from "node:crypto";
import { z } from "zod";
import type { Decoded } from "../door/signal.ts";
import { isoOfSeconds } from "./instants.ts";
import { messageIdentity } from "./message-identity.ts";
import type { Provider, WebhookRequest } from "./provider.ts";
import {
  asArguments,
  asList,
  authentic,
  bareAddress,
  deadLetter,
  decodeEvent,
  fieldsBeside,
  isFresh,
  isSame,
  ownValue,
  parseForm,
  parseJson,
  present,
  refusalMetadata,
  refused,
  signal,
} from "./webhook.ts";

const provider = "mailgun" as const;

const eventData = z.looseObject({
  event: z.string(),
  id: z.string().nullish(),
  timestamp: z.union([z.number(), z.string()]).nullish(),
  recipient: z.string().nullish(),
  "recipient-domain": z.string().nullish(),
  severity: z.string().nullish(),
  reason: z.string().nullish(),
  url: z.string().nullish(),
  ip: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
  "user-variables": z.unknown().optional(),
  envelope: z.looseObject({ sender: z.string().nullish() }).nullish(),
  campaigns: z.array(z.looseObject({ id: z.string().nullish() })).nullish(),
  message: z
    .looseObject({
      headers: z
        .looseObject({ from: z.string().nullish(), to: z.string().nullish(), "message-id": z.string().nullish() })
        .nullish(),
    })
    .nullish(),
  "client-info": z
    .looseObject({ "user-agent": z.string().nullish(), "client-name": z.string().nullish(), bot: z.string().nullish() })
    .nullish(),
  geolocation: z.looseObject({ country: z.string().nullish() }).nullish(),
  "delivery-status": z
    .looseObject({
      code: z.union([z.number(), z.string()]).nullish(),
      message: z.string().nullish(),
      description: z.string().nullish(),
      "enhanced-code": z.string().nullish(),
      "mx-host": z.string().nullish(),
      "attempt-no": z.number().nullish(),
      "bounce-type": z.string().nullish(),
    })
    .nullish(),
  reject: z.looseObject({ reason: z.string().nullish(), description: z.string().nullish() }).nullish(),
});

const legacyEvent = z.looseObject({
  event: z.string(),
  timestamp: z.string().nullish(),
  token: z.string().nullish(),
  recipient: z.string().nullish(),
  code: z.string().nullish(),
  error: z.string().nullish(),
  reason: z.string().nullish(),
  description: z.string().nullish(),
  notification: z.string().nullish(),
  url: z.string().nullish(),
  ip: z.string().nullish(),
  country: z.string().nullish(),
  "user-agent": z.string().nullish(),
  "client-name": z.string().nullish(),
  "Message-Id": z.string().nullish(),
  "message-id": z.string().nullish(),
  "campaign-id": z.string().nullish(),
  tag: z.union([z.string(), z.array(z.string())]).nullish(),
  "X-Mailgun-Tag": z.union([z.string(), z.array(z.string())]).nullish(),
});

const shape = { schema: eventData, needed: ["event", "recipient", "timestamp", "severity"] };
const legacyShape = { schema: legacyEvent, needed: ["event", "recipient", "timestamp"] };

const wordToType: Readonly<Record<string, string>> = {
  accepted: "sent",
  delivered: "delivered",
  opened: "open",
  clicked: "click",
  complained: "complaint",
  unsubscribed: "unsubscribe",
};

/** Mailgun's own codes below 1000 are SMTP's only up to 599: 605 and 607 are its suppression lists. */
const smtpCodeOf = (code: unknown): string | undefined =>
  /^[245]\d\d$/.test(String(code ?? "")) ? String(code) : undefined;
const bracketed = (id: string | null | undefined): string | undefined =>
  id ? (id.startsWith("<") ? id : `<${id}>`) : undefined;

function decodeEventData(event: z.output<typeof eventData>): Decoded {
  const status = event["delivery-status"];
  const headers = event.message?.headers;
  const failed = event.event === "failed" || event.event === "rejected";
  const isTemporary = event.event === "failed" && event.severity === "temporary";
  const eventType = failed ? (isTemporary ? "deferred" : "bounce") : ownValue(wordToType, event.event);
  if (!eventType) return deadLetter("not-a-signal", `event: ${event.event}`);
  const tried = refusalMetadata({
    said: status?.message || status?.description,
    status: status?.["enhanced-code"],
    smtpCode: smtpCodeOf(status?.code),
    reported: isTemporary || event.reason === "old" || status?.["bounce-type"] === "soft" ? "soft" : "hard",
  });
  const isSuppressed = event.event === "rejected" || /^suppress|^espblock$/.test(event.reason ?? "");
  return signal({
    eventId: event.id ?? undefined,
    eventType,
    recipient: event.recipient ?? bareAddress(headers?.to),
    ...messageIdentity(provider, bracketed(headers?.["message-id"])),
    campaignId: event.campaigns?.[0]?.id ?? undefined,
    occurredAt: isoOfSeconds(event.timestamp),
    provenance: `webhook/${provider}`,
    beside: {
      arguments: asArguments(event["user-variables"]),
      from: headers?.from ?? event.envelope?.sender,
      mxHost: status?.["mx-host"],
    },
    metadata: present({
      provider,
      provider_event: event.severity ? `${event.event}.${event.severity}` : event.event,
      recipient_domain: event["recipient-domain"],
      tags: event.tags,
      user_agent: event["client-info"]?.["user-agent"],
      client: event["client-info"]?.["client-name"],
      region: event.geolocation?.country,
      ip_prefix: event.ip,
      machine: event["client-info"]?.bot ? true : undefined,
      machine_reason: event["client-info"]?.bot ? `mailgun:${event["client-info"].bot}` : undefined,
      url: event.url,
      ...(failed ? tried : { smtp_code: tried["smtp_code"], enhanced_code: tried["enhanced_code"] }),
      ...(isSuppressed && eventType === "bounce" ? { class: "block", refused_party: undefined } : {}),
      reason: event.reason ?? (event.reject ? "rejected" : undefined),
      diagnostic: status?.message || status?.description || event.reject?.reason,
      attempt: status?.["attempt-no"],
    }),
  });
}

function decodeLegacy(event: z.output<typeof legacyEvent>): Decoded {
  const isBounce = event.event === "bounced" || event.event === "dropped";
  const eventType = isBounce ? "bounce" : ownValue(wordToType, event.event);
  if (!eventType) return deadLetter("not-a-signal", `event: ${event.event}`);
  const tags = event.tag ?? event["X-Mailgun-Tag"];
  return signal({
    eventId: event.token ?? undefined,
    eventType,
    recipient: event.recipient ?? undefined,
    ...messageIdentity(provider, bracketed(event["Message-Id"] ?? event["message-id"])),
    campaignId: event["campaign-id"] ?? undefined,
    occurredAt: isoOfSeconds(event.timestamp),
    provenance: `webhook/${provider}`,
    beside: { arguments: fieldsBeside(event, legacyEvent.shape) },
    metadata: present({
      provider,
      provider_event: event.event,
      tags: tags ? asList(tags) : undefined,
      user_agent: event["user-agent"],
      client: event["client-name"],
      region: event.country,
      ip_prefix: event.ip,
      url: event.url,
      ...(isBounce
        ? refusalMetadata({
            said: event.error ?? event.description,
            status: event.code,
            smtpCode: smtpCodeOf(event.code),
            reported: "hard",
          })
        : {}),
      ...(event.event === "dropped" ? { class: "block", refused_party: undefined } : {}),
      reason: event.reason ?? event.notification,
      diagnostic: event.error ?? event.description,
    }),
  });
}

const isForm = (headers: Readonly<Record<string, string | undefined>>, body: Uint8Array): boolean =>
  /x-www-form-urlencoded/i.test(headers["content-type"] ?? "") || (body[0] !== 123 && body[0] !== 91);

const envelope = z.looseObject({ "event-data": z.unknown() });
const signatureFields = z.looseObject({ timestamp: z.string(), token: z.string(), signature: z.string() });

function signatureOf(request: Pick<WebhookRequest, "headers" | "body">) {
  let fields: unknown;
  if (isForm(request.headers, request.body)) fields = parseForm(request.body);
  else {
    const parsed = parseJson(request.body);
    if (parsed.kind === "dead-letter") return undefined;
    const block = (parsed.value as { signature?: unknown } | null)?.signature;
    fields = typeof block === "object" ? block : parsed.value;
  }
  return signatureFields.safeParse(fields).data;
}

export const mailgun: Provider = {
  name: provider,
  delivers: ["sent", "delivered", "deferred", "bounce", "open", "click", "complaint", "unsubscribe"],

  /** HMAC-SHA-256 (hex) over timestamp + token under `signingKey`; both travel in the body. */
  async verify(request, secrets, { now, replayWindowSeconds }) {
    if (!secrets["signingKey"]) return refused("no signingKey is configured");
    const signed = signatureOf(request);
    if (!signed) return refused("the body carries no signature");
    const { timestamp, token, signature } = signed;
    const expected = createHmac("sha256", secrets["signingKey"])
      .update(timestamp + token)
      .digest("hex");
    if (!isSame(expected, signature)) return refused("the signature does not match");
    if (!isFresh(Number(timestamp), now, replayWindowSeconds)) return refused("the signed time is outside the window");
    return authentic;
  },

  /** The signature does not cover the events: a token that was used once is used up, whatever stands beside it. */
  callId(request) {
    const signed = signatureOf(request);
    return signed && `${signed.timestamp} ${signed.token}`;
  },

  decode({ headers, body }) {
    if (isForm(headers, body)) return decodeEvent(legacyShape, parseForm(body), decodeLegacy);
    const parsed = parseJson(body);
    if (parsed.kind === "dead-letter") return [parsed];
    return asList(parsed.value).flatMap((item) => {
      const wrapped = envelope.safeParse(item);
      if (wrapped.success && wrapped.data["event-data"] !== undefined) {
        return decodeEvent(shape, wrapped.data["event-data"], decodeEventData);
      }
      return decodeEvent(legacyShape, item, decodeLegacy);
    });
  },
};
