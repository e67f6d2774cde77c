import type { Decoded } from "../door/signal.ts";
import { deadLetter, present, signal } from "../sources/webhook.ts";
import { isoOfMailDate } from "./mail-date.ts";
import type { OwnMail } from "./own-mail.ts";
import type { Mail } from "./read-mail.ts";
import { fieldOf } from "./report-fields.ts";
import { personsReported } from "./reported-person.ts";

/** Feedback types that say "I did not want this": RFC 5965 section 7.3, RFC 6430. */
const complaintTypes = new Set(["abuse", "fraud", "virus", "other", "miscategorized"]);

/**
 * A complaint in the Abuse Reporting Format (RFC 5965): one signal for the one who complained, or for nobody where that is not said. `not-spam` is the opposite of a complaint, `opt-out` is an
 * unsubscribe; `auth-failure` (RFC 6591) tells of authentication and
 * is read by failure-report.ts.
 */
export function readFeedbackReport(mail: Mail, own: OwnMail): readonly Decoded[] {
  const report = mail.feedbackReport;
  const feedbackType = (fieldOf(report, "feedback-type") ?? "abuse").toLowerCase();
  const eventType = complaintTypes.has(feedbackType)
    ? "complaint"
    : /^opt-out/.test(feedbackType)
      ? "unsubscribe"
      : undefined;
  if (!eventType) return [deadLetter("not-a-signal", `Feedback-Type: ${feedbackType}`)];

  return personsReported(mail, own).map((reported) =>
    signal({
      eventType,
      ...reported,
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
