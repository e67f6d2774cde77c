/**
 * CAST ... FORMAT between text and dates, times and bytes: the format elements of docs/format-elements.md, read and checked as
 * public/functions/cast_date_time.cc does.
 */

import { type CivilMoment, dayNames, momentInZone, momentOf, monthNames } from "../functions/civil-format.ts";
import type { FunctionLibrary, JsValue } from "../functions/contract.ts";
import { formatDecimalBy, formatFloatBy } from "../functions/number-format.ts";
import { fromBase32, fromBase64, fromHex, toBase32 } from "../functions/text-algorithms.ts";
import { fixedOffset, maxTimestamp, minTimestamp, zonedToUtc, zoneOffset } from "./civil.ts";

/** The type at the side of the cast that is not text. */
export type CivilKind = "DATE" | "TIME" | "DATETIME" | "TIMESTAMP";

interface Element {
  /** LITERAL, SPACE, FF, or the element in upper case. */
  readonly type: string;
  readonly category: string;
  readonly text: string;
  /** Of a quoted or simple literal. */
  readonly literal: string;
  readonly casing: "upper" | "lower" | "keep";
}

const categories: Readonly<Record<string, string>> = {
  ...of("YEAR", "YYYY YYY YY Y RRRR RR Y,YYY IYYY IYY IY I SYYYY YEAR SYEAR"),
  ...of("MONTH", "MM MON MONTH RM"),
  ...of("DAY", "DDD DD D DAY DY J"),
  ...of("HOUR", "HH HH12 HH24"),
  ...of("MINUTE", "MI"),
  ...of("SECOND", "SS SSSSS FF1 FF2 FF3 FF4 FF5 FF6 FF7 FF8 FF9 FF10 FF11 FF12"),
  ...of("MERIDIAN_INDICATOR", "AM PM A.M. P.M."),
  ...of("TIME_ZONE", "TZH TZM"),
  ...of("CENTURY", "CC SCC"),
  ...of("QUARTER", "Q"),
  ...of("WEEK", "IW WW W"),
  ...of("ERA_INDICATOR", "AD BC A.D. B.C."),
  ...of("MISC", "SP TH SPTH THSP FM"),
};
const names = Object.keys(categories).sort((a, b) => b.length - a.length);

function of(category: string, list: string): Record<string, string> {
  return Object.fromEntries(list.split(" ").map((name) => [name, category]));
}

const upperOf = (text: string): string => text.replace(/[a-z]/g, (c) => c.toUpperCase());
const lowerOf = (text: string): string => text.replace(/[A-Z]/g, (c) => c.toLowerCase());

function readFormat(format: string): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < format.length; ) {
    const element = readElement(format, at);
    elements.push(element);
    at += element.text.length;
  }
  return elements;
}

function readElement(format: string, at: number): Element {
  const c = format[at]!;
  if ("-./,';:".includes(c)) return { type: "LITERAL", category: "LITERAL", text: c, literal: c, casing: "keep" };
  if (c === " ") {
    const text = /^ +/.exec(format.slice(at))![0];
    return { type: "SPACE", category: "LITERAL", text, literal: text, casing: "keep" };
  }
  if (c === '"') return readQuoted(format, at);
  const rest = upperOf(format.slice(at, at + 5));
  const type = names.find((name) => rest.startsWith(name));
  if (type === undefined) throw new Error(`Cannot find matched format element at ${at}`);
  const text = format.slice(at, at + type.length);
  const category = categories[type]!;
  const lower = /^[a-z]/.test(text);
  const whole =
    category === "MERIDIAN_INDICATOR" || category === "ERA_INDICATOR" || text.length === 1 || type === "Y,YYY";
  const casing = lower ? "lower" : whole || !/^[A-Z][a-z]/.test(text) ? "upper" : "keep";
  return { type, category, text, literal: "", casing };
}

function readQuoted(format: string, at: number): Element {
  let literal = "";
  for (let i = at + 1; i < format.length; i++) {
    let c = format[i]!;
    if (c === '"') {
      return { type: "QUOTED", category: "LITERAL", text: format.slice(at, i + 1), literal, casing: "keep" };
    }
    if (c === "\\") {
      c = format[++i] ?? "";
      if (c !== "\\" && c !== '"') throw new Error(`Unsupported escape sequence \\${c} in text at ${at}`);
    }
    literal += c;
  }
  throw new Error(`Cannot find matching " for quoted literal at ${at}`);
}

