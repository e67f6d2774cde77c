import { domainToASCII } from "node:url";

const hashedPattern = /^sha256:[0-9a-fA-F]{64}$/;

/** Whether an id arrives already hashed: `sha256:` and 64 hex digits. Such an id is kept. */
export const isHashedId = (id: string): boolean => id.length === 71 && hashedPattern.test(id);

/**
 * One spelling per mailbox, so that one person has one id whoever reports about them:
 * a display name and angle brackets go (`Jane <Jane@Example.com>`), `mailto:` goes, text is NFC and lower case, an
 * international domain is written in its ASCII form and loses a trailing dot. Dots and `+tags` in the local part stay:
 * only the receiving system knows whether they matter. An id that is not an address is trimmed and otherwise kept.
 */
export function normaliseAddress(raw: string): string {
  if (isNormal.test(raw)) return raw;
  let text = raw.trim();
  if (!text.includes("@")) return text;
  const open = text.lastIndexOf("<");
  const close = text.lastIndexOf(">");
  if (open >= 0 && close > open) text = text.slice(open + 1, close);
  text = text.trim();
  if (/^mailto:/i.test(text)) text = text.slice(7);
  text = text.normalize("NFC").toLowerCase();
  const at = text.lastIndexOf("@");
  const domain = text.slice(at + 1).replace(/\.$/, "");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the question is whether it is ASCII
  const ascii = /^[\x00-\x7f]*$/.test(domain) ? domain : domainToASCII(domain) || domain;
  return `${text.slice(0, at + 1)}${ascii}`;
}

/** Most addresses are normal as they come. */
const isNormal = /^[a-z0-9._+=-]+@[a-z0-9.-]*[a-z0-9]$/;

/** The domain of a normalised address; undefined for an id that is none. */
export function addressDomain(address: string): string | undefined {
  const at = address.lastIndexOf("@");
  return at < 0 || at === address.length - 1 ? undefined : address.slice(at + 1);
}
