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
  return year < 1 || year > 9999 ? undefined : daysOf(year, month, day);
}

function daysOf(year: number, month: number, day: number): number | undefined {
  if (month < 1 || month > 12 || day < 1 || day > 31) return undefined;
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
export function fractionText(micros: number): string {
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

const datePattern = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const timePattern = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,6}))?$/;

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
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const fraction = second === 60 && !keepsFraction ? 0n : BigInt(digits.padEnd(6, "0"));
  return BigInt(hour * 3600 + minute * 60 + second) * 1_000_000n + fraction;
}

export function parseTime(text: string): bigint | undefined {
  const micros = readTime(text);
  return micros === undefined ? undefined : micros % dayMicros;
}

const civilPattern = /^(\d{4}-\d{1,2}-\d{1,2})(?:[ Tt](.*))?$/s;

export function parseDatetime(text: string): bigint | undefined {
  const match = civilPattern.exec(text);
  if (!match) return undefined;
  const days = parseDate(match[1]!);
  const time = match[2] === undefined ? 0n : readTime(match[2]);
  if (days === undefined || time === undefined) return undefined;
  const micros = BigInt(days) * dayMicros + time;
  return micros < minTimestamp || micros > maxTimestamp ? undefined : micros;
}

/** Of a TIMESTAMP: the date, and after a space or T the time of day with what follows it, or an offset alone. */
const momentPattern =
  /^(\d{4,5})-(\d{1,2})-(\d{1,2})(?:[ Tt](?:(\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d{1,6})?)(.*)|([+-].*)))?$/s;

/** Microseconds since the epoch; `defaultZone` is for text without one. Only the moment has to be within range, not its date. */
export function parseTimestamp(text: string, defaultZone = "UTC"): bigint | undefined {
  const match = momentPattern.exec(text);
  if (!match) return undefined;
  const days = daysOf(Number(match[1]), Number(match[2]), Number(match[3]));
  // A TIMESTAMP at second 60 keeps its fraction, a DATETIME does not.
  const time = match[4] === undefined ? 0n : readTime(match[4], true);
  const zone = match[6] ?? (match[5] ? writtenZone(match[5]) : defaultZone);
  if (days === undefined || time === undefined || zone === undefined) return undefined;
  const micros = zonedToUtc(BigInt(days) * dayMicros + time, zone);
  return micros === undefined || micros < minTimestamp || micros > maxTimestamp ? undefined : micros;
}

/** What follows a time of day: an offset or Z at once, or a space and a name; UTC may have an offset of its own. */
function writtenZone(text: string): string | undefined {
  const rest = text.startsWith(" UTC") ? text.slice(4) : text;
  if (rest === "" || /^[Zz]$/.test(rest)) return "UTC";
  if (/^[+-]/.test(rest)) return fixedOffset(rest) === undefined ? undefined : rest;
  return / (?![+-])./sy.test(rest) ? rest.slice(1) : undefined;
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

/** Names that the library of time zones under GoogleSQL has for fixed offsets: `UTC0`, `Fixed/UTC+05:30:00`. */
function libraryOffset(name: string): bigint | undefined {
  if (name === "UTC0") return 0n;
  const [, sign, hours, minutes, seconds] = /^Fixed\/UTC([+-])(\d\d):(\d\d):(\d\d)$/.exec(name) ?? [];
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  if (sign === undefined || total > 86_400) return undefined;
  return BigInt(sign === "-" ? -total : total) * 1_000_000n;
}

const formats = new Map<string, Intl.DateTimeFormat | undefined>();

/** Names that ICU knows from before there was a common list, and that are not on it. */
const notInZoneList =
  /^(?:ACT|AET|AGT|ART|AST|BET|BST|CAT|CNT|CST|CTT|EAT|ECT|IET|IST|JST|MIT|NET|NST|PLT|PNT|PRT|PST|SST|VST|SystemV\/.*)$/;

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
    if (
      /^[a-z]/.test(zone) ||
      notInZoneList.test(zone) ||
      (known !== zone && known?.toLowerCase() === zone.toLowerCase())
    )
      format = undefined;
    formats.set(zone, format);
  }
  return formats.get(zone);
}

/** How far the zone is ahead of UTC at an instant, in microseconds; undefined when there is no such zone. */
export function zoneOffset(zone: string, instant: bigint): bigint | undefined {
  const fixed = fixedOffset(zone);
  if (fixed !== undefined) return fixed;
  // A name ends at a NUL, as in C.
  const name = zone.replace(/\0.*$/s, "");
  const library = libraryOffset(name);
  if (library !== undefined) return library;
  const format = formatFor(name);
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
