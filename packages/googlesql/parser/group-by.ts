import type { Expression, GroupBy, GroupingItem, GroupingOrder, GroupingSet } from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseAlias, parseHint } from "./names.ts";
import { atEndOfPipeOperator, parseNullOrder } from "./query.ts";

/** GROUP BY of a SELECT. */
export function parseGroupBy(p: Cursor): GroupBy {
  const start = p.start;
  p.expect("GROUP");
  parseHint(p);
  p.expect("BY");
  if (p.accept("ALL")) return { kind: "group-by", all: true, items: [], span: p.spanFrom(start) };
  const items = p.list((cursor) => parseGroupingItem(cursor, false));
  return { kind: "group-by", all: false, items, span: p.spanFrom(start) };
}

/** GROUP [AND ORDER] BY of the pipe operator AGGREGATE. */
export function parsePipeGroupBy(p: Cursor): { groupBy: GroupBy; groupAndOrder: boolean } {
  const start = p.start;
  p.expect("GROUP");
  parseHint(p);
  const groupAndOrder = p.accept("AND", "ORDER");
  p.expect("BY");
  const items = [parseGroupingItem(p, true)];
  while (p.accept(",")) {
    if (atEndOfPipeOperator(p)) break;
    items.push(parseGroupingItem(p, true));
  }
  return { groupBy: { kind: "group-by", all: false, items, span: p.spanFrom(start) }, groupAndOrder };
}

function parseGroupingItem(p: Cursor, inPipe: boolean): GroupingItem {
  const start = p.start;
  if (p.accept("(", ")")) return { kind: "grouping-empty", span: p.spanFrom(start) };
  const special = parseRollupOrCube(p);
  if (special) return special;
  if (p.accept("GROUPING", "SETS")) {
    const sets = p.parenthesizedList(parseGroupingSet);
    return { kind: "grouping-sets", sets, span: p.spanFrom(start) };
  }
  const expression = parseExpression(p);
  const alias = inPipe ? parseAlias(p) : undefined;
  const order = inPipe ? parseGroupingOrder(p, true) : undefined;
  return { kind: "grouping-key", expression, alias, order, span: p.spanFrom(start) };
}

function parseGroupingSet(p: Cursor): GroupingSet {
  const start = p.start;
  const special = parseRollupOrCube(p);
  if (special) return special;
  return { kind: "grouping-set", keys: parseKeys(p), span: p.spanFrom(start) };
}

function parseRollupOrCube(p: Cursor) {
  const start = p.start;
  if (!p.atAny("ROLLUP", "CUBE")) return undefined;
  const kind = p.advance().word === "ROLLUP" ? "rollup" : "cube";
  const elements = p.parenthesizedList(parseKeys);
  return { kind, elements, span: p.spanFrom(start) } as const;
}

/** `a`, `(a)`, `(a, b)` or `()`: parentheses of several keys parse as a tuple. */
function parseKeys(p: Cursor): readonly Expression[] {
  if (p.accept("(", ")")) return [];
  const key = parseExpression(p);
  const tuple = key.kind === "struct-constructor" && key.form === "tuple";
  return tuple ? key.fields.map((field) => field.expression) : [key];
}

/** ASC, DESC and NULLS; NULLS alone only on a grouping key. */
export function parseGroupingOrder(p: Cursor, nullsAlone: boolean): GroupingOrder | undefined {
  const start = p.start;
  const direction = p.accept("ASC") ? "asc" : p.accept("DESC") ? "desc" : undefined;
  if (direction === undefined && !(nullsAlone && p.at("NULLS"))) return undefined;
  const nulls = parseNullOrder(p);
  return { kind: "grouping-order", direction, nulls, span: p.spanFrom(start) };
}
