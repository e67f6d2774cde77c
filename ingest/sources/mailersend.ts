// MailerSend webhooks: https://developers.mailersend.com/api/v1/webhooks.html

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
  isSame,
  ownValue,
  present,
  refusalMetadata,
  refused,
  signal,
} from "./webhook.ts";

const provider = "mailersend" as const;

const event = z.looseObject({
  type: z.string(),
  created_at: z.string().nullish(),
  data: z
    .looseObject({
      id: z.string().nullish(),
      type: z.string().nullish(),
      created_at: z.string().nullish(),
      template_id: z.string().nullish(),
      email: z
        .looseObject({
          from: z.string().nullish(),
          tags: z.array(z.string()).nullish(),
          message: z.looseObject({ id: z.string().nullish() }).nullish(),
          recipient: z.looseObject({ email: z.string().nullish() }).nullish(),
        })
        .nullish(),
      morph: z
        .looseObject({
          created_at: z.string().nullish(),
          ip: z.string().nullish(),
          url: z.string().nullish(),
          reason: z.string().nullish(),
          readable_reason: z.string().nullish(),
          user_agent: z.string().nullish(),
        })
        .nullish(),
    })
    .nullish(),
});
type Event = z.output<typeof event>;
const shape = { schema: event, needed: ["type", "created_at", "data.created_at", "data.email.recipient.email"] };

const wordToType: Readonly<Record<string, string>> = {
  sent: "sent",
  delivered: "delivered",
  deferred: "deferred",
  soft_bounced: "bounce",
  hard_bounced: "bounce",
  opened: "open",
  opened_unique: "open",
  clicked: "click",
  clicked_unique: "click",
  unsubscribed: "unsubscribe",
  spam_complaint: "complaint",
};

function decodeOne({ type, created_at, data }: Event): Decoded {
  const word = type.replace(/^activity\./, "");
  const eventType = ownValue(wordToType, word);
  if (!eventType) return deadLetter("not-a-signal", `type: ${type}`);
  if (!data) return deadLetter("missing-field", "data");
  const { email, morph } = data;
  const isTrouble = eventType === "bounce" || eventType === "deferred";
  return signal({
    eventId: data.id ?? undefined,
    eventType,
    recipient: email?.recipient?.email ?? undefined,
    ...messageIdentity(provider, email?.message?.id),
    occurredAt: isoOfText(data.created_at ?? created_at),
    provenance: `webhook/${provider}`,
    beside: { from: email?.from },
    metadata: present({
      provider,
      provider_event: type,
      tags: email?.tags?.length ? email.tags : undefined,
      template_id: eventType === "sent" ? data.template_id : undefined,
      user_agent: morph?.user_agent,
      ip_prefix: morph?.ip,
      url: eventType === "click" ? morph?.url : undefined,
      first: /_unique$/.test(word) && eventType === "open" ? true : undefined,
      ...(isTrouble
        ? refusalMetadata({ said: morph?.reason, reported: word === "hard_bounced" ? "hard" : "soft" })
        : {}),
      reason: eventType === "unsubscribe" ? (morph?.reason ?? morph?.readable_reason) : undefined,
      feedback_type: eventType === "complaint" ? "abuse" : undefined,
    }),
  });
}

export const mailersend: Provider = {
  name: provider,
  delivers: ["sent", "delivered", "deferred", "bounce", "open", "click", "complaint", "unsubscribe"],

  /** HMAC-SHA-256 (hex) over the raw body under `signingSecret`. No time is signed, so a replay cannot be told apart here. */
  async verify({ headers, body }, secrets) {
    if (!secrets["signingSecret"]) return refused("no signingSecret is configured");
    const signature = headers["signature"];
    if (!signature) return refused("the call carries no signature");
    const expected = createHmac("sha256", secrets["signingSecret"]).update(body).digest("hex");
    return isSame(expected, signature) ? authentic : refused("the signature does not match");
  },

  decode: ({ body }) => decodeJson(body, shape, decodeOne),
};
