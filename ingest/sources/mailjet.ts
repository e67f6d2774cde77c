// Mailjet event API: https://dev.mailjet.com/email/guides/webhooks/

import { z } from "zod";
import { readSmtpReply } from "../bounces/smtp-reply.ts";
import type { Decoded } from "../door/signal.ts";
import { isoOfSeconds } from "./instants.ts";
import { messageIdentity } from "./message-identity.ts";
import type { Provider } from "./provider.ts";
import {
  asArguments,
  asList,
  deadLetter,
  decodeEvent,
  parseJsonText,
  present,
  refusalMetadata,
  signal,
  verifyCredentials,
} from "./webhook.ts";

const provider = "mailjet" as const;
const number = z.union([z.number(), z.string()]).nullish();

/** Mailjet writes true, 1 or "1". */
const flag = z.preprocess(
  (value) =>
    value === ""
      ? undefined
      : value === 1 || value === "1" || value === "true"
        ? true
        : value === 0 || value === "0" || value === "false"
          ? false
          : value,
  z.boolean().nullish(),
);

const event = z.looseObject({
  event: z.string(),
  time: number,
  MessageID: z.union([z.string(), z.number()]).nullish(),
  Message_GUID: z.string().nullish(),
  mj_message_id: z.union([z.string(), z.number()]).nullish(),
  mj_campaign_id: number,
  email: z.string().nullish(),
  customcampaign: z.string().nullish(),
  CustomID: z.string().nullish(),
  Payload: z.string().nullish(),
  smtp_reply: z.string().nullish(),
  hard_bounce: flag,
  blocked: flag,
  error_related_to: z.string().nullish(),
  error: z.string().nullish(),
  comment: z.string().nullish(),
  source: z.string().nullish(),
  mj_list_id: number,
  ip: z.string().nullish(),
  geo: z.string().nullish(),
  agent: z.string().nullish(),
  url: z.string().nullish(),
});
type Event = z.output<typeof event>;
const shape = { schema: event, needed: ["event", "time", "email", "hard_bounce"] };

/** `Payload` is the sender's own text: its arguments where it is a JSON object. */
function ownOf(payload: string | null | undefined): Readonly<Record<string, unknown>> | undefined {
  if (!payload?.startsWith("{")) return undefined;
  const parsed = parseJsonText(payload);
  return parsed.kind === "value" ? asArguments(parsed.value) : undefined;
}

function decodeOne(e: Event): Decoded {
  const reply = readSmtpReply(e.smtp_reply ?? e.comment);
  const id = e.mj_message_id || e.MessageID;
  const campaign =
    e.customcampaign || (e.mj_campaign_id && String(e.mj_campaign_id) !== "0" ? String(e.mj_campaign_id) : undefined);
  const told = (eventType: string, metadata: Record<string, unknown> = {}): Decoded =>
    signal({
      // Mailjet gives no event id; the door makes a digest of the event instead.
      eventType,
      recipient: e.email ?? undefined,
      ...messageIdentity(provider, id ? String(id) : undefined),
      campaignId: campaign,
      occurredAt: isoOfSeconds(e.time),
      provenance: `webhook/${provider}`,
      beside: { arguments: ownOf(e.Payload) },
      metadata: present({
        provider,
        provider_event: e.event,
        tags: e.customcampaign ? [e.customcampaign] : undefined,
        custom_id: e.CustomID,
        user_agent: e.agent,
        region: e.geo,
        ip_prefix: e.ip,
        ...metadata,
      }),
    });
  const trouble = {
    reason: e.error,
    category: e.error_related_to,
    ...refusalMetadata({ said: e.smtp_reply ?? e.comment, reported: e.hard_bounce === false ? "soft" : "hard" }),
  };

  switch (e.event) {
    case "sent":
      // Mailjet's word for "the recipient's server took it".
      return told("delivered", {
        smtp_code: reply.smtpCode,
        enhanced_code: reply.enhancedCode,
        diagnostic: e.smtp_reply,
      });
    case "open":
      return told("open");
    case "click":
      return told("click", { url: e.url });
    case "bounce":
      // A bounce that is not hard is retried for days: it is not over yet.
      if (e.hard_bounce === false) return told("deferred", trouble);
      return told("bounce", trouble);
    case "blocked":
      return told("bounce", { ...trouble, class: "block", refused_party: undefined });
    case "spam":
      return told("complaint", { feedback_type: "abuse", feedback_id: e.source });
    case "unsub":
      return told("unsubscribe", {
        method: e.agent === "List-Unsubscribe" ? "list" : "link",
        list_id: e.mj_list_id ? String(e.mj_list_id) : undefined,
      });
    default:
      return deadLetter("not-a-signal", `event: ${e.event}`);
  }
}

/** Mailjet prints 17-digit ids as numbers, which JSON.parse would round: they are read as text. */
const idsAsText = (text: string): string => text.replace(/("(?:MessageID|mj_message_id)"\s*:\s*)(\d{16,})/g, '$1"$2"');

export const mailjet: Provider = {
  name: provider,
  delivers: ["delivered", "deferred", "bounce", "open", "click", "complaint", "unsubscribe"],
  /** Mailjet signs nothing: basic auth in the endpoint's URL. */
  verify: async (request, secrets) => verifyCredentials(request, secrets),
  decode({ body }) {
    const parsed = parseJsonText(idsAsText(Buffer.from(body).toString("utf8")));
    if (parsed.kind === "dead-letter") return [parsed];
    return asList(parsed.value).flatMap((item) => decodeEvent(shape, item, decodeOne));
  },
};
