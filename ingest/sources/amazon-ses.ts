// Amazon SES, as SNS notifications (enveloped or raw), event publishing and EventBridge:
// https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
// https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html

import { z } from "zod";
import returnPath from "../../includes/return_path.js";
import { type BounceClass, readSmtpReply } from "../bounces/smtp-reply.ts";
import type { Decoded } from "../door/signal.ts";
import { personsMeant, returnedIdentity } from "./message-identity.ts";
import type { Provider } from "./provider.ts";
import { snsEnvelope, verifySns } from "./sns.ts";
import {
  asList,
  bareAddress,
  deadLetter,
  decodeEvent,
  ownValue,
  parseJson,
  parseJsonText,
  present,
  refusalMetadata,
  refused,
  signal,
  verifyCredentials,
} from "./webhook.ts";

const provider = "amazon_ses" as const;

const optional = z.string().nullish();
const recipient = z.looseObject({ emailAddress: optional, status: optional, diagnosticCode: optional });
const event = z.looseObject({
  eventType: optional,
  notificationType: optional,
  mail: z.looseObject({
    messageId: optional,
    timestamp: optional,
    destination: z.array(z.string()).nullish(),
    tags: z.record(z.string(), z.union([z.array(z.string()), z.string()])).nullish(),
    source: optional,
    commonHeaders: z.looseObject({ messageId: optional, from: z.array(z.string()).nullish() }).nullish(),
  }),
  bounce: z
    .looseObject({
      bounceType: optional,
      bounceSubType: optional,
      bouncedRecipients: z.array(recipient).nullish(),
      timestamp: optional,
      reportingMTA: optional,
    })
    .nullish(),
  complaint: z
    .looseObject({
      complainedRecipients: z.array(recipient).nullish(),
      timestamp: optional,
      complaintFeedbackType: optional,
      complaintSubType: optional,
      feedbackId: optional,
      userAgent: optional,
      arrivalDate: optional,
    })
    .nullish(),
  delivery: z
    .looseObject({
      timestamp: optional,
      recipients: z.array(z.string()).nullish(),
      smtpResponse: optional,
      reportingMTA: optional,
      processingTimeMillis: z.number().nullish(),
    })
    .nullish(),
  deliveryDelay: z
    .looseObject({
      timestamp: optional,
      delayType: optional,
      delayedRecipients: z.array(recipient).nullish(),
      reportingMTA: optional,
    })
    .nullish(),
  open: z.looseObject({ timestamp: optional, userAgent: optional, ipAddress: optional }).nullish(),
  click: z.looseObject({ timestamp: optional, userAgent: optional, ipAddress: optional, link: optional }).nullish(),
  reject: z.looseObject({ reason: optional }).nullish(),
  failure: z.looseObject({ errorMessage: optional, templateName: optional }).nullish(),
  subscription: z
    .looseObject({ timestamp: optional, source: optional, contactList: optional, newTopicPreferences: z.unknown() })
    .nullish(),
});
type Event = z.output<typeof event>;
type Recipient = z.output<typeof recipient>;
const shape = {
  schema: event,
  needed: [
    "eventType",
    "notificationType",
    "mail.timestamp",
    "mail.destination",
    "bounce.timestamp",
    "bounce.bouncedRecipients.*.emailAddress",
    "complaint.timestamp",
    "complaint.complaintFeedbackType",
    "complaint.complaintSubType",
    "complaint.complainedRecipients.*.emailAddress",
    "delivery.timestamp",
    "delivery.recipients",
    "deliveryDelay.timestamp",
    "deliveryDelay.delayedRecipients.*.emailAddress",
    "open.timestamp",
    "click.timestamp",
    "subscription.timestamp",
  ],
};

/** What carried the event: an id that redeliveries keep, and the time at which it was published. */
interface Carrier {
  readonly id?: string | undefined;
  readonly publishedAt?: string | undefined;
}

