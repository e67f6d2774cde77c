/**
 * String functions that DuckDB has not, or has with other edges. Each works on a list of units, which are code points for
 * STRING and single bytes for BYTES, so that one text of the rule serves both (rules: googlesql public/functions/string.cc).
 */

/** No result of a padding or repeating function may be larger (bytes). */
const maxOutputBytes = 1 << 20;

export const codePoints = (value: string): string[] => Array.from(value);
export const bytesToUnits = (value: Uint8Array): string => Buffer.from(value).toString("latin1");
export const unitsToBytes = (value: string): Uint8Array => Buffer.from(value, "latin1");
const size = (value: string): number => Buffer.byteLength(value);

export function substring(units: readonly string[], position: bigint, length: bigint | undefined): string {
  if (length !== undefined && length < 0n) throw new Error("Third argument in SUBSTR() cannot be negative");
  const count = BigInt(units.length);
  let from = position;
  if (position < 0n) from = -position > count ? 0n : count + position;
  else if (position > 0n) from = position - 1n;
  if (from >= count) return "";
  const to = length === undefined || from + length > count ? count : from + length;
  return units.slice(Number(from), Number(to)).join("");
}

export function pad(units: readonly string[], size64: bigint, pattern: readonly string[], left: boolean): string {
  if (size64 < 0n) throw new Error("Second argument (output size) for LPAD/RPAD cannot be negative");
  if (size64 > BigInt(maxOutputBytes)) throw new Error("Output of LPAD/RPAD exceeds max allowed output size of 1MB");
  if (pattern.length === 0) throw new Error("Third argument (pad pattern) for LPAD/RPAD cannot be empty");
  const wanted = Number(size64);
  if (wanted <= units.length) return units.slice(0, wanted).join("");
  const missing = wanted - units.length;
  const whole = Math.floor(missing / pattern.length);
  const filler = pattern.join("").repeat(whole) + pattern.slice(0, missing - whole * pattern.length).join("");
  const text = units.join("");
  const result = left ? filler + text : text + filler;
  if (size(result) > maxOutputBytes) throw new Error("Output of LPAD/RPAD exceeds max allowed output size of 1MB");
  return result;
}

export function repeat(value: string, bytes: number, times: bigint): string {
  if (times < 0n) throw new Error("Second argument (repeat count) for REPEAT cannot be negative");
  if (bytes === 0) return "";
  if (times > BigInt(maxOutputBytes) || bytes * Number(times) > maxOutputBytes) {
    throw new Error("Output of REPEAT exceeds max allowed output size of 1MB");
  }
  return value.repeat(Number(times));
}

/** INSTR: matches may overlap, a negative position searches backwards, an empty text is found everywhere once. */
export function instr(
  units: readonly string[],
  wanted: readonly string[],
  position: bigint,
  occurrence: bigint,
): bigint {
  if (occurrence < 1n) throw new Error("Occurrence in INSTR/STRPOS must be positive");
  if (position === 0n) throw new Error("Position in INSTR/STRPOS cannot be 0");
  const count = units.length;
  const matches = (at: number): boolean => wanted.every((unit, i) => units[at + i] === unit);
  const last = count - wanted.length;
  let left = occurrence;
  if (position > 0n) {
    if (position - 1n > BigInt(count)) return 0n;
    for (let at = Number(position - 1n); at <= last; at++) {
      if (matches(at) && --left === 0n) return BigInt(at + 1);
    }
    return 0n;
  }
  // -1 is the last unit; for the empty text it is the place after it.
  const from = BigInt(count) + position + (wanted.length === 0 ? 1n : 0n);
  if (from < 0n) return 0n;
  for (let at = Math.min(Number(from), last); at >= 0; at--) {
    if (matches(at) && --left === 0n) return BigInt(at + 1);
  }
  return 0n;
}

export function translate(units: readonly string[], source: readonly string[], target: readonly string[]): string {
  const mapping = new Map<string, string>();
  for (const [i, unit] of source.entries()) {
    if (mapping.has(unit)) throw new Error(`Duplicate character "${unit}" in TRANSLATE source characters`);
    mapping.set(unit, target[i] ?? "");
  }
  const result = units.map((unit) => mapping.get(unit) ?? unit).join("");
  if (size(result) > maxOutputBytes) throw new Error("Output of TRANSLATE exceeds max allowed output size of 1MB");
  return result;
}

export function trim(units: readonly string[], set: ReadonlySet<string>, left: boolean, right: boolean): string {
  let from = 0;
  let to = units.length;
  if (left) while (from < to && set.has(units[from]!)) from++;
  if (right) while (to > from && set.has(units[to - 1]!)) to--;
  return units.slice(from, to).join("");
}

export function split(value: string, units: readonly string[], delimiter: string): string[] {
  if (delimiter !== "") return value.split(delimiter);
  return units.length === 0 ? [""] : [...units];
}

const defaultDelimiters = '[](){}/|<>!?@"^#$&~_,.:;*%+-\\';
const isSpace = /\p{White_Space}/u;

export function initcap(value: string, delimiters: string | undefined): string {
  const set = new Set(codePoints(delimiters ?? defaultDelimiters));
  let start = true;
  let result = "";
  for (const unit of value) {
    if (set.has(unit) || (delimiters === undefined && isSpace.test(unit))) {
      start = true;
      result += unit;
    } else {
      result += simpleCase(unit, start);
      start = false;
    }
  }
  return result;
}

