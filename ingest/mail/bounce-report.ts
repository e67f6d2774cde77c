import { classifyRefusal, codesOf, type Verdict } from "../bounces/classify.ts";
import { readSmtpReply, type SmtpReply } from "../bounces/smtp-reply.ts";
import { personsMeant } from "../sources/message-identity.ts";
import { addressesIn, isSystemAddress } from "./addresses.ts";
import type { Mail } from "./read-mail.ts";
import { fieldOf, type ReportFields, recipientOfBlock } from "./report-fields.ts";

/**
 * What a mail system did with the mail for one recipient (RFC 3464 section 2.3.3); `verified`: it only asked whether the address could be
 * delivered to, as Postfix does for `sendmail -bv`.
 */
export type DeliveryAction = "failed" | "delayed" | "delivered" | "verified";

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

/** `smtp; 550 5.1.1 ...` => `550 5.1.1 ...`. */
const withoutType = (value: string | undefined): string =>
  (value ?? "").replace(/^\s*(smtp|x-(?!unix)[\w-]+|dns|lmtp|eai)\s*;\s*/i, "");
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
  const isFiltersWord = isOfFilter(mail);
  const all = blocks.map(recipientOfBlock).filter((address) => address !== undefined);
  return blocks.map((block) => {
    const recipient = recipientOfBlock(block);
    const status = /\b([245]\.\d{1,3}\.\d{1,3})\b/.exec(fieldOf(block, "status") ?? "")?.[1];
    const diagnostic = withoutType(block.get("diagnostic-code")?.join(" "));
    const prose = aboutRecipient(mail.text, recipient, all);
    const stated = (fieldOf(block, "action") ?? "").toLowerCase();
    const codes = codesOfReport(diagnostic, status, prose);
    const action = actionOf(stated, status, codes);
    const isTold = diagnostic.replace(/[\d.\s]/g, "").length > 8;
    const judged = (said: string) =>
      classifyRefusal({ said, status: codes.enhancedCode, smtpCode: codes.smtpCode, session: prose, isFiltersWord });
    const first = judged(isTold ? diagnostic : `${diagnostic} ${prose}`);
    const verdict = first.reason === "undefined" ? judged(`${diagnostic} ${prose}`) : first;
    return {
      recipient,
      action,
      reason: verdict.reason,
      bounceClass: verdict.bounceClass,
      refusedParty: verdict.refusedParty,
      ...codes,
      diagnostic: oneLine(diagnostic) || oneLine(prose),
      reportingMta: nameOfMta(fieldOf(aboutMessage, "reporting-mta")),
      remoteMta: nameOfMta(fieldOf(block, "remote-mta")),
      attemptedAt: fieldOf(block, "last-attempt-date") ?? fieldOf(aboutMessage, "arrival-date"),
    };
  });
}

const filters =
  /surfcontrol|mailfoundry|mcafee|m-?filter|mailmarshal|trend ?micro|symantec|websense|clearswift|mimesweeper/i;

/** Whether a content filter wrote the report, by what it calls itself where the report began. */
const isOfFilter = (mail: Mail): boolean =>
  filters.test(
    [
      fieldOf(mail.headers, "x-mailer"),
      fieldOf(mail.headers, "x-nai-header"),
      mail.headers.get("received")?.at(-1),
    ].join(" "),
  );

/** The codes of one recipient's block; what it leaves open the words on this recipient may hold. */
function codesOfReport(diagnostic: string, status: string | undefined, prose: string): SmtpReply {
  const codes = codesOf({ said: diagnostic, status });
  const inProse = readSmtpReply(prose);
  const isOpen =
    (status === undefined || /^[245]\.(0\.0|4\.7)$/.test(status)) &&
    readSmtpReply(diagnostic).enhancedCode === undefined;
  const enhancedCode = isOpen ? (inProse.enhancedCode ?? codes.enhancedCode) : codes.enhancedCode;
  const isProgram = /^\s*x-unix\s*;/i.test(diagnostic);
  const smtpCode = codes.smtpCode ?? (isProgram ? undefined : inProse.smtpCode);
  return { ...(smtpCode ? { smtpCode } : {}), ...(enhancedCode ? { enhancedCode } : {}) };
}

/** RFC 3464 section 2.3.3; a status of class 2 is a success (RFC 3463 section 3), whatever else is left out. */
function actionOf(stated: string, status: string | undefined, codes: SmtpReply): DeliveryAction {
  if (/^(?:un)?deliverable/.test(stated)) return "verified";
  if (/^delayed/.test(stated)) return "delayed";
  if (/^(delivered|relayed|expanded)/.test(stated)) return "delivered";
  const isSuccess = status?.startsWith("2.") && !/^[45]/.test(codes.smtpCode ?? "");
  return isSuccess ? "delivered" : "failed";
}

/**
 * The part of a report's words that is about one recipient: from its first mention to the next recipient's; all of them where there is no other;
 * and none where there are others and this one is not mentioned, so that nobody's verdict comes from somebody else's part.
 */