function decodeOne(e: Event, carrier: Carrier): readonly Decoded[] {
  const { mail } = e;
  const destinations = mail.destination ?? [];
  const kind = (e.eventType ?? e.notificationType ?? "").replaceAll(" ", "");
  const tagValues = (name: string): string | undefined => [mail.tags?.[name] ?? []].flat()[0];
  const tags = Object.entries(mail.tags ?? {})
    .filter(([name]) => !name.startsWith("ses:") && name !== returnPath.messageId && name !== returnPath.variant)
    .flatMap(([name, values]) => [values].flat().map((value) => `${name}:${value}`));

  /** One signal for each recipient: SES reports several in one event. */
  const tell = (
    eventType: string,
    recipients: readonly (string | undefined)[],
    at: string | null | undefined,
    metadataOf: (index: number) => Record<string, unknown>,
  ): readonly Decoded[] =>
    recipients.map((address, index) =>
      signal({
        eventId: carrier.id === undefined || recipients.length === 1 ? carrier.id : `${carrier.id}#${index + 1}`,
        eventType,
        recipient: bareAddress(address),
        ...returnedIdentity(provider, tagValues(returnPath.messageId), mail.messageId),
        // Here the event says itself whether its message is one person's.
        ...(destinations.length === 1 ? { isMessageIdShared: false } : {}),
        campaignId: tagValues("campaign") ?? tagValues("campaign_id"),
        // The event's own time; only where it has none, that of its publication.
        occurredAt: at ?? carrier.publishedAt,
        provenance: `webhook/${provider}`,
        beside: { arguments: mail.tags ?? undefined, from: mail.commonHeaders?.from?.[0] ?? mail.source },
        metadata: present({
          provider,
          provider_event: e.eventType ?? e.notificationType,
          provider_message_id: mail.messageId,
          variant: tagValues(returnPath.variant),
          sending_ip_pool: tagValues("ses:configuration-set"),
          tags: tags.length > 0 ? tags : undefined,
          ...metadataOf(index),
        }),
      }),
    );
  const addressees: readonly (string | undefined)[] = destinations.length > 0 ? destinations : [undefined];
  /** What SES says of a message and not of a person: it is one's own only where there is no other. */
  const nobodyNamed = personsMeant(destinations);
  const addresses = (list: readonly Recipient[] | null | undefined): readonly (string | undefined)[] =>
    list && list.length > 0 ? list.map((one) => one.emailAddress ?? undefined) : nobodyNamed;
  /** "Recipients who might have submitted the complaint": with several of them it may be any. */
  const complainants = personsMeant((e.complaint?.complainedRecipients ?? []).flatMap((one) => one.emailAddress ?? []));

  switch (kind) {
    case "Send":
      return tell("sent", addressees, mail.timestamp, () => ({}));
    case "Delivery": {
      const { delivery } = e;
      const reply = readSmtpReply(delivery?.smtpResponse);
      const recipients = delivery?.recipients?.length ? delivery.recipients : nobodyNamed;
      const ms = delivery?.processingTimeMillis;
      return tell("delivered", recipients, delivery?.timestamp, () => ({
        smtp_code: reply.smtpCode,
        enhanced_code: reply.enhancedCode,
        diagnostic: delivery?.smtpResponse,
        seconds_to_deliver: ms === null || ms === undefined ? undefined : ms / 1000,
      }));
    }
    case "Bounce": {
      const { bounce } = e;
      const bounced = bounce?.bouncedRecipients ?? [];
      return tell("bounce", addresses(bounced), bounce?.timestamp, (index) => ({
        ...troubleOf(bounced[index], bounce?.bounceType, bounce?.bounceSubType),
        reason: bounce?.bounceSubType,
        category: bounce?.bounceType ? `${bounce.bounceType}: ${bounce.bounceSubType ?? "Undetermined"}` : undefined,
        reporting_mta: bounce?.reportingMTA,
      }));
    }
    case "Complaint": {
      const { complaint } = e;
      if (complaint?.complaintFeedbackType === "not-spam") {
        return [deadLetter("not-a-signal", "a complaint of feedback type not-spam")];
      }
      // Not sent at all: the reader complained of an earlier mail, and SES did not try this one.
      if (complaint?.complaintSubType === "OnAccountSuppressionList") {
        return tell("bounce", addresses(complaint.complainedRecipients), complaint.timestamp, () => ({
          class: "block",
          reason: complaint.complaintSubType,
          category: "Complaint: OnAccountSuppressionList",
        }));
      }
      return tell(
        "complaint",
        complaint?.complainedRecipients?.length ? complainants : nobodyNamed,
        complaint?.timestamp,
        () => ({
          feedback_type: complaint?.complaintFeedbackType ?? complaint?.complaintSubType,
          feedback_id: complaint?.feedbackId,
          arrival_at: complaint?.arrivalDate,
          user_agent: complaint?.userAgent,
        }),
      );
    }
    case "DeliveryDelay": {
      const delayed = e.deliveryDelay?.delayedRecipients ?? [];
      return tell("deferred", addresses(delayed), e.deliveryDelay?.timestamp, (index) => ({
        ...troubleOf(delayed[index], "Transient", undefined),
        reason: e.deliveryDelay?.delayType,
      }));
    }
    case "Open":
      return tell("open", nobodyNamed, e.open?.timestamp, () => ({
        user_agent: e.open?.userAgent,
        ip_prefix: e.open?.ipAddress,
      }));
    case "Click":
      return tell("click", nobodyNamed, e.click?.timestamp, () => ({
        url: e.click?.link,
        user_agent: e.click?.userAgent,
        ip_prefix: e.click?.ipAddress,
      }));
    case "Reject":
      return tell("bounce", addressees, mail.timestamp, () => ({
        class: "block",
        reason: e.reject?.reason,
        category: "Reject",
      }));
    case "RenderingFailure":
      return tell("bounce", addressees, mail.timestamp, () => ({
        class: "block",
        reason: "RenderingFailure",
        category: "RenderingFailure",
        diagnostic: e.failure?.errorMessage,
      }));
    case "Subscription":
      return isUnsubscribed(e.subscription?.newTopicPreferences)
        ? tell("unsubscribe", nobodyNamed, e.subscription?.timestamp, () => ({
            method: e.subscription?.source,
            list_id: e.subscription?.contactList,
          }))
        : [deadLetter("not-a-signal", "a change of topics that unsubscribes from nothing")];
    case "":
      return [deadLetter("missing-field", "eventType")];
    // Mail that came in, or what SNS writes to a new topic.
    case "Received":
    case "AmazonSnsSubscriptionSucceeded":
      return [deadLetter("not-a-signal", kind)];
    default:
      return [deadLetter("unknown-event-type", kind.slice(0, 80))];
  }
}

