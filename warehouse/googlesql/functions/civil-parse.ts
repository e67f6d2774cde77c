/**
 * PARSE_DATE, PARSE_TIME, PARSE_DATETIME and PARSE_TIMESTAMP, element by element as googlesql parse_date_time.cc reads them:
 * numbers take as many digits as they may, white space matches any amount, what is not said is 1970-01-01 00:00:00.
 */
import { daysFromCivil, maxTimestamp, minTimestamp, zonedToUtc, zoneOffset } from "../emit/civil.ts";
import { dayNames, type FormatKind, firstOfYear, monthNames } from "./civil-format.ts";

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

const isSpace = (c: string | undefined): boolean => c !== undefined && /[ \t\n\v\f\r]/.test(c);

class Reader {
  at = 0;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  fail(): never {
    throw new Error(`Failed to parse input string "${this.text}"`);
  }

  spaces(): void {
    while (isSpace(this.text[this.at])) this.at++;
  }

  int(width: number, min: number, max: number): number {
    let left = width;
    let negative = false;
    if (this.text[this.at] === "-") {
      negative = true;
      if (--left === 0) this.fail();
      this.at++;
    }
    const from = this.at;
    while (left > 0 && /[0-9]/.test(this.text[this.at] ?? "")) {
      this.at++;
      left--;
    }
    if (this.at === from) this.fail();
    const value = Number(this.text.slice(from, this.at));
    if (negative && value === 0) this.fail();
    const signed = negative ? -value : value;
    return signed < min || signed > max ? this.fail() : signed;
  }

  literal(c: string): void {
    if (this.text[this.at] !== c) this.fail();
    this.at++;
  }

  /** A whole name or its first three letters, any case: its index. */
  name(names: readonly string[]): number {
    const rest = this.text.slice(this.at).toLowerCase();
    for (const [i, name] of names.entries()) {
      for (const form of [name, name.slice(0, 3)]) {
        if (rest.startsWith(form.toLowerCase())) {
          this.at += form.length;
          return i;
        }
      }
    }
    return this.fail();
  }

  fraction(digits: number): number {
    if (this.text[this.at] !== ".") return 0;
    const match = /^[0-9]+/.exec(this.text.slice(this.at + 1, digits === 0 ? undefined : this.at + 1 + digits));
    if (!match) return this.fail();
    this.at += 1 + match[0].length;
    return Number(match[0].slice(0, 6).padEnd(6, "0"));
  }

  /** Minutes of `+hh[:mm]`. */
  offset(separator: string): number {
    const match = /^([+-])(\d\d)/.exec(this.text.slice(this.at));
    if (!match || Number(match[2]) > 23) return this.fail();
    this.at += 3;
    let minutes = Number(match[2]) * 60;
    const more = (separator === "" ? /^([0-5]\d)/ : /^:?([0-5]\d)/).exec(this.text.slice(this.at));
    if (more) {
      this.at += more[0].length;
      minutes += Number(more[1]);
    } else if (separator !== "" && this.text[this.at] === ":") this.at++;
    if (minutes > 14 * 60) throw new Error("Timezone offset out of valid range -14:00 to +14:00");
    return match[1] === "-" ? -minutes : minutes;
  }
}

interface Fields {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  micros: number;
  century: number | undefined;
  explicitCentury: boolean;
  twelveHour: boolean;
  afternoon: boolean;
  epoch: number | undefined;
  offset: number | undefined;
  zone: string | undefined;
  /** Parts of a date that are not year, month and day, each with its place in the format. */
  readonly parts: Map<string, { value: number; place: number }>;
  nonIso: boolean;
  readonly last: { year: number; month: number; day: number };
}

