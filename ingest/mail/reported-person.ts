import { createHash } from "node:crypto";
import { messageIdentity, personsMeant } from "../sources/message-identity.ts";
import { addressesIn } from "./addresses.ts";
import { type OwnMail, recipientWrittenInto } from "./own-mail.ts";
import type { Mail } from "./read-mail.ts";
import { addressOfField, fieldOf, messageIdOf, type ReportFields } from "./report-fields.ts";

/** What a reporter writes in place of an address that it hides; nobody is called so. RFC 6590 leaves the form to the reporter. */
const redactedLocalPart =
  /^(?:\W*(?:redacted|removed|hidden|masked|undisclosed|withheld|anonymi[sz]ed)(?:[-_. ]?(?:for[-_. ]?privacy|recipients?|address|by[-_. ].*))?\W*|redacted[-_.+].*|x{3,}|[*#-]+)$/i;
const redactedDomain = /(?:^|\.)(?:invalid|redacted)$|^x+(?:\.x+)*$/i;

/** Whether an address stands for one that is hidden: `redacted@yahoo.example`, `xxxx@example.org`, `kim@redacted.invalid`. */
export function isRedacted(address: string): boolean {
  const at = address.lastIndexOf("@");
  return redactedLocalPart.test(address.slice(0, at)) || redactedDomain.test(address.slice(at + 1));
}

/** Those of some addresses that are no placeholder. */
const shown = (addresses: readonly string[]): readonly string[] => addresses.filter((one) => !isRedacted(one));

/** The token of a one-click link, in the List-Unsubscribe of a mail. A long URL may have been folded. */
function* linkTokens(original: ReportFields | undefined): Generator<string> {
  for (const value of original?.get("list-unsubscribe") ?? [])
    for (const [, url = ""] of value.matchAll(/<([^<>]*)>/g)) {
      const token = /^https?:\/\/.*\/unsubscribe\/([\w.-]+)$/i.exec(url.replace(/\s+/g, ""))?.[1];
      if (token) yield token;
    }
}

interface Reported {
  /** An address or a hashed id; undefined where nobody can say who it was. */
  readonly recipient: string | undefined;
  readonly messageId?: string | undefined;
  readonly isMessageIdShared?: boolean | undefined;
  readonly campaignId?: string | undefined;
}

/**
 * Whom a report is about that returns a mail. What we signed into the mail itself comes first: our one-click link names one e-mail to one person,
 * and no reporter hides it. Then whom the reporter names, each who is to be taken off the list (RFC 6449 appendix B), else the one recipient that
 * it saw (RFC 5965 section 3.3: Original-Rcpt-To names all of them; of several nobody can say who it was), else the mail's own header. Where these
 * are hidden, the recipient that the sender wrote into its return path or its unsubscribe address.
 */
export function personsReported(
  { feedbackReport: report, original }: Pick<Mail, "feedbackReport" | "original">,
  { readLink }: OwnMail,
): readonly Reported[] {
  const identity = messageIdentity("mail", messageIdOf(original));
  for (const token of linkTokens(original)) {
    const owner = readLink?.(token);
    if (owner)
      return [
        {
          ...(owner.messageId ? { messageId: owner.messageId } : identity),
          recipient: owner.userIdHash,
          campaignId: owner.campaignId,
        },
      ];
  }
  const addressesOf = (name: string): readonly string[] =>
    (report?.get(name) ?? []).flatMap((value) => addressOfField(value) ?? []);
  const toRemove = shown(addressesOf("removal-recipient"));
  if (toRemove.length > 0) return [...new Set(toRemove)].map((recipient) => ({ ...identity, recipient }));
  const named = [
    addressesOf("original-rcpt-to"),
    addressesIn(fieldOf(original, "x-hmxmroriginalrecipient") ?? ""),
    addressesIn(fieldOf(original, "to") ?? ""),
  ].map(shown);
  const recipients = named.find((addresses) => addresses.length > 0);
  const meant = recipients ? personsMeant(recipients) : [writtenByTheSender(report, original)];
  return meant.map((recipient) => ({
    ...(recipient === undefined && !identity.messageId
      ? messageIdentity("mail", unnamedId(report, original))
      : identity),
    recipient,
  }));
}

/** For a mail without a Message-ID that went to nobody who is named: a complaint all the same, of a mail that only its report knows. */
function unnamedId(...parts: readonly (ReportFields | undefined)[]): string {
  const told = JSON.stringify(parts.map((part) => [...(part ?? [])]));
  return `unnamed-${createHash("sha256").update(told).digest("hex").slice(0, 32)}`;
}

const writtenByTheSender = (report: ReportFields | undefined, original: ReportFields | undefined): string | undefined =>
  [
    addressOfField(fieldOf(report, "original-mail-from")),
    ...addressesIn(fieldOf(original, "return-path") ?? ""),
    ...addressesIn((original?.get("list-unsubscribe") ?? []).join(" ").replace(/mailto:/gi, " ")),
  ]
    .map((address) => (address === undefined ? undefined : recipientWrittenInto(address)))
    .find((recipient) => recipient !== undefined && !isRedacted(recipient));
