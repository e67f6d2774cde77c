import { plainCall } from "../ast/plain-call.ts";
import type {
  Case,
  CaseBranch,
  Expression,
  Identifier,
  StructConstructorField,
  Subscript,
  TypedLiteral,
  WithBinding,
} from "../ast.ts";
import { parseCallAfterName } from "./call.ts";
import type { Cursor } from "./cursor.ts";
import { atParenthesizedQuery, parseExpression } from "./expression.ts";
import { parseLiteral, parseParameter, parseString } from "./literals.ts";
import { parseHint } from "./names.ts";
import { parseQuery } from "./query.ts";
import { parseStructType, parseType } from "./types.ts";

const typedLiterals: Readonly<Record<string, TypedLiteral["type"]>> = {
  NUMERIC: "NUMERIC",
  DECIMAL: "NUMERIC",
  BIGNUMERIC: "BIGNUMERIC",
  BIGDECIMAL: "BIGNUMERIC",
  DATE: "DATE",
  DATETIME: "DATETIME",
  TIME: "TIME",
  TIMESTAMP: "TIMESTAMP",
  JSON: "JSON",
};

/** Reserved words that name a function when a parenthesis follows. */
const functionKeywords = new Set(["IF", "LEFT", "RIGHT", "GROUPING", "COLLATE", "RANGE"]);
/** What is a call even without parentheses. */
const callsWithoutParentheses = new Set(["CURRENT_DATE", "CURRENT_DATETIME", "CURRENT_TIME", "CURRENT_TIMESTAMP"]);

const accessors: Readonly<Record<string, Subscript["accessor"]>> = {
  OFFSET: "offset",
  ORDINAL: "ordinal",
  SAFE_OFFSET: "safe-offset",
  SAFE_ORDINAL: "safe-ordinal",
  KEY: "key",
  SAFE_KEY: "safe-key",
};

/** A primary expression with the dots, subscripts and calls that follow it. `.*` is left to the caller. */
export function parsePostfix(p: Cursor): Expression {
  const start = p.start;
  const isNumber = p.token.kind === "integer" || p.token.kind === "float";
  let object = p.nested(() => parsePrimary(p));
  for (;;) {
    if (p.at(".") && !p.at(".", "*")) {
      p.advance();
      if (p.at("(")) {
        object = parseGeneralizedCall(p, object, start);
        continue;
      }
      const field = p.anyWord();
      if (!p.at("(")) {
        object = { kind: "field-access", object, field, span: p.spanFrom(start) };
      } else {
        if (isNumber) p.failUnexpected();
        object = parseCallAfterName(p, [field], start, object);
      }
    } else if (p.at("[")) {
      object = parseSubscript(p, object, start);
    } else if (p.at("(")) {
      p.fail("Function call cannot be applied to this expression. Function calls require a path, e.g. a.b.c()");
    } else if (p.at("{")) {
      p.refuse("A braced constructor");
    } else {
      return object;
    }
  }
}

/** x.(net.host)(y) */
function parseGeneralizedCall(p: Cursor, object: Expression, start: number): Expression {
  const opening = p.start;
  p.expect("(");
  const name = [p.identifier("the name of a function")];
  while (p.accept(".")) name.push(p.anyWord());
  p.expect(")");
  if (!p.at("(")) p.refuse("A field in parentheses (a protocol buffer extension)", opening);
  return parseCallAfterName(p, name, start, object);
}

function parseSubscript(p: Cursor, object: Expression, start: number): Expression {
  const opening = p.index;
  p.expect("[");
  const accessor = accessors[p.token.word];
  const next = p.peek(1);
  if (accessor !== undefined && next.word === "(" && p.tokens[next.match + 1]?.word === "]" && next.match > opening) {
    p.advance();
    p.expect("(");
    const index = parseExpression(p);
    p.expect(")", "]");
    return { kind: "subscript", object, accessor, index, span: p.spanFrom(start) };
  }
  const index = parseExpression(p);
  p.expect("]");
  return { kind: "subscript", object, accessor: "plain", index, span: p.spanFrom(start) };
}

