import { namesAddress, namesPhoneOrIp } from "../../platform/spellings.ts";

/**
 * Where texts say where somebody is. A region may be as fine as a country's state, and no finer; an attribute may not be a place at all.
 */

/** A country or a part of it by its code of ISO 3166: `DE`, `DEU`, `US-CA`, `FR-75`. */
const code = /^[A-Z]{2}(?:[A-Z]|-[A-Z0-9]{1,3})?$/i;
/** `Korea, Republic of`: how ISO 3166 writes some names of states. */
const turnedName = /,\s(?:[\p{L}']+\s){0,4}of(?:\sthe)?$/iu;
const letters = /^\p{L}[\p{L}\p{M}\s.'’()&_-]*$/u;

/** Words for streets, as they begin, end or stand in an address; and for what else is finer than a state. */
const street =
  /(?:stra(?:ß|ss)e|str\.|gasse|allee|platz|chaussee)(?:$|[\s,])|(?:^|\s)(?:street|road|avenue|ave|lane|drive|boulevard|blvd|rue|calle|avenida|viale|piazza|ulica|apartment|apt|suite|floor|p\.?\s?o\.?\s?box|postfach)(?:$|[\s.,])/iu;

const mostLetters = 48;
const mostWords = 7;

const known = new Map<string, string | null>();
const mostKnown = 5_000;

/**
 * A region as it may land: a code of ISO 3166-1 or ISO 3166-2, or a short name without a digit. Undefined for what is finer than a country's state or something else:
 * coordinates, streets, postcodes, telephone numbers, addresses, sentences. That a short name is a state's and not a town's is not checked.
 *
 *   coarseRegion("DE-BY")  => "DE-BY"        coarseRegion("us-east")         => "us-east"
 *   coarseRegion("10115")  => undefined      coarseRegion("52.5200,13.4050") => undefined
 */
export function coarseRegion(text: string): string | undefined {
  let found = known.get(text);
  if (found === undefined) {
    found = readRegion(text.trim().normalize("NFC")) ?? null;
    if (known.size < mostKnown && text.length <= mostLetters) known.set(text, found);
  }
  return found ?? undefined;
}

function readRegion(text: string): string | undefined {
  if (code.test(text)) return text;
  if (text.length > mostLetters || text.split(/\s+/).length > mostWords || street.test(text)) return undefined;
  if (namesAddress(text) || namesPhoneOrIp(text)) return undefined;
  return letters.test(text.replace(turnedName, "")) ? text : undefined;
}

const coordinates = /-?\d{1,3}\.\d{3,}\s*[,;/ ]\s*-?\d{1,3}\.\d{3,}|geo:-?\d|\d{1,3}°\s?\d/;
const houseNumber = /\d/;
/** Behind a country's letter, or before a town: `D-10115`, `10115 Berlin`, `SW1A 1AA`. */
const postcode = /\b(?:[A-Z]{1,2}-)?\d{4,5}\s+\p{Lu}\p{L}{2,}|\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b/u;

/** Whether a text tells where somebody is: coordinates, a street with a number, a postcode with its town. */
export const namesPlace = (text: string): boolean =>
  coordinates.test(text) || postcode.test(text) || (street.test(text) && houseNumber.test(text));
