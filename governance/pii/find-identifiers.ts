import { domainToUnicode } from "node:url";
import { isPersonalKey } from "../../platform/personal-keys.ts";
import { replaceAddresses, replaceIps, replacePhones } from "../../platform/spellings.ts";

export type IdentifierKind = "address" | "phone" | "ip" | "coordinates" | "name";

/** Something in a text that says who somebody is or where. */
export interface Identifier {
  readonly kind: IdentifierKind;
  /** How it was written, from the outside in: `plain`, `base64`, `percent of hex` ... */
  readonly encoding: string;
  /** Enough to find it again and not enough to know who: its first character and its length. */
  readonly masked: string;
}

/** Encodings within encodings that are undone. */
const deepest = 3;
/** Of one text, so that a hostile one cannot make endless work. */
const mostTexts = 200;
const longest = 64_000;

/**
 * What names a person in a text: e-mail addresses, telephone numbers, whole IP addresses, coordinates, and values under keys that hold names
 * and streets; as they are, and inside percent signs, entities, backslashes, quoted-printable, base64, base32 and hex digits, one in
 * the other up to three deep. Keyed tokens, digests, UUIDs, times and what the door has masked are none. Names in free text are not looked
 * for here: there is no telling them from words without knowing whose they are.
 */
export function findIdentifiers(text: string): readonly Identifier[] {
  const found = new Map<string, Identifier>();
  const seen = new Set<string>();
  let layer: { readonly text: string; readonly encoding: readonly string[] }[] = [
    { text: text.slice(0, longest), encoding: [] },
  ];
  for (let depth = 0; depth <= deepest && layer.length > 0; depth++) {
    const next: typeof layer = [];
    for (const one of layer) {
      if (seen.has(one.text) || seen.size >= mostTexts) continue;
      seen.add(one.text);
      const clean = withoutHarmless(one.text);
      if (clean.trim() === "") continue;
      for (const { kind, value } of identifiersIn(clean)) {
        const key = `${kind} ${value.toLowerCase()}`;
        if (!found.has(key)) {
          found.set(key, { kind, encoding: one.encoding.join(" of ") || "plain", masked: masked(value) });
        }
      }
      if (depth === deepest) continue;
      for (const { encoding, text: inner } of decodedFrom(clean))
        if (inner !== clean) next.push({ text: inner, encoding: [...one.encoding, encoding] });
    }
    layer = next;
  }
  return [...found.values()];
}

const masked = (value: string): string => `${[...value][0] ?? ""}… (${[...value].length} characters)`;

/** Tokens, digests, UUIDs, times and masks: a space stands where they were. */
const harmless =
  /\b(?:sha(?:256|512)|keyed|md5|hmac)[:-][0-9a-f]{32,128}\b|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|(?<![0-9a-f])(?:[0-9a-f]{128}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-f])|\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?|\[(?:address|phone|ip|name)\]/gi;

function withoutHarmless(text: string): string {
  // A digest of digits that spell letters would be one as well: those are looked into.
  return text.replace(harmless, (found) => (/^[2-7][0-9a-f](?:[2-7][0-9a-f])+$/i.test(found) ? found : " "));
}

