import { plainCall } from "../ast/plain-call.ts";
import type { NodeBase, Query } from "../ast.ts";
import { letBind } from "../emit/let.ts";
import { raise } from "../functions/contract.ts";
import { arrayOf, duckdbType, supportsEquality, typeName } from "../types.ts";
import { coerce, toSupertype } from "./coerce.ts";
import { comparesNatively, comparisonText } from "./compare.ts";
import type { Analysis, Context } from "./context.ts";
import { resolveQuery } from "./query.ts";
import type { Relation } from "./relation.ts";
import { bool, flagsOf, type Typed } from "./typed.ts";

/** The name of a form that no one can write: `[value]`, or NULL where computing the value fails. */
export const heldBackName = "HELD BACK\0";

export function scalarSubquery(a: Analysis, node: NodeBase, query: Query, cx: Context): Typed {
  if (cx.hoist) return heldSubquery(a, node, query, cx);
  const relation = resolveQuery(a, query, { scope: cx.scope, tables: cx.tables });
  if (relation.columns.length !== 1) {
    a.fail(
      node,
      "Scalar subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values",
    );
  }
  const column = relation.columns[0]!;
  if (cx.isLazy && column.source.canFail && isHoldable(query)) return heldSubquery(a, node, query, cx);
  return { sql: `(${relation.sql})`, type: column.type, hasSubquery: true, canFail: true };
}

const isHoldable = (query: Query): boolean =>
  query.pipes.length === 0 &&
  query.body.kind === "select" &&
  query.body.as === undefined &&
  query.body.items.length === 1 &&
  query.body.items[0]!.kind === "select-expression";

/** A subquery that is computed beforehand without failing; its error comes up where its value is asked for. */
function heldSubquery(a: Analysis, node: NodeBase, query: Query, cx: Context): Typed {
  const { body } = query;
  const [item] = body.kind === "select" ? body.items : [];
  if (!isHoldable(query) || body.kind !== "select" || item?.kind !== "select-expression") {
    return a.refuse(node, "IFERROR", "holding back errors of this subquery");
  }
  const { span } = item.expression;
  const name = [{ kind: "identifier", name: heldBackName, quoted: true, span }] as const;
  const expression = plainCall(name, [item.expression], span);
  const alias = item.alias ?? undefined;
  const held: Query = { ...query, body: { ...body, items: [{ ...item, alias, expression }] } };
  const relation = resolveQuery(a, held, { scope: cx.scope, tables: cx.tables });
  const column = relation.columns[0]!;
  const type = column.type.kind === "ARRAY" ? column.type.element : column.type;
  const rows = a.fresh("t");
  const sql = `(SELECT list(${rows}.${column.sqlName}) FROM (${relation.sql}) AS ${rows})`;
  const value = (list: string): string =>
    `(CASE WHEN len(${list}) > 1 THEN ${raise("'Scalar subquery produced more than one element'", duckdbType(type))} WHEN len(${list}) = 1 AND ${list}[1] IS NULL THEN ${raise("'a subquery failed'", duckdbType(type))} ELSE ${list}[1][1] END)`;
  if (cx.hoist) return { sql: value(cx.hoist(sql)), type, canFail: true };
  return { sql: letBind([{ sql }], a.fresh, ([list]) => value(list!)), type, hasSubquery: true, canFail: true };
}

export function arraySubquery(a: Analysis, node: NodeBase, query: Query, cx: Context): Typed {
  const relation = resolveQuery(a, query, { scope: cx.scope, tables: cx.tables }, { keepOrder: true });
  if (relation.columns.length !== 1) {
    a.fail(
      node,
      "ARRAY subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values",
    );
  }
  const column = relation.columns[0]!;
  if (column.type.kind === "ARRAY")
    a.fail(node, "Cannot use array subquery with column of type ARRAY because nested arrays are not supported");
  const type = arrayOf(column.type);
  const order = relation.orderColumn ? ` ORDER BY ${relation.orderColumn}` : "";
  const alias = a.fresh("t");
  const sql = `COALESCE((SELECT list(${alias}.${column.sqlName}${order}) FROM (${relation.sql}) AS ${alias}), CAST([] AS ${duckdbType(type)}))`;
  return { sql, type, hasSubquery: true, canFail: true, isNeverNull: true };
}

export function existsSubquery(a: Analysis, query: Query, cx: Context): Typed {
  const relation = resolveQuery(a, query, { scope: cx.scope, tables: cx.tables });
  return { ...bool(`EXISTS (${relation.sql})`), hasSubquery: true, canFail: true, isNeverNull: true };
}

/** The one column of a subquery, read where its rows are called `alias`. */
export function onlyColumn({ columns }: Relation, alias: string): Typed {
  const { source, sqlName, type } = columns[0]!;
  return {
    ...source,
    sql: `${alias}.${sqlName}`,
    type,
    literal: undefined,
    isLiteral: false,
    structFields: undefined,
    arrayElements: undefined,
    floatTree: undefined,
  };
}

/** `needle IN (SELECT ...)`. */
export function inSubquery(a: Analysis, node: NodeBase, needle: Typed, query: Query, cx: Context): Typed {
  const relation = resolveQuery(a, query, { scope: cx.scope, tables: cx.tables });
  if (relation.columns.length !== 1) a.fail(node, "Subquery of type IN must have only one output column");
  const alias = a.fresh("t");
  const both = toSupertype(a, node, [needle, onlyColumn(relation, alias)], "operator IN");
  if (!supportsEquality(both.type))
    a.fail(node, `Cannot execute IN subquery with uncomparable type ${typeName(both.type)}`);
  const [left, right] = both.values as [Typed, Typed];
  const flags = { ...flagsOf(needle), hasSubquery: true, canFail: true };
  const from = `FROM (${relation.sql}) AS ${alias}`;
  if (comparesNatively(both.type)) return bool(`(${left.sql} IN (SELECT ${right.sql} ${from}))`, flags);
  if (both.type.kind === "FLOAT64") {
    // NaN equals nothing: without the NaNs of the subquery what is left is DuckDB's own IN.
    return bool(`(${left.sql} IN (SELECT ${right.sql} ${from} WHERE isnan(${right.sql}) IS NOT TRUE))`, flags);
  }
  const value = coerce(a, node, left, both.type);
  const equal = comparisonText(a, node, "=", value, right);
  return bool(
    `(SELECT CASE WHEN bool_or(${equal}) THEN true WHEN bool_or((${equal}) IS NULL) THEN NULL ELSE false END ${from})`,
    flags,
  );
}
