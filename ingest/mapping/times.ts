import { DateTime, FixedOffsetZone, IANAZone, type Zone } from "luxon";
import { type Micros, parseInstant } from "../door/instant.ts";

/** How a column, or the whole file, writes its times. */
export interface TimeSpelling {
  /** Patterns of Unicode LDML (`dd/MM/yyyy HH:mm`), or `epoch-seconds | epoch-millis | epoch-micros`; the first that fits counts. */
  readonly formats: readonly string[];
  /** Of times that name none: an IANA name, `UTC` or an offset. */
  readonly zone: string | undefined;
  /** Nothing in the file speaks against UTC: its ISO times without a zone are taken for that, and the event says so. */
  readonly mayAssumeUtc: boolean;
}

export type ReadTime =
  | { readonly kind: "instant"; readonly at: Micros; readonly isZoneAssumed: boolean }
  | { readonly kind: "unreadable"; readonly why: string };

const epochUnits: Readonly<Record<string, number>> = { "epoch-seconds": 1e6, "epoch-millis": 1e3, "epoch-micros": 1 };

/** A zone by its IANA name, `UTC` or an offset like `-06:00`; undefined for what is none. */
export function zoneOf(name: string): Zone | undefined {
  if (/^(?:utc|gmt|z)$/i.test(name)) return FixedOffsetZone.utcInstance;
  if (/^[+-]\d\d(?::?\d\d)?$/.test(name)) {
    const hours = Number(name.slice(1, 3));
    const minutes = Number(name.slice(3).replace(":", "") || "0");
    return hours <= 14 && minutes < 60
      ? FixedOffsetZone.instance((name.startsWith("-") ? -1 : 1) * (hours * 60 + minutes))
      : undefined;
  }
  return IANAZone.isValidZone(name) ? IANAZone.create(name) : undefined;
}

