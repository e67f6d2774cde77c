import type { Decoded } from "../door/signal.ts";
import { messageIdentity, personsMeant } from "../sources/message-identity.ts";
import { deadLetter, present, signal } from "../sources/webhook.ts";
import { addressesIn } from "./addresses.ts";
import { isoOfMailDate } from "./mail-date.ts";
import type { Mail } from "./read-mail.ts";
import { addressOfField, fieldOf, messageIdOf } from "./report-fields.ts";

/** Feedback types that say "I did not want this": RFC 5965 section 7.3, RFC 6430. */
const complaintTypes = new Set(["abuse", "fraud", "virus", "other", "miscategorized"]);

/**
 * A complaint in the Abuse Reporting Format (RFC 5965): one signal for the one who complained, or for nobody where that is not said. `not-spam` is the opposite of a complaint, `opt-out` is an
 * unsubscribe; `auth-failure` (RFC 6591) tells of authentication and
 * is read by failure-report.ts.
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

  const original = mail.original;
  const addressesOf = (name: string): readonly string[] =>
    (report?.get(name) ?? []).flatMap((value) => addressOfField(value) ?? []);
  // Who is to be taken off the list is named one by one (RFC 6449 appendix B). Original-Rcpt-To names every recipient that the reporter saw (RFC 5965
  // section 3.3), and providers that redact leave them to the original mail's own header: of several nobody can say who it was.
  const toRemove = addressesOf("removal-recipient");
  const recipients = addressesOf("original-rcpt-to");
  const persons =
    toRemove.length > 0
      ? [...new Set(toRemove)]
      : personsMeant(recipients.length > 0 ? recipients : addressesIn(fieldOf(original, "to") ?? ""));
  return persons.map((recipient) =>
    signal({
      eventType,
      recipient,
      ...messageIdentity("mail", messageIdOf(original)),
      occurredAt:
        isoOfMailDate(fieldOf(report, "arrival-date") ?? fieldOf(report, "received-date")) ??
        isoOfMailDate(fieldOf(mail.headers, "date")),
      provenance: "mail/arf",
      metadata: present({
        provider: "mail",
        provider_event: feedbackType,
        feedback_type: eventType === "complaint" ? feedbackType : undefined,
        method: eventType === "unsubscribe" ? "complaint" : undefined,
        ip_prefix: fieldOf(report, "source-ip"),
        user_agent: fieldOf(report, "user-agent"),
      }),
    }),
  );
}
