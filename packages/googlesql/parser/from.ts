import type {
  Identifier,
  Join,
  JoinOn,
  JoinUsing,
  OffsetAlias,
  TableExpression,
  TableFunctionCall,
  TableReference,
  UnnestTable,
} from "../ast.ts";
import { parseTableFunctionArgument } from "./call.ts";
import type { Cursor } from "./cursor.ts";
import { atParenthesizedQuery, parseExpression } from "./expression.ts";
import { parseAlias, parseHint, parseObjectName } from "./names.ts";
import { atSetOperation, parseQuery } from "./query.ts";
import { atPivot, atUnpivot, parsePivotTable, parseSample, parseUnpivotTable } from "./table-operators.ts";

/** FROM and its tables and joins. */
export function parseFrom(p: Cursor): TableExpression {
  p.expect("FROM");
  return parseJoins(p, true);
}

type JoinOperator = Join["operator"];
type Condition = JoinOn | JoinUsing;

interface PendingJoin {
  readonly operator: JoinOperator;
  readonly at: number;
  readonly hint: Join["hint"];
  readonly right: TableExpression;
  readonly conditions: readonly Condition[];
}

/**
 * Joins read from left to right, comma among them. With several conditions in a row (`a JOIN b JOIN c ON x ON y`) each
 * belongs to the nearest join before it that has none: a JOIN (b JOIN c ON x) ON y.
 */
function parseJoins(p: Cursor, commas: boolean): TableExpression {
  const start = p.start;
  const first = parseTable(p);
  const joins: PendingJoin[] = [];
  let consecutive = false;
  for (;;) {
    const at = p.start;
    const operator = parseJoinOperator(p, commas);
    if (operator === undefined) break;
    if (operator === "comma" && consecutive) p.fail("Comma join is not allowed after consecutive ON/USING clauses", at);
    const afterComma = joins.some((join) => join.operator === "comma");
    if ((operator === "right" || operator === "full") && afterComma) {
      p.fail(`${operator.toUpperCase()} JOIN must be parenthesized when following a comma join`, at);
    }
    const hint = operator === "comma" ? undefined : parseHint(p);
    const right = parseTable(p);
    const conditions: Condition[] = [];
    while (p.atAny("ON", "USING")) {
      if (operator === "comma" || operator === "cross") p.fail(`${p.token.word} cannot follow a ${operator} join`);
      conditions.push(parseCondition(p));
    }
    joins.push({ operator, at, hint, right, conditions });
    consecutive ||= conditions.length > 1;
  }
  if (!commas && joins.length === 0) p.failExpected("keyword JOIN");
  return consecutive ? nestJoins(p, first, joins, start) : chainJoins(first, joins, start);
}

function chainJoins(first: TableExpression, joins: readonly PendingJoin[], start: number): TableExpression {
  return joins.reduce<TableExpression>((left, { operator, hint, right, conditions }) => {
    const condition = conditions[0];
    const end = condition?.span.end ?? right.span.end;
    return { kind: "join", operator, left, right, condition, hint, span: { start, end } };
  }, first);
}

function nestJoins(p: Cursor, first: TableExpression, joins: readonly PendingJoin[], start: number): TableExpression {
  const open: { table: TableExpression; join: PendingJoin | undefined; start: number }[] = [
    { table: first, join: undefined, start },
  ];
  for (const join of joins) {
    const { operator, hint, right } = join;
    const top = open[open.length - 1]!;
    if (operator === "comma" || operator === "cross") {
      if (operator === "comma" && open.length > 1) p.fail("A join before this comma lacks its condition", join.at);
      const span = { start: top.start, end: right.span.end };
      top.table = { kind: "join", operator, left: top.table, right, condition: undefined, hint, span };
      continue;
    }
    open.push({ table: right, join, start: right.span.start });
    for (const condition of join.conditions) {
      const closing = open.pop()!;
      const outer = open[open.length - 1];
      if (outer === undefined || closing.join === undefined) {
        return p.fail("There are more join conditions than joins", condition.span.start);
      }
      const span = { start: outer.start, end: condition.span.end };
      const { operator, hint } = closing.join;
      outer.table = { kind: "join", operator, left: outer.table, right: closing.table, condition, hint, span };
    }
  }
  const unmatched = open[1]?.join;
  if (unmatched) p.fail("A join lacks its condition", unmatched.at);
  return open[0]!.table;
}

/** Consumes a join's operator up to and with JOIN, or a comma. */
export function parseJoinOperator(p: Cursor, commas: boolean): JoinOperator | undefined {
  if (commas && p.accept(",")) return "comma";
  if (p.at("NATURAL")) p.refuse("NATURAL JOIN");
  if (p.atAny("HASH", "LOOKUP")) p.refuse(`${p.token.word} JOIN`);
  if (p.accept("JOIN")) return "inner";
  if (!p.atAny("CROSS", "INNER", "LEFT", "RIGHT", "FULL") || atSetOperation(p)) return undefined;
  const operator = p.advance().word.toLowerCase() as JoinOperator;
  if (operator !== "cross" && operator !== "inner") p.accept("OUTER");
  if (p.atAny("HASH", "LOOKUP")) p.refuse(`${p.token.word} JOIN`);
  p.expect("JOIN");
  return operator;
}

/** ON condition or USING (columns). */
export function parseCondition(p: Cursor): Condition {
  const start = p.start;
  if (p.accept("ON")) {
    const expression = parseExpression(p);
    return { kind: "join-on", expression, span: p.spanFrom(start) };
  }
  p.expect("USING");
  const columns = p.parenthesizedList(() => p.identifier("the name of a column"));
  return { kind: "join-using", columns, span: p.spanFrom(start) };
}

