import type { BinaryOperator, Expression, ValueSource } from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseHint } from "./names.ts";
import { parsePostfix } from "./primary.ts";
import { parseQuery } from "./query.ts";

/*
 * Precedence, from the loosest: OR; AND; NOT; comparisons, IS, IN, LIKE, BETWEEN (which do not chain); |; ^; &; << >>;
 * + -; ||; * /; unary + - ~; dot, subscript and call. (operators.md puts || beside * and /; Google's grammar puts it
 * between + and *, and that is what runs.)
 */

export function parseExpression(p: Cursor): Expression {
  return p.nested(() => parseOr(p));
}

function parseOr(p: Cursor): Expression {
  const start = p.start;
  const first = parseAnd(p);
  if (!p.at("OR")) return first;
  const operands = [first];
  while (p.accept("OR")) operands.push(parseAnd(p));
  return { kind: "logical", operator: "or", operands, span: p.spanFrom(start) };
}

function parseAnd(p: Cursor): Expression {
  const start = p.start;
  const first = parseNot(p);
  if (!p.at("AND")) return first;
  const operands = [first];
  while (p.accept("AND")) operands.push(parseNot(p));
  return { kind: "logical", operator: "and", operands, span: p.spanFrom(start) };
}

function parseNot(p: Cursor): Expression {
  const start = p.start;
  if (!p.accept("NOT")) return parseComparison(p);
  const operand = p.nested(() => parseNot(p));
  return { kind: "unary", operator: "not", operand, span: p.spanFrom(start) };
}

const comparisons: Readonly<Record<string, "=" | "<>" | "<" | "<=" | ">" | ">=">> = {
  "=": "=",
  "<>": "<>",
  "!=": "<>",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
};

function atComparison(p: Cursor): boolean {
  const { word } = p.token;
  if (word === "NOT") return ["IN", "LIKE", "BETWEEN"].includes(p.peek(1).word);
  return word in comparisons || word === "IN" || word === "LIKE" || word === "BETWEEN" || word === "IS";
}

function parseComparison(p: Cursor): Expression {
  const start = p.start;
  const left = parseBinary(p, 0);
  if (!atComparison(p)) return left;
  const result = parseComparisonAfter(p, left, start);
  if (atComparison(p)) {
    p.fail(`Expression to the left of ${p.at("NOT") ? p.peek(1).word : p.token.word} must be parenthesized`);
  }
  return result;
}

function parseComparisonAfter(p: Cursor, left: Expression, start: number): Expression {
  if (p.at("IS")) return parseIs(p, left, start);
  const operator = comparisons[p.token.word];
  if (operator !== undefined) {
    p.advance();
    if (p.atAny("ANY", "SOME", "ALL")) {
      const quantifier = p.advance().word === "ALL" ? "all" : "any";
      const source = parseValueSource(p);
      const span = p.spanFrom(start);
      return { kind: "quantified-like", operator, operand: left, quantifier, source, negated: false, span };
    }
    const right = parseBinary(p, 0);
    return { kind: "binary", operator, left, right, span: p.spanFrom(start) };
  }
  const negated = p.accept("NOT");
  if (p.accept("IN")) {
    const source = parseValueSource(p);
    return { kind: "in", operand: left, source, negated, span: p.spanFrom(start) };
  }
  if (p.accept("BETWEEN")) {
    const low = parseBinary(p, 0);
    p.expect("AND");
    const high = parseBinary(p, 0);
    return { kind: "between", operand: left, low, high, negated, span: p.spanFrom(start) };
  }
  p.expect("LIKE");
  if (p.atAny("ANY", "SOME", "ALL")) {
    const quantifier = p.advance().word === "ALL" ? "all" : "any";
    const source = parseValueSource(p);
    return { kind: "quantified-like", operand: left, quantifier, source, negated, span: p.spanFrom(start) };
  }
  const pattern = parseBinary(p, 0);
  return { kind: "like", operand: left, pattern, negated, span: p.spanFrom(start) };
}

