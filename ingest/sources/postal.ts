// Postal webhooks: https://docs.postalserver.io/developer/webhooks and .../payloads

import { verify as verifySignature } from "node:crypto";
import { z } from "zod";
import { readSmtpReply } from "../bounces/smtp-reply.ts";
import type { Decoded } from "../door/signal.ts";
import { isoOfSeconds } from "./instants.ts";
import { messageIdentity } from "./message-identity.ts";
import type { Provider } from "./provider.ts";
import {
  authentic,
  deadLetter,
  decodeJson,
  ownValue,
  present,
  publicKeyOf,
  refusalMetadata,
  refused,
  signal,
} from "./webhook.ts";

const provider = "postal" as const;

const message = z.looseObject({
  id: z.union([z.number(), z.string()]).nullish(),
  message_id: z.string().nullish(),
  to: z.string().nullish(),
  from: z.string().nullish(),
  tag: z.string().nullish(),
  direction: z.string().nullish(),
});
const event = z.looseObject({
  event: z.string().nullish(),
  timestamp: z.union([z.number(), z.string()]).nullish(),
  uuid: z.string().nullish(),
  payload: z.looseObject({
    message: message.nullish(),
    original_message: message.nullish(),
    bounce: message.nullish(),
    status: z.string().nullish(),
    details: z.string().nullish(),
    output: z.string().nullish(),
    timestamp: z.union([z.number(), z.string()]).nullish(),
    url: z.string().nullish(),
    ip_address: z.string().nullish(),
    user_agent: z.string().nullish(),
  }),
});
type Event = z.output<typeof event>;
const shape = {
  schema: event,
  needed: [
    "event",
    "timestamp",
    "payload.timestamp",
    "payload.status",
    "payload.message.to",
    "payload.message.direction",
    "payload.original_message.to",
    "payload.bounce",
  ],
};

const wordToType: Readonly<Record<string, string>> = {
  MessageSent: "delivered",
  MessageDelayed: "deferred",
  MessageHeld: "deferred",
  MessageDeliveryFailed: "bounce",
  MessageBounced: "bounce",
  MessageLinkClicked: "click",
  MessageLoaded: "open",
};

function decodeOne(e: Event): Decoded {
  const { payload } = e;
  // A payload with the returned mail in it is a bounce, whatever its name says.
  const isBounceMail = Boolean(payload.original_message && payload.bounce);
  const eventType = isBounceMail ? "bounce" : ownValue(wordToType, e.event ?? "");
  if (!eventType) return deadLetter("not-a-signal", `event: ${e.event ?? "none"}`);
  const original = payload.original_message ?? payload.message;
  if (original?.direction === "incoming") return deadLetter("not-a-signal", "the message is incoming");
  const reply = readSmtpReply(payload.output) ?? {};
  const isTrouble = eventType === "bounce" || eventType === "deferred";
  return signal({
    eventId: e.uuid ?? undefined,
    eventType,
    recipient: original?.to ?? undefined,
    ...messageIdentity(provider, original?.id === null || original?.id === undefined ? undefined : String(original.id)),
    campaignId: original?.tag ?? undefined,
    occurredAt: isoOfSeconds(e.timestamp ?? payload.timestamp),
    provenance: `webhook/${provider}`,
    beside: { from: original?.from },
    metadata: present({
      provider,
      provider_event: payload.status ? `${e.event}.${payload.status}` : e.event,
      tags: original?.tag ? [original.tag] : undefined,
      user_agent: payload.user_agent,
      ip_prefix: payload.ip_address,
      url: payload.url,
      ...(isTrouble ? { reason: payload.details } : {}),
      ...(isTrouble
        ? refusalMetadata({
            said: payload.output,
            reported: eventType === "bounce" && (!payload.status || payload.status === "HardFail") ? "hard" : "soft",
          })
        : {}),
      ...(eventType === "delivered"
        ? { smtp_code: reply.smtpCode, enhanced_code: reply.enhancedCode, diagnostic: payload.output?.trim() }
        : {}),
    }),
  });
}

export const postal: Provider = {
  name: provider,
  delivers: ["delivered", "deferred", "bounce", "open", "click"],

  /** RSA over the raw body under the server's `publicKey` (PEM or the base64 of its DKIM record): SHA-256 where sent, else SHA-1. */
  async verify({ headers, body }, secrets) {
    if (!secrets["publicKey"]) return refused("no publicKey is configured");
    const sha256 = headers["x-postal-signature-256"];
    const signature = sha256 ?? headers["x-postal-signature"];
    if (!signature) return refused("the call carries no signature");
    try {
      const key = publicKeyOf(secrets["publicKey"]);
      const isSigned = verifySignature(sha256 ? "sha256" : "sha1", body, key, Buffer.from(signature, "base64"));
      return isSigned ? authentic : refused("the signature does not match");
    } catch {
      return refused("the configured publicKey cannot be read");
    }
  },

  decode: ({ body }) => decodeJson(body, shape, decodeOne),
};