const formattable: Readonly<Record<CivilKind, ReadonlySet<string> | undefined>> = {
  DATE: new Set(["LITERAL", "YEAR", "MONTH", "DAY"]),
  TIME: new Set(["LITERAL", "HOUR", "MINUTE", "SECOND", "MERIDIAN_INDICATOR"]),
  DATETIME: new Set(["LITERAL", "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "MERIDIAN_INDICATOR"]),
  TIMESTAMP: undefined,
};

const known = new Map<string, readonly Element[]>();

/** The elements of a format that is right for the purpose; throws what is wrong with it. */
function elementsOf(format: string, purpose: "text" | "value", kind: CivilKind): readonly Element[] {
  const key = `${purpose}${kind}${format}`;
  let elements = known.get(key);
  if (!elements) {
    elements = readFormat(format);
    if (purpose === "value") checkForParsing(elements, kind);
    else {
      const odd = elements.find((one) => formattable[kind]?.has(one.category) === false);
      if (odd) throw new Error(`${kind} does not support '${odd.type}'`);
    }
    if (known.size > 500) known.clear();
    known.set(key, elements);
  }
  return elements;
}

const pad = (value: number, width: number): string => String(value).padStart(width, "0");

function elementText(element: Element, m: CivilMoment): string {
  const width = element.text.length;
  const offset = Math.abs(m.offset) / 60;
  switch (element.type) {
    case "LITERAL":
    case "QUOTED":
    case "SPACE":
      return element.literal;
    case "YYYY":
    case "RRRR":
      return pad(m.year, 4);
    case "YYY":
    case "YY":
    case "Y":
    case "RR":
      return pad(m.year % 10 ** width, width);
    case "MM":
      return pad(m.month, 2);
    case "MON":
      return monthNames[m.month - 1]!.slice(0, 3);
    case "MONTH":
      return monthNames[m.month - 1]!;
    case "D":
      return String(m.weekday + 1);
    case "DD":
      return pad(m.day, 2);
    case "DDD":
      return pad(m.dayOfYear, 3);
    case "DAY":
      return dayNames[m.weekday]!;
    case "DY":
      return dayNames[m.weekday]!.slice(0, 3);
    case "HH":
    case "HH12":
      return pad(m.hour % 12 === 0 ? 12 : m.hour % 12, 2);
    case "HH24":
      return pad(m.hour, 2);
    case "MI":
      return pad(m.minute, 2);
    case "SS":
      return pad(m.second, 2);
    case "SSSSS":
      return pad(m.hour * 3600 + m.minute * 60 + m.second, 5);
    case "AM":
    case "PM":
      return m.hour >= 12 ? "PM" : "AM";
    case "A.M.":
    case "P.M.":
      return m.hour >= 12 ? "P.M." : "A.M.";
    case "TZH":
      return `${m.offset < 0 ? "-" : "+"}${pad(Math.floor(offset / 60), 2)}`;
    case "TZM":
      return pad(Math.floor(offset % 60), 2);
    default: {
      const digits = /^FF([1-9])$/.exec(element.type)?.[1];
      if (digits === undefined) throw new Error(`Unsupported format element '${element.type}'`);
      return pad(m.micros, 6).padEnd(9, "0").slice(0, Number(digits));
    }
  }
}

function formatMoment(format: string, moment: CivilMoment, kind: CivilKind): string {
  return elementsOf(format, "text", kind)
    .map((element) => {
      const text = elementText(element, moment);
      return element.category === "LITERAL" || element.casing === "keep"
        ? text
        : element.casing === "upper"
          ? upperOf(text)
          : lowerOf(text);
    })
    .join("");
}

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

interface Read {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  micros: number;
  twelve: number;
  afternoon: boolean;
  zone: { sign: number; hours: number; minutes: number } | undefined;
}

function parseText(format: string, given: string, kind: CivilKind, now: CivilMoment): Read {
  const elements = elementsOf(format, "value", kind);
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
      return number(
        2,
        2,
        12,
        (value) => {
          read.month = value;
        },
        1,
      );
    case "MON":
    case "MONTH": {
      const upper = upperOf(rest);
      const at = monthNames.findIndex((name) => upper.startsWith(upperOf(type === "MON" ? name.slice(0, 3) : name)));
      if (at < 0) return undefined;
      read.month = at + 1;
      return type === "MON" ? 3 : monthNames[at]!.length;
    }
    case "DD":
      return number(
        2,
        2,
        31,
        (value) => {
          read.day = value;
        },
        1,
      );
    case "HH":
    case "HH12":
      return number(
        2,
        2,
        12,
        (value) => {
          read.twelve = value;
        },
        1,
      );
    case "A.M.":
    case "P.M.": {
      const half = /^([ap])\.m\./i.exec(rest)?.[1];
      if (half === undefined) return undefined;
      read.afternoon = half.toLowerCase() === "p";
      return 4;
    }
    case "HH24":
      return number(2, 2, 23, (value) => {
        read.hour = value;
      });
    case "MI":
      return number(2, 2, 59, (value) => {
        read.minute = value;
      });
    case "SS":
      return number(2, 2, 59, (value) => {
        read.second = value;
      });
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

/** Microseconds since 1970: of the wall clock, or of the instant for TIMESTAMP. */
function parseCast(format: string, text: string, kind: CivilKind, zone: string, now: bigint): bigint {
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

const bits = (text: string, width: number): number[] => {
  const list: number[] = [];
  for (let end = text.length; end > 0; end -= width)
    list.unshift(Number.parseInt(text.slice(Math.max(0, end - width), end), 2));
  return list;
};

function bytesToText(bytes: Uint8Array, format: string): string {
  const binary = (): string => Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  switch (lowerOf(format)) {
    case "base2":
      return binary();
    case "base8":
      return bits(binary(), 3).join("");
    case "base16":
    case "hex":
      return Buffer.from(bytes).toString("hex");
    case "base32":
      return toBase32(bytes);
    case "base64":
      return Buffer.from(bytes).toString("base64");
    case "base64m":
      return Buffer.from(bytes)
        .toString("base64")
        .replace(/.{76}(?=.)/g, "$&\n");
    case "ascii":
      if (bytes.some((byte) => byte > 127)) throw new Error("Failed to decode invalid ASCII string");
      return Buffer.from(bytes).toString("latin1");
    case "utf8":
    case "utf-8":
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch {
        throw new Error("A string is not valid UTF-8.");
      }
    default:
      throw new Error(`Invalid format '${format}'`);
  }
}

function textToBytes(text: string, format: string): Uint8Array {
  switch (lowerOf(format)) {
    case "base2":
      if (/[^01]/.test(text)) throw new Error("Failed to decode invalid base2 string");
      return Uint8Array.from(bits(text, 8));
    case "base8": {
      if (/[^0-7]/.test(text)) throw new Error("Failed to decode invalid base8 string");
      const binary = Array.from(text, (c) => Number(c).toString(2).padStart(3, "0")).join("");
      const count = Math.floor(text.length / 8) * 3 + [0, 1, 1, 1, 2, 2, 2, 3][text.length % 8]!;
      const list = count === 0 ? [] : bits(binary.slice(-count * 8), 8);
      return Uint8Array.from(list);
    }
    case "base16":
    case "hex":
      return fromHex(text);
    case "base32":
      return fromBase32(text);
    case "base64":
    case "base64m":
      return fromBase64(text);
    case "ascii":
      // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII has them
      if (/[^\x00-\x7f]/.test(text)) throw new Error("Failed to decode invalid ASCII string");
      return new Uint8Array(Buffer.from(text, "latin1"));
    case "utf8":
    case "utf-8":
      return new Uint8Array(Buffer.from(text, "utf8"));
    default:
      throw new Error(`Invalid format '${format}'`);
  }
}

type Run = (...args: JsValue[]) => JsValue;
const run = (body: (...args: never[]) => JsValue): Run => body as unknown as Run;

export const castFormatLibrary: FunctionLibrary = {
  functions: [],
  js: [
    {
      name: "gs_cast_float_text",
      args: ["DOUBLE", "VARCHAR"],
      result: "VARCHAR",
      run: run(formatFloatBy),
    },
    {
      name: "gs_cast_decimal_text",
      args: ["VARCHAR", "VARCHAR"],
      result: "VARCHAR",
      run: run(formatDecimalBy),
    },
    {
      name: "gs_cast_civil_text",
      args: ["TIMESTAMP", "VARCHAR", "VARCHAR"],
      result: "VARCHAR",
      run: run((local: bigint, format: string, kind: CivilKind) => formatMoment(format, momentOf(local), kind)),
    },
    {
      name: "gs_cast_instant_text",
      args: ["TIMESTAMPTZ", "VARCHAR", "VARCHAR"],
      result: "VARCHAR",
      run: run((at: bigint, format: string, zone: string) => formatMoment(format, momentInZone(at, zone), "TIMESTAMP")),
    },
    {
      name: "gs_cast_parse_civil",
      args: ["VARCHAR", "VARCHAR", "VARCHAR", "TIMESTAMPTZ"],
      result: "TIMESTAMP",
      run: run((text: string, format: string, kind: CivilKind, now: bigint) =>
        parseCast(format, text, kind, "UTC", now),
      ),
    },
    {
      name: "gs_cast_parse_instant",
      args: ["VARCHAR", "VARCHAR", "VARCHAR", "TIMESTAMPTZ"],
      result: "TIMESTAMPTZ",
      run: run((text: string, format: string, zone: string, now: bigint) =>
        parseCast(format, text, "TIMESTAMP", zone, now),
      ),
    },
    { name: "gs_cast_bytes_text", args: ["BLOB", "VARCHAR"], result: "VARCHAR", run: run(bytesToText) },
    { name: "gs_cast_text_bytes", args: ["VARCHAR", "VARCHAR"], result: "BLOB", run: run(textToBytes) },
  ],
};

/** DuckDB SQL of a cast with a format (and a zone where it may have one); undefined when there is none between the types. */
export function castFormatText(
  from: string,
  to: string,
): ((x: string, format: string, zone: string) => string) | undefined {
  switch (`${from}>${to}`) {
    case "INT64>STRING":
      return (x, f) => `gs_cast_decimal_text(CAST(${x} AS VARCHAR), ${f})`;
    case "NUMERIC>STRING":
      return (x, f) => `gs_cast_decimal_text(gs_numeric_text(${x}), ${f})`;
    case "BIGNUMERIC>STRING":
      return (x, f) => `gs_cast_decimal_text(${x}, ${f})`;
    case "FLOAT64>STRING":
      return (x, f) => `gs_cast_float_text(${x}, ${f})`;
    case "BYTES>STRING":
      return (x, f) => `gs_cast_bytes_text(${x}, ${f})`;
    case "STRING>BYTES":
      return (x, f) => `gs_cast_text_bytes(${x}, ${f})`;
    case "DATE>STRING":
      return (x, f) => `gs_cast_civil_text(CAST(${x} AS TIMESTAMP), ${f}, 'DATE')`;
    case "DATETIME>STRING":
      return (x, f) => `gs_cast_civil_text(${x}, ${f}, 'DATETIME')`;
    case "TIME>STRING":
      return (x, f) => `gs_cast_civil_text(DATE '1970-01-01' + ${x}, ${f}, 'TIME')`;
    case "TIMESTAMP>STRING":
      return (x, f, zone) => `gs_cast_instant_text(${x}, ${f}, ${zone})`;
    case "STRING>DATE":
      return (x, f) => `CAST(gs_cast_parse_civil(${x}, ${f}, 'DATE', now()) AS DATE)`;
    case "STRING>DATETIME":
      return (x, f) => `gs_cast_parse_civil(${x}, ${f}, 'DATETIME', now())`;
    case "STRING>TIME":
      return (x, f) => `CAST(gs_cast_parse_civil(${x}, ${f}, 'TIME', now()) AS TIME)`;
    case "STRING>TIMESTAMP":
      return (x, f, zone) => `gs_cast_parse_instant(${x}, ${f}, ${zone}, now())`;
    default:
      return undefined;
  }
}
