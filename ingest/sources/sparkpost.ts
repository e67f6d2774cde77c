// SparkPost (and Bird) event webhooks: https://developers.sparkpost.com/api/webhooks

import { z } from "zod";
import type { BounceClass } from "../bounces/smtp-reply.ts";
import type { Decoded } from "../door/signal.ts";
import { isoOfSeconds, isoOfText } from "./instants.ts";
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
  signal,
  verifyCredentials,
} from "./webhook.ts";

const provider = "sparkpost" as const;
const text = z.union([z.string(), z.number()]).nullish();

const event = z.looseObject({
  type: z.string(),
  event_id: text,
  message_id: text,
  transmission_id: text,
  timestamp: text,
  raw_rcpt_to: z.string().nullish(),
  rcpt_to: z.string().nullish(),
  campaign_id: text,
  template_id: text,
  ip_pool: text,
  rcpt_tags: z.array(z.string()).nullish(),
  rcpt_meta: z.unknown().optional(),
  msg_from: z.string().nullish(),
  friendly_from: z.string().nullish(),
  sending_domain: z.string().nullish(),
  ab_test_version: text,
  recipient_domain: z.string().nullish(),
  mailbox_provider: z.string().nullish(),
  bounce_class: text,
  error_code: text,
  raw_reason: z.string().nullish(),
  reason: z.string().nullish(),
  num_retries: text,
  queue_time: text,
  user_agent: z.string().nullish(),
  user_agent_parsed: z
    .looseObject({
      agent_family: z.string().nullish(),
      is_proxy: z.boolean().nullish(),
      is_prefetched: z.boolean().nullish(),
    })
    .nullish(),
  geo_ip: z.looseObject({ country: z.string().nullish() }).nullish(),
  ip_address: z.string().nullish(),
  target_link_name: z.string().nullish(),
  target_link_url: z.string().nullish(),
  fbtype: z.string().nullish(),
});
type Event = z.output<typeof event>;
const shape = { schema: event, needed: ["type", "rcpt_to", "raw_rcpt_to", "timestamp", "bounce_class"] };

/** https://support.sparkpost.com/docs/deliverability/bounce-classification-codes */
const bounceClasses: Readonly<Record<string, BounceClass | "reply" | "unsubscribe" | "not-a-signal">> = {
  "1": "soft",
  "10": "hard",
  "20": "soft",
  "21": "soft",
  "22": "soft",
  "23": "soft",
  "24": "soft",
  "25": "block",
  "30": "hard",
  "40": "soft",
  "50": "block",
  "51": "block",
  "52": "block",
  "53": "block",
  "54": "block",
  "60": "reply",
  "70": "soft",
  "80": "not-a-signal",
  "90": "unsubscribe",
  "100": "reply",
};

