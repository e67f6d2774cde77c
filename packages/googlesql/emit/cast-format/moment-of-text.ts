import {
  type CivilFields,
  type CivilMoment,
  momentInZone,
  momentOf,
  monthNames,
} from "../../functions/civil-format.ts";
import { fixedOffset, maxTimestamp, minTimestamp, zonedToUtc, zoneOffset } from "../civil.ts";
import { type CivilKind, type Element, elementsOf, upperOf } from "./elements.ts";

const parseable: ReadonlySet<string> = new Set(
  "LITERAL QUOTED SPACE YYYY YYY YY Y RRRR RR Y,YYY MM MON MONTH DD HH HH12 HH24 MI SS SSSSS FF1 FF2 FF3 FF4 FF5 FF6 FF7 FF8 FF9 A.M. P.M. TZH TZM".split(
    " ",
  ),
);

const barred: Readonly<Record<CivilKind, readonly string[]>> = {
  DATE: ["HOUR", "MINUTE", "SECOND", "MERIDIAN_INDICATOR", "TIME_ZONE"],
  TIME: ["YEAR", "MONTH", "DAY", "TIME_ZONE", "CENTURY", "QUARTER", "WEEK", "ERA_INDICATOR"],
  DATETIME: ["TIME_ZONE"],
  TIMESTAMP: [],
};

const single = ["MERIDIAN_INDICATOR", "YEAR", "MONTH", "DAY", "HOUR", "MINUTE"];

function checkForParsing(elements: readonly Element[], kind: CivilKind): void {
  const types = new Set<string>();
  const first = new Map<string, Element>();
  for (const element of elements) {
    if (!parseable.has(element.type)) throw new Error(`Format element '${element.type}' is not supported for parsing`);
    const type = element.type.replace(/^FF\d$/, "FF");
    if (element.category !== "LITERAL") {
      if (types.has(type)) throw new Error(`Format element '${type}' appears more than once in the format string`);
      const other = first.get(element.category);
      if (other && single.includes(element.category)) {
        throw new Error(
          `More than one format element in category ${element.category} exist: '${other.type}' and '${element.type}'`,
        );
      }
      if (!other) first.set(element.category, element);
    }
    types.add(type);
  }
  for (const category of barred[kind]) {
    const element = first.get(category);
    if (element) {
      throw new Error(
        `Format element in category ${category} ('${element.type}') is not allowed for output type ${kind}`,
      );
    }
  }
  const clash = (a: string, b: boolean): void => {
    if (types.has(a) && b) throw new Error(`Format element '${a}' cannot exist together with another one`);
  };
  clash("HH24", first.has("MERIDIAN_INDICATOR"));
  const isTwelve = types.has("HH") || types.has("HH12");
  if (isTwelve !== first.has("MERIDIAN_INDICATOR")) {
    throw new Error("Format elements HH and HH12 need one of A.M. and P.M., and the other way round");
  }
  clash("SSSSS", first.has("HOUR") || first.has("MINUTE") || types.has("SS"));
}

/** Whether digits follow what the element at `i` reads: it then takes just as many digits as it has letters. */
function precedesDigits(elements: readonly Element[], i: number): boolean {
  const next = elements[i + 1];
  if (!next) return false;
  if (next.type === "QUOTED") return next.literal === "" ? precedesDigits(elements, i + 1) : /^\d/.test(next.literal);
  return !["LITERAL", "SPACE", "MON", "MONTH", "A.M.", "P.M.", "TZH"].includes(next.type);
}

/** UTF-8 text with Unicode white space at its start. */
const space = /^[\p{White_Space}]+/u;

interface Read extends CivilFields {
  twelve: number;
  afternoon: boolean;
  zone: { sign: number; hours: number; minutes: number } | undefined;
}

function parseText(format: string, given: string, kind: CivilKind, now: CivilMoment): Read {
  const elements = elementsOf(format, "value", kind, checkForParsing);
  const read: Read = {
    year: now.year,
    month: now.month,
    day: 1,
    hour: 0,
    minute: 0,
    second: 0,
    micros: 0,
    twelve: 0,
    afternoon: false,
    zone: undefined,
  };
  let rest = given.replace(space, "");
  let i = 0;
  for (; rest !== "" && i < elements.length; i++) {
    const length = parseElement(elements, i, rest, read);
    if (length === undefined)
      throw new Error(`Failed to parse input timestamp string with format element '${elements[i]!.type}'`);
    rest = rest.slice(length);
  }
  rest = rest.replace(space, "");
  while (elements[i]?.type === "QUOTED" && elements[i]!.literal === "") i++;
  if (rest !== "") throw new Error(`Illegal non-space trailing data '${rest}' in timestamp string`);
  if (i < elements.length) {
    throw new Error(
      `Entire timestamp string has been parsed before dealing with format element '${elements[i]!.type}'`,
    );
  }
  if (read.twelve !== 0) read.hour = (read.twelve % 12) + (read.afternoon ? 12 : 0);
  return read;
}

