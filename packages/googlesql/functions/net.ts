import { isIPv4, isIPv6 } from "node:net";
import type { FunctionLibrary, JsFunction, JsValue } from "./contract.ts";
import { bigNumericKind, type DecimalKind, numericKind, parseDecimal, printDecimal } from "./decimal.ts";
import { scalar, sig } from "./signature.ts";
import { publicSuffix, registrableDomain, urlHost } from "./url-host.ts";

const group = "net";

/** The 4 or 16 bytes of an address, undefined when the text is none. */
export function readAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const bytes = new Uint8Array(16);
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  let head = text;
  if (dotted) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted[2]!.split(".").map(Number);
    head = `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [left = "", right] = head.split("::");
  const words = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16));
  const start = words(left);
  const end = right === undefined ? [] : words(right);
  const put = (at: number, word: number): void => {
    bytes[at * 2] = word >> 8;
    bytes[at * 2 + 1] = word & 255;
  };
  for (const [i, word] of start.entries()) put(i, word);
  for (const [i, word] of end.entries()) put(8 - end.length + i, word);
  return bytes;
}

/** The canonical text (RFC 5952); an IPv4 address in IPv6 keeps its dots. */
export function printAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) throw new Error(`NET.IP_TO_STRING() encountered a non-IP value of ${bytes.length} bytes`);
  const words = Array.from({ length: 8 }, (_, i) => (bytes[i * 2]! << 8) | bytes[i * 2 + 1]!);
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff)
    return `::ffff:${bytes.slice(12).join(".")}`;
  if (words.slice(0, 6).every((word) => word === 0) && words[6] !== 0) return `::${bytes.slice(12).join(".")}`;
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && words[i + length] === 0) length++;
    if (length > best.length) best = { at: i, length };
    i += length;
  }
  const hex = words.map((word) => word.toString(16));
  if (best.at < 0) return hex.join(":");
  return `${hex.slice(0, best.at).join(":")}::${hex.slice(best.at + best.length).join(":")}`;
}

function mask(size: bigint, bits: bigint): Uint8Array {
  if (size !== 4n && size !== 16n)
    throw new Error(`The first argument of NET.IP_NET_MASK() must be either 4 or 16; got ${size}`);
  if (bits < 0n || bits > size * 8n)
    throw new Error(`The second argument of NET.IP_NET_MASK() must be between 0 and ${size * 8n}; got ${bits}`);
  return Uint8Array.from({ length: Number(size) }, (_, i) => {
    const left = Math.max(0, Math.min(8, Number(bits) - i * 8));
    return (0xff << (8 - left)) & 0xff;
  });
}

/** PARSE_NUMERIC: spaces around signs and digits, commas among the whole digits, the sign before or after. */
export function parseLoosely(kind: DecimalKind, text: string): bigint {
  const match =
    /^[ \t\n\v\f\r]*([+-]?)[ \t\n\v\f\r]*([\d,]*)(\.\d*)?([eE][+-]?\d+)?[ \t\n\v\f\r]*([+-]?)[ \t\n\v\f\r]*$/.exec(
      text,
    );
  const [, before = "", whole = "", fraction = "", exponent = "", after = ""] = match ?? [];
  const digits = whole.replaceAll(",", "");
  const isEmpty = !/\d/.test(digits + fraction) || (whole !== "" && digits === "");
  if (!match || isEmpty || (before !== "" && after !== "")) {
    throw new Error(`Invalid input to PARSE_${kind.name.toUpperCase()}: "${text}"`);
  }
  return parseDecimal(kind, `${before}${after}${digits}${fraction}${exponent}`);
}

/** An address with the length of its net, all of it without one; the bits behind that are cleared. Undefined when it is none. */
function readNet(text: string): { bytes: Uint8Array; bits: number } | undefined {
  const [, address = "", length] = /^([^/]*)(?:\/(\d+))?$/.exec(text) ?? [];
  const bytes = readAddress(address);
  if (!bytes) return undefined;
  const bits = length === undefined ? bytes.length * 8 : Number(length);
  return bits > bytes.length * 8 ? undefined : { bytes: cutTo(bytes, bits), bits };
}

function cutTo(bytes: Uint8Array, bits: number): Uint8Array {
  const keep = mask(BigInt(bytes.length), BigInt(bits));
  return bytes.map((byte, i) => byte & keep[i]!);
}

function makeNet(text: string, bits: bigint): string {
  if (bits < 0n) throw new Error("NET.MAKE_NET() encountered a negative length");
  const given = readNet(text);
  if (!given) throw new Error("NET.MAKE_NET() encountered an unparseable IP-address");
  if (bits > BigInt(given.bits)) throw new Error("NET.MAKE_NET() is trying to expand a subnet");
  return `${printAddress(cutTo(given.bytes, Number(bits)))}/${bits}`;
}

function isInNet(address: string, net: string): boolean {
  const inner = readNet(address);
  if (!inner) throw new Error("NET.IP_IN_NET() encountered an unparseable IP-address");
  const outer = readNet(net);
  if (!outer) throw new Error("NET.IP_IN_NET() encountered an unparseable net");
  if (inner.bytes.length !== outer.bytes.length || inner.bits < outer.bits) return false;
  return Buffer.from(cutTo(inner.bytes, outer.bits)).equals(Buffer.from(outer.bytes));
}

const fn = (name: string, args: string, result: string, run: (...values: never[]) => unknown): JsFunction => ({
  name: `gs_${name}`,
  args: args.split(" "),
  result,
  run: run as (...values: JsValue[]) => JsValue,
});

export const net: FunctionLibrary = {
  functions: [
    scalar(group, "NET.IP_FROM_STRING", [sig("STRING", "BYTES", (s) => `gs_ip_from_string(${s})`)]),
    scalar(group, "NET.SAFE_IP_FROM_STRING", [sig("STRING", "BYTES", (s) => `gs_safe_ip_from_string(${s})`)], {
      cannotFail: true,
    }),
    scalar(group, "NET.IP_TO_STRING", [sig("BYTES", "STRING", (b) => `gs_ip_to_string(${b})`)]),
    scalar(group, "NET.IP_NET_MASK", [
      sig("INT64, INT64", "BYTES", (size, bits) => `gs_ip_net_mask(${size}, ${bits})`),
    ]),
    scalar(group, "NET.IP_TRUNC", [sig("BYTES, INT64", "BYTES", (b, bits) => `gs_ip_trunc(${b}, ${bits})`)]),
    scalar(group, "NET.IPV4_FROM_INT64", [sig("INT64", "BYTES", (n) => `gs_ipv4_from_int64(${n})`)]),
    scalar(group, "NET.IPV4_TO_INT64", [sig("BYTES", "INT64", (b) => `gs_ipv4_to_int64(${b})`)]),
    scalar(group, "NET.HOST", [sig("STRING", "STRING", (s) => `gs_url_host(${s})`)], { cannotFail: true }),
    scalar(group, "NET.PUBLIC_SUFFIX", [sig("STRING", "STRING", (s) => `gs_public_suffix(${s})`)], {
      cannotFail: true,
    }),
    scalar(group, "NET.REG_DOMAIN", [sig("STRING", "STRING", (s) => `gs_registrable_domain(${s})`)], {
      cannotFail: true,
    }),
    scalar(group, "NET.MAKE_NET", [sig("STRING, INT64", "STRING", (s, bits) => `gs_make_net(${s}, ${bits})`)]),
    scalar(group, "NET.IP_IN_NET", [sig("STRING, STRING", "BOOL", (s, net) => `gs_ip_in_net(${s}, ${net})`)]),
    scalar(group, "NET.PARSE_IP", [sig("STRING", "INT64", (s) => `gs_ipv4_to_int64(gs_parse_ip(${s}))`)]),
    scalar(group, "NET.FORMAT_IP", [sig("INT64", "STRING", (n) => `gs_format_ip(${n})`)]),
    scalar(group, "NET.PARSE_PACKED_IP", [sig("STRING", "BYTES", (s) => `gs_ip_from_string(${s})`)]),
    scalar(group, "NET.FORMAT_PACKED_IP", [sig("BYTES", "STRING", (b) => `gs_ip_to_string(${b})`)]),
    scalar("conversion", "PARSE_NUMERIC", [sig("STRING", "NUMERIC", (s) => `gs_parse_numeric_loosely(${s})`)]),
    scalar("conversion", "PARSE_BIGNUMERIC", [sig("STRING", "BIGNUMERIC", (s) => `gs_parse_bignumeric_loosely(${s})`)]),
  ],
  js: [
    fn("ip_from_string", "VARCHAR", "BLOB", (text: string) => {
      const bytes = readAddress(text);
      if (!bytes) throw new Error(`NET.IP_FROM_STRING() encountered an invalid IP address: ${text}`);
      return bytes;
    }),
    fn("safe_ip_from_string", "VARCHAR", "BLOB", (text: string) => readAddress(text) ?? null),
    fn("ip_to_string", "BLOB", "VARCHAR", printAddress),
    fn("url_host", "VARCHAR", "VARCHAR", urlHost),
    fn("public_suffix", "VARCHAR", "VARCHAR", publicSuffix),
    fn("registrable_domain", "VARCHAR", "VARCHAR", registrableDomain),
    fn("make_net", "VARCHAR BIGINT", "VARCHAR", makeNet),
    fn("ip_in_net", "VARCHAR VARCHAR", "BOOLEAN", isInNet),
    fn("parse_ip", "VARCHAR", "BLOB", (text: string) => {
      const bytes = readAddress(text);
      if (bytes?.length !== 4) throw new Error(`NET.PARSE_IP() encountered no IPv4 address: ${text}`);
      return bytes;
    }),
    fn("format_ip", "BIGINT", "VARCHAR", (n: bigint) => {
      if (n < 0n || n > 0xffffffffn) throw new Error(`NET.FORMAT_IP() encountered an invalid integer IP: ${n}`);
      return [24n, 16n, 8n, 0n].map((shift) => String((n >> shift) & 255n)).join(".");
    }),
    fn("ip_net_mask", "BIGINT BIGINT", "BLOB", mask),
    fn("ip_trunc", "BLOB BIGINT", "BLOB", (bytes: Uint8Array, bits: bigint) => {
      if (bytes.length !== 4 && bytes.length !== 16)
        throw new Error(`NET.IP_TRUNC() encountered a non-IP value of ${bytes.length} bytes`);
      const keep = mask(BigInt(bytes.length), bits);
      return bytes.map((byte, i) => byte & keep[i]!);
    }),
    fn("ipv4_from_int64", "BIGINT", "BLOB", (n: bigint) => {
      if (n < -0x80000000n || n > 0xffffffffn)
        throw new Error(`NET.IPV4_FROM_INT64() encountered an out-of-range value: ${n}`);
      const value = Number(BigInt.asUintN(32, n));
      return Uint8Array.of((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
    }),
    fn("ipv4_to_int64", "BLOB", "BIGINT", (bytes: Uint8Array) => {
      if (bytes.length !== 4)
        throw new Error(`NET.IPV4_TO_INT64() encountered a non-IPv4 value of ${bytes.length} bytes`);
      return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
    }),
    fn("parse_numeric_loosely", "VARCHAR", "DECIMAL(38,9)", (text: string) => parseLoosely(numericKind, text)),
    fn("parse_bignumeric_loosely", "VARCHAR", "VARCHAR", (text: string) =>
      printDecimal(bigNumericKind, parseLoosely(bigNumericKind, text)),
    ),
  ],
};
