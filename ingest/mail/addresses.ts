// Addresses in what mails say: RFC 5322 atoms and quoted strings, and with RFC 6532 letters of any script on either side of the @.

const atom = "[\\p{L}\\p{M}\\p{N}\\p{Extended_Pictographic}!#$%&'*+/=?^_`{|}~.-]";
const addressPattern = new RegExp(
  `(?:"(?:[^"\\\\\\s]|\\\\.)+"|${atom}+)@[\\p{L}\\p{M}\\p{N}-]+(?:[.\\u3002\\uff0e\\uff61][\\p{L}\\p{M}\\p{N}-]+)*`,
  "gu",
);

/** Scripts that are written without spaces: what stands before an address in a sentence is no part of it. */
const unspaced = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}\\u30fc";
const glued = new RegExp(`^.*[${unspaced}](?=[A-Za-z0-9!#$%&'*+/=?^_\`{|}~.-]+@)`, "u");
/** A top-level domain is of one script. */
const gluedBehind = new RegExp(`(\\.[A-Za-z]{2,63})[${unspaced}].*$`, "u");

/** Every address in a text, in order, once each (compared without case). */
export function addressesIn(text: string): readonly string[] {
  const found = new Map<string, string>();
  for (const match of text.matchAll(addressPattern)) {
    const isBracketed = text[match.index - 1] === "<";
    const address = isBracketed ? match[0] : match[0].replace(glued, "").replace(gluedBehind, "$1");
    const clean = address.replace(/^["'`<]+|[."'`>]+$/g, "");
    if (/@.+/.test(clean) && !found.has(clean.toLowerCase())) found.set(clean.toLowerCase(), clean);
  }
  return [...found.values()];
}

/** Addresses that speak for a mail system, not for a reader. */
export const isSystemAddress = (address: string): boolean =>
  /^(mailer-daemon|postmaster|mail-daemon|mdaemon|noreply|no-reply|abuse|bounce[s]?|root|daemon|mail-tester)([-+.][^@]*)?@/i.test(
    address,
  );
