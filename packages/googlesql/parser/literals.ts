import type { BytesLiteral, Expression, NamedParameter, StringLiteral, SystemVariable } from "../ast.ts";
import type { Cursor } from "./cursor.ts";

/** The biggest UINT64: what GoogleSQL reads as an integer at all. The analyzer narrows it to INT64. */
const biggestInteger = 2n ** 64n - 1n;

/** A number, string, bytes, NULL, TRUE or FALSE, if one is next. */
export function parseLiteral(p: Cursor): Expression | undefined {
  const { kind, start, end, word } = p.token;
  switch (kind) {
    case "string":
    case "bytes":
      return parseText(p);
    case "integer":
    case "float": {
      p.advance();
      if (p.token.start === end && ["word", "quoted", "integer", "float"].includes(p.token.kind)) {
        p.fail("Missing whitespace between literal and alias");
      }
      const text = p.text.slice(start, end);
      const span = { start, end };
      if (kind === "float") return { kind: "float-literal", text, value: Number(text), span };
      const value = BigInt(text);
      if (value > biggestInteger) p.fail(`Invalid integer literal: ${text}`, start);
      return { kind: "integer-literal", value, hexadecimal: /^0[xX]/.test(text), span };
    }
    case "word":
      if (word !== "NULL" && word !== "TRUE" && word !== "FALSE") return undefined;
      p.advance();
      if (word === "NULL") return { kind: "null-literal", span: { start, end } };
      return { kind: "boolean-literal", value: word === "TRUE", span: { start, end } };
    default:
      return undefined;
  }
}

/** One string or bytes literal, of one chunk or several. */
export function parseText(p: Cursor): StringLiteral | BytesLiteral {
  const first = p.advance();
  const chunks = [first];
  while (p.token.kind === "string" || p.token.kind === "bytes") {
    if (p.token.kind !== first.kind) p.fail("String and bytes literals cannot be concatenated");
    if (p.token.start === chunks[chunks.length - 1]!.end) {
      p.fail("Adjacent chunks of a literal must be separated by whitespace or a comment");
    }
    chunks.push(p.advance());
  }
  const span = p.spanFrom(first.start);
  if (first.kind === "string") {
    const value = chunks.length === 1 ? (first.value as string) : chunks.map((chunk) => chunk.value as string).join("");
    return { kind: "string-literal", value, span };
  }
  const bytes = chunks.flatMap((chunk) => [...(chunk.value as Uint8Array)]);
  return { kind: "bytes-literal", value: Uint8Array.from(bytes), span };
}

export function parseString(p: Cursor): StringLiteral {
  if (p.token.kind !== "string") p.failExpected("a string literal");
  return parseText(p) as StringLiteral;
}

/** `@name`, `@@name.part` or `?`, if one is next. */
export function parseParameter(p: Cursor): Expression | undefined {
  const start = p.start;
  if (p.at("@@")) return parseSystemVariable(p);
  if (p.at("@")) return parseNamedParameter(p);
  if (!p.accept("?")) return undefined;
  return { kind: "positional-parameter", index: p.positionalParameters++, span: p.spanFrom(start) };
}

export function parseNamedParameter(p: Cursor): NamedParameter {
  const start = p.start;
  p.expect("@");
  const { name } = p.anyWord("the name of a parameter");
  return { kind: "named-parameter", name, span: p.spanFrom(start) };
}

export function parseSystemVariable(p: Cursor): SystemVariable {
  const start = p.start;
  p.expect("@@");
  const parts = [p.anyWord("the name of a system variable")];
  while (p.accept(".")) parts.push(p.anyWord());
  return { kind: "system-variable", parts, span: p.spanFrom(start) };
}