/** One code point to one code point, as u_toupper does it: a mapping to several leaves the letter alone. */
function simpleCase(unit: string, upper: boolean): string {
  if (!upper && unit === "İ") return "i";
  const mapped = upper ? unit.toUpperCase() : unit.toLowerCase();
  return codePoints(mapped).length === 1 ? mapped : unit;
}

const soundexCodes = "01230120022455012623010202";

export function soundex(value: string): string {
  let result = "";
  let previous = "0";
  for (const letter of value) {
    if (!/^[A-Za-z]$/.test(letter)) continue;
    const code = soundexCodes[(letter.toUpperCase().codePointAt(0) ?? 65) - 65] ?? "0";
    if (result === "") {
      result = letter;
      previous = code;
    } else if (code !== "0" && code !== previous) {
      result += code;
      previous = code;
    }
    if (result.length === 4) break;
  }
  return result === "" ? "" : result.padEnd(4, "0");
}

export function fromCodePoints(values: readonly (bigint | null)[]): string | null {
  let result = "";
  if (values.includes(null)) return null;
  for (const value of values as readonly bigint[]) {
    if (value < 0n || value > 0x10ffffn || (value >= 0xd800n && value <= 0xdfffn)) {
      throw new Error(`Invalid codepoint ${value}`);
    }
    result += String.fromCodePoint(Number(value));
  }
  return result;
}

export function bytesFromCodePoints(values: readonly (bigint | null)[]): Uint8Array | null {
  const result = new Uint8Array(values.length);
  if (values.includes(null)) return null;
  for (const [i, value] of (values as readonly bigint[]).entries()) {
    if (value < 0n || value > 255n) throw new Error(`Invalid ASCII value ${value}`);
    result[i] = Number(value);
  }
  return result;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that these bytes are, or undefined when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Every byte that is in no character becomes U+FFFD, one for each byte. */
export function safeDecodeUtf8(bytes: Uint8Array): string {
  const whole = decodeUtf8(bytes);
  if (whole !== undefined) return whole;
  let result = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at]!;
    const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    const one = length === 0 ? undefined : decodeUtf8(bytes.subarray(at, at + length));
    if (one !== undefined && at + length <= bytes.length) {
      result += one;
      at += length;
    } else {
      result += "\ufffd";
      at++;
    }
  }
  return result;
}

export function fromHex(value: string): Uint8Array {
  if (!/^[0-9a-fA-F]*$/.test(value)) throw new Error(`Failed to decode invalid hexadecimal string: ${value}`);
  return Buffer.from(value.length % 2 === 1 ? `0${value}` : value, "hex");
}

/** White space is skipped and padding may be left out, but where it stands it must be right. */
export function fromBase64(value: string): Uint8Array {
  const failed = (): never => {
    throw new Error("Failed to decode invalid base64 string");
  };
  const compact = value.replace(/[ \t\n\v\f\r]/g, "");
  const match = /^([A-Za-z0-9+/]*)([=.]*)$/.exec(compact);
  if (!match) return failed();
  const [, body = "", padding = ""] = match;
  const rest = body.length % 4;
  const missing = (4 - rest) % 4;
  if (rest === 1 || (padding !== "" && padding.length !== missing)) return failed();
  return Buffer.from(body, "base64");
}

const base32Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function toBase32(bytes: Uint8Array): string {
  let result = "";
  let bits = 0;
  let buffer = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      result += base32Alphabet[(buffer >> bits) & 31];
      buffer &= (1 << bits) - 1;
    }
  }
  if (bits > 0) result += base32Alphabet[(buffer << (5 - bits)) & 31];
  return result.padEnd(Math.ceil(result.length / 8) * 8, "=");
}

export function fromBase32(value: string): Uint8Array {
  const failed = (): never => {
    throw new Error("Failed to decode invalid base32 string");
  };
  const match = /^([A-Z2-7]*)(=*)$/i.exec(value);
  if (!match || value.length % 8 !== 0) return failed();
  const body = (match[1] ?? "").toUpperCase();
  if (![0, 1, 3, 4, 6].includes((match[2] ?? "").length)) return failed();
  const bytes: number[] = [];
  let bits = 0;
  let buffer = 0;
  for (const letter of body) {
    buffer = (buffer << 5) | base32Alphabet.indexOf(letter);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((buffer >> bits) & 255);
      buffer &= (1 << bits) - 1;
    }
  }
  return Uint8Array.from(bytes);
}

/** Levenshtein distance over units; with a limit, the limit where it would be more. */
export function editDistance(a: readonly string[], b: readonly string[], limit: bigint | undefined): bigint {
  if (limit !== undefined && limit < 0n) throw new Error("max_distance must be non-negative");
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, unit] of a.entries()) {
    const next = [i + 1];
    for (const [j, other] of b.entries()) {
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (unit === other ? 0 : 1)));
    }
    row = next;
  }
  const distance = BigInt(row[b.length]!);
  return limit !== undefined && distance > limit ? limit : distance;
}

const normalForms = { NFC: "NFC", NFKC: "NFKC", NFD: "NFD", NFKD: "NFKD" } as const;

export function normalForm(mode: string): "NFC" | "NFKC" | "NFD" | "NFKD" | undefined {
  const upper = mode.toUpperCase();
  return upper in normalForms ? normalForms[upper as keyof typeof normalForms] : undefined;
}
