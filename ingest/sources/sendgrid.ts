// SendGrid Event Webhook: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event

import { createHash, verify } from "node:crypto";
import { promisify } from "node:util";
import { z } from "zod";
import returnPath from "../../includes/return_path.js";
import { codesOf } from "../bounces/classify.ts";
import type { BounceClass } from "../bounces/smtp-reply.ts";
import type { Decoded } from "../door/signal.ts";
import { isoOfSeconds } from "./instants.ts";
import { returnedIdentity } from "./message-identity.ts";
import type { Provider } from "./provider.ts";
import {
  authentic,
  deadLetter,
  decodeJson,
  fieldsBeside,
  isFresh,
  present,
  publicKeyOf,
  refusalMetadata,
  refused,
  signal,
} from "./webhook.ts";

const provider = "sendgrid" as const;

/** On another thread: it is half of what a call costs, and the collector answers others meanwhile. */
const verifySignature = promisify(verify);

const text = z.union([z.string(), z.number()]).nullish();
const event = z.looseObject({
  event: z.string().nullish(),
  type: z.string().nullish(),
  email: z.string().nullish(),
  timestamp: text,
  sg_event_id: z.string().nullish(),
  sg_message_id: z.string().nullish(),
  "smtp-id": z.string().nullish(),
  category: z.union([z.string(), z.array(z.unknown())]).nullish(),
  reason: z.string().nullish(),
  response: z.string().nullish(),
  status: text,
  attempt: text,
  bounce_classification: z.string().nullish(),
  useragent: z.string().nullish(),
  ip: z.string().nullish(),
  url: z.string().nullish(),
  asm_group_id: text,
  sg_machine_open: z.union([z.boolean(), z.string(), z.number()]).nullish(),
  marketing_campaign_id: text,
  singlesend_id: text,
  campaign_id: text,
  newsletter: z.looseObject({ newsletter_id: text, newsletter_send_id: text }).nullish(),
  sg_template_id: text,
  template_id: text,
  pool: z.looseObject({ name: z.string().nullish() }).nullish(),
});
type Event = z.output<typeof event>;
/** The custom arguments of ours stand in line with SendGrid's own keys. */
type Returned = Readonly<Record<string, unknown>>;
const shape = { schema: event, needed: ["event", "email", "timestamp"] };

/** `Lli-03HcQ5-JLybO9fXsJg.filter0077p1las1.21536.5717FC482.0` => `Lli-03HcQ5-JLybO9fXsJg`, the same on every event of a send. */
const sendId = (sgMessageId: string | null | undefined): string | undefined =>
  /^(.+?)\.(?:filter|recv)/i.exec(sgMessageId ?? "")?.[1] ??
  (/^filter/i.test(sgMessageId ?? "") ? undefined : sgMessageId || undefined);

/**
 * The first part of sg_message_id, which every event of a send carries. An asynchronous bounce has none: its smtp-id is the same text before the
 * `@` where SendGrid made it, and the sender's own Message-ID where it did not.
 */
function messageIdOf(e: Event): string | undefined {
  const smtpId = e["smtp-id"]?.trim() || undefined;
  const isSendGrids = smtpId !== undefined && /@(?:[\w.-]*ismtpd|[\w.-]*sendgrid\.net)/i.test(smtpId);
  return sendId(e.sg_message_id) ?? (isSendGrids ? /^<?([^@>]+)/.exec(smtpId)?.[1] : smtpId);
}

