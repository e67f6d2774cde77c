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
const blank = (value: number): string => String(value).padStart(2, " ");

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

const elements: Readonly<Record<string, (m: CivilMoment) => string>> = {
  A: (m) => dayNames[m.weekday]!,
  a: (m) => dayNames[m.weekday]!.slice(0, 3),
  B: (m) => monthNames[m.month - 1]!,
  b: (m) => monthNames[m.month - 1]!.slice(0, 3),
  h: (m) => monthNames[m.month - 1]!.slice(0, 3),
  C: (m) => String(Math.floor(m.year / 100)),
  c: (m) => `${elements["a"]!(m)} ${elements["b"]!(m)} ${blank(m.day)} ${elements["T"]!(m)} ${m.year}`,
  D: (m) => `${two(m.month)}/${two(m.day)}/${two(m.year % 100)}`,
  d: (m) => two(m.day),
  e: (m) => blank(m.day),
  F: (m) => `${m.year}-${two(m.month)}-${two(m.day)}`,
  G: (m) => String(isoWeek(m).year),
  g: (m) => two(isoWeek(m).year % 100),
  H: (m) => two(m.hour),
  I: (m) => two(m.hour % 12 === 0 ? 12 : m.hour % 12),
  J: (m) => String(isoWeek(m).dayOfYear).padStart(3, "0"),
  j: (m) => String(m.dayOfYear).padStart(3, "0"),
  k: (m) => blank(m.hour),
  l: (m) => blank(m.hour % 12 === 0 ? 12 : m.hour % 12),
  M: (m) => two(m.minute),
  m: (m) => two(m.month),
  n: () => "\n",
  P: (m) => (m.hour < 12 ? "am" : "pm"),
  p: (m) => (m.hour < 12 ? "AM" : "PM"),
  Q: (m) => String(Math.floor((m.month - 1) / 3) + 1),
  R: (m) => `${two(m.hour)}:${two(m.minute)}`,
  r: (m) => `${elements["I"]!(m)}:${two(m.minute)}:${two(m.second)} ${elements["p"]!(m)}`,
  S: (m) => two(m.second),
  s: (m) => String(m.epoch),
  T: (m) => `${two(m.hour)}:${two(m.minute)}:${two(m.second)}`,
  t: () => "\t",
  U: (m) => two(Math.floor((m.dayOfYear + 6 - m.weekday) / 7)),
  u: (m) => String(m.weekday === 0 ? 7 : m.weekday),
  V: (m) => two(isoWeek(m).week),
  W: (m) => two(Math.floor((m.dayOfYear + 6 - ((m.weekday + 6) % 7)) / 7)),
  w: (m) => String(m.weekday),
  X: (m) => elements["T"]!(m),
  x: (m) => elements["D"]!(m),
  Y: (m) => String(m.year),
  y: (m) => two(m.year % 100),
  Z: (m) => zoneName(m.offset),
  z: (m) => zoneText(m.offset, ""),
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

/** After `%E` and `%O` these mean what they mean on their own. */
const afterE = "cCxXyY";
const afterO = "deHImMSuUVwWy";

function fraction(micros: number, digits: number): string {
  const all = String(micros).padStart(6, "0").padEnd(Math.max(6, digits), "0");
  return all.slice(0, digits);
}

export function formatCivil(format: string, moment: CivilMoment, kind: FormatKind): string {
  const skip = foreign[kind];
  let result = "";
  for (let i = 0; i < format.length; ) {
    const rest = format.slice(i);
    if (!rest.startsWith("%")) {
      result += format[i++];
      continue;
    }
    const match = /^%(?:(E)(\*|\d+)([Sf])|(E4Y)|(Ez|E\*z)|(:{1,3}z)|([EO])([A-Za-z])|([A-Za-z%+]))/.exec(rest);
    if (!match) {
      if (/^%[-_0^#]|^%\d/.test(rest)) throw new Error(`Format element flags are not supported: ${rest.slice(0, 3)}`);
      result += "%";
      i++;
      continue;
    }
    const [whole, sub, count = "", unit = "", year4, zone, colons, modifier, modified = "", plain = ""] = match;
    i += whole.length;
    if (sub) {
      if (skip.includes("S")) result += whole;
      else if (count === "*") {
        const digits = fraction(moment.micros, 6).replace(/0+$/, "");
        result += unit === "f" ? digits || "0" : `${two(moment.second)}${digits === "" ? "" : `.${digits}`}`;
      } else {
        const digits = fraction(moment.micros, Math.min(Number(count), 15));
        result += unit === "f" ? digits : `${two(moment.second)}${digits === "" ? "" : `.${digits}`}`;
      }
    } else if (year4) result += skip.includes("Y") ? whole : String(moment.year).padStart(4, "0");
    else if (zone) result += skip.includes("z") ? whole : zoneText(moment.offset, ":");
    else if (colons) result += skip.includes("z") ? whole : zoneText(moment.offset, ":", colons.length > 2);
    else if (modifier) {
      if (skip.includes(modified)) result += whole;
      else if ((modifier === "E" ? afterE : afterO).includes(modified)) result += elements[modified]!(moment);
      else if (modifier === "E" && modified === "s") result += elements["s"]!(moment);
      else result += whole;
    } else if (skip.includes(plain)) result += whole;
    else result += elements[plain]?.(moment) ?? whole;
  }
  return result;
}
