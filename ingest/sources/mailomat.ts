// Mailomat webhooks: https://api.mailomat.swiss/docs/#tag/webhook, signatures: https://api.mailomat.swiss/docs/#tag/webhook-security

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
  parseJson,
  present,
  refusalMetadata,
  refused,
  signal,
  textOfCode,
} from "./webhook.ts";

const provider = "mailomat" as const;
const text = z.union([z.string(), z.number()]).nullish();

const event = z.looseObject({
  id: z.string().nullish(),
  eventType: z.string(),
  occurredAt: z.string().nullish(),
  messageId: z.string().nullish(),
  recipient: z.string().nullish(),
  payload: z
    .looseObject({
      sender: z.string().nullish(),
      reason: z.string().nullish(),
      url: z.string().nullish(),
      client: z.looseObject({ ip: z.string().nullish(), "user-agent": z.string().nullish() }).nullish(),
      message: z.looseObject({ headers: z.looseObject({ from: z.string().nullish() }).nullish() }).nullish(),
      "delivery-status": z
        .looseObject({
          "attempt-nr": z.number().nullish(),
          code: text,
          "enhanced-code": z.string().nullish(),
          message: z.string().nullish(),
          remote: z.looseObject({ mx: z.string().nullish() }).nullish(),
        })
        .nullish(),
    })
    .nullish(),
});
type Event = z.output<typeof event>;
const shape = { schema: event, needed: ["eventType", "occurredAt", "recipient"] };

const wordToType: Readonly<Record<string, string>> = {
  accepted: "sent",
  not_accepted: "bounce",
  delivered: "delivered",
  failure_tmp: "deferred",
  failure_perm: "bounce",
  opened: "open",
  clicked: "click",
};

function decodeOne(e: Event): Decoded {
  const eventType = ownValue(wordToType, e.eventType);
  if (!eventType) return deadLetter("not-a-signal", `eventType: ${e.eventType}`);
  const { payload } = e;
  const status = payload?.["delivery-status"];
  const isUntried = e.eventType === "not_accepted";
  const trouble = refusalMetadata({
    said: status?.message,
    status: status?.["enhanced-code"],
    smtpCode: textOfCode(status?.code),
    reported: eventType === "deferred" ? "soft" : "hard",
  });
  return signal({
    eventId: e.id ?? undefined,
    eventType,
    recipient: e.recipient ?? undefined,
    ...messageIdentity(provider, e.messageId),
    occurredAt: isoOfText(e.occurredAt),
    provenance: `webhook/${provider}`,
    beside: { from: payload?.message?.headers?.from ?? payload?.sender, mxHost: status?.remote?.mx },
    metadata: present({
      provider,
      provider_event: e.eventType,
      user_agent: payload?.client?.["user-agent"],
      ip_prefix: payload?.client?.ip,
      url: eventType === "click" ? payload?.url : undefined,
      ...(eventType === "bounce" || eventType === "deferred"
        ? { ...trouble, reason: payload?.reason, attempt: status?.["attempt-nr"] }
        : {}),
      // Mailomat did not take it, so nobody was asked.
      ...(isUntried ? { class: "block", refused_party: undefined } : {}),
      ...(eventType === "delivered"
        ? { smtp_code: trouble["smtp_code"], enhanced_code: trouble["enhanced_code"], diagnostic: status?.message }
        : {}),
    }),
  });
}

const signedFields = z.looseObject({ id: z.string(), eventType: z.string() });

export const mailomat: Provider = {
  name: provider,
  delivers: ["sent", "delivered", "deferred", "bounce", "open", "click"],

  /**
   * `sha256=` and the HMAC-SHA-256 (hex) under `signingSecret` over id, event and time of the headers, with dots. The body is not signed: its id and
   * event have to be those of the headers. Another algorithm than the documented one is refused, whatever the header names.
   */
  async verify({ headers, body }, secrets, { now, replayWindowSeconds }) {
    const secret = secrets["signingSecret"];
    if (!secret) return refused("no signingSecret is configured");
    const [id, name, time, signature] = ["id", "event", "timestamp", "signature"].map(
      (part) => headers[`x-mom-webhook-${part}`],
    );
    if (!id || !name || !time || !signature) return refused("the call carries no signature");
    if (!/^\d+$/.test(time) || !isFresh(Number(time), now, replayWindowSeconds))
      return refused("the signed time lies outside the replay window");
    const expected = `sha256=${createHmac("sha256", secret).update(`${id}.${name}.${time}`).digest("hex")}`;
    if (!isSame(expected, signature)) return refused("the signature does not match");
    const parsed = parseJson(body);
    const told = parsed.kind === "value" ? signedFields.safeParse(parsed.value).data : undefined;
    return told?.id === id && told.eventType === name ? authentic : refused("the body is not of the signed event");
  },

  /** A redelivery keeps its id and is signed anew, with its own time. */
  callId: ({ headers }) => `${headers["x-mom-webhook-id"]} ${headers["x-mom-webhook-timestamp"]}`,
  decode: ({ body }) => decodeJson(body, shape, decodeOne),
};
