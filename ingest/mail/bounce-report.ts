import { readSmtpReply, type SmtpReply } from "../sources/bounce-class.ts";
import { personsMeant } from "../sources/message-identity.ts";
import { addressesIn, isSystemAddress } from "./addresses.ts";
import { bounceReason, type Verdict } from "./bounce-reason.ts";
import type { Mail } from "./read-mail.ts";
import { addressOfField, fieldOf, type ReportFields } from "./report-fields.ts";

/** What a mail system did with the mail for one recipient (RFC 3464 section 2.3.3). */
export type DeliveryAction = "failed" | "delayed" | "delivered";

export interface RecipientReport extends SmtpReply, Verdict {
  readonly recipient: string | undefined;
  readonly action: DeliveryAction;
  /** What the server said, white space folded. */
  readonly diagnostic: string;
  readonly reportingMta: string | undefined;
  readonly remoteMta: string | undefined;
  /** When the mail system says it tried, as it wrote it. */
  readonly attemptedAt: string | undefined;
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim().slice(0, 1000);

/** A queue that gave up quotes what it last heard: `554 4.4.7 Message expired ... <421 4.4.2 Connection timed out>`. */
const lastReply = (diagnostic: string): string =>
  /<([45]\d\d[ -][245]\.\d{1,3}\.\d{1,3} [^<>]*)>\s*$/.exec(diagnostic)?.[1] ?? diagnostic;

/** `smtp; 550 5.1.1 ...` => `550 5.1.1 ...`. */
const withoutType = (value: string | undefined): string =>
  (value ?? "").replace(/^\s*(smtp|x-[\w-]+|unix|dns|lmtp|eai)\s*;\s*/i, "");
const nameOfMta = (value: string | undefined): string | undefined =>
  value?.replace(/^\s*[\w-]+\s*;\s*/, "").trim() || undefined;

/** What a bounce says of each recipient. Empty when the mail reports on nobody. */
export function readBounceReport(mail: Mail): readonly RecipientReport[] {
  const machine = mail.deliveryStatus.filter(
    (block) => block.has("final-recipient") || block.has("original-recipient"),
  );
  return machine.length > 0 ? readDeliveryStatus(mail, machine) : readProse(mail);
}

function readDeliveryStatus(mail: Mail, blocks: readonly ReportFields[]): readonly RecipientReport[] {
  const aboutMessage = mail.deliveryStatus.find((block) => block.has("reporting-mta")) ?? mail.deliveryStatus[0];
  const recipientOf = (block: ReportFields): string | undefined =>
    addressOfField(fieldOf(block, "original-recipient")) ?? addressOfField(fieldOf(block, "final-recipient"));
  const all = blocks.map(recipientOf).filter((address) => address !== undefined);
  return blocks.map((block) => {
    const recipient = recipientOf(block);
    const status = /\b([245]\.\d{1,3}\.\d{1,3})\b/.exec(fieldOf(block, "status") ?? "")?.[1];
    const diagnostic = withoutType(block.get("diagnostic-code")?.join(" "));
    const prose = aboutRecipient(mail.text, recipient, all);
    const fromDiagnostic = readSmtpReply(lastReply(diagnostic));
    const fromProse = readSmtpReply(prose);
    // x.0.0 says nothing, and x.4.7 only that time ran out; the server's own words may hold the real code.
    const isVague = status === undefined || /^[245]\.(0\.0|4\.7)$/.test(status);
    // Where the server gave both its codes, they are the reply itself.
    const isReply = Boolean(fromDiagnostic.smtpCode && fromDiagnostic.enhancedCode);
    const enhancedCode =
      isVague || isReply ? (fromDiagnostic.enhancedCode ?? fromProse.enhancedCode ?? status) : status;
    const smtpCode = fromDiagnostic.smtpCode ?? fromProse.smtpCode;
    const reply: SmtpReply = { ...(smtpCode ? { smtpCode } : {}), ...(enhancedCode ? { enhancedCode } : {}) };
    const stated = (fieldOf(block, "action") ?? "").toLowerCase();
    const action: DeliveryAction = /^delayed/.test(stated)
      ? "delayed"
      : /^(delivered|relayed|expanded)/.test(stated)
        ? "delivered"
        : "failed";
    const said = oneLine(diagnostic) || oneLine(prose);
    const isTold = diagnostic.replace(/[\d.\s]/g, "").length > 8;
    const verdict = bounceReason(
      isTold ? diagnostic : `${diagnostic} ${prose}`,
      reply,
      !status?.startsWith("4"),
      mail.text,
    );
    return {
      recipient,
      action,
      ...reply,
      ...(verdict.reason === "undefined"
        ? bounceReason(`${diagnostic} ${prose}`, reply, !status?.startsWith("4"), mail.text)
        : verdict),
      diagnostic: said,
      reportingMta: nameOfMta(fieldOf(aboutMessage, "reporting-mta")),
      remoteMta: nameOfMta(fieldOf(block, "remote-mta")),
      attemptedAt: fieldOf(block, "last-attempt-date") ?? fieldOf(aboutMessage, "arrival-date"),
    };
  });
}

/** The part of a prose report that is about one recipient: from its first mention to the next recipient's, or all of it. */
function aboutRecipient(text: string, recipient: string | undefined, others: readonly string[] = []): string {
  if (!recipient) return text;
  const lower = text.toLowerCase();
  const start = lower.indexOf(recipient.toLowerCase());
  if (start < 0 || others.length === 0) return text;
  const ends = others
    .filter((other) => other !== recipient)
    .map((other) => lower.indexOf(other.toLowerCase(), start + recipient.length))
    .filter((index) => index > start);
  return text.slice(start, ends.length > 0 ? Math.min(...ends) : undefined);
}

/** Words before a recipient in the reports of systems that speak prose. */
const recipientMarks: readonly RegExp[] = [
  /^[ \t>*"'-]*<?"?([^\s<>"]+@[^\s<>"]+?)"?>?[ \t]*:?[ \t]*$/gm, // alone on its line
  /^[ \t]*<([^<>\s]+@[^<>\s]+)>[ \t]*[:(]/gm, // <a@b>: reason
  /^[ \t]*([^\s<>:"]+@[^\s<>:"]+):[ \t]+\S/gm, // a@b: reason
  /^[ \t]*[45]\d\d[ \t]+<([^<>\s]+@[^<>\s]+)>\.\.\./gm, // Sendmail: 550 <a@b>... reason
  /RCPT TO:[ \t]*<([^<>\s]+@[^<>\s]+)>/gi,
  /^[ \t]*([^\s<>"[\]]+@[^\s<>"[\]]+)[ \t]+(?:\[|on (?:[A-Z][a-z]{2}, )?\d|Invalid|<|\()/gm,
  /(?:delivered to|deliver(?:ing)?(?: message)? to|recipients?(?: returned [\w ]+)?|following address(?:\(es\))?|unknown (?:user|recipient)|unknown address|failed|errors?|did not reach)[:\s]+<?"?([^\s<>"]+@[^\s<>"]+?)"?[>.,:]?(?=[\s)]|$)/gi,
  /\(([^\s()<>]+@[^\s()<>]+)\)[^\n]{0,40}not (?:listed|found|exist)/gi,
];

/** Reads a report in prose: who could not be reached, and what was said about it. */
function readProse(mail: Mail): readonly RecipientReport[] {
  const recipients = proseRecipients(mail);
  const isDelayed =
    /has not (yet )?been delivered|not yet been delivered|delivery (is |has been )?(delayed|incomplete)|will (keep trying|continue)|still being retried|warning: could not send message/i.test(
      `${fieldOf(mail.headers, "subject") ?? ""} ${mail.text}`,
    );
  const targets: readonly (string | undefined)[] =
    recipients.length > 0 ? recipients : personsMeant(addressesIn(fieldOf(mail.original, "to") ?? ""));
  return targets.map((recipient) => {
    const part = aboutRecipient(mail.text, recipient, recipients);
    const sentence = tellingLines(part) || tellingLines(mail.text);
    const reply = sentence ? readSmtpReply(sentence) : {};
    const whole = Object.keys(reply).length > 0 ? reply : readSmtpReply(mail.text);
    const first = bounceReason(sentence || part, whole, !isDelayed, mail.text);
    const verdict =
      first.reason === "undefined" ? bounceReason(`${part} ${mail.text}`, whole, !isDelayed, mail.text) : first;
    return {
      recipient,
      action: isDelayed ? "delayed" : "failed",
      ...whole,
      ...verdict,
      diagnostic: oneLine(sentence || part),
      reportingMta: undefined,
      remoteMta: undefined,
      attemptedAt: undefined,
    };
  });
}

/** The lines in which a server's reply stands, joined; empty when no line looks like one. */
function tellingLines(text: string): string {
  const lines = text.split(/\r?\n/);
  const index = lines.findIndex(
    (line) =>
      /(?:^|[\s:>])[45]\d\d[\s-]+(?:[45]\.\d+\.\d+|\S)|(?:^|[\s(#;])[45]\.\d{1,3}\.\d{1,3}\b|remote host said|error (?:that the other server returned|message below)|reason:/i.test(
        line,
      ) && !/^\s*(date|sent|received)\b/i.test(line),
  );
  if (index < 0) return "";
  return lines
    .slice(index, index + 4)
    .join(" ")
    .trim();
}

function proseRecipients(mail: Mail): readonly string[] {
  const named = addressesIn(mail.headers.get("x-failed-recipients")?.join(", ") ?? "");
  if (named.length > 0) return named;
  // The one who sent the mail gets the bounce: neither it nor a mail system is the one who could not be reached.
  const senders = new Set(
    [
      fieldOf(mail.original, "from"),
      fieldOf(mail.original, "return-path"),
      fieldOf(mail.headers, "to"),
      fieldOf(mail.headers, "from"),
    ].flatMap((value) => addressesIn(value ?? "").map((address) => address.toLowerCase())),
  );
  const original = addressesIn(
    [
      fieldOf(mail.original, "to"),
      fieldOf(mail.original, "x-envelope-to"),
      fieldOf(mail.original, "delivered-to"),
    ].join(", "),
  );
  const isReader = (address: string): boolean =>
    !senders.has(address.toLowerCase()) || original.some((to) => to.toLowerCase() === address.toLowerCase());
  for (const mark of recipientMarks) {
    const found = [...mail.text.matchAll(mark)]
      .flatMap((match) => addressesIn(match[1] ?? ""))
      .filter((address) => isReader(address) && !(isSystemAddress(address) && !original.includes(address)));
    if (found.length > 0) return [...new Map(found.map((address) => [address.toLowerCase(), address])).values()];
  }
  // Nobody is named as the one who could not be reached: of several it may have been any.
  if (original.length > 0) return original.length === 1 ? original : [];
  const others = addressesIn(mail.text).filter((address) => isReader(address) && !isSystemAddress(address));
  return others.length === 1 ? others : [];
}
