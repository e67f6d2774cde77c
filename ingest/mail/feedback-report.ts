import type { Decoded } from "../door/signal.ts";
import { deadLetter, present, signal } from "../sources/webhook.ts";
import { addressesIn } from "./addresses.ts";
import { isoOfMailDate, messageIdOf } from "./decode-mail.ts";
import type { Mail } from "./read-mail.ts";
import { addressOfField, fieldOf } from "./report-fields.ts";

/** Feedback types that say "I did not want this": RFC 5965 section 7.3, RFC 6430. */
const complaintTypes = new Set(["abuse", "fraud", "virus", "other", "miscategorized"]);

/**
 * A complaint in the Abuse Reporting Format (RFC 5965): one signal per recipient. `not-spam` is the opposite of a complaint, `opt-out` is an
 * unsubscribe, and `auth-failure` (RFC 6591) tells of authentication, not of a reader: neither is counted as one.
 */
export function readFeedbackReport(mail: Mail): readonly Decoded[] {
  const report = mail.feedbackReport;
  const feedbackType = (fieldOf(report, "feedback-type") ?? "abuse").toLowerCase();
  const eventType = complaintTypes.has(feedbackType)
    ? "complaint"
    : /^opt-out/.test(feedbackType)
      ? "unsubscribe"
      : undefined;
  if (!eventType) return [deadLetter("not-a-signal", `Feedback-Type: ${feedbackType}`)];

  const stated = [...(report?.get("original-rcpt-to") ?? []), ...(report?.get("removal-recipient") ?? [])].map(
    addressOfField,
  );
  // Providers that redact leave the recipients to the original mail's own header.
  const original = mail.original;
  const found = stated.filter((address) => address !== undefined);
  const recipients = found.length > 0 ? found : addressesIn(fieldOf(original, "to") ?? "");
  const unique: readonly (string | undefined)[] = recipients.length > 0 ? [...new Set(recipients)] : [undefined];
  return unique.map((recipient) =>
    signal({
      eventType,
      recipient,
      messageId: messageIdOf(original),
      isMessageIdShared: true,
      occurredAt:
        isoOfMailDate(fieldOf(report, "arrival-date") ?? fieldOf(report, "received-date")) ??
        isoOfMailDate(fieldOf(mail.headers, "date")),
      provenance: "mail/arf",
      metadata: present({
        provider: "mail",
        provider_event: feedbackType,
        feedback_type: eventType === "complaint" ? feedbackType : undefined,
        method: eventType === "unsubscribe" ? "complaint" : undefined,
        recipient_domain: recipient?.split("@").at(-1)?.toLowerCase(),
        ip_prefix: fieldOf(report, "source-ip"),
        user_agent: fieldOf(report, "user-agent"),
      }),
    }),
  );
}