function aboutRecipient(text: string, recipient: string | undefined, all: readonly string[]): string {
  const isAlone = new Set(all.map((one) => one.toLowerCase())).size <= 1;
  if (isAlone) return text;
  const lower = text.toLowerCase();
  const start = recipient ? lower.indexOf(recipient.toLowerCase()) : -1;
  if (!recipient || start < 0) return "";
  const others = all;
  const ends = others
    .filter((other) => other.toLowerCase() !== recipient.toLowerCase())
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
  /RCPT TO:[ \t]*<?([^<>\s]+@[^<>\s]+?)>?(?=[\s:,;]|$)/gim, // as SMTP has it, or without brackets as Apache James tells it
  /^[ \t]*([^\s<>"[\]]+@[^\s<>"[\]]+)[ \t]+(?:\[|on (?:[A-Z][a-z]{2}, )?\d|Invalid|<|\()/gm,
  /(?:delivered to|deliver(?:ing)?(?: message)? to|recipients?(?: returned [\w ]+)?|following address(?:\(es\))?|unknown (?:user|recipient)|unknown address|failed|errors?|did not reach)[:\s]+<?"?([^\s<>"]+@[^\s<>"]+?)"?[>.,:]?(?=[\s)]|$)/gi,
  /\(([^\s()<>]+@[^\s()<>]+)\)[^\n]{0,40}not (?:listed|found|exist)/gi,
];

/** Reads a report in prose: who could not be reached, and what was said about it. */
function readProse(mail: Mail): readonly RecipientReport[] {
  const recipients = proseRecipients(mail);
  const isFiltersWord = isOfFilter(mail);
  const isDelayed =
    /has not (yet )?been delivered|not yet been delivered|delivery (is |has been )?(delayed|incomplete)|will (keep trying|continue)|still being retried|warning: could not send message/i.test(
      `${fieldOf(mail.headers, "subject") ?? ""} ${mail.text}`,
    );
  const targets: readonly (string | undefined)[] =
    recipients.length > 0 ? recipients : personsMeant(addressesIn(fieldOf(mail.original, "to") ?? ""));
  return targets.map((recipient) => {
    const part = aboutRecipient(mail.text, recipient, recipients);
    const all = recipients.length > 1 ? part : mail.text;
    const sentence = tellingLines(part) || tellingLines(all);
    const inSentence = sentence ? readSmtpReply(sentence) : {};
    const codes = Object.keys(inSentence).length > 0 ? inSentence : readSmtpReply(all);
    const judged = (said: string) =>
      classifyRefusal({
        said,
        status: codes.enhancedCode,
        smtpCode: codes.smtpCode,
        session: all,
        isFiltersWord,
        isProse: true,
      });
    const first = judged(sentence || part);
    const verdict = first.reason === "undefined" ? judged(`${part} ${all}`) : first;
    return {
      recipient,
      action: isDelayed ? "delayed" : "failed",
      reason: verdict.reason,
      bounceClass: verdict.bounceClass,
      refusedParty: verdict.refusedParty,
      ...codes,
      diagnostic: oneLine(sentence || part),
      reportingMta: undefined,
      remoteMta: undefined,
      attemptedAt: undefined,
    };
  });
}

/** A reply with both of its codes is the server's own; a link to a page of help may carry one. */
const wholeReply = /(?:^|[^\d.])[45]\d\d[ -]+#?[45]\.\d{1,3}\.\d{1,3}\b/;
const telling =
  /(?:^|[\s:>])[45]\d\d[\s-]+(?:[45]\.\d+\.\d+|\S)|(?:^|[\s(#;])[45]\.\d{1,3}\.\d{1,3}\b|remote host said|error (?:that the other server returned|message below)|reason:/i;

/** The lines in which a server's reply stands, joined; empty when no line looks like one. */
function tellingLines(text: string): string {
  const lines = text.split(/\r?\n/);
  const whole = lines.findIndex((line) => wholeReply.test(line));
  const index =
    whole >= 0 ? whole : lines.findIndex((line) => telling.test(line) && !/^\s*(date|sent|received)\b/i.test(line));
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
  const marked = (isWanted: (address: string) => boolean): readonly string[] => {
    for (const mark of recipientMarks) {
      const found = [...mail.text.matchAll(mark)]
        .flatMap((match) => addressesIn(match[1] ?? ""))
        .filter((address) => isWanted(address) && !(isSystemAddress(address) && !original.includes(address)));
      if (found.length > 0) return [...new Map(found.map((address) => [address.toLowerCase(), address])).values()];
    }
    return [];
  };
  const readers = marked(isReader);
  if (readers.length > 0) return readers;
  // Nobody is named as the one who could not be reached: of several it may have been any.
  if (original.length > 0) return original.length === 1 ? original : [];
  const others = addressesIn(mail.text).filter((address) => isReader(address) && !isSystemAddress(address));
  if (others.length > 0) return others.length === 1 ? others : [];
  // A mail to oneself comes back to the one whom it names.
  return marked(() => true).slice(0, 1);
}
