// Unisender Go webhooks: https://godocs.unisender.ru/web-api-ref#callback-format

import { createHash } from "node:crypto";
import { z } from "zod";
import type { Decoded } from "../door/signal.ts";
import { isoOfText } from "./instants.ts";
import { messageIdentity } from "./message-identity.ts";
import type { Provider } from "./provider.ts";
import {
  asList,
  authentic,
  deadLetter,
  decodeJson,
  isSame,
  ownValue,
  parseJson,
  present,
  refusalMetadata,
  refused,
  signal,
} from "./webhook.ts";

const provider = "unisender_go" as const;

const event = z.looseObject({
  event_name: z.string().nullish(),
  status: z.string().nullish(),
  email: z.string().nullish(),
  job_id: z.string().nullish(),
  event_time: z.string().nullish(),
  url: z.string().nullish(),
  comment: z.string().nullish(),
  ip: z.string().nullish(),
  metadata: z.looseObject({ campaign_id: z.string().nullish(), message_id: z.string().nullish() }).nullish(),
  delivery_info: z
    .looseObject({
      delivery_status: z.string().nullish(),
      destination_response: z.string().nullish(),
      user_agent: z.string().nullish(),
      ip: z.string().nullish(),
    })
    .nullish(),
});
type Event = z.output<typeof event>;
const shape = { schema: event, needed: ["status", "email", "event_time"] };

const wordToType: Readonly<Record<string, string>> = {
  sent: "sent",
  delivered: "delivered",
  opened: "open",
  clicked: "click",
  unsubscribed: "unsubscribe",
  spam: "complaint",
  hard_bounced: "bounce",
  // Retried for up to a day before it becomes hard.
  soft_bounced: "deferred",
};
/** delivery_status words that say "we did not even try" or "policy". */
const blockedStatus = /blacklist|skip|unsubscribed|spam|not_allowed|domain_inactive|destination_misconfigured|lost/;

function decodeOne(e: Event): Decoded {
  const eventType = ownValue(wordToType, e.status ?? "");
  if (!eventType) return deadLetter("not-a-signal", `${e.event_name ?? "event"}: ${e.status ?? "no status"}`);
  const info = e.delivery_info;
  const isBlocked = blockedStatus.test(info?.delivery_status ?? "");
  const isTrouble = eventType === "bounce" || eventType === "deferred" || eventType === "complaint";
  return signal({
    eventType,
    recipient: e.email ?? undefined,
    ...messageIdentity(provider, e.metadata?.message_id ?? e.job_id),
    campaignId: e.metadata?.campaign_id ?? undefined,
    occurredAt: isoOfText(e.event_time),
    provenance: `webhook/${provider}`,
    beside: { arguments: e.metadata ?? undefined },
    metadata: present({
      provider,
      provider_event: e.status,
      user_agent: info?.user_agent,
      ip_prefix: info?.ip ?? e.ip,
      url: eventType === "click" ? e.url : undefined,
      ...(isTrouble
        ? {
            ...refusalMetadata({
              said: info?.destination_response,
              reported: eventType === "deferred" ? "soft" : isBlocked ? "block" : "hard",
            }),
            ...(eventType === "complaint" ? { class: undefined, refused_party: undefined } : {}),
            ...(isBlocked && eventType === "bounce" ? { class: "block" } : {}),
            reason: info?.delivery_status,
          }
        : {}),
      feedback_type: eventType === "complaint" ? "abuse" : undefined,
    }),
  });
}

/** `{events_by_user: [{events: [{event_name, event_data}]}]}` => flat events. */
function eventsOf(value: unknown): readonly unknown[] {
  const byUser = (value as { events_by_user?: unknown } | null)?.events_by_user;
  if (byUser === undefined) return asList(value);
  return asList(byUser).flatMap((user) =>
    asList((user as { events?: unknown } | null)?.events ?? []).map((item) => {
      const { event_name, event_data } = (item ?? {}) as { event_name?: unknown; event_data?: object };
      return { event_name, ...event_data };
    }),
  );
}

export const unisenderGo: Provider = {
  name: provider,
  delivers: ["sent", "delivered", "deferred", "bounce", "open", "click", "complaint", "unsubscribe"],

  /** `auth` in the body is the MD5 of the body with `auth` replaced by `apiKey`: the bytes are patched, not parsed and printed. */
  async verify({ body }, secrets) {
    if (!secrets["apiKey"]) return refused("no apiKey is configured");
    const parsed = parseJson(body);
    if (parsed.kind === "dead-letter") return refused(parsed.detail);
    const auth = (parsed.value as { auth?: unknown } | null)?.auth;
    if (typeof auth !== "string" || !/^[0-9a-f]{32}$/i.test(auth)) return refused("the body carries no auth");
    const text = Buffer.from(body).toString("utf8");
    if (text.split(auth).length !== 2) return refused("auth stands in the body more than once");
    const expected = createHash("md5")
      .update(
        text.replace(auth, () => secrets["apiKey"] ?? ""),
        "utf8",
      )
      .digest("hex");
    return isSame(expected, auth.toLowerCase()) ? authentic : refused("the auth does not match");
  },

  decode: ({ body }) => decodeJson(body, shape, decodeOne, eventsOf),
};
