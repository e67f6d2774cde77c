import { GoogleSqlSyntaxError } from "./errors.ts";
import { reservedKeywords } from "./keywords.ts";
import { bytesValue, LiteralProblem, stringValue } from "./literal-text.ts";

export interface Token {
  readonly kind: "word" | "quoted" | "integer" | "float" | "string" | "bytes" | "symbol" | "end";
  readonly start: number;
  readonly end: number;
  /** Upper-cased text of a word, text of a symbol, empty for all else: what the parser compares. */
  readonly word: string;
  /** A word that is not a name. False right after a dot or an @, where every word is a name. */
  readonly reserved: boolean;
  /** Resolved value of a quoted identifier, string or bytes. */
  readonly value: string | Uint8Array | undefined;
  /** For `(`: the index of the token that closes it, or -1. */
  match: number;
}

/** Longest first. `>>` is not here: the parser joins two `>`, because they also close types. */
const symbols = [
  ...["<<", "<=", "<>", ">=", "!=", "=>", "->", "||", "|>", "@@", "+=", "-="],
  ...[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    ";",
    ":",
    "+",
    "-",
    "*",
    "/",
    "~",
    "&",
    "^",
    "|",
    "=",
    "<",
    ">",
    "?",
    "@",
  ],
];
const symbolsByFirst = new Map<number, readonly string[]>();
for (const symbol of symbols) {
  const first = symbol.charCodeAt(0);
  symbolsByFirst.set(first, [...(symbolsByFirst.get(first) ?? []), symbol]);
}

const whitespace = /[ \t\n\r\f\v\b\u00a0\u2000-\u200a\u202f\u205f\u3000]/;
const number = /0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y;
const quoteStart = /(?:[rR][bB]?|[bB][rR]?)?("""|'''|"|')/y;

const isDigit = (c: number) => c >= 48 && c <= 57;
const isWordStart = (c: number) => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95;
const isLineEnd = (c: number) => c === 10 || c === 13;
const isWordPart = (c: number) => isWordStart(c) || isDigit(c);

/** Splits GoogleSQL into tokens; the last is always of kind `end`. Comments and white space leave none. */
export function tokenize(text: string, file?: string): Token[] {
  const tokens: Token[] = [];
  const open: Token[] = [];
  const upperByWord = new Map<string, string>();
  let at = 0;

  const problem = (message: string, offset: number) =>
    new GoogleSqlSyntaxError(message, { text, file }, { start: offset, end: offset });
  const push = (kind: Token["kind"], end: number, word = "", value?: Token["value"], reserved = false): Token => {
    const token: Token = { kind, start: at, end, word, reserved, value, match: -1 };
    tokens.push(token);
    at = end;
    return token;
  };

  const surrogate = /\p{Surrogate}/u.exec(text);
  if (surrogate) throw problem("Half of a surrogate pair, which is not a Unicode character", surrogate.index);

  while (at < text.length) {
    const c = text.charCodeAt(at);
    if (c === 32 || c === 10 || c === 9) {
      at++;
      continue;
    }
    const next = text.charCodeAt(at + 1);
    if (c === 35 || (c === 45 && next === 45)) {
      at = lineEnd(text, at);
      continue;
    }
    if (c === 47 && next === 42) {
      const end = text.indexOf("*/", at + 2);
      if (end < 0) throw problem("Unclosed comment", at);
      at = end + 2;
      continue;
    }

    const previous = tokens[tokens.length - 1];
    const afterDot = previous?.word === ".";
    const afterAt = previous?.word === "@" || previous?.word === "@@";
    if (c === 39 || c === 34 || (c | 32) === 98 || (c | 32) === 114) {
      quoteStart.lastIndex = at;
      const quote = quoteStart.exec(text);
      if (quote) {
        quoted(quote[0], quote[1]!);
        continue;
      }
    }
    if (isWordStart(c) || (afterDot && isDigit(c))) {
      let end = at + 1;
      while (end < text.length && isWordPart(text.charCodeAt(end))) end++;
      const written = text.slice(at, end);
      let word = upperByWord.get(written);
      if (word === undefined) {
        word = written.toUpperCase();
        upperByWord.set(written, word);
      }
      push("word", end, word, undefined, !afterDot && !afterAt && reservedKeywords.has(word));
    } else if (isDigit(c) || (c === 46 && isDigit(next) && !endsOperand(previous))) {
      number.lastIndex = at;
      const written = number.exec(text)![0];
      push(/^0[xX]/.test(written) || /^[0-9]+$/.test(written) ? "integer" : "float", at + written.length);
    } else if (c === 96) {
      quoted("`", "`");
    } else {
      const symbol = symbolsByFirst.get(c)?.find((candidate) => text.startsWith(candidate, at));
      if (symbol === undefined) {
        if (!whitespace.test(text[at]!)) {
          const character = String.fromCodePoint(text.codePointAt(at)!);
          throw problem(`Illegal input character ${JSON.stringify(character)}`, at);
        }
        at++;
        continue;
      }
      const token = push("symbol", at + symbol.length, symbol);
      if (symbol === "(") open.push(token);
      else if (symbol === ")") {
        const opener = open.pop();
        if (opener) opener.match = tokens.length - 1;
      }
    }
  }
  push("end", text.length);
  return tokens;

  /** A string, bytes literal or quoted identifier; `opening` is its prefix and quote. */
  function quoted(opening: string, quote: string): void {
    const bodyStart = at + opening.length;
    const triple = quote.length === 3;
    const prefix = opening.slice(0, opening.length - quote.length).toLowerCase();
    const what = quote === "`" ? "quoted identifier" : prefix.includes("b") ? "bytes literal" : "string literal";
    let end = bodyStart;
    for (; ; end++) {
      const c = text.charCodeAt(end);
      if (end >= text.length || (!triple && isLineEnd(c))) {
        throw problem(`Unclosed ${triple ? "triple-quoted " : ""}${what}`, at);
      }
      if (c === 92 && (triple || !isLineEnd(text.charCodeAt(end + 1)))) end++;
      else if (text.startsWith(quote, end)) break;
    }
    const body = text.slice(bodyStart, end);
    const style = { raw: prefix.includes("r"), triple };
    const value = what === "bytes literal" ? bytesValue(body, style) : stringValue(body, style);
    if (value instanceof LiteralProblem) throw problem(value.message, bodyStart + value.offset);
    if (quote === "`" && value === "") throw problem("Invalid empty identifier", at);
    push(
      what === "quoted identifier" ? "quoted" : what === "bytes literal" ? "bytes" : "string",
      end + quote.length,
      "",
      value,
    );
  }
}

function lineEnd(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    if (isLineEnd(text.charCodeAt(i))) return i;
  }
  return text.length;
}

/** Whether a dot after this token reaches into something, so that `.5` cannot be a number. */
function endsOperand(token: Token | undefined): boolean {
  if (token === undefined) return false;
  if (token.kind === "word") return !token.reserved;
  return token.kind === "quoted" || token.word === ")" || token.word === "]";
}
