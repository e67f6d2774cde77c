/**
 * Dates and times as text, by GoogleSQL's canonical formats: numbers of days and microseconds since 1970-01-01 in, and out.
 * All parsers give undefined for text that is no such value, or outside 0001-01-01 .. 9999-12-31.
 */

const dayMicros = 86_400_000_000n;
const minDay = -719_162;
const maxDay = 2_932_896;
export const minTimestamp = BigInt(minDay) * dayMicros;
export const maxTimestamp = BigInt(maxDay + 1) * dayMicros - 1n;

export function daysFromCivil(year: number, month: number, day: number): number | undefined {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1) return undefined;
  return Math.round(date.getTime() / 86_400_000);
}

const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

export function dateText(days: number): string {
  const date = new Date(days * 86_400_000);
  return `${pad(date.getUTCFullYear(), 4)}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`;
}

/** `.123`, `.123456` or nothing. */
function fractionText(micros: number): string {
  if (micros === 0) return "";
  return micros % 1000 === 0 ? `.${pad(micros / 1000, 3)}` : `.${pad(micros, 6)}`;
}

export function timeText(micros: bigint): string {
  const seconds = Number(micros / 1_000_000n);
  return `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}${fractionText(Number(micros % 1_000_000n))}`;
}

export function datetimeText(micros: bigint, separator = " "): string {
  let days = micros / dayMicros;
  let rest = micros % dayMicros;
  if (rest < 0n) {
    days -= 1n;
    rest += dayMicros;
  }
  return `${dateText(Number(days))}${separator}${timeText(rest)}`;
}

export const timestampText = (micros: bigint): string => `${datetimeText(micros)}+00`;

const datePattern = /^(\d{4,5})-(\d{1,2})-(\d{1,2})$/;
const timePattern = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{0,9}))?$/;

export function parseDate(text: string): number | undefined {
  const match = datePattern.exec(text);
  return match ? daysFromCivil(Number(match[1]), Number(match[2]), Number(match[3])) : undefined;
}

/** Microseconds of the day; second 60 runs over into the next minute, as far as there is one. */
function readTime(text: string, keepsFraction = false): bigint | undefined {
  const match = timePattern.exec(text);
  if (!match) return undefined;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const digits = match[4] ?? "";
  if (hour > 23 || minute > 59 || second > 60 || digits.length > 6) return undefined;
  const fraction = second === 60 && !keepsFraction ? 0n : BigInt(digits.padEnd(6, "0"));
  return BigInt(hour * 3600 + minute * 60 + second) * 1_000_000n + fraction;
}

export function parseTime(text: string): bigint | undefined {
  const micros = readTime(text);
  return micros === undefined ? undefined : micros % dayMicros;
}

const civilPattern = /^(\d{4,5}-\d{1,2}-\d{1,2})(?:[ Tt](\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d{0,9})?))?$/;

export const parseDatetime = (text: string): bigint | undefined => readDatetime(text, false);

function readDatetime(text: string, keepsFraction: boolean): bigint | undefined {
  const match = civilPattern.exec(text);
  if (!match) return undefined;
  const days = parseDate(match[1]!);
  const time = match[2] === undefined ? 0n : readTime(match[2], keepsFraction);
  if (days === undefined || time === undefined) return undefined;
  const micros = BigInt(days) * dayMicros + time;
  return micros < minTimestamp || micros > maxTimestamp ? undefined : micros;
}

const zonedPattern =
  /^(\d{4,5}-\d{1,2}-\d{1,2}(?:[ Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d{0,9})?)?)(?:([Zz])|(?: ?([+-]\d{1,2}(?::?\d{1,2})?))| ([A-Za-z][A-Za-z0-9_+\-/]*))?$/;

/** Microseconds since the epoch; `defaultZone` is for text without one. */
export function parseTimestamp(text: string, defaultZone = "UTC"): bigint | undefined {
  const match = zonedPattern.exec(text);
  if (!match) return undefined;
  // A TIMESTAMP at second 60 keeps its fraction, a DATETIME does not.
  const local = readDatetime(match[1]!, true);
  if (local === undefined) return undefined;
  const zone = match[2] ? "UTC" : (match[3] ?? match[4] ?? defaultZone);
  const micros = zonedToUtc(local, zone);
  return micros === undefined || micros < minTimestamp || micros > maxTimestamp ? undefined : micros;
}

