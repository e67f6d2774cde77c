import type {
  CommonTable,
  FromQuery,
  Identifier,
  Limit,
  OrderItem,
  PipeOperator,
  Query,
  QueryBody,
  Select,
  SetMatching,
  SetOperation,
  WithClause,
} from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseFrom } from "./from.ts";
import { parseParameter, parseString } from "./literals.ts";
import { parseHint } from "./names.ts";
import { parsePipeOperator } from "./pipe.ts";
import { parseSelect } from "./select.ts";

/** Whether a query can start here. */
export function atQuery(p: Cursor): boolean {
  return p.atAny("SELECT", "FROM", "(") || (p.at("WITH") && p.peek(1).word !== "(");
}

/** A whole query: WITH, body, ORDER BY, LIMIT and pipe operators. */
export function parseQuery(p: Cursor): Query {
  return p.nested(() => {
    const start = p.start;
    const withClause = p.at("WITH") ? parseWithClause(p) : undefined;
    if (withClause && p.at("|>")) p.fail("A pipe operator cannot follow the WITH clause before the main query");
    const body: QueryBody = p.at("FROM") ? parseFromQuery(p) : parseQueryBody(p);
    const orderBy = p.at("ORDER") ? parseOrderBy(p) : [];
    const limit = p.at("LIMIT") ? parseLimit(p) : undefined;
    if (p.at("FOR", "UPDATE")) p.refuse("FOR UPDATE");
    const pipes: PipeOperator[] = [];
    while (p.at("|>")) pipes.push(parsePipeOperator(p));
    const bare = withClause === undefined && orderBy.length === 0 && limit === undefined && pipes.length === 0;
    if (bare && body.kind === "query") return body;
    return { kind: "query", with: withClause, body, orderBy, limit, pipes, span: p.spanFrom(start) };
  });
}

/** `trailingComma`: pipe syntax allows one. */
export function parseWithClause(p: Cursor, trailingComma = false): WithClause {
  const start = p.start;
  p.expect("WITH");
  const recursive = p.accept("RECURSIVE");
  const entries = [parseCommonTable(p)];
  while (p.accept(",")) {
    if (trailingComma && atEndOfPipeOperator(p)) break;
    entries.push(parseCommonTable(p));
  }
  return { kind: "with-clause", recursive, entries, span: p.spanFrom(start) };
}

function parseCommonTable(p: Cursor): CommonTable {
  const start = p.start;
  if (p.atAny("SELECT", "FROM")) p.fail("Trailing comma after the WITH clause before the main query is not allowed");
  const name = p.identifier("the name of a common table");
  if (p.at("(")) p.refuse("A list of columns or arguments on a common table");
  p.expect("AS", "(");
  const query = parseQuery(p);
  p.expect(")");
  if (p.at("WITH", "DEPTH")) p.refuse("WITH DEPTH");
  return { kind: "common-table", name, query, span: p.spanFrom(start) };
}

function parseFromQuery(p: Cursor): FromQuery {
  const start = p.start;
  const from = parseFrom(p);
  if (p.atAny("WHERE", "SELECT", "GROUP", "ORDER", "UNION", "INTERSECT", "EXCEPT", "LIMIT")) {
    const operator = { GROUP: "AGGREGATE", ORDER: "ORDER BY" }[p.token.word] ?? p.token.word;
    p.fail(`${p.token.word} not supported after FROM query; Consider using pipe operator \`|> ${operator}\``);
  }
  return { kind: "from-query", from, span: p.spanFrom(start) };
}

function parsePrimaryQuery(p: Cursor): Select | Query {
  if (p.at("SELECT")) return parseSelect(p);
  if (p.at("FROM")) p.fail("Unexpected FROM; FROM queries following a set operation must be parenthesized");
  if (!p.at("(")) p.failExpected('"(" or keyword SELECT');
  p.expect("(");
  const query = parseQuery(p);
  p.expect(")");
  if (p.at("AS")) p.refuse("An alias on a parenthesized query that is not in FROM");
  return query;
}

function parseQueryBody(p: Cursor): QueryBody {
  const start = p.start;
  const first = parsePrimaryQuery(p);
  if (!atSetOperation(p)) return first;
  const inputs: SetOperation["inputs"][number][] = [first];
  const operatorStart = p.start;
  const operation = parseSetOperator(p);
  inputs.push(parsePrimaryQuery(p));
  while (atSetOperation(p)) {
    const at = p.start;
    if (!sameSetOperator(operation, parseSetOperator(p))) {
      const first = p.text.slice(operatorStart, operation.span.end);
      p.fail(`Different set operations cannot be used in the same query without parentheses (after ${first})`, at);
    }
    inputs.push(parsePrimaryQuery(p));
  }
  const { operator, quantifier, matching } = operation;
  return { kind: "set-operation", operator, quantifier, matching, inputs, span: p.spanFrom(start) };
}

