// Postmark webhooks: https://postmarkapp.com/developer/webhooks/webhooks-overview

import { z } from "zod";
import type { Decoded } from "../door/signal.ts";
import { messageIdentity } from "./message-identity.ts";
import type { Provider } from "./provider.ts";
import {
  asArguments,
  deadLetter,
  decodeJson,
  ownValue,
  present,
  refusalMetadata,
  signal,
  verifyCredentials,
} from "./webhook.ts";

const provider = "postmark" as const;

const event = z.looseObject({
  RecordType: z.string().nullish(),
  Type: z.string().nullish(),
  ID: z.union([z.number(), z.string()]).nullish(),
  MessageID: z.string().nullish(),
  Recipient: z.string().nullish(),
  Email: z.string().nullish(),
  Tag: z.string().nullish(),
  Metadata: z.unknown().optional(),
  From: z.string().nullish(),
  BouncedAt: z.string().nullish(),
  DeliveredAt: z.string().nullish(),
  ReceivedAt: z.string().nullish(),
  ChangedAt: z.string().nullish(),
  Description: z.string().nullish(),
  Details: z.string().nullish(),
  UserAgent: z.string().nullish(),
  Client: z.looseObject({ Family: z.string().nullish() }).nullish(),
  Geo: z.looseObject({ CountryISOCode: z.string().nullish(), IP: z.string().nullish() }).nullish(),
  OriginalLink: z.string().nullish(),
  FirstOpen: z.boolean().nullish(),
  ReadSeconds: z.number().nullish(),
  SuppressSending: z.boolean().nullish(),
  SuppressionReason: z.string().nullish(),
  Origin: z.string().nullish(),
  MessageStream: z.string().nullish(),
});
type Event = z.output<typeof event>;
const shape = {
  schema: event,
  needed: [
    "RecordType",
    "Type",
    "Recipient",
    "Email",
    "BouncedAt",
    "DeliveredAt",
    "ReceivedAt",
    "ChangedAt",
    "SuppressSending",
    "SuppressionReason",
  ],
};

/** https://postmarkapp.com/developer/api/bounce-api#bounce-types */
const bounceTypes: Readonly<Record<string, readonly [type: string, bounce?: "hard" | "soft" | "block"]>> = {
  HardBounce: ["bounce", "hard"],
  BadEmailAddress: ["bounce", "hard"],
  AddressChange: ["bounce", "hard"],
  ManuallyDeactivated: ["bounce", "block"],
  Blocked: ["bounce", "block"],
  SpamNotification: ["bounce", "block"],
  VirusNotification: ["bounce", "block"],
  DMARCPolicy: ["bounce", "block"],
  InboundError: ["bounce", "soft"],
  TemplateRenderingFailed: ["bounce", "block"],
  SMTPApiError: ["bounce", "block"],
  SoftBounce: ["bounce", "soft"],
  DnsError: ["bounce", "soft"],
  Undeliverable: ["bounce", "soft"],
  Unknown: ["bounce"],
  Transient: ["deferred"],
  SpamComplaint: ["complaint"],
  Unsubscribe: ["unsubscribe"],
  Unconfirmed: ["bounce", "block"],
  // Somebody asks to be subscribed again, or tries our own server: nothing came of a mail.
  Subscribe: ["not-a-signal"],
  OpenRelayTest: ["not-a-signal"],
  AutoResponder: ["reply"],
  ChallengeVerification: ["reply"],
};

/** Nothing was sent, or no server was asked. */
const isUntried = new Set([
  "ManuallyDeactivated",
  "TemplateRenderingFailed",
  "SMTPApiError",
  "Unconfirmed",
  "InboundError",
]);

function decodeOne(e: Event): Decoded {
  const record = e.RecordType ?? (e.Type ? "Bounce" : undefined);
  const common = {
    provider,
    provider_event: e.Type ? `${record}.${e.Type}` : record,
    tags: e.Tag ? [e.Tag] : undefined,
    user_agent: e.UserAgent,
    client: e.Client?.Family,
    region: e.Geo?.CountryISOCode,
    ip_prefix: e.Geo?.IP,
  };
  const told = (eventType: string, at: string | null | undefined, metadata: Record<string, unknown> = {}): Decoded =>
    signal({
      eventId: e.ID === null || e.ID === undefined ? undefined : String(e.ID),
      eventType,
      recipient: e.Recipient ?? e.Email ?? undefined,
      ...messageIdentity(provider, e.MessageID),
      campaignId: e.Tag || undefined,
      occurredAt: at ?? undefined,
      provenance: `webhook/${provider}`,
      beside: { arguments: asArguments(e.Metadata), from: e.From },
      metadata: present({ ...common, ...metadata }),
    });

  switch (record) {
    case "Delivery":
      return told("delivered", e.DeliveredAt, { diagnostic: e.Details });
    case "Open":
      return told("open", e.ReceivedAt, { first: e.FirstOpen });
    case "Click":
      return told("click", e.ReceivedAt, { url: e.OriginalLink });
    case "SpamComplaint":
      return told("complaint", e.BouncedAt, { feedback_type: "abuse", diagnostic: e.Details });
    case "SubscriptionChange":
      if (!e.SuppressSending) return deadLetter("not-a-signal", "SubscriptionChange: sending is allowed again");
      if (e.SuppressionReason === "HardBounce")
        return told("bounce", e.ChangedAt, { class: "hard", reason: "suppression" });
      if (e.SuppressionReason === "SpamComplaint") return told("complaint", e.ChangedAt, { feedback_type: "abuse" });
      return told("unsubscribe", e.ChangedAt, { method: e.Origin?.toLowerCase(), list_id: e.MessageStream });
    case "Bounce": {
      const [eventType, known] = ownValue(bounceTypes, e.Type ?? "Unknown") ?? ["bounce"];
      if (eventType === "not-a-signal") return deadLetter("not-a-signal", `Bounce: ${e.Type}`);
      if (eventType === "reply") return told("reply", e.BouncedAt, { automatic: true });
      if (eventType === "unsubscribe") return told("unsubscribe", e.BouncedAt, { method: "reply" });
      if (eventType === "complaint") return told("complaint", e.BouncedAt, { feedback_type: "abuse" });
      return told(eventType, e.BouncedAt, {
        ...refusalMetadata({ said: e.Details, reported: known }),
        ...(isUntried.has(e.Type ?? "") ? { class: known, refused_party: undefined } : {}),
        category: e.Type,
        reason: e.Description,
      });
    }
    default:
      return deadLetter("not-a-signal", `RecordType: ${record ?? "none"}`);
  }
}

export const postmark: Provider = {
  name: provider,
  delivers: ["delivered", "deferred", "bounce", "open", "click", "complaint", "unsubscribe", "reply"],
  /** Postmark signs nothing: HTTP basic auth in the webhook's URL. */
  verify: async (request, secrets) => verifyCredentials(request, secrets),
  decode: ({ body }) => decodeJson(body, shape, decodeOne),
};
