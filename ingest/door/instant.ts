/** Microseconds since the epoch, as a number: exact far beyond any date an e-mail can have. */
export type Micros = number;

const earliest = Date.UTC(1990, 0, 1) * 1000;
const latest = Date.UTC(2200, 0, 1) * 1000;
const isoInstant =
  /^\s*(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*([Zz]|UTC|utc|[+-]\d\d(?::?\d\d)?)?)?\s*$/;

/**
 * Reads an instant: ISO 8601 (a time without a zone is UTC, digits past microseconds are cut), or epoch milliseconds,
 * or epoch seconds where the number is too small to be milliseconds (below 10^11, the year 1973 in milliseconds), or epoch microseconds
 * where it is too large (from 10^14, the year 5138).
 * Undefined for anything else, for a day that does not exist, and for a year outside 1990..2199.
 */
export function parseInstant(value: unknown): Micros | undefined {
  if (typeof value === "string") return parseText(value);
  if (typeof value === "bigint") return parseInstant(Number(value));
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  const size = Math.abs(value);
  return inRange(Math.round(size < 1e11 ? value * 1e6 : size < 1e14 ? value * 1e3 : value));
}

/** The instant as ISO text in UTC with six digits of a second. */
export function instantText(micros: Micros): string {
  const ms = Math.floor(micros / 1000);
  const rest = micros - ms * 1000;
  return new Date(ms).toISOString().replace("Z", `${String(rest).padStart(3, "0")}Z`);
}

/** Two digits at a place in the text; NaN when they are none. */
const two = (text: string, at: number): number => {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
};

/** Days before each month of a common year, from March on, so that a leap day is the last. */
const daysBefore = [306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275];
const daysIn = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Days from 1970-01-01 to a day of the Gregorian calendar; NaN where it has no such day. */
function dayNumber(year: number, month: number, day: number): number {
  if (!(month >= 1 && month <= 12 && day >= 1)) return Number.NaN;
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  if (day > daysIn[month - 1]! + (month === 2 && isLeap ? 1 : 0)) return Number.NaN;
  const from = month > 2 ? year : year - 1; // years begin in March here
  const leaps = Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400);
  return from * 365 + leaps + daysBefore[month - 1]! + day - 719469;
}

/** The form that nearly every event has: `2026-01-31T00:00:00Z`, with or without milliseconds. */
function parseUsual(text: string): Micros | undefined {
  const { length } = text;
  if ((length !== 24 && length !== 20) || text.charCodeAt(length - 1) !== 90) return undefined;
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45 || text.charCodeAt(10) !== 84) return undefined;
  if (text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined;
  const days = dayNumber(two(text, 0) * 100 + two(text, 2), two(text, 5), two(text, 8));
  const hour = two(text, 11);
  const minute = two(text, 14);
  const second = two(text, 17);
  if (!(hour < 24 && minute < 60 && second < 60)) return undefined;
  let ms = 0;
  if (length === 24) {
    const hundreds = text.charCodeAt(20) - 48;
    ms = hundreds >= 0 && hundreds <= 9 && text.charCodeAt(19) === 46 ? hundreds * 100 + two(text, 21) : Number.NaN;
  }
  const micros = (days * 86_400_000 + ((hour * 60 + minute) * 60 + second) * 1000 + ms) * 1000;
  return micros >= earliest && micros < latest ? micros : undefined;
}

function parseText(text: string): Micros | undefined {
  const usual = parseUsual(text);
  if (usual !== undefined) return usual;
  const found = isoInstant.exec(text);
  if (found === null) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone = "Z"] = found;
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day));
  const date = new Date(midnight);
  if (date.getUTCMonth() + 1 !== Number(month) || date.getUTCDate() !== Number(day)) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const offset = offsetMinutes(zone);
  if (offset === undefined) return undefined;
  const minutes = Number(hour) * 60 + Number(minute) - offset;
  const micros = Number(fraction.slice(0, 6).padEnd(6, "0"));
  return inRange(midnight * 1000 + (minutes * 60 + Number(second)) * 1e6 + micros);
}

function offsetMinutes(zone: string): number | undefined {
  if (!/^[+-]/.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(":", "") || "0");
  if (hours > 18 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

const inRange = (micros: Micros): Micros | undefined => (micros >= earliest && micros < latest ? micros : undefined);