/** https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types: what SES did not try, or knows better than any reply. */
const classOfSubType: Readonly<Record<string, BounceClass>> = {
  "Permanent/Suppressed": "block",
  "Permanent/OnAccountSuppressionList": "block",
  "Permanent/OnTenantSuppressionList": "block",
  "Permanent/UnsubscribedRecipient": "block",
  "Transient/ContentRejected": "block",
  "Transient/AttachmentRejected": "block",
  "Transient/MailboxFull": "soft",
  "Transient/MessageTooLarge": "soft",
};

/** What a server said of one recipient; `type` is SES's own view of it. */
function troubleOf(
  one: Recipient | undefined,
  type: string | null | undefined,
  subType: string | null | undefined,
): Record<string, unknown> {
  const told = refusalMetadata({
    said: one?.diagnosticCode,
    status: one?.status,
    reported: type === "Permanent" ? "hard" : "soft",
  });
  const known = ownValue(classOfSubType, `${type}/${subType}`);
  return known === undefined ? told : { ...told, class: known };
}

const subscriptionPreferences = z.looseObject({
  unsubscribeAll: z.boolean().nullish(),
  topicSubscriptionStatus: z.array(z.looseObject({ subscriptionStatus: optional })).nullish(),
});

/** Unsubscribed from all, or opted out of every topic that the change names. */
function isUnsubscribed(preferences: unknown): boolean {
  const read = subscriptionPreferences.safeParse(preferences);
  if (!read.success) return false;
  if (read.data.unsubscribeAll) return true;
  const topics = read.data.topicSubscriptionStatus ?? [];
  return topics.some((topic) => topic.subscriptionStatus?.toLowerCase() === "optout");
}

