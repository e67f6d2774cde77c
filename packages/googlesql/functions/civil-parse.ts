/**
 * PARSE_DATE, PARSE_TIME, PARSE_DATETIME and PARSE_TIMESTAMP, element by element as googlesql parse_date_time.cc reads them:
 * numbers take as many digits as they may, white space matches any amount, what is not said is 1970-01-01 00:00:00.
 */
import { daysFromCivil, maxTimestamp, minTimestamp, zonedToUtc, zoneOffset } from "../emit/civil.ts";
import type { FormatKind } from "./civil-format.ts";
import { applyParts } from "./civil-parse/apply-parts.ts";
import type { Fields } from "./civil-parse/fields.ts";
import { readElement } from "./civil-parse/read-element.ts";
import { isSpace, Reader } from "./civil-parse/reader.ts";

const forbidden: Readonly<Record<FormatKind, string>> = {
  date: "cHIklMPpRrSsTXZz",
  time: "AaBbhCcDdeFGgjmsUuVWwxYyZz",
  datetime: "Zz",
  timestamp: "",
};

function checkFormat(format: string, kind: FormatKind): void {
  for (const match of format.matchAll(/%(?:%|E(?:\*S|\d+S|4Y|.)|O.|.)/gs)) {
    const element = match[0].slice(1);
    const letter = element.length > 1 && /^[EO]/.test(element) ? element.at(-1)! : element[0]!;
    if (element !== "%" && forbidden[kind].includes(letter)) {
      throw new Error(`Invalid format: %${element} is not allowed for the ${kind.toUpperCase()} type.`);
    }
  }
}

/** Microseconds since 1970: of the wall clock, and for a timestamp of the instant. */
export function parseCivil(givenFormat: string, givenText: string, kind: FormatKind, zone = "UTC"): bigint {
  // One NUL at the end is the end, as in C.
  const format = givenFormat.replace(/\0$/, "");
  const text = givenText.replace(/\0$/, "");
  checkFormat(format, kind);
  const reader = new Reader(text);
  const f: Fields = {
    year: 1970,
    month: 1,
    day: 1,
    hour: 0,
    minute: 0,
    second: 0,
    micros: 0,
    century: undefined,
    explicitCentury: false,
    twelveHour: false,
    afternoon: false,
    epoch: undefined,
    offset: undefined,
    zone: undefined,
    parts: new Map(),
    nonIso: false,
    last: { year: -1, month: -1, day: -1 },
  };
  reader.spaces();
  let i = 0;
  let place = 0;
  while (reader.at < text.length && i < format.length) {
    const c = format[i]!;
    if (isSpace(c)) {
      reader.spaces();
      while (isSpace(format[i])) i++;
    } else if (c !== "%") {
      reader.literal(c);
      i++;
    } else {
      const match = /^%(E\*S|E\d+S|E4Y|Ez|[EO][A-Za-z]|.)/s.exec(format.slice(i));
      if (!match) throw new Error("Format string cannot end with a single '%'");
      i += match[0].length;
      readElement(reader, f, match[1]!, format[i] === "%", ++place);
    }
  }
  reader.spaces();
  if (reader.at !== text.length) reader.fail();
  for (;;) {
    while (isSpace(format[i])) i++;
    if (format[i] === "%" && (format[i + 1] === "n" || format[i + 1] === "t")) i += 2;
    else break;
  }
  if (i !== format.length) reader.fail();
  return finish(f, kind, zone);
}

function finish(f: Fields, kind: FormatKind, zone: string): bigint {
  if (f.epoch !== undefined) return BigInt(f.epoch) * 1_000_000n;
  if (f.twelveHour && f.afternoon) f.hour += 12;
  if (f.century !== undefined) f.year = f.century * 100 + (f.year % 100);
  let extra = 0n;
  if (f.second === 60) {
    f.second = 59;
    f.micros = 0;
    extra = 1_000_000n;
  }
  applyParts(f);
  const outOfRange = (): never => {
    throw new Error("Out-of-range datetime field in parsing function");
  };
  // Years 0 and 10000 may come back into range by the time zone.
  const shift = f.year < 1 ? 1 : f.year > 9999 ? -1 : 0;
  const days = daysFromCivil(f.year + shift * 400, f.month, f.day);
  if (days === undefined) return outOfRange();
  const local =
    BigInt(days - shift * 146_097) * 86_400_000_000n +
    BigInt(f.hour * 3600 + f.minute * 60 + f.second) * 1_000_000n +
    BigInt(f.micros) +
    extra;
  let result = local;
  if (kind === "timestamp") {
    if (f.offset !== undefined) result = local - BigInt(f.offset) * 60_000_000n;
    else {
      const name = f.zone ?? zone;
      const instant = zoneOffset(name, 0n) === undefined ? undefined : zonedToUtc(local, name);
      if (instant === undefined) throw new Error(`Invalid time zone: ${name}`);
      result = instant;
    }
  }
  if (result < minTimestamp || result > maxTimestamp) throw new Error("Invalid result from parsing function");
  return result;
}
