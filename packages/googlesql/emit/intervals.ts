/** INTERVAL values as text: GoogleSQL's canonical form, its literals by parts, and what CAST reads. */
import { fractionText } from "./civil.ts";

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

/** What CAST(STRING AS INTERVAL) reads: `Y-M D H:M:S`, parts of that, or ISO 8601 (`P1Y2M3DT4H`). */
export function castInterval(text: string): IntervalParts | undefined {
  const parts = text.startsWith("P") ? isoInterval(text) : shortInterval(text);
  if (parts && isFinerThanMicros(text)) throw new Error("refused.INTERVAL: an INTERVAL finer than a microsecond");
  return parts;
}

/** First and last part by the number of spaces, colons and dashes after a digit, as googlesql interval_value.cc tells them apart. */
const shortForms: Readonly<Record<string, readonly [from: string, to: string]>> = {
  "2 2 1": ["YEAR", "SECOND"],
  "2 1 1": ["YEAR", "MINUTE"],
  "2 0 1": ["YEAR", "HOUR"],
  "1 0 1": ["YEAR", "DAY"],
  "0 0 1": ["YEAR", "MONTH"],
  "2 0 0": ["MONTH", "HOUR"],
  "2 1 0": ["MONTH", "MINUTE"],
  "2 2 0": ["MONTH", "SECOND"],
  "1 1 0": ["DAY", "MINUTE"],
  "1 2 0": ["DAY", "SECOND"],
  "0 2 0": ["HOUR", "SECOND"],
};

function shortInterval(text: string): IntervalParts | undefined {
  const counted = [/ /g, /:/g, /(?<=\d)-/g].map((what) => text.match(what)?.length ?? 0);
  const form = shortForms[counted.join(" ")];
  return form && readIntervalLiteral(text, form[0], form[1]);
}

/** ISO 8601 with GoogleSQL's liberties: parts may be negative, come in any order and more than once, and after T there may be none. */
function isoInterval(text: string): IntervalParts | undefined {
  // What stands behind a NUL is not read, as in C.
  const halves = text.slice(1).replace(/\0.*$/s, "").split("T");
  if (text === "P" || halves.length > 2) return undefined;
  let [months, days, micros] = [0n, 0n, 0n];
  for (const [i, half] of halves.entries()) {
    if (!(i === 0 ? /^(-?\d+[YMWD])*$/ : /^(-?\d+([HM]|([.,]\d*)?S))*$/).test(half)) return undefined;
    for (const [, sign, digits, fraction, part] of half.matchAll(/(-?)(\d+)(?:[.,](\d*))?([A-Z])/g)) {
      if (fraction !== undefined && (fraction === "" || fraction.length > 9)) return undefined;
      const n = BigInt(`${sign}${digits}`);
      if (n < -0x8000_0000_0000_0000n || n > 0x7fff_ffff_ffff_ffffn) return undefined;
      if (i === 1) {
        const scale = part === "H" ? 3_600_000_000n : part === "M" ? 60_000_000n : 1_000_000n;
        const rest = BigInt((fraction ?? "").padEnd(6, "0").slice(0, 6));
        micros += n * scale + (sign === "-" ? -rest : rest);
      } else if (part === "Y" || part === "M") months += n * (part === "Y" ? 12n : 1n);
      else days += n * (part === "W" ? 7n : 1n);
    }
  }
  const parts = { months: Number(months), days: Number(days), micros };
  return intervalInRange(parts) ? parts : undefined;
}

export function intervalText(parts: IntervalParts): string {
  const months = Math.abs(parts.months);
  const micros = parts.micros < 0n ? -parts.micros : parts.micros;
  const seconds = micros / 1_000_000n;
  const time = `${seconds / 3600n}:${(seconds / 60n) % 60n}:${seconds % 60n}${fractionText(Number(micros % 1_000_000n))}`;
  return `${parts.months < 0 ? "-" : ""}${Math.floor(months / 12)}-${months % 12} ${parts.days} ${parts.micros < 0n ? "-" : ""}${time}`;
}

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
  const match = new RegExp(`^${groups.join(" ")}$`).exec(text);
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
  const match = /^([+-]?)(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (!make || !match || (match[3] !== undefined && part !== "SECOND")) return undefined;
  let parts = make(BigInt(match[2]!));
  if (match[3]) parts = { ...parts, micros: parts.micros + BigInt(match[3].padEnd(6, "0").slice(0, 6)) };
  if (match[1] === "-") parts = { months: -parts.months, days: -parts.days, micros: -parts.micros };
  return intervalInRange(parts) ? parts : undefined;
}
