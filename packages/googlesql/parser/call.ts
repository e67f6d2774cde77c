import type {
  Argument,
  Expression,
  FrameBound,
  FunctionCall,
  HavingModifier,
  Identifier,
  Lambda,
  NamedArgument,
  OrderItem,
  WindowFrame,
  WindowName,
  WindowSpec,
} from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseHint, parsePath } from "./names.ts";
import { parseOrderBy } from "./query.ts";

/** From the parenthesis after a function's name to its OVER. `receiver` is what a chained call is applied to. */
export function parseCallAfterName(
  p: Cursor,
  name: readonly Identifier[],
  start: number,
  receiver?: Expression,
): FunctionCall {
  p.expect("(");
  const distinct = p.accept("DISTINCT");
  const written = parseArguments(p, distinct);
  const modifiers = parseModifiers(p);
  p.expect(")");
  const hint = parseHint(p);
  if (p.at("WITHIN") && p.peek(1).word === "GROUP") p.refuse("WITHIN GROUP");
  const over = p.accept("OVER") ? parseOver(p) : undefined;
  return {
    kind: "function-call",
    name,
    chained: receiver !== undefined,
    distinct,
    arguments: receiver === undefined ? written : [receiver, ...written],
    ...modifiers,
    over,
    hint,
    span: p.spanFrom(start),
  };
}

function parseArguments(p: Cursor, distinct: boolean): Argument[] {
  const { start, end } = p.token;
  if (p.at("*")) {
    if (distinct) p.failUnexpected();
    p.advance();
    const star = { kind: "star-argument", span: { start, end } } as const;
    // COUNT(*, contribution_bounds_per_group => (0, 10))
    return p.accept(",") ? [star, ...p.list(parseNamedArgument)] : [star];
  }
  const modifier = p.atAny("IGNORE", "RESPECT", "WHERE", "HAVING", "LIMIT", "ORDER", ")");
  return modifier ? [] : p.list(parseArgument);
}

type Modifiers = Pick<FunctionCall, "nulls" | "filter" | "having" | "orderBy" | "limit">;

function parseModifiers(p: Cursor): Modifiers {
  let nulls: Modifiers["nulls"];
  if (p.atAny("IGNORE", "RESPECT")) {
    nulls = p.advance().word === "IGNORE" ? "ignore" : "respect";
    p.expect("NULLS");
  }
  const filter = p.accept("WHERE") ? parseExpression(p) : undefined;
  const having = p.at("HAVING") ? parseHavingModifier(p) : undefined;
  if (p.at("GROUP")) p.refuse("GROUP BY within a function call");
  if (p.at("CLAMPED")) p.refuse("CLAMPED BETWEEN");
  if (p.at("WITH", "REPORT")) p.refuse("WITH REPORT");
  const orderBy: readonly OrderItem[] = p.at("ORDER") ? parseOrderBy(p) : [];
  const limit = p.accept("LIMIT") ? parseExpression(p) : undefined;
  if (p.at("OFFSET")) p.refuse("OFFSET within a function call");
  return { nulls, filter, having, orderBy, limit };
}

function parseHavingModifier(p: Cursor): HavingModifier {
  const start = p.start;
  p.expect("HAVING");
  if (!p.atAny("MAX", "MIN")) p.failExpected("MAX or MIN");
  const extreme = p.advance().word === "MAX" ? "max" : "min";
  const expression = parseExpression(p);
  return { kind: "having-modifier", extreme, expression, span: p.spanFrom(start) };
}

function parseArgument(p: Cursor): Argument {
  if (p.at("SELECT")) {
    p.fail("Each function argument is an expression, not a query; a query must be wrapped in parentheses of its own");
  }
  if (p.atIdentifier() && p.peek(1).word === "=>") return parseNamedArgument(p);
  const argument = parseLambdaIfAny(p) ?? parseExpression(p);
  if (p.at("AS")) p.refuse("An alias on an argument");
  return argument;
}

