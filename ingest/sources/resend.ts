// Resend webhooks: https://resend.com/docs/dashboard/webhooks/event-types ; signed as Svix does:
// https://docs.svix.com/receiving/verifying-payloads/how-manual

import { createHmac } from "node:crypto";
import { z } from "zod";
import type { Decoded } from "../door/signal.ts";
import { isoOfText } from "./instants.ts";
import { messageIdentity, personsMeant } from "./message-identity.ts";
import type { Provider } from "./provider.ts";
import {
  authentic,
  bareAddress,
  deadLetter,
  decodeJson,
  isFresh,
  isSame,
  ownValue,
  present,
  refusalMetadata,
  refused,
  signal,
} from "./webhook.ts";

const provider = "resend" as const;

const mailboxes = z.union([z.string(), z.array(z.string())]).nullish();
const event = z.looseObject({
  type: z.string(),
  created_at: z.string().nullish(),
  data: z.looseObject({
    email_id: z.string().nullish(),
    broadcast_id: z.string().nullish(),
    from: z.string().nullish(),
    to: mailboxes,
    cc: mailboxes,
    bcc: mailboxes,
    tags: z
      .union([
        z.record(z.string(), z.unknown()),
        z.array(z.looseObject({ name: z.string(), value: z.string().nullish() })),
      ])
      .nullish(),
    headers: z.array(z.looseObject({ name: z.string(), value: z.string() })).nullish(),
    bounce: z
      .looseObject({
        message: z.string().nullish(),
        type: z.string().nullish(),
        subType: z.string().nullish(),
        diagnosticCode: z.union([z.string(), z.array(z.string())]).nullish(),
      })
      .nullish(),
    failed: z.looseObject({ reason: z.string().nullish() }).nullish(),
    suppressed: z.looseObject({ message: z.string().nullish(), type: z.string().nullish() }).nullish(),
    click: z
      .looseObject({
        ipAddress: z.string().nullish(),
        link: z.string().nullish(),
        timestamp: z.string().nullish(),
        userAgent: z.string().nullish(),
      })
      .nullish(),
    open: z
      .looseObject({
        ipAddress: z.string().nullish(),
        timestamp: z.string().nullish(),
        userAgent: z.string().nullish(),
      })
      .nullish(),
  }),
});
type Event = z.output<typeof event>;
const shape = {
  schema: event,
  needed: ["type", "created_at", "data.to", "data.cc", "data.bcc", "data.open.timestamp", "data.click.timestamp"],
};

const wordToType: Readonly<Record<string, string>> = {
  "email.sent": "sent",
  "email.delivered": "delivered",
  "email.delivery_delayed": "deferred",
  "email.bounced": "bounce",
  "email.failed": "bounce",
  "email.suppressed": "bounce",
  "email.complained": "complaint",
  "email.opened": "open",
  "email.clicked": "click",
};

function tagsOf(data: Event["data"]): readonly string[] | undefined {
  const names = Array.isArray(data.tags) ? data.tags.map((tag) => tag.name) : Object.keys(data.tags ?? {});
  return names.length > 0 ? names : undefined;
}

/** Resend's tags have values: they are what others call arguments. */
const argumentsOf = ({ tags }: Event["data"]): Readonly<Record<string, unknown>> =>
  Array.isArray(tags) ? Object.fromEntries(tags.map(({ name, value }) => [name, value])) : (tags ?? {});