const eventBridge = z.looseObject({
  "detail-type": z.string(),
  source: z.string(),
  id: optional,
  time: optional,
  detail: z.unknown(),
});
const bridgeShape = { schema: eventBridge, needed: ["detail-type", "id", "time", "detail"] };

/** One document: an SNS envelope, an EventBridge event, or the SES event itself. */
function decodeDocument(value: unknown): readonly Decoded[] {
  const isObject = value !== null && typeof value === "object";
  if (isObject && "Type" in value && "MessageId" in value) {
    return decodeEvent(
      { schema: snsEnvelope, needed: ["Type", "MessageId", "Message", "Timestamp"] },
      value,
      (envelope) => {
        if (envelope.Type !== "Notification") return deadLetter("not-a-signal", envelope.Type);
        // What SES writes to a topic when it is set up.
        if (/^Successfully validated SNS topic/.test(envelope.Message)) {
          return deadLetter("not-a-signal", "the topic's validation");
        }
        const message = parseJsonText(envelope.Message);
        if (message.kind === "dead-letter") return message;
        return decodeCarried(message.value, { id: envelope.MessageId, publishedAt: envelope.Timestamp });
      },
    );
  }
  if (isObject && "detail-type" in value && "detail" in value) {
    return decodeEvent(bridgeShape, value, (bridge) =>
      decodeBridged(bridge, { id: bridge.id, publishedAt: bridge.time }),
    );
  }
  return decodeCarried(value, {});
}

/** SNS may itself carry an EventBridge event. */
function decodeCarried(value: unknown, carrier: Carrier): readonly Decoded[] {
  if (value !== null && typeof value === "object" && "detail-type" in value && "detail" in value) {
    return decodeEvent(bridgeShape, value, (bridge) =>
      decodeBridged(bridge, { ...carrier, id: bridge.id ?? carrier.id }),
    );
  }
  // What SES writes to a topic when it is set up is about no mail.
  const { notificationType, mail } = (value ?? {}) as { notificationType?: unknown; mail?: unknown };
  if (notificationType === "AmazonSnsSubscriptionSucceeded" && mail === undefined)
    return [deadLetter("not-a-signal", notificationType)];
  return decodeEvent(shape, value, (e) => decodeOne(e, carrier));
}

/** What is not of one e-mail (an account's status, an adviser's recommendation) is said in the same way, and is no signal. */
function decodeBridged(
  bridge: z.output<typeof eventBridge>,
  carrier: { readonly id?: string | null | undefined; readonly publishedAt?: string | null | undefined },
): readonly Decoded[] {
  const isOfMail = bridge.detail !== null && typeof bridge.detail === "object" && "mail" in bridge.detail;
  if (!isOfMail && !/^Email /.test(bridge["detail-type"]))
    return [deadLetter("not-a-signal", `detail-type: ${bridge["detail-type"].slice(0, 80)}`)];
  return decodeCarried(bridge.detail, {
    id: carrier.id ?? undefined,
    publishedAt: carrier.publishedAt ?? undefined,
  });
}

export const amazonSes: Provider = {
  name: provider,
  delivers: ["sent", "delivered", "deferred", "bounce", "complaint", "unsubscribe", "open", "click"],
  /**
   * An SNS envelope is checked by its signature (`topicArns` limits whose). Raw delivery and EventBridge sign nothing:
   * they need `username` and `password`, or `token`.
   */
  async verify(request, secrets, context) {
    const parsed = parseJson(request.body);
    if (parsed.kind === "dead-letter") return refused("the body is not JSON");
    const envelope = snsEnvelope.safeParse(parsed.value);
    return envelope.success ? verifySns(envelope.data, secrets, context) : verifyCredentials(request, secrets);
  },
  /** SNS signs fields, not bytes: its message id is the call's, however the JSON is written. */
  callId({ body }) {
    const parsed = parseJson(body);
    const envelope = parsed.kind === "value" ? snsEnvelope.safeParse(parsed.value) : undefined;
    return envelope?.success ? `sns ${envelope.data.MessageId}` : undefined;
  },
  decode({ body }) {
    const parsed = parseJson(body);
    if (parsed.kind === "dead-letter") return [parsed];
    return asList(parsed.value).flatMap(decodeDocument);
  },
};
