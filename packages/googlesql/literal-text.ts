/** What is wrong within a quoted literal, and how far into its text. */
export class LiteralProblem {
  readonly message: string;
  readonly offset: number;
  constructor(message: string, offset: number) {
    this.message = message;
    this.offset = offset;
  }
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "?": "?",
  '"': '"',
  "'": "'",
  "`": "`",
};

export interface LiteralStyle {
  readonly raw: boolean;
  /** Triple-quoted text may span lines; \r\n and \r in it become \n. */
  readonly triple: boolean;
}

/** The value of a string literal or quoted identifier: its escapes resolved. `body` is what stands between the quotes. */
export function stringValue(body: string, style: LiteralStyle): string | LiteralProblem {
  const text = lineEnds(body, style);
  if (style.raw || !text.includes("\\")) return text;
  let value = "";
  for (let i = 0; i < text.length; ) {
    const next = text.indexOf("\\", i);
    if (next < 0) return value + text.slice(i);
    value += text.slice(i, next);
    const resolved = escapeAt(text, next, "string");
    if (resolved instanceof LiteralProblem) return resolved;
    value += String.fromCodePoint(resolved.code);
    i = resolved.end;
  }
  return value;
}

/** The value of a bytes literal: text as UTF-8, escapes as single bytes. */
export function bytesValue(body: string, style: LiteralStyle): Uint8Array | LiteralProblem {
  const text = lineEnds(body, style);
  const encoder = new TextEncoder();
  if (style.raw || !text.includes("\\")) return encoder.encode(text);
  const bytes: number[] = [];
  for (let i = 0; i < text.length; ) {
    const next = text.indexOf("\\", i);
    bytes.push(...encoder.encode(next < 0 ? text.slice(i) : text.slice(i, next)));
    if (next < 0) break;
    const resolved = escapeAt(text, next, "bytes");
    if (resolved instanceof LiteralProblem) return resolved;
    bytes.push(resolved.code);
    i = resolved.end;
  }
  return Uint8Array.from(bytes);
}

function lineEnds(body: string, { triple, raw }: LiteralStyle): string {
  if (!triple || !body.includes("\r")) return body;
  // Raw text keeps what a backslash stands before, even a \r.
  return raw
    ? body.replace(/\\[\s\S]|\r\n?/g, (part) => (part[0] === "\\" ? part : "\n"))
    : body.replace(/\r\n?/g, "\n");
}

function escapeAt(text: string, at: number, kind: "string" | "bytes"): { code: number; end: number } | LiteralProblem {
  const letter = text[at + 1] ?? "";
  const simple = simpleEscapes[letter];
  if (simple !== undefined) return { code: simple.charCodeAt(0), end: at + 2 };
  const numeric = numericEscape(text, at, letter);
  if (numeric === undefined) return new LiteralProblem(`Illegal escape sequence: \\${letter}`, at);
  const { digits, radix, length } = numeric;
  const unicode = letter === "u" || letter === "U";
  if (unicode && kind === "bytes") {
    return new LiteralProblem(
      `Illegal escape sequence: Unicode escape \\${letter} cannot be used in bytes literals`,
      at,
    );
  }
  const code = Number.parseInt(digits, radix);
  if (unicode && ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)) {
    return new LiteralProblem(`Illegal escape sequence: \\${letter}${digits} is not a Unicode character`, at);
  }
  return { code, end: at + length };
}

function numericEscape(text: string, at: number, letter: string) {
  if (letter >= "0" && letter <= "3") return digitsOf(text, at + 1, 3, 8, 4);
  if (letter === "x" || letter === "X") return digitsOf(text, at + 2, 2, 16, 4);
  if (letter === "u") return digitsOf(text, at + 2, 4, 16, 6);
  if (letter === "U") return digitsOf(text, at + 2, 8, 16, 10);
  return undefined;
}

function digitsOf(text: string, from: number, count: number, radix: 8 | 16, length: number) {
  const digits = text.slice(from, from + count);
  const right = radix === 8 ? /^[0-7]+$/ : /^[0-9a-fA-F]+$/;
  return digits.length === count && right.test(digits) ? { digits, radix, length } : undefined;
}