/** How much of the text the element takes; undefined when it does not fit. */
function parseElement(elements: readonly Element[], i: number, rest: string, read: Read): number | undefined {
  const element = elements[i]!;
  const { type } = element;
  const number = (width: number, most: number, max: number, take: (value: number) => void, min = 0, text = rest) => {
    const exact = precedesDigits(elements, i);
    const digits = new RegExp(`^\\d{1,${exact ? width : most}}`).exec(text)?.[0];
    if (digits === undefined || (exact && digits.length < width)) return undefined;
    const value = Number(digits);
    if (value < min || value > max) return undefined;
    take(value);
    return digits.length;
  };
  const into = (field: "month" | "day" | "twelve" | "hour" | "minute" | "second", max: number, min = 0) =>
    number(
      2,
      2,
      max,
      (value) => {
        read[field] = value;
      },
      min,
    );
  const width = element.text.length;
  switch (type) {
    case "LITERAL":
    case "QUOTED":
      return rest.startsWith(element.literal) ? element.literal.length : undefined;
    case "SPACE":
      return space.exec(rest)?.[0].length;
    case "YYYY":
    case "RRRR":
      return number(4, 5, 10_000, (value) => {
        read.year = value;
      });
    case "YYY":
    case "YY":
    case "Y":
      return number(width, width, 10 ** width - 1, (value) => {
        read.year = read.year - (read.year % 10 ** width) + value;
      });
    case "RR":
      return number(2, 2, 99, (value) => {
        const current = read.year % 100;
        const shift = value < 50 && current >= 50 ? 1 : value >= 50 && current < 50 ? -1 : 0;
        read.year = (Math.floor(read.year / 100) + shift) * 100 + value;
      });
    case "Y,YYY": {
      const match = /^(\d{1,2}),(\d{3})/.exec(rest);
      if (!match || Number(match[1]) > 10) return undefined;
      read.year = Number(match[1]) * 1000 + Number(match[2]);
      return match[0].length;
    }
    case "MM":
      return into("month", 12, 1);
    case "MON":
    case "MONTH": {
      const upper = upperOf(rest);
      const at = monthNames.findIndex((name) => upper.startsWith(upperOf(type === "MON" ? name.slice(0, 3) : name)));
      if (at < 0) return undefined;
      read.month = at + 1;
      return type === "MON" ? 3 : monthNames[at]!.length;
    }
    case "DD":
      return into("day", 31, 1);
    case "HH":
    case "HH12":
      return into("twelve", 12, 1);
    case "A.M.":
    case "P.M.": {
      const half = /^([ap])\.m\./i.exec(rest)?.[1];
      if (half === undefined) return undefined;
      read.afternoon = half.toLowerCase() === "p";
      return 4;
    }
    case "HH24":
      return into("hour", 23);
    case "MI":
      return into("minute", 59);
    case "SS":
      return into("second", 59);
    case "SSSSS":
      return number(5, 5, 86_399, (value) => {
        read.hour = Math.floor(value / 3600);
        read.minute = Math.floor(value / 60) % 60;
        read.second = value % 60;
      });
    case "TZH": {
      const sign = rest[0]!;
      if (!"-+ ".includes(sign)) return undefined;
      const length = number(
        2,
        2,
        14,
        (hours) => {
          read.zone = { minutes: 0, ...read.zone, sign: sign === "-" ? -1 : 1, hours };
        },
        0,
        rest.slice(1),
      );
      return length === undefined ? undefined : length + 1;
    }
    case "TZM":
      return number(2, 2, 59, (minutes) => {
        read.zone = { sign: 1, hours: 0, ...read.zone, minutes };
      });
    default: {
      const digits = Number(type.slice(2));
      const found = new RegExp(`^\\d{1,${digits}}`).exec(rest)?.[0];
      if (found === undefined || (precedesDigits(elements, i) && found.length < digits)) return undefined;
      read.micros = Number(found.slice(0, 6).padEnd(6, "0"));
      return found.length;
    }
  }
}

/** What a text says by a format, as microseconds since 1970: of the wall clock, or of the instant for TIMESTAMP. */
export function parseCast(format: string, text: string, kind: CivilKind, zone: string, now: bigint): bigint {
  if (kind === "TIMESTAMP" && fixedOffset(zone) === undefined && zoneOffset(zone, 0n) === undefined) {
    throw new Error(`Invalid time zone: ${zone}`);
  }
  const current = kind === "TIME" ? momentOf(0n) : momentInZone(now, kind === "TIMESTAMP" ? zone : "UTC");
  const read = parseText(format, text, kind, current);
  const lastDay = new Date(Date.UTC(2000 + (read.year % 400), read.month, 0)).getUTCDate();
  // Year 10000 and year 0 may yet come back into range by their offset.
  const days = new Date(0).setUTCFullYear(read.year, read.month - 1, read.day) / 86_400_000;
  if (read.day > lastDay) throw new Error("Invalid result from year, month, day values after parsing");
  const seconds = BigInt(days) * 86_400n + BigInt(read.hour * 3600 + read.minute * 60 + read.second);
  let instant: bigint | undefined = seconds * 1_000_000n;
  if (read.zone) {
    const minutes = read.zone.hours * 60 + read.zone.minutes;
    if (minutes > 14 * 60) throw new Error("Invalid time zone offset");
    instant -= BigInt(read.zone.sign * minutes) * 60_000_000n;
  } else if (kind === "TIMESTAMP") instant = zonedToUtc(instant, zone);
  if (instant === undefined) throw new Error(`Invalid time zone: ${zone}`);
  instant += BigInt(read.micros);
  if (instant < minTimestamp || instant > maxTimestamp)
    throw new Error("The parsing result is out of valid time range");
  return instant;
}