function parsePrimary(p: Cursor): Expression {
  if (p.at("(")) return parseParenthesized(p);
  if (p.at("[")) return parseArray(p);
  const other = parseLiteral(p) ?? parseParameter(p);
  if (other !== undefined) return other;
  if (p.token.kind === "word" && p.token.reserved) return parseKeyword(p);
  if (p.atIdentifier()) return parseNamed(p);
  return p.failUnexpected();
}

/** What begins with a reserved word. */
function parseKeyword(p: Cursor): Expression {
  const start = p.start;
  const next = p.peek(1).word;
  switch (p.token.word) {
    case "CASE":
      return parseCase(p);
    case "CAST":
      return parseCast(p);
    case "EXTRACT":
      return parseExtract(p);
    case "INTERVAL":
      return parseInterval(p);
    case "STRUCT":
      return parseStruct(p);
    case "EXISTS": {
      p.advance();
      parseHint(p);
      return { kind: "exists", query: parseSubquery(p), span: p.spanFrom(start) };
    }
    case "ARRAY":
      if (next !== "(") return parseArray(p);
      p.advance();
      return { kind: "array-subquery", query: parseSubquery(p), span: p.spanFrom(start) };
    case "RANGE":
      if (next === "<") return parseRangeLiteral(p);
      break;
    case "WITH":
      if (next === "(") return parseWith(p);
      break;
    case "NEW":
      p.refuse("NEW (a protocol buffer)");
      break;
    case "UNNEST":
      p.fail("UNNEST cannot be used here; it stands in FROM, or after IN or LIKE ANY");
  }
  if (functionKeywords.has(p.token.word) && next === "(") return parseCallAfterName(p, [p.anyWord()], start);
  return p.failUnexpected();
}

/** What begins with a name: a literal of a named type, a call or a path. */
function parseNamed(p: Cursor): Expression {
  const start = p.start;
  const { word } = p.token;
  const next = p.peek(1);
  const literalType = typedLiterals[word];
  if (next.kind === "string" && literalType !== undefined && p.token.kind === "word") {
    p.advance();
    const { value } = parseString(p);
    return { kind: "typed-literal", type: literalType, value, span: p.spanFrom(start) };
  }
  if (word === "SAFE_CAST" && next.word === "(") return parseCast(p);
  if (word === "REPLACE_FIELDS" && next.word === "(") p.refuse("REPLACE_FIELDS (protocol buffers)");
  const parts: Identifier[] = [p.identifier()];
  if (callsWithoutParentheses.has(word) && !p.at("(")) {
    return plainCall(parts, [], p.spanFrom(start));
  }
  while (p.at(".") && (p.peek(1).kind === "word" || p.peek(1).kind === "quoted")) {
    p.advance();
    parts.push(p.anyWord());
  }
  if (p.at("(")) return parseCallAfterName(p, parts, start);
  return { kind: "path", parts, span: p.spanFrom(start) };
}

/** (query), (expression) or the tuple (a, b). */
function parseParenthesized(p: Cursor): Expression {
  const start = p.start;
  if (atParenthesizedQuery(p)) {
    return { kind: "scalar-subquery", query: parseSubquery(p), span: p.spanFrom(start) };
  }
  p.expect("(");
  const first = parseExpression(p);
  if (p.accept(")")) return first;
  const fields = [first];
  while (p.accept(",")) fields.push(parseExpression(p));
  p.expect(")");
  return {
    kind: "struct-constructor",
    form: "tuple",
    type: undefined,
    fields: fields.map((expression) => ({
      kind: "struct-constructor-field",
      expression,
      alias: undefined,
      span: expression.span,
    })),
    span: p.spanFrom(start),
  };
}

export function parseSubquery(p: Cursor) {
  if (!p.at("(")) p.failExpected('"("');
  p.expect("(");
  const query = parseQuery(p);
  p.expect(")");
  return query;
}

function parseArray(p: Cursor): Expression {
  const start = p.start;
  let elementType: ReturnType<typeof parseType> | undefined;
  if (p.at("ARRAY", "<")) {
    const type = parseType(p);
    if (type.kind === "array-type") elementType = type.element;
  } else {
    p.accept("ARRAY");
  }
  p.expect("[");
  const elements = p.at("]") ? [] : p.list(parseExpression);
  p.expect("]");
  return { kind: "array-constructor", elementType, elements, span: p.spanFrom(start) };
}