/** Microseconds since 1970: of the wall clock, and for a timestamp of the instant. */
export function parseCivil(format: string, text: string, kind: FormatKind, zone = "UTC"): bigint {
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

function readElement(r: Reader, f: Fields, element: string, beforeElement: boolean, place: number): void {
  const part = (name: string, value: number): void => {
    f.parts.set(name, { value, place });
  };
  const mark = (...which: ("year" | "month" | "day")[]): void => {
    f.nonIso = true;
    for (const one of which) f.last[one] = place;
  };
  const time = (): void => {
    f.hour = r.int(2, 0, 23);
    r.literal(":");
    f.minute = r.int(2, 0, 59);
    f.twelveHour = false;
  };
  const twelve = (): void => {
    r.spaces();
    f.hour = r.int(2, 1, 12) % 12;
    f.twelveHour = true;
  };
  const meridian = (): void => {
    const two = r.text.slice(r.at, r.at + 2).toLowerCase();
    if (two !== "am" && two !== "pm") r.fail();
    f.afternoon = two === "pm";
    r.at += 2;
  };
  const shortDate = (): void => {
    r.spaces();
    f.month = r.int(2, 1, 12);
    r.literal("/");
    r.spaces();
    f.day = r.int(2, 1, 31);
    r.literal("/");
    r.spaces();
    const year = r.int(2, 0, 99);
    f.year = year < 69 ? 2000 + year : 1900 + year;
    f.century = undefined;
    mark("year", "month", "day");
  };
  const fullYear = (): void => {
    f.year = beforeElement ? r.int(4, 0, 9999) : r.int(5, 0, 10000);
    f.century = undefined;
    f.explicitCentury = false;
    mark("year");
  };
  const subSecond = /^E(\*|\d+)S$/.exec(element);
  if (subSecond) {
    f.second = r.int(2, 0, 60);
    if (subSecond[1] === "*") f.micros = r.fraction(0);
    else if (Number(subSecond[1]) > 6) r.fail();
    else if (Number(subSecond[1]) > 0) f.micros = r.fraction(Number(subSecond[1]));
    return;
  }
  if (element === "E4Y") {
    const from = r.at;
    f.year = r.int(4, 0, 9999);
    if (r.at - from !== 4) r.fail();
    f.century = undefined;
    mark("year");
    return;
  }
  if (element === "Ez") {
    if (r.text[r.at] === "Z") {
      r.at++;
      f.offset = 0;
    } else f.offset = r.offset(":");
    return;
  }
  const letter = element.length === 2 ? element[1]! : element;
  if (element.length === 2 && !(element[0] === "E" ? "cCxXyY" : "deHIklmMSuUVwWy").includes(letter)) r.fail();
  switch (letter) {
    case "Y":
      fullYear();
      return;
    case "C":
      if (f.century === undefined) f.year = 0;
      f.century = beforeElement ? r.int(2, 0, 99) : r.int(3, 0, 100);
      f.explicitCentury = true;
      mark("year");
      return;
    case "y": {
      f.year = r.int(2, 0, 99);
      if (!f.explicitCentury) f.century = f.year < 69 ? 20 : 19;
      mark("year");
      return;
    }
    case "m":
      f.month = r.int(2, 1, 12);
      mark("month");
      return;
    case "d":
      f.day = r.int(2, 1, 31);
      mark("day");
      return;
    case "e":
      r.spaces();
      f.day = r.int(2, 1, 31);
      mark("day");
      return;
    case "Q":
      f.month = (r.int(1, 1, 4) - 1) * 3 + 1;
      f.day = 1;
      mark("month", "day");
      return;
    case "B":
    case "b":
    case "h":
      f.month = r.name(monthNames) + 1;
      mark("month");
      return;
    case "D":
    case "x":
      shortDate();
      return;
    case "F":
      r.spaces();
      f.year = r.int(4, 0, 9999);
      r.literal("-");
      f.month = r.int(2, 1, 12);
      r.literal("-");
      f.day = r.int(2, 1, 31);
      f.century = undefined;
      mark("year", "month", "day");
      return;
    case "H":
    case "k":
      if (letter === "k") r.spaces();
      f.hour = r.int(2, 0, 23);
      f.twelveHour = false;
      return;
    case "I":
    case "l":
      twelve();
      return;
    case "M":
      f.minute = r.int(2, 0, 59);
      return;
    case "S":
      f.second = r.int(2, 0, 60);
      return;
    case "p":
    case "P":
      meridian();
      return;
    case "R":
      time();
      return;
    case "T":
    case "X":
      time();
      r.literal(":");
      f.second = r.int(2, 0, 60);
      return;
    case "r":
      twelve();
      r.literal(":");
      f.minute = r.int(2, 0, 59);
      r.literal(":");
      f.second = r.int(2, 0, 60);
      r.spaces();
      meridian();
      return;
    case "c": {
      part("weekday", r.name(dayNames));
      r.spaces();
      f.month = r.name(monthNames) + 1;
      r.spaces();
      f.day = r.int(2, 1, 31);
      r.spaces();
      time();
      r.literal(":");
      f.second = r.int(2, 0, 60);
      r.spaces();
      f.year = r.int(4, 0, 9999);
      f.century = undefined;
      f.parts.delete("weekday");
      mark("year", "month", "day");
      return;
    }
    case "s":
      f.epoch = r.int(12, -62_135_596_800, 253_402_300_799);
      mark("year", "month", "day");
      return;
    case "z":
      f.offset = r.offset("");
      return;
    case "Z": {
      const match = /^[^ \t\n\v\f\r]+/.exec(r.text.slice(r.at));
      if (!match) {
        r.fail();
        return;
      }
      r.at += match[0].length;
      f.zone = match[0];
      f.offset = undefined;
      return;
    }
    case "A":
    case "a":
      part("weekday", r.name(dayNames));
      return;
    case "u":
      part("weekday", r.int(1, 1, 7) % 7);
      return;
    case "w":
      part("weekday", r.int(1, 0, 6));
      return;
    case "U":
    case "W":
      f.nonIso = true;
      f.parts.delete("U");
      f.parts.delete("W");
      part(letter, r.int(2, 0, 53));
      return;
    case "V":
      part("V", r.int(2, 1, 53));
      return;
    case "G":
      part("G", r.int(5, 0, 99_999));
      return;
    case "g": {
      const year = r.int(2, 0, 99);
      part("G", year <= 68 ? 2000 + year : 1900 + year);
      return;
    }
    case "J":
      part("J", r.int(3, 1, 371));
      return;
    case "j":
      f.nonIso = true;
      part("j", r.int(3, 1, 366));
      return;
    case "n":
    case "t":
      r.spaces();
      return;
    case "%":
      r.literal("%");
      return;
    default:
      r.fail();
      return;
  }
}

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

/** Replaces year, month and day by what week and day-of-year elements say, where these came last. */
function applyParts(f: Fields): void {
  const { parts } = f;
  const set = (days: number, place: number): void => {
    const date = new Date(days * 86_400_000);
    if (f.last.year < place) f.year = date.getUTCFullYear();
    if (f.last.month < place) f.month = date.getUTCMonth() + 1;
    if (f.last.day < place) f.day = date.getUTCDate();
  };
  const weekday = parts.get("weekday");
  const isoYear = parts.get("G");
  if (isoYear && !f.nonIso) {
    const fourth = firstOfYear(isoYear.value) + 3;
    const start = (year: number): number => {
      const day = firstOfYear(year) + 3;
      return day - ((((day + 3) % 7) + 7) % 7);
    };
    const first = fourth - ((((fourth + 3) % 7) + 7) % 7);
    const length = start(isoYear.value + 1) - first;
    const week = parts.get("V");
    const day = parts.get("J");
    if (day && (day.place > (week?.place ?? -1) || !weekday)) {
      if (day.value > length) throw new Error(`ISO Year ${isoYear.value} has ${length} days`);
      set(first + day.value - 1, Number.POSITIVE_INFINITY);
      return;
    }
    if (week) {
      if (week.value * 7 > length)
        throw new Error(`Invalid ISO week ${week.value} specified for ISO year ${isoYear.value}`);
      set(first + (week.value - 1) * 7 + (weekday ? (weekday.value + 6) % 7 : 0), Number.POSITIVE_INFINITY);
      return;
    }
    set(first, Number.POSITIVE_INFINITY);
    return;
  }
  const week = parts.get("U") ?? parts.get("W");
  const day = parts.get("j");
  if (day && (day.place > (week?.place ?? -1) || !weekday)) {
    if (day.value === 366 && !isLeap(f.year))
      throw new Error(`Year ${f.year} has 365 days, but the specified day of year was 366`);
    set(firstOfYear(f.year) + day.value - 1, day.place);
    return;
  }
  if (week) {
    const sunday = parts.has("U");
    const first = firstOfYear(f.year);
    const firstWeekday = (((first + 4) % 7) + 7) % 7;
    const offset = sunday ? firstWeekday : (firstWeekday + 6) % 7;
    // The day on which week 1 starts; week 0 is what comes before it.
    const start = first + (offset === 0 ? 0 : 7 - offset);
    const lowest = offset === 0 ? 1 : 0;
    const yearLength = isLeap(f.year) ? 366 : 365;
    const zeroDays = offset === 0 ? 0 : 7 - offset;
    const highest = yearLength - zeroDays > 364 ? 53 : 52;
    if (week.value < lowest || week.value > highest)
      throw new Error(`Week number ${week.value} is invalid for year ${f.year}`);
    const shift = weekday ? (sunday ? weekday.value : (weekday.value + 6) % 7) : 0;
    const target = start + (week.value - 1) * 7 + shift;
    if (!weekday && target < first) {
      set(first, week.place);
      return;
    }
    set(target, week.place);
    return;
  }
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
