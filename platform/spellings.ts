import { isIP } from "node:net";

/**
 * Where a text names a person: e-mail addresses in all the spellings in which senders, trackers and people write them,
 * telephone numbers, IP addresses. Everything that looks for them, the door and its tests, asks here.
 */

/** An at sign: as it is, full-width or small, as an entity, escaped, quoted-printable, percent-encoded any number of times. */
const at = String.raw`(?:[@\uff20\ufe6b]|%(?:25){0,4}40|%(?:25){0,4}EF%(?:25){0,4}BC%(?:25){0,4}A0|&#0{0,3}64;|&#x0{0,3}40;|&commat;|\\u0040|\\x40|=40)`;
const local = String.raw`(?:"[^"\r\n]{1,64}"|[^\s<>()[\]{},;:"'\x60|\\/?&#@\uff20\ufe6b=][^\s<>()[\]{},;:"\x60|\\/?&#@\uff20\ufe6b=]{0,63}?(?:=[^\s<>()[\]{},;:"'\x60|\\/?&#@\uff20\ufe6b]{1,190}?)?)`;
const host = String.raw`(?!=?40)[^\s<>()[\]{},;:"'\x60|\\/?&#@%\uff20\ufe6b]{1,253}`;
const signed = new RegExp(`${local}${at}(?:${host}|\\[[0-9a-fA-F.:]{3,45}\\])`, "giu");

/** `jane (at) example (dot) org`, `jane[at]example.org`, `jane at example dot org`. */
const spoken =
  /[\p{L}\p{N}._%+-]{1,64}\s{0,2}[([{<]\s{0,2}(?:at|a|ät|@)\s{0,2}[)\]}>]\s{0,2}[\p{L}\p{N}-]{1,63}(?:\s{0,2}(?:\.|[([{<]\s{0,2}(?:dot|punkt|point|\.)\s{0,2}[)\]}>]|\sdot\s)\s{0,2}[\p{L}\p{N}-]{1,63}){0,5}|[\p{L}\p{N}._%+-]{1,64}\s(?:at|AT)\s[\p{L}\p{N}-]{1,63}(?:\s?(?:\bdot\b|\bDOT\b|[([{]dot[)\]}])\s?[\p{L}\p{N}-]{1,63}){1,5}/giu;

/** What can hold an at sign, decoded: runs of base64 (also for URLs) and of hex digits. */
const run = /[A-Za-z0-9+/_-]{11,4096}(?:(?:=|%(?:25){0,4}3D){0,2})/gi;
/** In base64 an at sign is one of these pairs, by where it stands. */
const mayHoldAt = /Q[A-P]|[EUk0][AB]|[BFJNRVZdhlptx159]A/;
const plainAddress = /[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}(?:@|%40)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}/i;
const hexAt = /^(?:[2-7][0-9a-f])+$/i;

/** `+49 30 1234567`, `(555) 123-4567`, `555-123-4567`, `030/1234567`, `tel:...`; not dates, codes, queue ids. */
const phone =
  /(?<![\w.+-])(?:tel:\s?\+?[\d().\s-]{6,20}\d|(?:\+|00\s?)[1-9](?:[\s().-]{0,2}\d){7,14}|\(\d{3,5}\)[\s.-]?\d{3,4}[\s.-]?\d{3,5}|\d{3}[-. ]\d{3}[-. ]\d{4}|0\d{2,4}[ /-]\d{3,4}(?:[ -]?\d{2,4}){1,2})(?![\w-]|\.\d)/g;

const ipv4 =
  /(?<![\w.])(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?![\w]|\.\d)(?!\/(?:[0-9]|1\d|2[0-4])(?!\d))/g;
/** What may be one of IPv6: `net.isIP` tells. */
const colons =
  /(?<![\w.]|\b[0-9a-f]{1,4}:)(?:[0-9a-f]{1,4}:|::)[0-9a-f:]{1,38}(?:\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])(?!\/(?:[0-9]|[1-3]\d|4[0-8])(?!\d))/gi;

/** A text without any of this has no address in any spelling. */
const mayBeAddress = /[@\uff20\ufe6b%&\\([{<]|=40|\bat\b|[A-Za-z0-9+/_-]{11}/i;

/** Each match of what names a mailbox replaced by what `by` makes of it. */
export function replaceAddresses(text: string, by: (found: string) => string): string {
  if (!mayBeAddress.test(text)) return text;
  let clean = text;
  if (/[@\uff20\ufe6b%&\\]|=40/.test(clean)) clean = clean.replace(signed, by);
  if (/[([{<]|\bat\b/i.test(clean)) clean = clean.replace(spoken, by);
  return clean.replace(run, (found) => {
    if (!hidesAddress(found)) return found;
    // A slash is a digit of base64, and what parts a path.
    const parts = found.split("/");
    const hiding = parts.map(hidesAddress);
    return hiding.includes(true) ? parts.map((part, at) => (hiding[at] ? by(part) : part)).join("/") : by(found);
  });
}

/** Whether a run of base64 or hex digits, decoded, holds an address. */
function hidesAddress(found: string): boolean {
  if (mayHoldAt.test(found)) {
    const digits = found.replace(/(?:=|%(?:25)*3D)*$/i, "");
    // What stands before it shifts its digits: one of four places is where it begins.
    for (let skip = 0; skip < 4; skip++) {
      if (plainAddress.test(Buffer.from(digits.slice(skip), "base64").toString("latin1"))) return true;
    }
  }
  const hex = found.length % 2 === 0 && found.includes("40") && hexAt.test(found);
  return hex && plainAddress.test(Buffer.from(found, "hex").toString("latin1"));
}

/** Whether a text names a mailbox in any spelling. */
export function namesAddress(text: string): boolean {
  let found = false;
  replaceAddresses(text, (one) => {
    found = true;
    return one;
  });
  return found;
}

export const replacePhones = (text: string, by: (found: string) => string): string =>
  /\d{3}/.test(text) ? text.replace(phone, by) : text;

/** `by` gets what was found and what stands before it. */
export const replaceIps = (text: string, by: (found: string, before: string) => string): string =>
  /\d\.\d|:/.test(text)
    ? text
        .replace(ipv4, (found, at: number, whole: string) => by(found, whole.slice(0, at)))
        .replace(colons, (found, at: number, whole: string) =>
          /\d/.test(found) && isIP(found) === 6 ? by(found, whole.slice(0, at)) : found,
        )
    : text;

/** Whether a text names a telephone or an IP address (a prefix is none). */
export const namesPhoneOrIp = (text: string): boolean =>
  replacePhones(text, () => "") !== text || replaceIps(text, () => "") !== text;
