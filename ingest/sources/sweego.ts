// Sweego webhooks: https://learn.sweego.io/docs/webhooks/webhook_intro, signatures: https://learn.sweego.io/docs/webhooks/webhook_signature

import { createHmac } from "node:crypto";
import { z } from "zod";
import type { Decoded } from "../door/signal.ts";
import { isoOfText } from "./instants.ts";
import { messageIdentity } from "./message-identity.ts";
import type { Provider } from "./provider.ts";
import {
  authentic,
  deadLetter,
  decodeJson,
  isFresh,
  isSame,
  ownValue,
  present,
  refusalMetadata,
  refused,
  signal,
  textOfCode,
} from "./webhook.ts";

const provider = "sweego" as const;
const text = z.union([z.string(), z.number()]).nullish();
const touch = z
  .looseObject({ ip_address: z.string().nullish(), url: z.string().nullish(), user_agent: z.string().nullish() })
  .nullish();

const event = z.looseObject({
  event_type: z.string(),
  timestamp: z.string().nullish(),
  event_id: z.string().nullish(),
  swg_uid: z.string().nullish(),
  channel: z.string().nullish(),
  recipient: z.string().nullish(),
  headers: z.record(z.string(), z.unknown()).nullish(),
  campaign_id: text,
  campaign_tags: z.union([z.string(), z.array(z.string())]).nullish(),
  domain_from: z.string().nullish(),
  response_code: text,
  status: text,
  details: z.string().nullish(),
  one_click: z.boolean().nullish(),
  open: touch,
  click: touch,
});
type Event = z.output<typeof event>;
const shape = { schema: event, needed: ["event_type", "timestamp", "recipient", "channel"] };

const wordToType: Readonly<Record<string, string>> = {
  email_sent: "sent",
  delivered: "delivered",
  soft_bounce: "bounce",
  hard_bounce: "bounce",
  complaint: "complaint",
  list_unsub: "unsubscribe",
  email_opened: "open",
  email_clicked: "click",
};
/** Sweego's own campaigns of mails that are of none. */
const noCampaign = new Set(["default", "transac", "market"]);

function decodeOne(e: Event): Decoded {
  if (e.channel && e.channel !== "email") return deadLetter("not-a-signal", `channel: ${e.channel}`);
  const word = e.event_type.replaceAll("-", "_");
  const eventType = ownValue(wordToType, word);
  if (!eventType) return deadLetter("not-a-signal", `event_type: ${e.event_type}`);
  const touched = eventType === "click" ? e.click : eventType === "open" ? e.open : undefined;
  const campaign = textOfCode(e.campaign_id);
  return signal({
    eventId: e.event_id ?? undefined,
    eventType,
    recipient: e.recipient ?? undefined,
    ...messageIdentity(provider, e.swg_uid),
    campaignId: campaign && !noCampaign.has(campaign) ? campaign : undefined,
    occurredAt: isoOfText(e.timestamp),
    provenance: `webhook/${provider}`,
    beside: { arguments: e.headers ?? undefined, from: e.domain_from },
    metadata: present({
      provider,
      provider_event: e.event_type,
      tags: e.campaign_tags?.length ? [e.campaign_tags].flat() : undefined,
      user_agent: touched?.user_agent,
      ip_prefix: touched?.ip_address,
      url: e.click?.url,
      method: eventType === "unsubscribe" ? (e.one_click ? "one_click" : "link") : undefined,
      feedback_type: eventType === "complaint" ? "abuse" : undefined,
      ...(eventType === "bounce"
        ? refusalMetadata({
            said: e.details,
            status: textOfCode(e.status),
            smtpCode: textOfCode(e.response_code),
            reported: word === "hard_bounce" ? "hard" : "soft",
          })
        : {}),
    }),
  });
}

export const sweego: Provider = {
  name: provider,
  delivers: ["sent", "delivered", "bounce", "complaint", "unsubscribe", "open", "click"],

  /** HMAC-SHA-256 (base64) over id, time and body, with dots, under `signingSecret`, which is base64. */
  async verify({ headers, body }, secrets, { now, replayWindowSeconds }) {
    const secret = secrets["signingSecret"];
    if (!secret) return refused("no signingSecret is configured");
    const [id, time, signature] = ["id", "timestamp", "signature"].map((part) => headers[`webhook-${part}`]);
    if (!id || !time || !signature) return refused("the call carries no signature");
    if (!/^\d+$/.test(time) || !isFresh(Number(time), now, replayWindowSeconds))
      return refused("the signed time lies outside the replay window");
    const expected = createHmac("sha256", Buffer.from(secret, "base64"))
      .update(`${id}.${time}.`)
      .update(body)
      .digest("base64");
    return isSame(expected, signature) ? authentic : refused("the signature does not match");
  },

  /** A redelivery keeps its id and is signed anew, with its own time. */
  callId: ({ headers }) => `${headers["webhook-id"]} ${headers["webhook-timestamp"]}`,
  decode: ({ body }) => decodeJson(body, shape, decodeOne),
};
