import { addressesIn } from "./addresses.ts";
import { isFailureReportInProse } from "./failure-report.ts";
import { asksToUnsubscribe, type IsOptOutAddress } from "./opt-out.ts";
import type { Mail } from "./read-mail.ts";
import { fieldOf } from "./report-fields.ts";

export type MailKind =
  | "feedback-report"
  | "failure-report"
  | "receipt"
  | "forwarded-complaint"
  | "unsubscribe-request"
  | "bounce"
  | "automatic-reply"
  | "provider-notification"
  | "other";

const bounceSubject =
  /undeliver|delivery (status|failure|failed|report|notification|problem|has failed|incomplete|error)|(mail|message|e-?mail) (delivery|system|not delivered|could not|failure|error|undeliver|status|bounced)|returned mail|return(ed)? to sender|failure (notice|delivery)|non[- ]?(delivery|delivered|remis)|could not (be delivered|send)|(not|un)deliver(ed|able)|bounce|rejected|warning: (could not|message)|(problem|error|trouble).{0,20}(delivering|deliver|mail)|failed(:| delivery| mail)|nondeliverable|mailer.daemon|not (a )?member|メールエラー|配信|送信エラー|無法|недоставлен|zustellung|échec/i;
const daemon =
  /mailer-daemon|post_?master|mail ?delivery|mail-daemon|mdaemon|mail ?system|mail ?administrator|system administrator|(^|<)(bounce|daemon|root)@|no-?reply@sns\.amazonaws/i;

/** What a report of a delivery has and a person's words rarely: a reply code, or the words for it. */
const ofDelivery =
  /(?:^|[\s:(])[45]\d\d[ -]|\b[45]\.\d\.\d\b|undeliver|deliver(y|ed|ing)\b|recipient|rejected|mailbox|bounce|unknown/i;

/**
 * What a mail is, by its own declaration where it makes one: RFC 6522 report types, RFC 3834 Auto-Submitted; by its sender and subject where
 * it does not.
 */
export function mailKind(mail: Mail, isOptOutAddress: IsOptOutAddress): MailKind {
  if (/^auth-failure/i.test(fieldOf(mail.feedbackReport, "feedback-type") ?? "") || isFailureReportInProse(mail))
    return "failure-report";
  if (mail.feedbackReport) return "feedback-report";
  if (mail.dispositionNotification) return "receipt";
  const header = (name: string): string => fieldOf(mail.headers, name) ?? "";
  if (
    /amazon ?ses|sns\.amazonaws|AWS Notification/i.test(
      `${header("from")} ${header("subject")} ${header("return-path")}`,
    ) &&
    /^\s*\{/.test(mail.text)
  ) {
    return "provider-notification";
  }
  // Outlook.com's Junk Mail Reporting Partner Program forwards the mail without a report of its own.
  if (/^\s*complaint about message from /i.test(header("subject")) && mail.original) return "forwarded-complaint";
  const isReportOrAnswer =
    mail.deliveryStatus.length > 0 ||
    daemon.test(header("from")) ||
    (/^\s*auto-replied/i.test(header("auto-submitted")) && !mail.headers.has("x-apple-unsubscribe"));
  if (!isReportOrAnswer && asksToUnsubscribe(mail, isOptOutAddress)) return "unsubscribe-request";
  const contentType = header("content-type");
  if (/report-type="?delivery-status/i.test(contentType) || mail.deliveryStatus.length > 0) return "bounce";
  const autoSubmitted = header("auto-submitted").toLowerCase();
  // RFC 3834: an automatic reply answers something; what a machine writes of itself ("auto-generated") is none.
  const answers =
    mail.headers.has("in-reply-to") ||
    mail.headers.has("references") ||
    /^\s*(re|aw|sv|antw?|rép)\s*:/i.test(header("subject"));
  const isGenerated = autoSubmitted.startsWith("auto-generated");
  const isFromNobody = /^<>\s*$/.test(header("return-path"));
  const isFromDaemon = daemon.test(header("from")) || isFromNobody || daemon.test(header("return-path"));
  const looksLikeBounce = bounceSubject.test(header("subject"));
  const isReply =
    autoSubmitted.startsWith("auto-replied") ||
    mail.headers.has("x-autoreply") ||
    mail.headers.has("x-autorespond") ||
    /auto_reply|autoreply/i.test(header("precedence")) ||
    /^\s*(auto(matic)?[ -]?(reply|response|responder)|out of( the)? office|(re: )?vacation|away from|abwesen|absence|réponse automatique|risposta automatica|respuesta autom)/i.test(
      header("subject"),
    );
  if (isReply && !isGenerated && !(looksLikeBounce && isFromDaemon)) return "automatic-reply";
  // The mail it carries was sent by whoever gets this one, and a delivery is spoken of: it came back. Without such words a person
  // has only attached it.
  const [addressee] = addressesIn(header("to"));
  const author = addressesIn(`${fieldOf(mail.original, "from") ?? ""} ${fieldOf(mail.original, "return-path") ?? ""}`);
  const isOwn = addressee && author.some((address) => address.toLowerCase() === addressee.toLowerCase());
  if (isOwn && (isFromDaemon || looksLikeBounce || ofDelivery.test(mail.text))) return "bounce";
  // RFC 3834: a person's automatic reply has no return path either, but says nothing of a delivery.
  const isOfDelivery = looksLikeBounce || mail.original !== undefined || ofDelivery.test(mail.text);
  if (isFromNobody && !daemon.test(header("from")) && !isOfDelivery) return isGenerated ? "other" : "automatic-reply";
  if (isFromDaemon || looksLikeBounce || mail.headers.has("x-failed-recipients")) return "bounce";
  return autoSubmitted && autoSubmitted !== "no" && !isGenerated && answers ? "automatic-reply" : "other";
}