function decodeOne(e: Event): Decoded {
  const said = (e.response ?? e.reason)?.trim();
  const status = e.status === null || e.status === undefined ? undefined : String(e.status).trim();
  const troubleFor = (reported: BounceClass) => refusalMetadata({ said, status, smtpCode: status, reported });
  const codes = codesOf({ said, status, smtpCode: status });
  const smtp = { smtp_code: codes.smtpCode, enhanced_code: codes.enhancedCode, diagnostic: said };
  const tags = e.category === null || e.category === undefined ? undefined : [e.category].flat();
  const campaign =
    e.campaign_id ?? e.singlesend_id ?? e.marketing_campaign_id ?? e.newsletter?.newsletter_id ?? undefined;

  const told = (eventType: string, metadata: Record<string, unknown> = {}): Decoded =>
    signal({
      eventId: e.sg_event_id || undefined,
      eventType,
      recipient: e.email || undefined,
      ...returnedIdentity(provider, (e as Returned)[returnPath.messageId], messageIdOf(e)),
      campaignId: campaign === null || campaign === undefined ? undefined : String(campaign),
      occurredAt: isoOfSeconds(e.timestamp),
      provenance: `webhook/${provider}`,
      beside: { arguments: fieldsBeside(e, event.shape) },
      metadata: present({
        provider,
        provider_event: e.event,
        provider_message_id: e.sg_message_id,
        variant: (e as Returned)[returnPath.variant],
        tags,
        user_agent: e.useragent,
        ip_prefix: e.ip,
        ...metadata,
      }),
    });

  switch (e.event) {
    case "processed":
      return told("sent", {
        template_id: e.sg_template_id ?? e.template_id,
        sending_ip_pool: e.pool?.name,
      });
    case "delivered":
      return told("delivered", smtp);
    case "deferred":
      return told("deferred", {
        ...troubleFor("soft"),
        reason: e.reason,
        attempt: e.attempt === undefined ? undefined : Number(e.attempt),
      });
    case "bounce":
    case "blocked": {
      const isBlocked = e.type === "blocked" || e.event === "blocked";
      return told("bounce", {
        ...troubleFor(isBlocked ? "block" : "hard"),
        reason: e.bounce_classification ?? e.type,
        category: e.bounce_classification ?? e.type,
      });
    }
    case "dropped":
      return told("bounce", {
        smtp_code: codes.smtpCode,
        enhanced_code: codes.enhancedCode,
        class: "block",
        reason: e.reason,
        category: e.reason,
      });
    case "spamreport":
      return told("complaint", { feedback_type: "abuse" });
    case "unsubscribe":
      return told("unsubscribe", { method: "link" });
    case "group_unsubscribe":
      return told("unsubscribe", { method: "group", list_id: e.asm_group_id });
    case "open":
      return isTrue(e.sg_machine_open)
        ? told("open", { machine: true, machine_reason: "sg_machine_open" })
        : told("open", e.sg_machine_open === undefined || e.sg_machine_open === null ? {} : { machine: false });
    case "click":
      return told("click", { url: e.url });
    case "group_resubscribe":
    case "account_status_change":
      return deadLetter("not-a-signal", e.event);
    case undefined:
    case null:
    case "":
      return deadLetter("missing-field", "event");
    default:
      return deadLetter("unknown-event-type", e.event.slice(0, 80));
  }
}

const isTrue = (value: unknown): boolean => value === true || value === "true" || value === 1 || value === "1";

export const sendgrid: Provider = {
  name: provider,
  delivers: ["sent", "delivered", "deferred", "bounce", "complaint", "unsubscribe", "open", "click"],
  /**
   * ECDSA (P-256, SHA-256) over the timestamp header and the raw body. `publicKey`: the verification key from the
   * settings page, base64 of a DER SubjectPublicKeyInfo, or the same as PEM.
   */
  async verify({ headers, body }, secrets, { now, replayWindowSeconds }) {
    if (!secrets["publicKey"]) return refused("no publicKey is configured");
    const signature = headers["x-twilio-email-event-webhook-signature"];
    const timestamp = headers["x-twilio-email-event-webhook-timestamp"];
    if (!signature || !timestamp) return refused("the call carries no signature");
    if (!/^\d+$/.test(timestamp) || !isFresh(Number(timestamp), now, replayWindowSeconds)) {
      return refused("the signed time lies outside the replay window");
    }
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(signature)) return refused("the signature is not base64");
    let isValid = false;
    try {
      const signed = Buffer.concat([Buffer.from(timestamp), body]);
      const bytes = Buffer.from(signature, "base64");
      isValid = await verifySignature("sha256", signed, publicKeyOf(secrets["publicKey"]), bytes);
    } catch {
      return refused("the publicKey or the signature cannot be read");
    }
    return isValid ? authentic : refused("the signature does not match");
  },
  /** A redelivery is signed anew, with its own time. */
  callId: ({ headers, body }) =>
    createHash("sha256").update(`${headers["x-twilio-email-event-webhook-timestamp"]}\0`).update(body).digest("base64"),
  decode: ({ body }) => decodeJson(body, shape, decodeOne),
};
