import { isMessageId } from "../../platform/message-id.ts";
import { namesAddress, namesPhoneOrIp, replaceAddresses, replaceIps, replacePhones } from "../../platform/spellings.ts";
import { isHashedId, normaliseAddress } from "./address.ts";
import type { IdHasher } from "./id-hasher.ts";
import { ipPrefix } from "./ip-prefix.ts";
import { withoutNames } from "./names-in-text.ts";

/**
 * The one place where text loses what names a person, on every road into the warehouse: what kind of text a column or a
 * metadata key holds is said in text-kinds.ts, and here is what becomes of each kind.
 */

/** A text value may be this long; the rest is cut. */
export const maxTextLength = 2000;

const addressMask = "[address]";
const phoneMask = "[phone]";
const prefixOf = (found: string): string => ipPrefix(found) ?? "[ip]";

/** Short words of plain letters: nothing hides in them. */
const isPlainWord = /^[A-Za-z][A-Za-z_-]{0,9}$/;

/** A text without addresses, telephone numbers and queries of URLs, IP addresses as prefixes; cut to `maxTextLength`. */
export const scrubText = (text: string): string => (isPlainWord.test(text) ? text : textScrubbed(text));

const textScrubbed = remembering((text) => cut(text, (one) => withoutQueries(withoutIdentifiers(one))));

/** The same of what a person or a server wrote: names go as well. `localPart` is that of the recipient's address. */
export function scrubPhrase(text: string, localPart: string | undefined): string {
  if (isPlainWord.test(text)) return text.toLowerCase() === localPart ? "[name]" : text;
  return cut(text, (one) => withoutNames(withoutQueries(withoutIdentifiers(one)), localPart));
}

/** A user agent: version numbers may look like IP addresses and stay. */
export const scrubAgent = remembering((text) =>
  cut(text, (one) => {
    const clean = replacePhones(
      replaceAddresses(one, () => addressMask),
      () => phoneMask,
    );
    return replaceIps(clean.replace(urls, scrubUrl), (found, before) =>
      !found.includes(":") && /(?:[\w/.]|rv:)$/.test(before) ? found : prefixOf(found),
    );
  }),
);

const withoutIdentifiers = (text: string): string =>
  replaceIps(
    replacePhones(
      replaceAddresses(text.includes("://") ? text.replace(userInfo, "$1") : text, () => addressMask),
      () => phoneMask,
    ),
    prefixOf,
  );

/** Who logs in, in a URL. */
const userInfo = /(\b[a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/?#<>"']{1,300}@/gi;

/** The same texts come again and again: the last few thousand are remembered with what became of them. */
function remembering(scrub: (text: string) => string): (text: string) => string {
  let fresh = new Map<string, string>();
  let older = new Map<string, string>();
  return (text) => {
    const known = fresh.get(text) ?? older.get(text);
    if (known !== undefined) return known;
    const made = scrub(text);
    if (text.length > 400) return made;
    if (fresh.size >= 5000) {
      older = fresh;
      fresh = new Map();
    }
    fresh.set(text, made);
    return made;
  };
}

/** Scrubbed before it is cut, with some margin, so that the cut cannot leave half an address behind. */
function cut(text: string, scrub: (text: string) => string): string {
  if (text.length <= maxTextLength) return scrub(text);
  return scrub(text.slice(0, maxTextLength * 2)).slice(0, maxTextLength);
}

/** What of a URL's query is kept: how the sender counts campaigns. */
const keptParameters = new Set([
  "utm_source",
  "utm_medium",
  "utm_campaign",
  "utm_content",
  "utm_term",
  "utm_id",
  "utm_source_platform",
]);

/**
 * A URL without user, fragment and query, but for the parameters by which campaigns are counted and that name nobody;
 * addresses, telephone numbers and IP addresses in its path are masked.
 */
export const scrubUrl = remembering((url) => cut(url.trim(), (one) => withoutQuery(withoutIdentifiers(one))));

function withoutQuery(url: string): string {
  const bare = url.split("#", 1)[0]!;
  const at = bare.indexOf("?");
  if (at < 0) return bare;
  const kept = bare
    .slice(at + 1)
    .split(/[&;]/)
    .filter((pair) => {
      const [name = "", value = ""] = pair.split("=", 2);
      return keptParameters.has(name.toLowerCase()) && !value.includes("[") && !namesPhoneOrIp(decoded(value));
    });
  return kept.length > 0 ? `${bare.slice(0, at)}?${kept.join("&")}` : bare.slice(0, at);
}

const decoded = (text: string): string => text.replace(/\+|%(?:25)*20/gi, " ").replace(/%(?:25)*2B/gi, "+");

/** URLs within a text. */
const urls = /\b[a-z][a-z0-9+.-]{1,15}:\/\/[^\s<>"'`\\]+/gi;
const withoutQueries = (text: string): string => (text.includes("://") ? text.replace(urls, withoutQuery) : text);

/** What begins like a URL or has a query. */
export const isUrl = (text: string): boolean =>
  /^\s*(?:[a-z][a-z0-9+.-]*:\/\/|mailto:|tel:|\/)|^[^\s]+\?[^\s]*=/i.test(text);

/**
 * An id as the warehouse knows it. One that spells an address, a telephone number or an IP address becomes a keyed token of
 * the whole, `keyed:` and 128 bits in hex: another one for each person, always the same for the same text, and no way back.
 * What becomes of an id depends on nothing but its text, so that the same id is the same in every row that names it.
 */
export function scrubId(id: string, hashId: IdHasher): string {
  if (isHarmlessId.test(id) || isHashedId(id) || isUuid.test(id)) return id;
  if (!namesAddress(id)) return namesPhoneOrIp(id) ? token(id, hashId) : id;
  return isMessageId(id) ? id : token(replaceAddresses(id, spelledOnce), hashId);
}

/** Without capitals, dots, most signs and longer runs of digits: nothing hides in it, in no spelling. */
const isHarmlessId = /^(?!.*:.*:)(?:(?!\d{3}[-_:#]?\d{3}[-_:#]?\d)(?![0-9a-f]{20})[a-z0-9:_#-])*$/;
const isUuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** Mailboxes are the same in capitals and not; encoded ones stay as they came. */
const spelledOnce = (found: string): string => (found.includes("@") ? normaliseAddress(found) : found);

const token = (id: string, hashId: IdHasher): string =>
  `keyed:${hashId(`id ${Buffer.from(id).toString("base64url")}`).slice(7, 39)}`;