/** The instant at which a wall clock in the zone shows `local`; of two the earlier one, in a gap the one after it. */
export function zonedToUtc(local: bigint, zone: string): bigint | undefined {
  const fixed = fixedOffset(zone);
  if (fixed !== undefined) return local - fixed;
  const before = zoneOffset(zone, local - dayMicros);
  const after = zoneOffset(zone, local + dayMicros);
  if (before === undefined || after === undefined) return undefined;
  if (before === after) return local - before;
  const first = local - before;
  if (zoneOffset(zone, first) === before) return first;
  const second = local - after;
  if (zoneOffset(zone, second) === after) return second;
  // In a gap the offset that held before it counts.
  return first;
}

/** Microseconds of `UTC`, `+01`, `-8:30`, `UTC+0530`; undefined for anything else. */
export function fixedOffset(zone: string): bigint | undefined {
  if (zone === "UTC" || zone === "GMT") return 0n;
  const match = /^(?:UTC)?([+-])(\d{1,2})(?::?(\d{1,2}))?$/.exec(zone);
  if (!match) return undefined;
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0);
  if (minutes > 14 * 60 || Number(match[3] ?? 0) > 59) return undefined;
  return BigInt(match[1] === "-" ? -minutes : minutes) * 60_000_000n;
}

const formats = new Map<string, Intl.DateTimeFormat | undefined>();

function formatFor(zone: string): Intl.DateTimeFormat | undefined {
  if (!formats.has(zone)) {
    let format: Intl.DateTimeFormat | undefined;
    try {
      format = new Intl.DateTimeFormat("en-US", {
        timeZone: zone,
        hourCycle: "h23",
        era: "short",
        year: "numeric",
        month: "numeric",
        day: "numeric",
        hour: "numeric",
        minute: "numeric",
        second: "numeric",
      });
    } catch {
      format = undefined;
    }
    // Names of zones have case in GoogleSQL, and none to Intl.
    const known = format?.resolvedOptions().timeZone;
    if (/^[a-z]/.test(zone) || (known !== zone && known?.toLowerCase() === zone.toLowerCase())) format = undefined;
    formats.set(zone, format);
  }
  return formats.get(zone);
}

/** How far the zone is ahead of UTC at an instant, in microseconds; undefined when there is no such zone. */
export function zoneOffset(zone: string, instant: bigint): bigint | undefined {
  const fixed = fixedOffset(zone);
  if (fixed !== undefined) return fixed;
  const format = formatFor(zone);
  if (!format) return undefined;
  const seconds = instant >= 0n ? instant / 1_000_000n : (instant - 999_999n) / 1_000_000n;
  const parts: Record<string, number> = {};
  let before = false;
  for (const part of format.formatToParts(new Date(Number(seconds) * 1000))) {
    if (part.type === "era") before = part.value.startsWith("B");
    else parts[part.type] = Number(part.value);
  }
  const date = new Date(0);
  date.setUTCFullYear(before ? 1 - parts["year"]! : parts["year"]!, parts["month"]! - 1, parts["day"]!);
  date.setUTCHours(parts["hour"]!, parts["minute"]!, parts["second"]!);
  return (BigInt(Math.round(date.getTime() / 1000)) - seconds) * 1_000_000n;
}

const intervalFull = /^([+-]?)(\d+)-(\d+) ([+-]?\d+) ([+-]?)(\d+):(\d+):(\d+)(?:\.(\d{1,6}))?$/;

export interface IntervalParts {
  readonly months: number;
  readonly days: number;
  readonly micros: bigint;
}

/** Between +-10,000 years, in each of the three parts. */
export function intervalInRange(parts: IntervalParts): boolean {
  return (
    Math.abs(parts.months) <= 120_000 &&
    Math.abs(parts.days) <= 3_660_000 &&
    parts.micros <= 316_224_000_000_000_000n &&
    parts.micros >= -316_224_000_000_000_000n
  );
}

