// Mailtrap e-mail sending webhooks: https://docs.mailtrap.io/email-api-smtp/advanced/webhooks

import { createHmac } from "node:crypto";
import { z } from "zod";
import type { Decoded } from "../door/signal.ts";
import { isoOfSeconds } from "./instants.ts";
import { messageIdentity } from "./message-identity.ts";
import type { Provider } from "./provider.ts";
import {
  asArguments,
  asList,
  authentic,
  deadLetter,
  decodeJson,
  isSame,
  ownValue,
  present,
  refusalMetadata,
  refused,
  signal,
  verifyCredentials,
} from "./webhook.ts";

const provider = "mailtrap" as const;

const event = z.looseObject({
  event: z.string(),
  timestamp: z.number().nullish(),
  sending_stream: z.string().nullish(),
  message_id: z.string().nullish(),
  event_id: z.string().nullish(),
  email: z.string().nullish(),
  category: z.string().nullish(),
  custom_variables: z.unknown().optional(),
  sending_domain_name: z.string().nullish(),
  response: z.string().nullish(),
  response_code: z.union([z.number(), z.string()]).nullish(),
  bounce_category: z.string().nullish(),
  reason: z.string().nullish(),
  ip: z.string().nullish(),
  user_agent: z.string().nullish(),
  url: z.string().nullish(),
});
type Event = z.output<typeof event>;
const shape = { schema: event, needed: ["event", "email", "timestamp"] };

const wordToType: Readonly<Record<string, string>> = {
  delivery: "delivered",
  open: "open",
  click: "click",
  unsubscribe: "unsubscribe",
  spam: "complaint",
  "spam complaint": "complaint",
  bounce: "bounce",
  reject: "bounce",
  // Both are retried: the mail is not lost yet.
  "soft bounce": "deferred",
  suspension: "deferred",
};

function decodeOne(e: Event): Decoded {
  const eventType = ownValue(wordToType, e.event.replace("_", " "));
  if (!eventType) return deadLetter("not-a-signal", `event: ${e.event}`);
  const isTrouble = eventType === "bounce" || eventType === "deferred";
  return signal({
    eventId: e.event_id ?? undefined,
    eventType,
    recipient: e.email ?? undefined,
    ...messageIdentity(provider, e.message_id),
    campaignId: e.category ?? undefined,
    occurredAt: isoOfSeconds(e.timestamp),
    provenance: `webhook/${provider}`,
    beside: { arguments: asArguments(e.custom_variables), from: e.sending_domain_name },
    metadata: present({
      provider,
      provider_event: e.event,
      tags: e.category ? [e.category] : undefined,
      source_system: e.sending_stream,
      user_agent: e.user_agent,
      ip_prefix: e.ip,
      url: e.url,
      ...(isTrouble
        ? {
            ...refusalMetadata({
              said: e.response,
              smtpCode: e.response_code ? String(e.response_code) : undefined,
              reported: eventType === "bounce" ? "hard" : "soft",
            }),
            ...(e.event === "reject" ? { class: "block", refused_party: undefined } : {}),
            reason: e.reason ?? e.bounce_category,
            category: eventType === "bounce" ? e.bounce_category : undefined,
          }
        : {}),
      feedback_type: eventType === "complaint" ? "abuse" : undefined,
    }),
  });
}

const eventsOf = (value: unknown): readonly unknown[] =>
  asList((value as { events?: unknown } | null)?.events ?? value);

export const mailtrap: Provider = {
  name: provider,
  delivers: ["delivered", "deferred", "bounce", "open", "click", "complaint", "unsubscribe"],

  /** HMAC-SHA-256 (hex) over the raw body under `signingSecret`; without one, basic auth or a bearer token. */
  async verify(request, secrets) {
    if (!secrets["signingSecret"]) return verifyCredentials(request, secrets);
    const signature = request.headers["mailtrap-signature"];
    if (!signature) return refused("the call carries no signature");
    const expected = createHmac("sha256", secrets["signingSecret"]).update(request.body).digest("hex");
    return isSame(expected, signature) ? authentic : refused("the signature does not match");
  },

  decode: ({ body }) => decodeJson(body, shape, decodeOne, eventsOf),
};