function parseIs(p: Cursor, operand: Expression, start: number): Expression {
  p.expect("IS");
  const negated = p.accept("NOT");
  if (p.accept("DISTINCT")) {
    p.expect("FROM");
    const right = parseBinary(p, 0);
    return { kind: "is-distinct-from", left: operand, right, negated, span: p.spanFrom(start) };
  }
  const { word } = p.token;
  if (word !== "NULL" && word !== "TRUE" && word !== "FALSE" && word !== "UNKNOWN") {
    p.failExpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM");
  }
  p.advance();
  const test = ({ NULL: "null", TRUE: "true", FALSE: "false", UNKNOWN: "unknown" } as const)[word];
  return { kind: "is-test", operand, test, negated, span: p.spanFrom(start) };
}

/** What follows IN and LIKE ANY: UNNEST(array), (query) or (a, b). */
function parseValueSource(p: Cursor): ValueSource {
  const start = p.start;
  parseHint(p);
  if (p.accept("UNNEST")) {
    p.expect("(");
    const array = parseExpression(p);
    p.expect(")");
    return { kind: "value-unnest", array, span: p.spanFrom(start) };
  }
  if (atParenthesizedQuery(p)) {
    p.expect("(");
    const query = parseQuery(p);
    p.expect(")");
    return { kind: "value-subquery", query, span: p.spanFrom(start) };
  }
  const items = p.parenthesizedList(parseExpression);
  return { kind: "value-list", items, span: p.spanFrom(start) };
}

/** Binary operators that associate to the left, loosest first. */
const levels: readonly (readonly BinaryOperator[])[] = [
  ["|"],
  ["^"],
  ["&"],
  ["<<", ">>"],
  ["+", "-"],
  ["||"],
  ["*", "/"],
];
const levelByOperator = new Map(levels.flatMap((operators, level) => operators.map((name) => [name as string, level])));

/** An expression without comparison, AND, OR or NOT: what stands before an IN that is not an operator. */
export function parseOperand(p: Cursor): Expression {
  return parseBinary(p, 0);
}

function parseBinary(p: Cursor, loosest: number): Expression {
  const start = p.start;
  let left = parseUnary(p);
  for (;;) {
    const shiftsRight = p.at(">", ">") && p.peek(1).start === p.token.end;
    const operator = shiftsRight ? ">>" : p.token.word;
    const level = levelByOperator.get(operator);
    if (level === undefined || level < loosest) return left;
    p.advance();
    if (shiftsRight) p.advance();
    const right = parseBinary(p, level + 1);
    left = { kind: "binary", operator: operator as BinaryOperator, left, right, span: p.spanFrom(start) };
  }
}

function parseUnary(p: Cursor): Expression {
  const start = p.start;
  const { word } = p.token;
  if (word !== "-" && word !== "+" && word !== "~") return parsePostfix(p);
  p.advance();
  const operand = p.nested(() => parseUnary(p));
  return { kind: "unary", operator: word, operand, span: p.spanFrom(start) };
}

/** Whether the next token opens parentheses around a query, not around an expression, a tuple or a join. */
export function atParenthesizedQuery(p: Cursor, index = p.index): boolean {
  const opening = p.tokens[index]!;
  if (opening.word !== "(") return false;
  // The innermost parenthesis must hold a query, and every one around it go on like one.
  let inner = index + 1;
  while (p.tokens[inner]!.word === "(") inner++;
  const { word } = p.tokens[inner]!;
  if (word !== "SELECT" && word !== "FROM" && !(word === "WITH" && p.tokens[inner + 1]!.word !== "(")) return false;
  for (let i = inner - 1; i > index; i--) {
    const { match } = p.tokens[i]!;
    if (match < 0 || !continuesQuery(p, match + 1)) return false;
  }
  return true;
}

function continuesQuery(p: Cursor, index: number): boolean {
  const word = (ahead: number) => p.tokens[Math.min(index + ahead, p.tokens.length - 1)]!.word;
  if ([")", "ORDER", "LIMIT", "|>"].includes(word(0))) return true;
  const sided = ["FULL", "LEFT", "INNER"].includes(word(0)) ? (word(1) === "OUTER" ? 2 : 1) : 0;
  return ["UNION", "INTERSECT", "EXCEPT"].includes(word(sided));
}