function decodeOne(e: Event): Decoded {
  const saidFor = (reported: BounceClass | undefined) => ({
    ...refusalMetadata({
      said: e.raw_reason ?? e.reason,
      smtpCode: e.error_code ? String(e.error_code) : undefined,
      reported,
    }),
    reason: e.bounce_class ? `sparkpost:${e.bounce_class}` : undefined,
  });
  const id = e.transmission_id ?? e.message_id;
  const told = (eventType: string, metadata: Record<string, unknown> = {}): Decoded =>
    signal({
      eventId: e.event_id ? String(e.event_id) : undefined,
      eventType,
      recipient: e.raw_rcpt_to ?? e.rcpt_to ?? undefined,
      ...messageIdentity(provider, id ? String(id) : undefined),
      campaignId: e.campaign_id ? String(e.campaign_id) : undefined,
      occurredAt: /^\d+(\.\d+)?$/.test(String(e.timestamp ?? ""))
        ? isoOfSeconds(e.timestamp)
        : isoOfText(e.timestamp ? String(e.timestamp) : undefined),
      provenance: `webhook/${provider}`,
      beside: {
        arguments: { variant: e.ab_test_version, ...asArguments(e.rcpt_meta) },
        from: e.friendly_from ?? e.sending_domain ?? e.msg_from,
      },
      metadata: present({
        provider,
        provider_event: e.type,
        recipient_domain: e.recipient_domain,
        isp: e.mailbox_provider?.toLowerCase(),
        tags: e.rcpt_tags?.length ? e.rcpt_tags : undefined,
        user_agent: e.user_agent,
        client: e.user_agent_parsed?.agent_family,
        region: e.geo_ip?.country,
        ip_prefix: e.ip_address,
        ...metadata,
      }),
    });
  const link = { link_id: e.target_link_name, url: e.target_link_url };
  const opened = (isInitial: boolean): Decoded => {
    const isPrefetch = e.user_agent_parsed?.is_prefetched === true;
    return told("open", {
      first: isInitial || undefined,
      machine: isPrefetch || undefined,
      machine_reason: isPrefetch ? "sparkpost:prefetched" : undefined,
    });
  };

  switch (e.type) {
    case "injection":
      return told("sent", {
        template_id: e.template_id && String(e.template_id),
        sending_ip_pool: e.ip_pool && String(e.ip_pool),
      });
    case "delivery":
      return told("delivered", { diagnostic: e.raw_reason ?? e.reason });
    case "delay":
      return told("deferred", { ...saidFor("soft"), attempt: e.num_retries ? Number(e.num_retries) : undefined });
    case "bounce":
    case "out_of_band": {
      const meaning = ownValue(bounceClasses, String(e.bounce_class ?? "1")) ?? "soft";
      if (meaning === "reply") return told("reply", { automatic: true });
      if (meaning === "unsubscribe") return told("unsubscribe", { method: "reply" });
      if (meaning === "not-a-signal") return deadLetter("not-a-signal", "bounce_class: 80 (subscribe)");
      return told("bounce", saidFor(meaning));
    }
    case "policy_rejection":
    case "generation_failure":
    case "generation_rejection":
      return told("bounce", { ...saidFor("block"), class: "block", refused_party: undefined, reason: e.type });
    case "spam_complaint":
      return told("complaint", { feedback_type: e.fbtype ?? "abuse" });
    case "list_unsubscribe":
    case "link_unsubscribe":
      return told("unsubscribe", { method: e.type.replace("_unsubscribe", "") });
    case "open":
    case "amp_open":
      return opened(false);
    case "initial_open":
    case "amp_initial_open":
      return opened(true);
    case "click":
    case "amp_click":
      return told("click", link);
    default:
      return deadLetter("not-a-signal", `type: ${e.type}`);
  }
}

/** `[{msys: {track_event: {...}}}]` => the inner events; an empty `msys` is SparkPost's ping. */
const eventsOf = (value: unknown): readonly unknown[] =>
  asList(value).flatMap((item) => {
    const wrapped = (item as { msys?: unknown } | null)?.msys;
    if (!wrapped || typeof wrapped !== "object") return [item];
    // Mail that came in has no type of its own: what wraps it says what it is.
    return Object.entries(wrapped).map(([name, inner]) =>
      name === "relay_message" && inner !== null && typeof inner === "object" ? { type: name, ...inner } : inner,
    );
  });

export const sparkpost: Provider = {
  name: provider,
  delivers: ["sent", "delivered", "deferred", "bounce", "open", "click", "complaint", "unsubscribe", "reply"],

  /** SparkPost signs nothing: basic auth or OAuth bearer `token`, or the custom header it calls webhook token. */
  async verify(request, secrets) {
    const header = request.headers["x-messagesystems-webhook-token"];
    if (secrets["token"] && header && isSame(header, secrets["token"])) return authentic;
    return verifyCredentials(request, secrets);
  },

  decode: ({ body }) => decodeJson(body, shape, decodeOne, eventsOf),
};