function identifiersIn(text: string): readonly { readonly kind: IdentifierKind; readonly value: string }[] {
  const found: { readonly kind: IdentifierKind; readonly value: string }[] = [];
  replaceAddresses(text, (value) => {
    if (isMailbox(value)) found.push({ kind: "address", value });
    return "";
  });
  replacePhones(text, (value) => {
    found.push({ kind: "phone", value });
    return "";
  });
  replaceIps(text, (value, before) => {
    // A version number behind a product's name is none: Chrome/120.0.0.0.
    const isVersion = !value.includes(":") && /(?:[\w/.-]|rv:|version[\s:="']{0,3})$/i.test(before);
    if (!isVersion && !isNobodys(value)) found.push({ kind: "ip", value });
    return "";
  });
  for (const [value] of text.matchAll(coordinates)) found.push({ kind: "coordinates", value });
  for (const match of text.matchAll(keyed)) {
    const [, key = "", value = ""] = match;
    if (
      isPersonalKey(key) &&
      !isOfThings.test(key) &&
      /\p{L}{2}|\d{2}/u.test(value) &&
      !/^(?:true|false|null|unknown)$/i.test(value)
    )
      found.push({ kind: "name", value });
  }
  return found;
}

/** Something at a host that a mailbox can be at; an at sign between numbers or at an import is none. */
function isMailbox(value: string): boolean {
  const plain = value.normalize("NFKC");
  const at = plain.lastIndexOf("@");
  if (at < 0) return true;
  const host = plain.slice(at + 1).replace(/[.>)\]"']+$/, "");
  if (/^\[/.test(host)) return true;
  const labels = (domainToUnicode(host) || host).split(".");
  return (
    labels.length >= 2 && labels.every((label) => label !== "") && /^\p{L}[\p{L}\p{N}-]+$/u.test(labels.at(-1) ?? "")
  );
}

/** This host, every host, loopback; and what is too short to be an address of IPv6 that the internet routes. */
const isNobodys = (ip: string): boolean =>
  (ip.includes(":") && ip.length < 8) || /^(?:0\.0\.0\.0|127\.\d+\.\d+\.\d+|255\.255\.255\.255|::1?)$/.test(ip);

/** `geo:52.5,13.4`, `"lat": 52.5200, "lon": 13.4050`, `@52.52,13.405`; a value that is nothing else than two such numbers. */
const coordinates =
  /geo:-?\d{1,2}\.\d{2,},-?\d{1,3}\.\d{2,}|["']?\b(?:lat|latitude|lng|lon|long|longitude)\b["']?\s*[:=]\s*["']?-?\d{1,3}\.\d{3,}|(?:@|\bll=|\bq=|\bcenter=)-?\d{1,2}\.\d{3,},\s*-?\d{1,3}\.\d{3,}|^\s*[([]?-?(?:[0-8]?\d|90)\.\d{4,}\s*[,;]\s*-?(?:1[0-7]\d|\d{1,2}|180)\.\d{4,}[)\]]?\s*$/gim;

/** `"first_name": "Jane"`, `first_name=Jane`. */
const keyed = /["']?([\p{L}_][\p{L}\p{N}_. -]{1,40}?)["']?\s*[:=]\s*["']([^"'\r\n]{2,200})["']/gu;

/** Keys that things have as well: a guardrail has a name. */
const isOfThings = /^(?:name|ip|login)$/i;

interface Decoded {
  readonly encoding: string;
  readonly text: string;
}

function* decodedFrom(text: string): Generator<Decoded> {
  if (/%[0-9a-f]{2}/i.test(text)) yield { encoding: "percent", text: unescaped(text, /%([0-9a-f]{2})/gi) };
  if (/=[0-9a-f]{2}/i.test(text)) {
    yield { encoding: "quoted-printable", text: unescaped(text.replace(/=\r?\n/g, ""), /=([0-9a-f]{2})/gi) };
  }
  if (/\\(?:u[0-9a-f]{4}|x[0-9a-f]{2})/i.test(text)) {
    const units = text.replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    yield { encoding: "escapes", text: unescaped(units, /\\x([0-9a-f]{2})/gi) };
  }
  if (/&(?:#\d{1,7}|#x[0-9a-f]{1,6}|commat|period|amp|lt|gt|quot);/i.test(text))
    yield { encoding: "entities", text: entities(text) };
  const folded = text.normalize("NFKC");
  if (folded !== text) yield { encoding: "compatibility forms", text: folded };
  // A slash is a digit of base64, and what parts a path.
  const runs = [...text.matchAll(/[A-Za-z0-9+/_-]{8,8192}={0,2}/g)].map(([one]) => one);
  for (const run of new Set(runs.flatMap((one) => (one.includes("/") ? [one, ...one.split("/")] : [one])))) {
    for (let skip = 0; skip < 4; skip++) {
      const bytes = Buffer.from(run.slice(skip).replace(/=+$/, ""), "base64");
      const inner = written(bytes);
      if (inner !== undefined) yield { encoding: "base64", text: inner };
    }
    if (/^(?:[0-9a-f]{2}){6,}$/i.test(run)) {
      const inner = written(Buffer.from(run, "hex"));
      if (inner !== undefined) yield { encoding: "hex", text: inner };
    }
    if (/^[A-Z2-7]{16,}$/.test(run)) {
      const inner = written(base32(run));
      if (inner !== undefined) yield { encoding: "base32", text: inner };
    }
  }
}

const unescaped = (text: string, code: RegExp): string =>
  text.replace(new RegExp(`(?:${code.source})+`, "gi"), (run) =>
    Buffer.from(run.replace(code, "$1"), "hex").toString("utf8"),
  );

const named: Readonly<Record<string, string>> = { commat: "@", period: ".", amp: "&", lt: "<", gt: ">", quot: '"' };
const entities = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(commat|period|amp|lt|gt|quot));/gi, (whole, dec, hex, name) => {
    if (name !== undefined) return named[String(name).toLowerCase()] ?? whole;
    const code = dec !== undefined ? Number(dec) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });

function base32(run: string): Buffer {
  let bits = "";
  for (const letter of run) bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** Bytes as text, where they are text from end to end: those of a cipher or a picture are not. One letter may be cut at either end. */
function written(bytes: Buffer): string | undefined {
  if (bytes.length < 6) return undefined;
  const text = bytes.toString("utf8").replace(/^\ufffd{1,3}|\ufffd{1,3}$/g, "");
  return text.length >= 6 && /^[\p{L}\p{N}\p{P}\p{S}\p{Zs}\r\n\t]+$/u.test(text) && !text.includes("\ufffd")
    ? text
    : undefined;
}
