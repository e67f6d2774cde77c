/** hard: no such mailbox; soft: this mail, for now; block: policy, reputation, or the provider did not even try. */
export type BounceClass = "hard" | "soft" | "block";

export interface SmtpReply {
  /** Three digits, RFC 5321 section 4.2. */
  readonly smtpCode?: string | undefined;
  /** RFC 3463: `5.1.1`. */
  readonly enhancedCode?: string | undefined;
}

/**
 * Finds the reply code and the enhanced code in what a mail server said: `smtp;550 5.1.1 <x@y>: user unknown` => 550, 5.1.1. Codes that stand
 * together are the server's own and go before codes that a gateway put around them: `5.1.0 - Unknown address error 550-'5.7.1 denied'`.
 */
export function readSmtpReply(text: string | null | undefined): SmtpReply {
  if (!text) return {};
  const head = text.slice(0, 4000);
  const pair =
    /(?:^|[^\d.])([245]\d\d)[\s,:;-]+(?:error[ _]code[\s:]*)?['"(<#[]*([245]\.\d{1,3}\.\d{1,3})(?![\d.])/i.exec(head);
  if (pair?.[1] && pair[2]) return { smtpCode: pair[1], enhancedCode: pair[2] };
  const enhanced = /(?:^|[\s;(#:['"-])([245]\.\d{1,3}\.\d{1,3})(?=$|[\s;)\],:>'"-])/.exec(head)?.[1];
  const code = /(?:^|[\s;(:"'[])([245]\d\d)(?=[\s-]+(?:#?[245]\.\d|[^\d\s])|[,;]|$)/.exec(head)?.[1];
  return { ...(code ? { smtpCode: code } : {}), ...(enhanced ? { enhancedCode: enhanced } : {}) };
}

/** RFC 3463 subject.detail of a permanent failure: who is to blame. */
const classBySubject: readonly (readonly [RegExp, BounceClass])[] = [
  [/^5\.1\.[0-36]$/, "hard"], // the address: bad mailbox, bad system, bad syntax, moved
  [/^5\.1\.10$/, "hard"], // RFC 7505: the domain takes no mail
  [/^5\.1\.[78]$/, "block"], // our own address is the trouble
  [/^5\.2\.1$/, "hard"], // mailbox disabled
  [/^5\.2\.[234]$/, "soft"], // full, too long, list trouble
  [/^5\.3\.[14]$/, "soft"],
  [/^5\.4\.[14]$/, "hard"], // no answer from, or no route to, the host
  [/^5\.4\./, "soft"],
  [/^5\.6\./, "soft"], // the content or its form
  [/^5\.7\./, "block"], // security or policy
];

/**
 * The class of a bounce by the codes of RFC 3463 and RFC 5321. `isPermanent` is what the reporter said and decides where
 * the codes do not; a 4.x.x is never hard.
 */
export function bounceClass(reply: SmtpReply, isPermanent: boolean | undefined): BounceClass {
  const { enhancedCode, smtpCode } = reply;
  if (enhancedCode?.startsWith("4.")) return "soft";
  const found = enhancedCode ? classBySubject.find(([pattern]) => pattern.test(enhancedCode)) : undefined;
  if (found) return found[1];
  if (!enhancedCode && smtpCode?.startsWith("4")) return "soft";
  if (smtpCode === "552") return "soft";
  if (isPermanent === undefined) return enhancedCode?.startsWith("5.") || smtpCode?.startsWith("5") ? "hard" : "soft";
  return isPermanent ? "hard" : "soft";
}
