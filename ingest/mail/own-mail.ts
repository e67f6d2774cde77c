import { domainToASCII } from "node:url";
import type { IsOptOutAddress } from "./opt-out.ts";

/** Whom one e-mail was for, as its unsubscribe link says. */
export interface LinkOwner {
  /** `sha256:` and 64 hex digits, as in raw.events. */
  readonly userIdHash: string;
  readonly messageId?: string | undefined;
  readonly campaignId?: string | undefined;
}

/** What a sender's own mails look like: what is known of them again where a report returns one. */
export interface OwnMail {
  /** Whatever mail comes to such an address is an unsubscribe; the usual names where it is not said. */
  readonly isOptOutAddress?: IsOptOutAddress | undefined;
  /** Reads the token of a one-click link; undefined for what no key of ours signed. */
  readonly readLink?: ((token: string) => LinkOwner | undefined) | undefined;
}

const domain = "[\\p{L}\\p{N}-]+(?:\\.[\\p{L}\\p{N}-]+)*\\.\\p{L}{2,}";
const withDomain = new RegExp(`^(.+)=(${domain})$`, "u");

/** What stands before the recipient's local part: SendGrid's `bounces+123-4ae5-`, ezmlm's `news-return-17-`, then `bounce+`, `unsub+8f2c=`, or nothing. */
const before = [
  /^bounces\+\d+-[\da-f]{4,}-(.+)$/i,
  /^.+-return-(?:\d+-)?(.+)$/i,
  /^[^+=]+\+(?:[^=]*=)?(.+)$/,
  /^([^+=]+)$/,
];

/** Signatures over the sender's own address (BATV) and addresses rewritten by a forwarder (SRS) have `=` too, and name no recipient of ours. */
const signed = /^(?:prvs|msprvs1|btv1|srs[01])[=+-]/i;

/** More than any server takes (RFC 5321 section 4.5.3.1.1: 64 octets), as return paths with tags in them have it. */
const longestLocalPart = 512;

/**
 * The recipient that a sender wrote into an address of its own (variable envelope return path; https://cr.yp.to/proto/verp.txt):
 *
 *   recipientWrittenInto("bounce+kim=example.org@news.example.com")  =>  "kim@example.org"
 */
export function recipientWrittenInto(address: string): string | undefined {
  const local = address.slice(0, address.lastIndexOf("@"));
  if (local.length > longestLocalPart || signed.test(local)) return undefined;
  const [, head, host] = withDomain.exec(local) ?? [];
  if (!head || !host || !domainToASCII(host)) return undefined;
  for (const pattern of before) {
    const recipient = pattern.exec(head)?.[1];
    if (recipient) return `${recipient}@${host}`;
  }
  return undefined;
}
