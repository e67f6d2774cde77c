import type {
  Expression,
  Identifier,
  Pivot,
  PivotAggregate,
  PivotTable,
  PivotValue,
  Sample,
  TableExpression,
  Unpivot,
  UnpivotItem,
  UnpivotTable,
} from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression, parseOperand } from "./expression.ts";
import { parseLiteral, parseParameter } from "./literals.ts";
import { parseAlias } from "./names.ts";

export function atPivot(p: Cursor): boolean {
  return p.at("PIVOT", "(");
}

export function atUnpivot(p: Cursor): boolean {
  return p.at("UNPIVOT", "(") || p.at("UNPIVOT", "INCLUDE", "NULLS") || p.at("UNPIVOT", "EXCLUDE", "NULLS");
}

export function parsePivotTable(p: Cursor, input: TableExpression, start: number): PivotTable {
  const pivot = parsePivot(p);
  const alias = parseAlias(p);
  return { kind: "pivot-table", input, pivot, alias, span: p.spanFrom(start) };
}

export function parseUnpivotTable(p: Cursor, input: TableExpression, start: number): UnpivotTable {
  const unpivot = parseUnpivot(p);
  const alias = parseAlias(p);
  return { kind: "unpivot-table", input, unpivot, alias, span: p.spanFrom(start) };
}

/** PIVOT (aggregates FOR expression IN (values)) */
export function parsePivot(p: Cursor): Pivot {
  const start = p.start;
  p.expect("PIVOT", "(");
  const aggregates = p.list(parsePivotAggregate);
  p.expect("FOR");
  const forExpression = parseOperand(p);
  p.expect("IN", "(");
  if (p.atAny("SELECT", "FROM")) p.fail("The values of PIVOT are constants, not a query");
  const values = p.list(parsePivotValue);
  p.expect(")", ")");
  return { kind: "pivot", aggregates, forExpression, values, span: p.spanFrom(start) };
}

function parsePivotAggregate(p: Cursor): PivotAggregate {
  const start = p.start;
  const expression = parseExpression(p);
  if (expression.kind !== "function-call") p.fail("PIVOT expression must be an aggregate function call", start);
  const alias = parseAlias(p);
  return { kind: "pivot-aggregate", expression, alias, span: p.spanFrom(start) };
}

function parsePivotValue(p: Cursor): PivotValue {
  const start = p.start;
  const expression = parseExpression(p);
  const alias = parseAlias(p);
  return { kind: "pivot-value", expression, alias, span: p.spanFrom(start) };
}

/** UNPIVOT [INCLUDE|EXCLUDE NULLS] (values FOR name IN (columns)) */
export function parseUnpivot(p: Cursor): Unpivot {
  const start = p.start;
  p.expect("UNPIVOT");
  const includeNulls = p.accept("INCLUDE");
  if (includeNulls || p.accept("EXCLUDE")) p.expect("NULLS");
  p.expect("(");
  const valueColumns = parseColumns(p);
  p.expect("FOR");
  const nameColumn = parseColumn(p);
  p.expect("IN");
  const items = p.parenthesizedList(parseUnpivotItem);
  p.expect(")");
  const uneven = items.find((item) => item.columns.length !== valueColumns.length);
  if (uneven) {
    p.fail(
      `UNPIVOT has ${valueColumns.length} value columns, this item has ${uneven.columns.length}`,
      uneven.span.start,
    );
  }
  return { kind: "unpivot", includeNulls, valueColumns, nameColumn, items, span: p.spanFrom(start) };
}

function parseUnpivotItem(p: Cursor): UnpivotItem {
  const start = p.start;
  const columns = parseColumns(p);
  const as = p.accept("AS");
  const labelled = p.token.kind === "string" || p.token.kind === "integer";
  if (as && !labelled) p.failExpected("a string or integer literal");
  const label = labelled ? parseLiteral(p) : undefined;
  return { kind: "unpivot-item", columns, label, span: p.spanFrom(start) };
}

function parseColumns(p: Cursor): Identifier[] {
  return p.at("(") ? p.parenthesizedList(parseColumn) : [parseColumn(p)];
}

function parseColumn(p: Cursor): Identifier {
  const name = p.identifier("the name of a column");
  if (p.at(".")) p.fail("UNPIVOT takes columns by name alone");
  return name;
}

/** TABLESAMPLE method (size PERCENT|ROWS) [REPEATABLE (seed)] */
export function parseSample(p: Cursor): Sample {
  const start = p.start;
  p.expect("TABLESAMPLE");
  const method = p.token.word.toLowerCase();
  if (method !== "system" && method !== "bernoulli" && method !== "reservoir") {
    p.failExpected("SYSTEM, BERNOULLI or RESERVOIR");
  }
  p.advance();
  p.expect("(");
  const size = parseConstant(p, ["integer", "float"]);
  if (!p.atAny("PERCENT", "ROWS")) p.failExpected("PERCENT or ROWS");
  const unit = p.advance().word === "PERCENT" ? "percent" : "rows";
  const partitionBy = p.accept("PARTITION", "BY") ? p.list(parseExpression) : [];
  p.expect(")");
  let weight = parseWeight(p);
  let repeatable: Sample["repeatable"];
  if (p.at("REPEATABLE", "(")) {
    p.expect("REPEATABLE", "(");
    repeatable = parseConstant(p, ["integer"]);
    p.expect(")");
  }
  weight ??= parseWeight(p);
  return { kind: "sample", method, size, unit, partitionBy, repeatable, weight, span: p.spanFrom(start) };
}

function parseWeight(p: Cursor): Sample["weight"] {
  const start = p.start;
  if (!p.accept("WITH", "WEIGHT")) return undefined;
  return { kind: "sample-weight", alias: parseAlias(p), span: p.spanFrom(start) };
}

/** A literal of these kinds, or a parameter. */
function parseConstant(p: Cursor, kinds: readonly ("integer" | "float")[]): Expression {
  const literal = kinds.some((kind) => kind === p.token.kind) ? parseLiteral(p) : undefined;
  return literal ?? parseParameter(p) ?? p.failExpected(`a literal (${kinds.join(" or ")}) or a parameter`);
}