function decodeOne({ type, created_at, data }: Event, callId: string | undefined): readonly Decoded[] {
  const eventType = ownValue(wordToType, type);
  if (!eventType) return [deadLetter("not-a-signal", `type: ${type}`)];
  const { bounce } = data;
  const isSuppressed =
    type === "email.suppressed" || bounce?.subType === "Suppressed" || /suppress/i.test(bounce?.message ?? "");
  const diagnostics = [bounce?.diagnosticCode ?? []].flat();
  const diagnostic = diagnostics.join("; ") || bounce?.message;
  /** Of several replies the one that names the recipient, if one does. */
  const saidOf = (recipient: string | undefined): string | null | undefined =>
    (recipient && diagnostics.find((one) => personsMeant([recipient, ""], one)[0] === recipient)) || diagnostic;
  const troubleOf = (recipient: string | undefined): Record<string, unknown> =>
    eventType !== "bounce"
      ? {}
      : isSuppressed || type === "email.failed"
        ? { class: "block", diagnostic: diagnostic ?? data.suppressed?.message }
        : refusalMetadata({
            said: saidOf(recipient),
            reported: !bounce?.type || bounce.type === "Permanent" ? "hard" : "soft",
          });
  const touched = data.click ?? data.open;
  const addressees = [data.to ?? [], data.cc ?? [], data.bcc ?? []]
    .flat()
    .flatMap((mailbox) => bareAddress(mailbox) ?? []);
  // A mail to several is told as one event. All of them were sent it, or nobody was; the rest happened to one of them.
  const concernsAll = type === "email.sent" || type === "email.failed";
  const told: readonly (string | undefined)[] =
    concernsAll && addressees.length > 0
      ? addressees
      : personsMeant(addressees, diagnostic ?? data.suppressed?.message);
  return told.map((recipient, index) =>
    signal({
      // Svix repeats the id of a call when it delivers it again.
      eventId: callId && (index === 0 ? callId : `${callId}#${index + 1}`),
      eventType,
      recipient,
      ...messageIdentity(provider, data.email_id),
      campaignId: data.broadcast_id ?? undefined,
      occurredAt: isoOfText(touched?.timestamp ?? created_at),
      provenance: `webhook/${provider}`,
      beside: { arguments: argumentsOf(data), from: data.from },
      metadata: present({
        provider,
        provider_event: type,
        tags: tagsOf(data),
        user_agent: touched?.userAgent,
        ip_prefix: touched?.ipAddress,
        url: data.click?.link,
        category: bounce?.type ? `${bounce.type}.${bounce.subType ?? ""}` : undefined,
        reason: data.failed?.reason ?? (isSuppressed ? "suppressed" : undefined),
        ...troubleOf(recipient),
        feedback_type: eventType === "complaint" ? "abuse" : undefined,
      }),
    }),
  );
}

export const resend: Provider = {
  name: provider,
  delivers: ["sent", "delivered", "deferred", "bounce", "open", "click", "complaint"],

  /** Svix: HMAC-SHA-256 over `id.timestamp.body`; `signingSecret` is `whsec_` + base64; any v1 signature in the list may match. */
  async verify({ headers, body }, secrets, { now, replayWindowSeconds }) {
    const secret = secrets["signingSecret"];
    if (!secret) return refused("no signingSecret is configured");
    const id = headers["svix-id"] ?? headers["webhook-id"];
    const timestamp = headers["svix-timestamp"] ?? headers["webhook-timestamp"];
    const signatures = headers["svix-signature"] ?? headers["webhook-signature"];
    if (!id || !timestamp || !signatures) return refused("the call carries no signature");
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
    const isSigned = signatures.split(" ").some((entry) => entry.startsWith("v1,") && isSame(entry.slice(3), expected));
    if (!isSigned) return refused("the signature does not match");
    if (!/^\d+$/.test(timestamp) || !isFresh(Number(timestamp), now, replayWindowSeconds)) {
      return refused("the signed time is outside the window");
    }
    return authentic;
  },

  /** A redelivery keeps its id and is signed anew, with its own time. */
  callId: ({ headers }) =>
    `${headers["svix-id"] ?? headers["webhook-id"]} ${headers["svix-timestamp"] ?? headers["webhook-timestamp"]}`,

  decode: ({ headers, body }) =>
    decodeJson(body, shape, (one) => decodeOne(one, headers["svix-id"] ?? headers["webhook-id"])),
};
