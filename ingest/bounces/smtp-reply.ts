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
  const code = /(?:^|[\s;(:"'[])([245]\d\d)(?=[\s-]+(?:#?[245]\.\d|[^\d\s])|[,;]|:\s|$)/.exec(head)?.[1];
  return { ...(code ? { smtpCode: code } : {}), ...(enhanced ? { enhancedCode: enhanced } : {}) };
}
