// Brevo (formerly Sendinblue) transactional and marketing webhooks: https://developers.brevo.com/docs/transactional-webhooks

import { z } from "zod";
import type { Decoded } from "../door/signal.ts";
import { isoOfSeconds } from "./instants.ts";
import { messageIdentity } from "./message-identity.ts";
import type { Provider } from "./provider.ts";
import {
  asArguments,
  deadLetter,
  decodeJson,
  ownValue,
  parseJsonText,
  present,
  refusalMetadata,
  signal,
  verifyCredentials,
} from "./webhook.ts";

const provider = "brevo" as const;
const number = z.union([z.number(), z.string()]).nullish();

const event = z.looseObject({
  event: z.string(),
  email: z.string().nullish(),
  "message-id": z.string().nullish(),
  ts_epoch: number,
  s_epoch: number,
  ts_event: number,
  ts: number,
  reason: z.string().nullish(),
  tag: z.union([z.string(), z.array(z.string())]).nullish(),
  tags: z.array(z.string()).nullish(),
  "X-Mailin-custom": z.string().nullish(),
  sender_email: z.string().nullish(),
  template_id: number,
  campaign_id: number,
  camp_id: number,
  "campaign name": z.string().nullish(),
  list_id: z.union([z.number(), z.string(), z.array(z.union([z.number(), z.string()]))]).nullish(),
  link: z.string().nullish(),
  URL: z.string().nullish(),
  user_agent: z.string().nullish(),
  device_used: z.string().nullish(),
  sending_ip: z.string().nullish(),
  mirror_link: z.string().nullish(),
});
type Event = z.output<typeof event>;
const shape = { schema: event, needed: ["event", "email", "ts_epoch", "s_epoch", "ts_event", "ts"] };

/** Brevo's word => our type. The API's list of events writes some of them in camel case. */
const wordToType: Readonly<Record<string, readonly [type: string, metadata?: Record<string, unknown>]>> = {
  request: ["sent"],
  sent: ["sent"],
  delivered: ["delivered"],
  deferred: ["deferred"],
  hard_bounce: ["bounce", { _permanent: true }],
  soft_bounce: ["bounce", { _permanent: false }],
  blocked: ["bounce", { class: "block" }],
  error: ["bounce", { class: "block" }],
  invalid_email: ["bounce", { class: "hard" }],
  spam: ["complaint", { feedback_type: "abuse" }],
  complaint: ["complaint", { feedback_type: "abuse" }],
  // What the API's list of events and the marketing webhooks call the same things.
  invalid: ["bounce", { class: "hard" }],
  open: ["open"],
  first_opening: ["open", { first: true }],
  unique_open: ["open", { first: true }],
  loaded_by_proxy: ["open", { machine: true, machine_reason: "brevo:proxy_open" }],
  opened: ["open"],
  unique_opened: ["open", { first: true }],
  proxy_open: ["open", { machine: true, machine_reason: "brevo:proxy_open" }],
  unique_proxy_open: ["open", { first: true, machine: true, machine_reason: "brevo:proxy_open" }],
  click: ["click"],
  clicked: ["click"],
  unsubscribe: ["unsubscribe", { method: "link" }],
  unsubscribed: ["unsubscribe", { method: "link" }],
};

const snakeCase = (word: string): string => word.replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();

/** `tag` is one tag, a list, or a list printed as JSON. */
function tagsOf(e: Event): readonly string[] | undefined {
  if (e.tags?.length) return e.tags;
  if (!e.tag?.length) return undefined;
  if (typeof e.tag !== "string") return e.tag;
  if (!e.tag.startsWith("[")) return [e.tag];
  const parsed = parseJsonText(e.tag);
  return parsed.kind === "value" && Array.isArray(parsed.value) ? parsed.value.map(String) : [e.tag];
}

/** The header X-Mailin-custom as the sender wrote it: JSON, or `name:value|name:value` as Brevo's own examples have it. */
function customOf(header: string | null | undefined): Readonly<Record<string, unknown>> | undefined {
  if (!header) return undefined;
  if (header.startsWith("{")) {
    const parsed = parseJsonText(header);
    return parsed.kind === "value" ? asArguments(parsed.value) : undefined;
  }
  return Object.fromEntries(
    header.split("|").flatMap((part) => {
      const at = part.indexOf(":");
      return at > 0 ? [[part.slice(0, at).trim(), part.slice(at + 1).trim()]] : [];
    }),
  );
}

/**
 * ts_event is when it happened, in UTC seconds; ts_epoch is when the webhook says so, in milliseconds (though some events, and the documentation's own
 * samples, have it in seconds), and adds its fraction where both name the same second; ts is the sender's local clock and comes last, as does a
 * ts_event that only repeats it.
 */
function occurredAt(e: Event): string | undefined {
  const own = Number(e.ts_event ?? 0);
  const epoch = Number(e.ts_epoch ?? e.s_epoch ?? 0);
  const told = epoch > 100_000_000_000 ? epoch / 1000 : epoch;
  const isLocal = own === Number(e.ts ?? -1) && told > 0;
  if (own && !isLocal) return isoOfSeconds(Math.floor(told) === own ? told : own);
  return isoOfSeconds(told || e.ts);
}

function decodeOne(e: Event): Decoded {
  const known = ownValue(wordToType, snakeCase(e.event));
  if (!known) return deadLetter("not-a-signal", `event: ${e.event}`);
  const [eventType, { _permanent, ...given } = {}] = known;
  const isTrouble = eventType === "bounce" || eventType === "deferred";
  const campaign = e.campaign_id ?? e.camp_id;
  return signal({
    eventType,
    recipient: e.email ?? undefined,
    // A mailing has no id per e-mail: the campaign is what its events share.
    ...messageIdentity(provider, e["message-id"] ?? (campaign ? `brevo-campaign:${campaign}` : undefined)),
    campaignId: campaign ? String(campaign) : undefined,
    occurredAt: occurredAt(e),
    provenance: `webhook/${provider}`,
    beside: { arguments: customOf(e["X-Mailin-custom"]), from: e.sender_email },
    metadata: present({
      provider,
      provider_event: e.event,
      tags: tagsOf(e),
      template_id: eventType === "sent" && e.template_id ? String(e.template_id) : undefined,
      user_agent: e.user_agent,
      client: e.device_used,
      url: eventType === "click" ? (e.link ?? e.URL) : undefined,
      list_id:
        eventType === "unsubscribe" && e.list_id !== null && e.list_id !== undefined
          ? [e.list_id].flat().join(",")
          : undefined,
      ...(isTrouble
        ? {
            ...refusalMetadata({ said: e.reason, reported: _permanent === true ? "hard" : "soft" }),
            ...(given["class"] === undefined ? {} : { refused_party: undefined }),
            reason: e.event,
          }
        : {}),
      ...given,
    }),
  });
}

export const brevo: Provider = {
  name: provider,
  delivers: ["sent", "delivered", "deferred", "bounce", "open", "click", "complaint", "unsubscribe"],
  /** Brevo signs nothing: basic auth or a bearer token set on the webhook. */
  verify: async (request, secrets) => verifyCredentials(request, secrets),
  decode: ({ body }) => decodeJson(body, shape, decodeOne),
};