type SetOperator = Pick<SetOperation, "operator" | "quantifier" | "matching" | "span">;

/** Whether UNION, INTERSECT or EXCEPT is next, or a side (FULL OUTER) that belongs to one. */
export function atSetOperation(p: Cursor): boolean {
  const side = p.atAny("FULL", "LEFT", "INNER") ? (p.peek(1).word === "OUTER" ? 2 : 1) : p.at("OUTER") ? 1 : 0;
  return ["UNION", "INTERSECT", "EXCEPT"].includes(p.peek(side).word);
}

/** `[side] UNION|INTERSECT|EXCEPT ALL|DISTINCT [how columns match]` */
export function parseSetOperator(p: Cursor): SetOperator {
  const start = p.start;
  const side = parseSetSide(p);
  const operator = p.advance().word.toLowerCase() as SetOperation["operator"];
  parseHint(p);
  if (!p.atAny("ALL", "DISTINCT")) p.failExpected("keyword ALL or keyword DISTINCT");
  const quantifier = p.advance().word === "ALL" ? "all" : "distinct";
  const matching = parseSetMatching(p, side);
  return { operator, quantifier, matching, span: p.spanFrom(start) };
}

function parseSetSide(p: Cursor): SetMatching["mode"] {
  if (p.accept("OUTER")) return "full";
  if (p.accept("INNER")) return "inner";
  if (!p.atAny("FULL", "LEFT")) return undefined;
  const mode = p.advance().word === "FULL" ? "full" : "left";
  p.accept("OUTER");
  return mode;
}

function parseSetMatching(p: Cursor, side: SetMatching["mode"]): SetMatching | undefined {
  const start = p.start;
  const strict = p.accept("STRICT");
  if (strict && side !== undefined) p.fail("STRICT cannot be used with an outer mode in set operations", start);
  const mode = strict ? "strict" : side;
  if (p.accept("BY", "NAME")) {
    if (strict) p.fail("STRICT cannot be used with BY NAME in set operations", start);
    const columns = p.accept("ON") ? p.parenthesizedList(columnName) : undefined;
    return { kind: "set-matching", syntax: "by-name", mode, columns, span: p.spanFrom(start) };
  }
  if (p.accept("CORRESPONDING")) {
    const columns = p.accept("BY") ? p.parenthesizedList(columnName) : undefined;
    return { kind: "set-matching", syntax: "corresponding", mode, columns, span: p.spanFrom(start) };
  }
  if (mode !== undefined) p.failExpected("BY NAME or CORRESPONDING");
  return undefined;
}

const columnName = (p: Cursor): Identifier => p.identifier("the name of a column");

function sameSetOperator(a: SetOperator, b: SetOperator): boolean {
  const names = (columns: readonly Identifier[] | undefined) =>
    columns === undefined ? undefined : columns.map((column) => column.name.toLowerCase());
  const key = ({ operator, quantifier, matching }: SetOperator) =>
    JSON.stringify([operator, quantifier, matching?.syntax, matching?.mode, names(matching?.columns)]);
  return key(a) === key(b);
}

/** ORDER BY and its items. `trailingComma`: pipe syntax allows one. */
export function parseOrderBy(p: Cursor, trailingComma = false): OrderItem[] {
  p.expect("ORDER");
  parseHint(p);
  p.expect("BY");
  const items = [parseOrderItem(p)];
  while (p.accept(",")) {
    if (trailingComma && atEndOfPipeOperator(p)) break;
    items.push(parseOrderItem(p));
  }
  return items;
}

/** Whether a list in a pipe operator ends here, so that the comma before was a trailing one. */
export function atEndOfPipeOperator(p: Cursor): boolean {
  return p.token.kind === "end" || p.atAny("|>", ")", ";");
}

function parseOrderItem(p: Cursor): OrderItem {
  const start = p.start;
  const expression = parseExpression(p);
  const collation = p.accept("COLLATE") ? (parseParameter(p) ?? parseString(p)) : undefined;
  const direction = p.accept("ASC") ? "asc" : p.accept("DESC") ? "desc" : undefined;
  const nulls = parseNullOrder(p);
  return { kind: "order-item", expression, collation, direction, nulls, span: p.spanFrom(start) };
}

export function parseNullOrder(p: Cursor): "first" | "last" | undefined {
  if (!p.accept("NULLS")) return undefined;
  if (p.accept("FIRST")) return "first";
  p.expect("LAST");
  return "last";
}

export function parseLimit(p: Cursor): Limit {
  const start = p.start;
  p.expect("LIMIT");
  if (p.at("ALL")) p.refuse("LIMIT ALL");
  const count = parseExpression(p);
  const offset = p.accept("OFFSET") ? parseExpression(p) : undefined;
  return { kind: "limit", count, offset, span: p.spanFrom(start) };
}