/** `1-2 3 4:5:6.789`, the canonical text of an INTERVAL. */
export function parseInterval(text: string): IntervalParts | undefined {
  const match = intervalFull.exec(text);
  if (!match) return undefined;
  const months = Number(match[2]) * 12 + Number(match[3]);
  const seconds = BigInt(match[6]!) * 3600n + BigInt(match[7]!) * 60n + BigInt(match[8]!);
  const micros = seconds * 1_000_000n + BigInt((match[9] ?? "").padEnd(6, "0"));
  const parts = {
    months: match[1] === "-" ? -months : months,
    days: Number(match[4]),
    micros: match[5] === "-" ? -micros : micros,
  };
  return intervalInRange(parts) ? parts : undefined;
}

const isoInterval =
  /^P(?:([+-]?\d+)Y)?(?:([+-]?\d+)M)?(?:([+-]?\d+)W)?(?:([+-]?\d+)D)?(?:T(?=.)(?:([+-]?\d+)H)?(?:([+-]?\d+)M)?(?:([+-]?)(\d+)(?:[.,](\d{1,9}))?S)?)?$/;

/** What CAST(STRING AS INTERVAL) reads: `Y-M D H:M:S`, parts of that, or ISO 8601 (`P1Y2M3DT4H`). */
export function castInterval(text: string): IntervalParts | undefined {
  const parts = castParts(text);
  if (parts && isFinerThanMicros(text)) throw new Error("refused.INTERVAL: an INTERVAL finer than a microsecond");
  return parts;
}

function castParts(text: string): IntervalParts | undefined {
  const whole = parseInterval(text);
  if (whole) return whole;
  for (const [from, to] of [
    ["YEAR", "MONTH"],
    ["YEAR", "DAY"],
    ["DAY", "SECOND"],
    ["HOUR", "SECOND"],
  ] as const) {
    const parts = readIntervalLiteral(text, from, to);
    if (parts) return parts;
  }
  const match = isoInterval.exec(text);
  if (!match || text === "P" || match.slice(1).every((group) => group === undefined)) return undefined;
  const n = (i: number): bigint => BigInt((match[i] ?? "0").replace("+", ""));
  const seconds = n(8) * 1_000_000n + BigInt((match[9] ?? "").padEnd(6, "0").slice(0, 6) || 0);
  const parts = {
    months: Number(n(1) * 12n + n(2)),
    days: Number(n(3) * 7n + n(4)),
    micros: n(5) * 3_600_000_000n + n(6) * 60_000_000n + (match[7] === "-" ? -seconds : seconds),
  };
  return intervalInRange(parts) ? parts : undefined;
}

export function intervalText(parts: IntervalParts): string {
  const months = Math.abs(parts.months);
  const micros = parts.micros < 0n ? -parts.micros : parts.micros;
  const seconds = micros / 1_000_000n;
  const time = `${seconds / 3600n}:${(seconds / 60n) % 60n}:${seconds % 60n}${fractionText(Number(micros % 1_000_000n))}`;
  return `${parts.months < 0 ? "-" : ""}${Math.floor(months / 12)}-${months % 12} ${parts.days} ${parts.micros < 0n ? "-" : ""}${time}`;
}

/** GoogleSQL's text of a FLOAT64 (-0.0 is `0`): C's `%.15g`, or `%.17g` where 15 digits do not read back the same; `inf`, `-inf`, `nan`. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return "0";
  const precision = Number(value.toPrecision(15)) === value ? 15 : 17;
  const [mantissa, exponentText] = value.toExponential(precision - 1).split("e") as [string, string];
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= precision) {
    return `${trimZeros(mantissa)}e${exponent < 0 ? "-" : "+"}${pad(Math.abs(exponent))}`;
  }
  const negative = mantissa.startsWith("-");
  const digits = mantissa.replace(/[-.]/g, "");
  const text =
    exponent >= 0
      ? `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
      : `0.${"0".repeat(-exponent - 1)}${digits}`;
  return `${negative ? "-" : ""}${trimZeros(text)}`;
}

const trimZeros = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

/** Whether an interval's text has more than microseconds: by its language options GoogleSQL keeps that, cuts it off, or fails. */
export const isFinerThanMicros = (text: string): boolean => /[.,]\d{6}\d*[1-9]/.test(text);

