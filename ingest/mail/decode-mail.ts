import type { Decoded, Item } from "../door/signal.ts";
import { amazonSes } from "../sources/amazon-ses.ts";
import { messageIdentity } from "../sources/message-identity.ts";
import { deadLetter, present, signal } from "../sources/webhook.ts";
import { addressesIn } from "./addresses.ts";
import { type RecipientReport, readBounceReport } from "./bounce-report.ts";
import { decodeFailureReport } from "./failure-report.ts";
import { readFeedbackReport } from "./feedback-report.ts";
import { isoOfMailDate } from "./mail-date.ts";
import { mailKind } from "./mail-kind.ts";
import { optOutAddresses, whoLeaves } from "./opt-out.ts";
import type { OwnMail } from "./own-mail.ts";
import { type Mail, readMail } from "./read-mail.ts";
import { addressOfField, fieldOf, messageIdOf } from "./report-fields.ts";
import { personsReported } from "./reported-person.ts";

const provider = "mail" as const;

/** Reads one mail: bounces and complaints become a signal per recipient, automatic replies one, anything else a dead letter. */
export const decodeMail = (bytes: Uint8Array, own: OwnMail = {}): Promise<readonly Item[]> =>
  decodeNested(bytes, 0, own);

const usualOptOutAddress = optOutAddresses(undefined);

/** A gateway may forward a report inside a notice of its own; what the inner one says is worth more. */
const maximumNesting = 2;

async function decodeNested(bytes: Uint8Array, depth: number, own: OwnMail): Promise<readonly Item[]> {
  const { isOptOutAddress = usualOptOutAddress } = own;
  let mail: Mail;
  try {
    mail = await readMail(bytes);
  } catch (error) {
    return [deadLetter("malformed-input", error instanceof Error ? error.message : "the mail cannot be read")];
  }
  const kind = mailKind(mail, isOptOutAddress);
  switch (kind) {
    case "feedback-report":
      return readFeedbackReport(mail, own);
    case "failure-report":
      return [
        decodeFailureReport(mail) ??
          deadLetter("missing-field", "the failure report names neither a domain nor a source"),
      ];
    case "provider-notification":
      return amazonSes.decode({ headers: {}, body: Buffer.from(jsonHead(mail.text)) });
    case "receipt":
      return [receiptSignal(mail)];
    case "forwarded-complaint":
      return personsReported(mail, own).map((reported) =>
        signal({
          eventType: "complaint",
          ...reported,
          occurredAt: isoOfMailDate(fieldOf(mail.headers, "date")),
          provenance: "mail/arf",
          metadata: { provider, provider_event: "forwarded-complaint", feedback_type: "abuse" },
        }),
      );
    case "unsubscribe-request":
      return [
        signal({
          eventType: "unsubscribe",
          recipient: whoLeaves(mail, isOptOutAddress),
          occurredAt: isoOfMailDate(fieldOf(mail.headers, "date")),
          provenance: "mail/unsubscribe",
          metadata: { provider, provider_event: "unsubscribe-request", method: "mail" },
        }),
      ];
    case "bounce": {
      const isForwarded = /report-type="?delivery-status/i.test(fieldOf(mail.original, "content-type") ?? "");
      if (mail.attached && isForwarded && mail.deliveryStatus.length === 0 && depth < maximumNesting)
        return decodeNested(mail.attached, depth + 1, own);
      const reports = readBounceReport(mail);
      return reports.length > 0
        ? reports.map((report) => bounceSignal(mail, report))
        : [deadLetter("missing-field", "the bounce names no recipient")];
    }
    case "automatic-reply":
      return [
        signal({
          eventType: "reply",
          recipient: addressesIn(fieldOf(mail.headers, "from") ?? "")[0],
          ...messageIdentity(
            provider,
            messageIdOf(
              new Map([["message-id", mail.headers.get("in-reply-to") ?? mail.headers.get("references") ?? []]]),
            ),
          ),
          occurredAt: isoOfMailDate(fieldOf(mail.headers, "date")),
          provenance: "mail/auto-reply",
          metadata: { provider, provider_event: "automatic-reply", automatic: true },
        }),
      ];
    case "other":
      return [
        isMail(mail)
          ? deadLetter("not-a-signal", "the mail is neither a report nor an automatic reply")
          : deadLetter(
              "malformed-input",
              "it is no mail: none of From, Date, Received or Return-Path stands in its head",
            ),
      ];
  }
}

/** What every mail has (RFC 5322 section 3.6), or a mail system adds; a licence or a table that lies among mails has none of it. */
const isMail = ({ headers }: Mail): boolean =>
  ["from", "date", "received", "return-path"].some((name) => headers.has(name));

/**
 * A receipt (RFC 8098): that a mail was displayed is an open, by a machine where nobody asked for it; that it was deleted,
 * forwarded on or processed says nothing of its reader.
 */
function receiptSignal(mail: Mail): Decoded {
  const notification = mail.dispositionNotification;
  const [mode = "", told = ""] = (fieldOf(notification, "disposition") ?? "").toLowerCase().split(";", 2);
  const disposition = told.trim().split("/")[0] ?? "";
  if (disposition !== "displayed")
    return deadLetter("not-a-signal", `Disposition: ${disposition.slice(0, 40) || "none"}`);
  const isAutomatic = mode.trim().startsWith("automatic-action");
  const original = new Map([["message-id", notification?.get("original-message-id") ?? []]]);
  return signal({
    eventType: "open",
    recipient:
      addressOfField(fieldOf(notification, "original-recipient")) ??
      addressOfField(fieldOf(notification, "final-recipient")) ??
      addressesIn(fieldOf(mail.headers, "from") ?? "")[0],
    ...messageIdentity(provider, messageIdOf(original) ?? messageIdOf(mail.original)),
    occurredAt: isoOfMailDate(fieldOf(mail.headers, "date")),
    provenance: "mail/receipt",
    metadata: present({
      provider,
      provider_event: disposition,
      machine: isAutomatic,
      machine_reason: isAutomatic ? "mail:automatic-action" : undefined,
    }),
  });
}

/** Amazon SNS by mail: the JSON, then a line `--` and words for people. */
const jsonHead = (text: string): string => text.split(/\r?\n--\r?\n/)[0]?.replace(/\r?\n/g, "") ?? "";

function bounceSignal(mail: Mail, report: RecipientReport): Decoded {
  if (report.action === "verified") return deadLetter("not-a-signal", "an address was verified, no mail was sent");
  const eventType = report.action === "delayed" ? "deferred" : report.action === "delivered" ? "delivered" : "bounce";
  return signal({
    eventType,
    recipient: report.recipient,
    ...messageIdentity(provider, messageIdOf(mail.original)),
    occurredAt: isoOfMailDate(report.attemptedAt) ?? isoOfMailDate(fieldOf(mail.headers, "date")),
    provenance: "mail/bounce",
    beside: { from: fieldOf(mail.original, "from"), mxHost: report.remoteMta },
    metadata: present({
      provider,
      provider_event: report.action,
      class: eventType === "delivered" ? undefined : report.bounceClass,
      smtp_code: report.smtpCode,
      enhanced_code: report.enhancedCode,
      reason: eventType === "delivered" ? undefined : report.reason,
      refused_party: eventType === "delivered" ? undefined : report.refusedParty,
      diagnostic: report.diagnostic,
      reporting_mta: report.reportingMta ?? addressOfField(fieldOf(mail.headers, "from"))?.split("@").at(-1),
    }),
  });
}