function parseNamedArgument(p: Cursor): NamedArgument {
  const start = p.start;
  const name = p.identifier();
  p.expect("=>");
  const value = parseLambdaIfAny(p) ?? parseCatalogArgument(p) ?? parseExpression(p);
  return { kind: "named-argument", name, value, span: p.spanFrom(start) };
}

function parseLambdaIfAny(p: Cursor): Lambda | undefined {
  const start = p.start;
  const single = p.atIdentifier() && p.peek(1).word === "->";
  const several = p.at("(") && p.tokens[p.token.match + 1]?.word === "->" && p.token.match > 0;
  if (!single && !several) return undefined;
  const parameters = single || p.at("(", ")") ? [] : p.parenthesizedList(() => p.identifier());
  if (single) parameters.push(p.identifier());
  else if (parameters.length === 0) p.expect("(", ")");
  p.expect("->");
  const body = parseExpression(p);
  return { kind: "lambda", parameters, body, span: p.spanFrom(start) };
}

function parseCatalogArgument(p: Cursor) {
  const start = p.start;
  if (p.at("INPUT", "TABLE")) p.refuse("INPUT TABLE");
  if (!p.atAny("TABLE", "MODEL") || !p.atIdentifier(1)) return undefined;
  const kind = p.advance().word === "TABLE" ? "table-argument" : "model-argument";
  const name = parsePath(p);
  if (p.at("(")) p.refuse("A call of a table function as an argument");
  return { kind, name, span: p.spanFrom(start) } as const;
}

/** An argument of a table function: also `TABLE t` and `MODEL m`. */
export function parseTableFunctionArgument(p: Cursor): Argument {
  if (p.at("DESCRIPTOR", "(")) p.refuse("DESCRIPTOR");
  if (p.at("CONNECTION") && p.atIdentifier(1)) p.refuse("A connection as an argument");
  return parseCatalogArgument(p) ?? parseArgument(p);
}

function parseOver(p: Cursor): WindowSpec | WindowName {
  const start = p.start;
  if (p.at("(")) return parseWindowSpec(p);
  const name = p.identifier("the name of a window or its definition in parentheses");
  return { kind: "window-name", name, span: p.spanFrom(start) };
}

export function parseWindowSpec(p: Cursor): WindowSpec {
  const start = p.start;
  p.expect("(");
  const base = p.atIdentifier() ? p.identifier() : undefined;
  let partitionBy: Expression[] = [];
  if (p.accept("PARTITION")) {
    parseHint(p);
    p.expect("BY");
    partitionBy = p.list(parseExpression);
  }
  const orderBy = p.at("ORDER") ? parseOrderBy(p) : [];
  const frame = p.atAny("ROWS", "RANGE") ? parseFrame(p) : undefined;
  if (p.at("GROUPS")) p.refuse("A window frame in GROUPS");
  p.expect(")");
  return { kind: "window-spec", base, partitionBy, orderBy, frame, span: p.spanFrom(start) };
}

function parseFrame(p: Cursor): WindowFrame {
  const start = p.start;
  const unit = p.advance().word === "ROWS" ? "rows" : "range";
  const between = p.accept("BETWEEN");
  const first = parseFrameBound(p);
  if (between) p.expect("AND");
  const end = between ? parseFrameBound(p) : undefined;
  if (p.at("EXCLUDE")) p.refuse("EXCLUDE in a window frame");
  return { kind: "window-frame", unit, start: first, end, span: p.spanFrom(start) };
}

function parseFrameBound(p: Cursor): FrameBound {
  const start = p.start;
  if (p.accept("CURRENT")) {
    p.expect("ROW");
    return { kind: "frame-bound", bound: "current-row", offset: undefined, span: p.spanFrom(start) };
  }
  const offset = p.accept("UNBOUNDED") ? undefined : parseExpression(p);
  if (!p.atAny("PRECEDING", "FOLLOWING")) p.failExpected("PRECEDING or FOLLOWING");
  const side = p.advance().word === "PRECEDING" ? "preceding" : "following";
  const bound = offset === undefined ? (`unbounded-${side}` as const) : side;
  return { kind: "frame-bound", bound, offset, span: p.spanFrom(start) };
}