/** One operand of a join, with the TABLESAMPLE that may follow it. */
export function parseTable(p: Cursor): TableExpression {
  const start = p.start;
  let table = p.nested(() => parseTablePrimary(p));
  while (p.at("TABLESAMPLE")) {
    const sample = parseSample(p);
    table = { kind: "sampled-table", input: table, sample, span: p.spanFrom(start) };
  }
  if (p.at("MATCH_RECOGNIZE", "(")) p.refuse("MATCH_RECOGNIZE");
  return table;
}

function parseTablePrimary(p: Cursor): TableExpression {
  const start = p.start;
  if (p.at("UNNEST")) return parsePivots(p, parseUnnest(p), start);
  if (p.accept("LATERAL")) return parseLateral(p, start);
  if (p.at("GRAPH_TABLE")) p.refuse("GRAPH_TABLE");
  if (p.atAny("@", "?", "@@")) p.fail("Query parameters cannot be used in place of table names");
  if (p.at("(")) {
    if (!atParenthesizedQuery(p)) {
      p.expect("(");
      const join = parseJoins(p, false);
      p.expect(")");
      return join;
    }
    p.expect("(");
    const query = parseQuery(p);
    p.expect(")");
    const alias = parseTableAlias(p);
    return parsePivots(p, { kind: "subquery-table", lateral: false, query, alias, span: p.spanFrom(start) }, start);
  }
  return parseNamedTable(p);
}

/** A query in parentheses or a call of a table function. */
function parseLateral(p: Cursor, start: number): TableExpression {
  if (!p.at("(")) {
    const table = parseTableFunction(p, parseObjectName(p, "a table function"), start);
    return { ...table, lateral: true };
  }
  p.expect("(");
  const query = parseQuery(p);
  p.expect(")");
  return { kind: "subquery-table", lateral: true, query, alias: parseTableAlias(p), span: p.spanFrom(start) };
}

function parseNamedTable(p: Cursor): TableExpression {
  const start = p.start;
  const name = parseObjectName(p, "a table");
  if (p.at("(")) {
    if (p.text.slice(name.span.start, name.span.end).includes("-") && !name.parts[0]!.quoted) p.failUnexpected();
    return parsePivots(p, parseTableFunction(p, name, start), start);
  }
  if (p.at("[")) p.fail("Array element access is not allowed in the FROM clause without UNNEST");
  const hint = parseHint(p);
  const alias = parseTableAlias(p);
  const offset = parseOffset(p);
  const base: TableReference = {
    kind: "table-reference",
    name,
    alias,
    offset,
    systemTime: undefined,
    hint,
    span: p.spanFrom(start),
  };
  const table = parsePivots(p, base, start);
  const at = p.start;
  const systemTime = parseSystemTime(p);
  if (systemTime === undefined) return table;
  if (table !== base) p.fail("PIVOT or UNPIVOT and FOR SYSTEM_TIME AS OF may not be combined", at);
  return { ...base, systemTime, span: p.spanFrom(start) };
}

function parseTableFunction(p: Cursor, name: TableFunctionCall["name"], start: number): TableFunctionCall {
  p.expect("(");
  const args = p.at(")") ? [] : p.list(parseTableFunctionArgument);
  p.expect(")");
  const hint = parseHint(p);
  const alias = parseTableAlias(p);
  return { kind: "table-function-call", lateral: false, name, arguments: args, alias, hint, span: p.spanFrom(start) };
}

/** ds.f(args), without an alias: what the pipe operator CALL has. */
export function parseTableFunctionCall(p: Cursor): Pick<TableFunctionCall, "name" | "arguments"> {
  const name = parseObjectName(p, "the name of a table function");
  p.expect("(");
  const args = p.at(")") ? [] : p.list(parseTableFunctionArgument);
  p.expect(")");
  return { name, arguments: args };
}

function parseUnnest(p: Cursor): UnnestTable {
  const start = p.start;
  p.expect("UNNEST", "(");
  if (p.at("SELECT")) p.fail("The argument to UNNEST is an expression; a query must be in parentheses of its own");
  const array = parseExpression(p);
  if (p.atAny(",", "AS")) p.refuse("UNNEST of several arrays");
  p.expect(")");
  if (p.at("[")) p.fail("Array element access is not allowed in the FROM clause without UNNEST");
  const hint = parseHint(p);
  const alias = parseTableAlias(p);
  const offset = parseOffset(p);
  return { kind: "unnest", array, alias, offset, hint, span: p.spanFrom(start) };
}

/** Words that may follow a table as the start of a clause, though they can be names. */
function parseTableAlias(p: Cursor): Identifier | undefined {
  if (atPivot(p) || atUnpivot(p) || p.at("MATCH_RECOGNIZE", "(")) return undefined;
  return parseAlias(p);
}

function parseOffset(p: Cursor): OffsetAlias | undefined {
  const start = p.start;
  if (!p.accept("WITH", "OFFSET")) return undefined;
  const alias = parseTableAlias(p);
  return { kind: "offset-alias", alias, span: p.spanFrom(start) };
}

function parsePivots(p: Cursor, table: TableExpression, start: number): TableExpression {
  if (atPivot(p)) return parsePivotTable(p, table, start);
  if (atUnpivot(p)) return parseUnpivotTable(p, table, start);
  return table;
}

/** FOR SYSTEM_TIME AS OF instant */
export function parseSystemTime(p: Cursor) {
  if (!p.accept("FOR", "SYSTEM_TIME") && !p.accept("FOR", "SYSTEM", "TIME")) return undefined;
  p.expect("AS", "OF");
  return parseExpression(p);
}