function parseStruct(p: Cursor): Expression {
  const start = p.start;
  if (p.at("STRUCT", "{")) p.refuse("A braced constructor");
  const typed = p.peek(1).word !== "(";
  const type = typed ? parseStructType(p) : undefined;
  if (!typed) p.expect("STRUCT");
  if (p.at("{")) p.refuse("A braced constructor");
  p.expect("(");
  const fields = p.at(")") ? [] : p.list(parseStructField);
  p.expect(")");
  const alias = fields.find((field) => field.alias !== undefined)?.alias;
  if (typed && alias)
    p.fail("STRUCT constructors cannot specify both an explicit type and field names", alias.span.start);
  return { kind: "struct-constructor", form: typed ? "typed" : "untyped", type, fields, span: p.spanFrom(start) };
}

function parseStructField(p: Cursor): StructConstructorField {
  const start = p.start;
  const expression = parseExpression(p);
  const alias = p.accept("AS") ? p.identifier("the name of a field") : undefined;
  return { kind: "struct-constructor-field", expression, alias, span: p.spanFrom(start) };
}

function parseRangeLiteral(p: Cursor): Expression {
  const start = p.start;
  const type = parseType(p);
  if (type.kind !== "range-type") return p.failUnexpected();
  const { value } = parseString(p);
  return { kind: "range-literal", type, value, span: p.spanFrom(start) };
}

function parseCase(p: Cursor): Case {
  const start = p.start;
  p.expect("CASE");
  const operand = p.at("WHEN") ? undefined : parseExpression(p);
  const branches: CaseBranch[] = [];
  do {
    const branchStart = p.start;
    p.expect("WHEN");
    const when = parseExpression(p);
    p.expect("THEN");
    const then = parseExpression(p);
    branches.push({ kind: "case-branch", when, then, span: p.spanFrom(branchStart) });
  } while (p.at("WHEN"));
  const otherwise = p.accept("ELSE") ? parseExpression(p) : undefined;
  p.expect("END");
  return { kind: "case", operand, branches, otherwise, span: p.spanFrom(start) };
}

function parseCast(p: Cursor): Expression {
  const start = p.start;
  const safe = p.advance().word === "SAFE_CAST";
  p.expect("(");
  const operand = parseExpression(p);
  p.expect("AS");
  const type = parseType(p);
  const format = p.accept("FORMAT") ? parseExpression(p) : undefined;
  const timeZone = format !== undefined ? parseTimeZone(p) : undefined;
  p.expect(")");
  return { kind: "cast", safe, operand, type, format, timeZone, span: p.spanFrom(start) };
}

function parseTimeZone(p: Cursor): Expression | undefined {
  return p.accept("AT", "TIME", "ZONE") ? parseExpression(p) : undefined;
}

function parseExtract(p: Cursor): Expression {
  const start = p.start;
  p.expect("EXTRACT", "(");
  const part = parseExpression(p);
  if (part.kind !== "path" && part.kind !== "function-call")
    p.fail("A date part is a name, such as DAY", part.span.start);
  p.expect("FROM");
  const operand = parseExpression(p);
  const timeZone = parseTimeZone(p);
  p.expect(")");
  return { kind: "extract", part, operand, timeZone, span: p.spanFrom(start) };
}

function parseInterval(p: Cursor): Expression {
  const start = p.start;
  p.expect("INTERVAL");
  const value = parseExpression(p);
  const from = p.identifier("a date part, such as DAY");
  const to = p.accept("TO") ? p.identifier("a date part, such as DAY") : undefined;
  return { kind: "interval", value, from, to, span: p.spanFrom(start) };
}

/** WITH(a AS 1, a + 1) */
function parseWith(p: Cursor): Expression {
  const start = p.start;
  p.expect("WITH", "(");
  const bindings: WithBinding[] = [];
  do {
    const bindingStart = p.start;
    const name = p.identifier("the name of a variable");
    p.expect("AS");
    const value = parseExpression(p);
    p.expect(",");
    bindings.push({ kind: "with-binding", name, value, span: p.spanFrom(bindingStart) });
  } while (p.atIdentifier() && p.peek(1).word === "AS");
  const body = parseExpression(p);
  p.expect(")");
  return { kind: "with-expression", bindings, body, span: p.spanFrom(start) };
}