const intervalOrder = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"] as const;

/** `INTERVAL '1-2 3' YEAR TO DAY`: the text by the parts it is said to have; undefined when it does not fit. */
export function readIntervalLiteral(text: string, from: string, to: string | undefined): IntervalParts | undefined {
  if (to === undefined) return readSinglePart(text, from);
  const first = intervalOrder.indexOf(from as "YEAR");
  const last = intervalOrder.indexOf(to as "YEAR");
  if (first < 0 || last <= first) return undefined;
  const has = (part: (typeof intervalOrder)[number]): boolean => {
    const at = intervalOrder.indexOf(part);
    return at >= first && at <= last;
  };
  const groups: string[] = [];
  const dates = (["YEAR", "MONTH"] as const).filter(has);
  if (dates.length > 0) groups.push(`([+-]?)${dates.map((part) => `(?<${part}>\\d+)`).join("-")}`);
  if (has("DAY")) groups.push("(?<DAY>[+-]?\\d+)");
  const times = (["HOUR", "MINUTE", "SECOND"] as const).filter(has);
  if (times.length > 0) {
    const each = times.map((part) =>
      part === "SECOND" ? "(?<SECOND>\\d+)(?:\\.(?<fraction>\\d{1,9}))?" : `(?<${part}>\\d+)`,
    );
    groups.push(`(?<time>[+-]?)${each.join(":")}`);
  }
  const match = new RegExp(`^${groups.join(" ")}$`).exec(text.trim());
  const found = match?.groups;
  if (!found) return undefined;
  const number = (part: string): number => Number(found[part] ?? 0);
  const months = number("YEAR") * 12 + number("MONTH");
  const seconds =
    BigInt(found["HOUR"] ?? 0) * 3600n + BigInt(found["MINUTE"] ?? 0) * 60n + BigInt(found["SECOND"] ?? 0);
  const micros = seconds * 1_000_000n + BigInt((found["fraction"] ?? "").padEnd(6, "0").slice(0, 6) || 0);
  const parts = {
    months: dates.length > 0 && match[1] === "-" ? -months : months,
    days: number("DAY"),
    micros: found["time"] === "-" ? -micros : micros,
  };
  return intervalInRange(parts) ? parts : undefined;
}

const perPart: Readonly<Record<string, (n: bigint) => IntervalParts>> = {
  YEAR: (n) => ({ months: Number(n * 12n), days: 0, micros: 0n }),
  QUARTER: (n) => ({ months: Number(n * 3n), days: 0, micros: 0n }),
  MONTH: (n) => ({ months: Number(n), days: 0, micros: 0n }),
  WEEK: (n) => ({ months: 0, days: Number(n * 7n), micros: 0n }),
  DAY: (n) => ({ months: 0, days: Number(n), micros: 0n }),
  HOUR: (n) => ({ months: 0, days: 0, micros: n * 3_600_000_000n }),
  MINUTE: (n) => ({ months: 0, days: 0, micros: n * 60_000_000n }),
  SECOND: (n) => ({ months: 0, days: 0, micros: n * 1_000_000n }),
  MILLISECOND: (n) => ({ months: 0, days: 0, micros: n * 1000n }),
  MICROSECOND: (n) => ({ months: 0, days: 0, micros: n }),
};

export const isIntervalPart = (part: string): boolean => Object.hasOwn(perPart, part);

function readSinglePart(text: string, part: string): IntervalParts | undefined {
  const make = perPart[part];
  const match = /^\s*([+-]?)(\d+)(?:\.(\d{1,9}))?\s*$/.exec(text);
  if (!make || !match || (match[3] !== undefined && part !== "SECOND")) return undefined;
  let parts = make(BigInt(match[2]!));
  if (match[3]) parts = { ...parts, micros: parts.micros + BigInt(match[3].padEnd(6, "0").slice(0, 6)) };
  if (match[1] === "-") parts = { months: -parts.months, days: -parts.days, micros: -parts.micros };
  return intervalInRange(parts) ? parts : undefined;
}