/** Whether a format is one that `readTime` knows. */
export const isTimeFormat = (format: string): boolean =>
  format in epochUnits || (/y/.test(format) && /[dD]/.test(format) && !/[^A-Za-z0-9\s'/.,:;()[\]_+-]/.test(format));

const named = [
  "LLL d, yyyy h:mm a",
  "LLL d, yyyy h:mm:ss a",
  "LLL d, yyyy, h:mm a",
  "LLL d, yyyy, h:mm:ss a",
  "LLL d, yyyy HH:mm",
  "LLL d, yyyy HH:mm:ss",
  "LLL d, yyyy",
  "LLLL d, yyyy h:mm a",
  "LLLL d, yyyy h:mm:ss a",
  "LLLL d, yyyy HH:mm",
  "LLLL d, yyyy HH:mm:ss",
  "LLLL d, yyyy",
  "d LLL yyyy h:mm a",
  "d LLL yyyy HH:mm",
  "d LLL yyyy HH:mm:ss",
  "d LLLL yyyy HH:mm",
  "d LLL yyyy",
  "d-LLL-yyyy HH:mm:ss",
  "d-LLL-yyyy",
];
const isoLocal = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?$/;
const zoneAfter = /^(.*\d(?:\s?[AaPp][Mm]\b)?)\s*[[(]?([A-Za-z]+(?:\/[A-Za-z_+-]+){1,2}|UTC|GMT)[\])]?$/;
const abbreviated = /^(.*\d(?:\s?[AaPp][Mm]\b)?)\s+\(?(?![AP]M\b)([A-Z]{2,5})\)?$/;
const slashed = /^\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b/;

/**
 * Reads a time as exports write them. Without a format: ISO 8601 (also with ` -0600` or an IANA name behind it), RFC 5322, epoch seconds, milliseconds or
 * microseconds by their size, dates with the month's name. What is ambiguous is refused and says what to declare: a date in digits needs a format, a time
 * without a zone needs one (`mayAssumeUtc` apart), an abbreviation of a zone must be one of the declared zone's. A time that a change of clocks skips does
 * not exist; of one that comes twice the first is taken.
 */
export function readTime(value: unknown, spelling: TimeSpelling): ReadTime {
  if (typeof value !== "string") {
    const unit =
      typeof value === "number" ? epochUnits[spelling.formats.find((one) => one in epochUnits) ?? ""] : undefined;
    return instant(unit === undefined ? parseInstant(value) : inRange((value as number) * unit));
  }
  const text = value
    .trim()
    .replace(/\s+/g, " ")
    .replace(/\u202f/g, " ");
  if (spelling.formats.length > 0) return byFormats(text, spelling);
  if (/^\d{9,10}(?:\.\d+)?$|^\d{13}$|^\d{16}$/.test(text)) return instant(parseInstant(Number(text)));
  if (isoLocal.test(text)) {
    if (spelling.zone !== undefined)
      return inZone(DateTime.fromISO(text.replace(" ", "T").replace(",", "."), { zone: zoneOf(spelling.zone)! }), text);
    if (!spelling.mayAssumeUtc) return needsZone;
    const at = parseInstant(text);
    return at === undefined ? notRead : { kind: "instant", at, isZoneAssumed: true };
  }
  const iso = parseInstant(text.replace(/ (?=[+-]\d\d:?\d\d$)/, ""));
  if (iso !== undefined) return instant(iso);
  if (slashed.test(text))
    return {
      kind: "unreadable",
      why: 'day and month in digits: name the order, format: "dd/MM/yyyy HH:mm" or "M/d/yyyy h:mm:ss a"',
    };
  const withZone = zoneAfter.exec(text);
  const zone = withZone ? zoneOf(withZone[2]!) : undefined;
  if (withZone && zone) return local(withZone[1]!, zone);
  const mail = rfc5322(text);
  if (mail !== undefined) return instant(mail);
  const short = abbreviated.exec(text);
  if (short) {
    const declared = spelling.zone === undefined ? undefined : zoneOf(spelling.zone);
    const read = declared ? local(short[1]!, declared) : undefined;
    if (declared && read?.kind === "instant" && isNamed(declared, read.at, short[2]!)) return read;
    return {
      kind: "unreadable",
      why: `"${short[2]}" names several zones or not the one declared: say zone: <IANA name>`,
    };
  }
  const declared = spelling.zone === undefined ? undefined : zoneOf(spelling.zone);
  const read = local(text, declared ?? FixedOffsetZone.utcInstance);
  return read.kind === "instant" && !declared ? needsZone : read;
}

const notRead: ReadTime = { kind: "unreadable", why: "not a time that is known; say its format" };
const needsZone: ReadTime = {
  kind: "unreadable",
  why: "a time without a zone: say zone: UTC or the zone of the account",
};

const instant = (at: Micros | undefined): ReadTime =>
  at === undefined ? notRead : { kind: "instant", at, isZoneAssumed: false };

const inRange = (micros: number): Micros | undefined => parseInstant(Math.round(micros) / 1000);

function byFormats(text: string, { formats, zone }: TimeSpelling): ReadTime {
  for (const format of formats) {
    const unit = epochUnits[format];
    if (unit !== undefined) {
      if (/^-?\d+(?:\.\d+)?$/.test(text)) return instant(inRange(Number(text) * unit));
      continue;
    }
    const pattern = luxonPattern(format);
    const unquoted = format.replace(/'[^']*'/g, "");
    const hasZone = /[XxZzV]/.test(unquoted);
    // LDML's X writes UTC as Z, which Luxon does not read.
    const utc = /XXX/.test(unquoted) ? "+00:00" : "+0000";
    const made = DateTime.fromFormat(/X/.test(unquoted) ? text.replace(/(?<=\d)Z$/, utc) : text, pattern, {
      locale: "en-US",
      setZone: true,
      zone: zone === undefined ? "utc" : zoneOf(zone)!,
    });
    if (!made.isValid) continue;
    if (!hasZone && zone === undefined) return needsZone;
    return hasZone ? instant(parseInstant(made.toMillis())) : inZone(made, text);
  }
  return { kind: "unreadable", why: `not ${formats.map((one) => `"${one}"`).join(" or ")}` };
}

/** Patterns as Unicode LDML (and Java) write them; Luxon has other words for offsets, weekdays and fractions. */
const luxonPattern = (format: string): string =>
  format
    .split(/('[^']*')/)
    .map((part) =>
      part.startsWith("'")
        ? part
        : part
            .replace(/XXX|xxx/g, "ZZ")
            .replace(/XX|xx/g, "ZZZ")
            .replace(/\bZ\b/g, "ZZZ")
            .replace(/VV/g, "z")
            .replace(/EEEE/g, "cccc")
            .replace(/E{1,3}/g, "ccc")
            .replace(/MMMM/g, "LLLL")
            .replace(/MMM/g, "LLL")
            .replace(/uuuu/g, "yyyy")
            .replace(/S{4,}/g, "u")
            .replace(/S{1,2}(?!S)/g, (found, at: number, whole: string) => (whole[at - 1] === "S" ? found : "u")),
    )
    .join("");

/** A local time with a month's name, or ISO, in a zone. */
function local(text: string, zone: Zone): ReadTime {
  if (isoLocal.test(text)) return inZone(DateTime.fromISO(text.replace(" ", "T").replace(",", "."), { zone }), text);
  if (/^\d{14}$/.test(text)) return inZone(DateTime.fromFormat(text, "yyyyMMddHHmmss", { zone }), text);
  const clean = text.replace(/^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},? /i, "").replace(/\b([ap])\.m\./gi, "$1m");
  for (const format of named) {
    const made = DateTime.fromFormat(clean, format, { zone, locale: "en-US" });
    if (made.isValid) return inZone(made, text);
  }
  return notRead;
}

/** What a change of clocks skips does not exist: its clock shows another minute than was written. */
function inZone(made: DateTime, text: string): ReadTime {
  if (!made.isValid) return notRead;
  const minutes = String(made.minute).padStart(2, "0");
  const shown = [made.hour, ((made.hour + 11) % 12) + 1].some((hour) =>
    [String(hour), String(hour).padStart(2, "0")].some(
      (digits) => text.includes(`${digits}:${minutes}`) || text.includes(digits + minutes),
    ),
  );
  const hasClock = /\d[:.]\d\d|\d{12}/.test(text.replace(/\d{1,4}[./-]\d{1,2}[./-]\d{1,4}/, ""));
  if (hasClock && !shown) return { kind: "unreadable", why: "the clocks of the declared zone skip this time" };
  const [first = made] = made.getPossibleOffsets();
  return instant(parseInstant(Math.min(first.toMillis(), made.toMillis())));
}

const months = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const usZones: Readonly<Record<string, string>> = {
  EST: "-0500",
  EDT: "-0400",
  CST: "-0600",
  CDT: "-0500",
  MST: "-0700",
  MDT: "-0600",
  PST: "-0800",
  PDT: "-0700",
  UT: "+0000",
  GMT: "+0000",
  UTC: "+0000",
  Z: "+0000",
};

/** RFC 5322 3.3 and 4.3, with or without commas and weekday; zones by letters are those that the RFC defines. */
function rfc5322(text: string): Micros | undefined {
  const found =
    /^(?:[A-Za-z]{3},? )?(\d{1,2})[ -]([A-Za-z]{3})[ -](\d{4}|\d\d) (\d\d):(\d\d)(?::(\d\d))? ([+-]\d{4}|[A-Z]{1,3})(?: \(.*\))?$/.exec(
      text,
    );
  if (!found) return undefined;
  const [, day, month, year, hour, minute, second = "00", said] = found;
  const zone = /^[+-]/.test(said!) ? said! : usZones[said!];
  const at = months.indexOf(month!.toLowerCase());
  if (at < 0 || zone === undefined) return undefined;
  const full = year!.length === 4 ? year! : String(Number(year) < 50 ? 2000 + Number(year) : 1900 + Number(year));
  return parseInstant(
    `${full}-${String(at + 1).padStart(2, "0")}-${day!.padStart(2, "0")}T${hour}:${minute}:${second}${zone}`,
  );
}

function isNamed(zone: Zone, at: Micros, short: string): boolean {
  const name = zone.offsetName(at / 1000, { format: "short", locale: "en-US" });
  return name === short;
}

/**
 * Whether a file's text shows that its times are not all in UTC: an offset other than zero, a zone's name, a local way to write a
 * date. Then a time without a zone is nobody's guess.
 */
export const speaksAgainstUtc = (text: string): boolean =>
  /\d\d:\d\d(?::\d\d(?:\.\d+)?)? ?[+-](?!00:?00\b)\d\d:?\d\d\b|\d\d:\d\d(?::\d\d)? \(?(?:[ECMP][SD]T|CES?T|WES?T|EES?T|BST|IST|JST|AES?T|[A-Z][a-z]+\/[A-Z][A-Za-z_]+)\b|\b\d{1,2}[/.]\d{1,2}[/.]\d{4},? \d{1,2}[:.]\d\d|\d:\d\d ?[AP]\.?M\b/i.test(
    text,
  );

/** Whether a file's text has times that name no zone. */
export const hasLocalTimes = (text: string): boolean =>
  /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?![.,]\d|[\d:Z+-]| ?[+-]\d|[ ]?(?:UTC|GMT|[A-Z][a-z]+\/))/.test(
    text,
  );
