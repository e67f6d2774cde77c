/** FORMAT_DATE, FORMAT_TIME, FORMAT_DATETIME and FORMAT_TIMESTAMP: strftime as GoogleSQL has it, every element. */
import { fixedOffset, zoneOffset } from "../emit/civil.ts";

const dayMicros = 86_400_000_000n;

/** A date and a time of day by their parts. */
export interface CivilFields {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  micros: number;
}

export interface CivilMoment extends Readonly<CivilFields> {
  /** 0 is Sunday. */
  readonly weekday: number;
  /** From 1. */
  readonly dayOfYear: number;
  /** Seconds since 1970 (UTC). */
  readonly epoch: bigint;
  /** Seconds ahead of UTC, in whole minutes. */
  readonly offset: number;
}

export const floorDivide = (a: bigint, b: bigint): bigint => (a >= 0n ? a / b : -((-a + b - 1n) / b));

/** Days since 1970 of the first of January. */
export const firstOfYear = (year: number): number => {
  const date = new Date(0);
  date.setUTCFullYear(year, 0, 1);
  return Math.round(date.getTime() / 86_400_000);
};

export function momentOf(local: bigint, offsetSeconds = 0): CivilMoment {
  const days = floorDivide(local, dayMicros);
  const rest = local - days * dayMicros;
  const seconds = Number(rest / 1_000_000n);
  const date = new Date(Number(days) * 86_400_000);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
    dayOfYear: Number(days) - firstOfYear(date.getUTCFullYear()) + 1,
    hour: Math.floor(seconds / 3600),
    minute: Math.floor(seconds / 60) % 60,
    second: seconds % 60,
    micros: Number(rest % 1_000_000n),
    epoch: floorDivide(local, 1_000_000n) - BigInt(offsetSeconds),
    offset: offsetSeconds,
  };
}

/** The wall clock of an instant in a zone; a zone's seconds (before standard time) are cut off. */
export function momentInZone(instant: bigint, zone: string): CivilMoment {
  const offset = fixedOffset(zone) ?? zoneOffset(zone, instant);
  if (offset === undefined) throw new Error(`Invalid time zone: ${zone}`);
  const seconds = Number(offset / 1_000_000n);
  const minutes = Math.trunc(seconds / 60) * 60;
  return momentOf(instant + BigInt(minutes) * 1_000_000n, minutes);
}

export const dayNames = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
export const monthNames = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

const two = (value: number): string => String(value).padStart(2, "0");

/** ISO year and week of a moment. */
export function isoWeek(moment: CivilMoment): { year: number; week: number; dayOfYear: number } {
  const weekday = (moment.weekday + 6) % 7;
  const start = (year: number): number => {
    const fourth = firstOfYear(year) + 3;
    return fourth - ((((fourth + 3) % 7) + 7) % 7);
  };
  const today = firstOfYear(moment.year) + moment.dayOfYear - 1;
  const thursday = moment.dayOfYear + 3 - weekday;
  const length = firstOfYear(moment.year + 1) - firstOfYear(moment.year);
  const year = thursday < 1 ? moment.year - 1 : thursday > length ? moment.year + 1 : moment.year;
  const dayOfYear = today - start(year) + 1;
  return { year, week: Math.floor((dayOfYear - 1) / 7) + 1, dayOfYear };
}

function zoneText(offset: number, separator: string, seconds = false): string {
  const minutes = Math.abs(offset) / 60;
  const text = `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${separator}${two(minutes % 60)}`;
  return seconds ? `${text}${separator}00` : text;
}

