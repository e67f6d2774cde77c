import type { QuantifiedLike } from "../ast.ts";
import { letBind } from "../emit/let.ts";
import { type GoogleSqlType, sameType } from "../types.ts";
import { coerce, toSupertype } from "./coerce.ts";
import { type Comparison, checkComparable, compare, comparisonText } from "./compare.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { resolveQuery } from "./query.ts";
import { onlyColumn } from "./subqueries.ts";
import { bool, flagsOf, type Typed } from "./typed.ts";

/** `x < ANY (...)` and `x = ALL (...)` over a list, UNNEST(array) or a subquery; over nothing ANY is false and ALL is true. */
export function quantifiedComparison(a: Analysis, node: QuantifiedLike, operator: Comparison, cx: Context): Typed {
  const operand = resolve(a, node.operand, cx);
  const { source, quantifier } = node;
  if (source.kind === "value-list") {
    const items = source.items.map((item) => resolve(a, item, cx));
    const both = toSupertype(a, node, [operand, ...items], `operator ${operator}`);
    checkComparable(a, node, operator, both.type);
    const [left, ...right] = both.values as [Typed, ...Typed[]];
    const tests = right.map((item) => compare(a, node, operator, left, item).sql);
    return bool(`(${tests.join(quantifier === "any" ? " OR " : " AND ")})`, flagsOf(...both.values));
  }
  if (source.kind === "value-subquery") {
    const relation = resolveQuery(a, source.query, { scope: cx.scope, tables: cx.tables });
    if (relation.columns.length !== 1) a.fail(node, "A compared subquery must have only one output column");
    const alias = a.fresh("t");
    const test = compare(a, node, operator, operand, onlyColumn(relation, alias));
    const all = `bool_${quantifier === "any" ? "or" : "and"}`;
    const decided = quantifier === "any" ? "true" : "false";
    return bool(
      `(SELECT CASE WHEN ${all}(${test.sql}) = ${decided} THEN ${decided} WHEN bool_or((${test.sql}) IS NULL) THEN NULL ELSE NOT ${decided} END FROM (${relation.sql}) AS ${alias})`,
      { ...flagsOf(operand), hasSubquery: true, canFail: true },
    );
  }
  let array = resolve(a, source.array, cx);
  if (array.isUntypedEmptyArray) array = coerce(a, node, array, { kind: "ARRAY", element: operand.type });
  if (array.type.kind !== "ARRAY") return a.fail(node, "A comparison with UNNEST takes an array");
  const both = toSupertype(a, node, [operand, { sql: "", type: array.type.element }], `operator ${operator}`);
  checkComparable(a, node, operator, both.type);
  const list = elementsAs(a, node, array, both.type);
  const sql = letBind([both.values[0]!, list], a.fresh, ([x, xs]) => {
    const item = a.fresh("e");
    const left = { sql: x!, type: both.type, isSimple: true };
    const tests = `list_transform(${xs}, lambda ${item}: ${comparisonText(a, node, operator, left, { sql: item, type: both.type, isSimple: true })})`;
    return quantifier === "any"
      ? `gs_any_true(${tests})`
      : `(CASE WHEN ${xs} IS NULL THEN true ELSE gs_all_true(${tests}) END)`;
  });
  return bool(sql, flagsOf(operand, array, { canFail: true }));
}

function elementsAs(a: Analysis, node: QuantifiedLike, array: Typed, to: GoogleSqlType): Typed {
  const from = (array.type as { readonly element: GoogleSqlType }).element;
  if (sameType(from, to)) return array;
  if (array.arrayElements) return coerce(a, node, array, { kind: "ARRAY", element: to });
  const name = a.fresh("e");
  const element = coerce(a, node, { sql: name, type: from }, to);
  return {
    ...array,
    sql: `list_transform(${array.sql}, lambda ${name}: ${element.sql})`,
    type: { kind: "ARRAY", element: to },
  };
}