/** `UTC`, `UTC-8`, `UTC+0530`. */
function zoneName(offset: number): string {
  if (offset === 0) return "UTC";
  const minutes = Math.abs(offset) / 60;
  const sign = offset < 0 ? "-" : "+";
  return minutes % 60 === 0
    ? `UTC${sign}${minutes / 60}`
    : `UTC${sign}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

/** A number: digits at least, what it is filled up with where a flag says nothing else, and the value. */
type NumberElement = readonly [least: number, fill: "0" | " ", value: (m: CivilMoment) => number | bigint];

const numbers: Readonly<Record<string, NumberElement>> = {
  C: [1, "0", (m) => Math.floor(m.year / 100)],
  d: [2, "0", (m) => m.day],
  e: [2, " ", (m) => m.day],
  G: [1, "0", (m) => isoWeek(m).year],
  g: [2, "0", (m) => isoWeek(m).year % 100],
  H: [2, "0", (m) => m.hour],
  I: [2, "0", (m) => (m.hour % 12 === 0 ? 12 : m.hour % 12)],
  j: [3, "0", (m) => m.dayOfYear],
  k: [2, " ", (m) => m.hour],
  l: [2, " ", (m) => (m.hour % 12 === 0 ? 12 : m.hour % 12)],
  M: [2, "0", (m) => m.minute],
  m: [2, "0", (m) => m.month],
  S: [2, "0", (m) => m.second],
  s: [1, " ", (m) => m.epoch],
  U: [2, "0", (m) => Math.floor((m.dayOfYear + 6 - m.weekday) / 7)],
  u: [1, "0", (m) => (m.weekday === 0 ? 7 : m.weekday)],
  V: [2, "0", (m) => isoWeek(m).week],
  W: [2, "0", (m) => Math.floor((m.dayOfYear + 6 - ((m.weekday + 6) % 7)) / 7)],
  w: [1, "0", (m) => m.weekday],
  Y: [1, "0", (m) => m.year],
  y: [2, "0", (m) => m.year % 100],
};

const half = (m: CivilMoment): string => (m.hour < 12 ? "AM" : "PM");
const clock = (m: CivilMoment): string => `${two(m.hour)}:${two(m.minute)}:${two(m.second)}`;
const hour12 = (m: CivilMoment): string => two(m.hour % 12 === 0 ? 12 : m.hour % 12);
const slashed = (m: CivilMoment): string => `${two(m.month)}/${two(m.day)}/${two(m.year % 100)}`;

const texts: Readonly<Record<string, (m: CivilMoment) => string>> = {
  A: (m) => dayNames[m.weekday]!,
  a: (m) => dayNames[m.weekday]!.slice(0, 3),
  B: (m) => monthNames[m.month - 1]!,
  b: (m) => monthNames[m.month - 1]!.slice(0, 3),
  h: (m) => monthNames[m.month - 1]!.slice(0, 3),
  c: (m) => `${texts["a"]!(m)} ${texts["b"]!(m)} ${String(m.day).padStart(2)} ${clock(m)} ${m.year}`,
  D: slashed,
  F: (m) => `${m.year}-${two(m.month)}-${two(m.day)}`,
  n: () => "\n",
  P: (m) => half(m).toLowerCase(),
  p: half,
  R: (m) => `${two(m.hour)}:${two(m.minute)}`,
  r: (m) => `${hour12(m)}:${two(m.minute)}:${two(m.second)} ${half(m)}`,
  T: clock,
  t: () => "\t",
  X: clock,
  x: slashed,
  Z: () => "UTC",
  "%": () => "%",
};

export type FormatKind = "date" | "time" | "datetime" | "timestamp";

/** Elements that say nothing about a type stand there as they are written. */
const foreign: Readonly<Record<FormatKind, string>> = {
  date: "cHIklMPpRrSsTXZz",
  time: "AaBbhCcDdeFGgjmQsUuVWwxYyZz",
  datetime: "Zz",
  timestamp: "",
};

/** These take `%E` and `%O` for what they are on their own, and so do the letters behind `afterE` and `afterO`; with any other the element stands as it is written. */
const afterBoth = "nPpRrstTuZz%";
const afterE = "CcXxYy";
const afterO = "BbhCdeGgHIjklMmSUVWwy";

function fraction(micros: number, digits: number): string {
  const all = String(micros).padStart(6, "0").padEnd(Math.max(6, digits), "0");
  return all.slice(0, digits);
}

/** What GoogleSQL adds to the elements of C, without flags; undefined where it is none of them. */
function ownElement(element: string, moment: CivilMoment): string | undefined {
  switch (element) {
    case "%E4Y":
      return String(moment.year).padStart(4, "0");
    case "%Ez":
    case "%:z":
      return zoneText(moment.offset, ":");
    case "%E*z":
    case "%::z":
    case "%:::z":
      return zoneText(moment.offset, ":", true);
    case "%ET":
      return "T";
    case "%Q":
      return String(Math.floor((moment.month - 1) / 3) + 1);
    case "%J":
      return String(isoWeek(moment).dayOfYear).padStart(3, "0");
    case "%z":
      return zoneText(moment.offset, "");
    case "%Z":
      return zoneName(moment.offset);
  }
  const [, count, unit] = /^%E(\*|\d+)([Sf])$/.exec(element) ?? [];
  if (count === undefined) return undefined;
  const all = fraction(moment.micros, count === "*" ? 6 : Math.min(Number(count), 15));
  const digits = count === "*" ? all.replace(/0+$/, "") : all;
  if (unit === "f") return digits === "" && count === "*" ? "0" : digits;
  return `${two(moment.second)}${digits === "" ? "" : `.${digits}`}`;
}

/** Larger widths are refused rather than written out. */
const mostWidth = 1_000;

/**
 * An element of C's strftime with the flags of glibc, which is what BigQuery's goes through: `-` no filling, `_` blanks, `0` zeros, `^` capitals, `#` the other case,
 * and a width. What it does not know stands as it is written, filled up to the width too.
 */
function element(
  whole: string,
  flags: string,
  width: string,
  modifier: string,
  letter: string,
  moment: CivilMoment,
): string {
  if (Number(width) > mostWidth) throw new Error(`Format element is too wide: ${whole.slice(0, 12)}`);
  const fill = [...flags].findLast((flag) => "-_0".includes(flag));
  const padded = (text: string): string => text.padStart(Number(width), fill === "0" ? "0" : " ");
  const numberOf = (value: number | bigint, least: number, usual: "0" | " "): string => {
    const sign = value < 0 ? "-" : "";
    const digits = String(value).slice(sign.length);
    if (fill === "-") return padded(sign + digits);
    const length = Math.max(least, Number(width)) - sign.length;
    const zeros = fill === undefined ? usual === "0" : fill === "0";
    return zeros ? sign + digits.padStart(length, "0") : (sign + digits).padStart(length + sign.length);
  };
  const isKnown =
    modifier === "" || afterBoth.includes(letter) || (modifier === "E" ? afterE : afterO).includes(letter);
  const number = numbers[letter];
  if (isKnown && number) return numberOf(number[2](moment), number[0], number[1]);
  // C is told no zone.
  if (isKnown && letter === "z") return padded("+") + numberOf(0, 4, "0");
  const text = isKnown ? texts[letter]?.(moment) : undefined;
  if (text === undefined) return padded(flags.includes("^") ? whole.toUpperCase() : whole);
  return padded(cased(text, flags, letter));
}

function cased(text: string, flags: string, letter: string): string {
  if (letter === "P") return text;
  if (flags.includes("#") && "pZ".includes(letter)) return text.toLowerCase();
  return flags.includes("^") || (flags.includes("#") && "AaBbh".includes(letter)) ? text.toUpperCase() : text;
}

/** Whether an element of GoogleSQL's own says nothing of the type; fractions and offsets with colons always stand for themselves. */
function isForeignElement(own: string, skip: string): boolean {
  if (/^%(?:E(?:\*|\d+)f|E\*z|:)/.test(own)) return false;
  return skip.includes(own.endsWith("f") ? "S" : own === "%ET" ? "T" : own.at(-1)!);
}

export function formatCivil(format: string, moment: CivilMoment, kind: FormatKind): string {
  const skip = foreign[kind];
  let result = "";
  for (let i = 0; i < format.length; ) {
    if (format[i] !== "%") {
      result += format[i++];
      continue;
    }
    const rest = format.slice(i);
    const own = /^%(?:E(?:\*|\d+)[Sf]|E4Y|E\*?z|:{1,3}z|ET|[QJZz])/.exec(rest)?.[0];
    if (own !== undefined) {
      i += own.length;
      result += isForeignElement(own, skip) ? own : ownElement(own, moment)!;
      continue;
    }
    const [start = "", flags = "", width = ""] = /^%([-_0^#]*)(\d*)/.exec(rest) ?? [];
    const modifier = /^[EO]./su.test(rest.slice(start.length)) ? rest[start.length]! : "";
    const letter = [...rest.slice(start.length + modifier.length, start.length + modifier.length + 2)][0] ?? "";
    const whole = start + modifier + letter;
    i += whole.length;
    // Any flag but 0, and a modifier behind a width, hide an element from the rule that a type says nothing of another's.
    const isForeign = skip.includes(letter) && !/[-_^#]/.test(flags) && (modifier === "" || start === "%");
    result += isForeign && letter !== "" ? whole : element(whole, flags, width, modifier, letter, moment);
  }
  return result;
}
