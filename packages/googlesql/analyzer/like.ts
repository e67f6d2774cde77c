import type { NodeBase, QuantifiedLike, ValueSubquery, ValueUnnest } from "../ast.ts";
import { coercionCost } from "../coercion.ts";
import { letBind } from "../emit/let.ts";
import { arrayOf, BYTES, STRING, typeName } from "../types.ts";
import { coerce } from "./coerce.ts";
import { collatedLike } from "./collation.ts";
import type { Analysis, Context } from "./context.ts";
import { negate, resolve } from "./expressions.ts";
import { arraySubquery } from "./subqueries.ts";
import { bool, flagsOf, type Typed } from "./typed.ts";

export function like(a: Analysis, node: NodeBase, operand: Typed, pattern: Typed): Typed {
  const flags = flagsOf(operand, pattern);
  const isText = [operand, pattern].every((side) => side.type.kind === "COLLATED" || side.type.kind === "STRING");
  if (isText && (operand.type.kind === "COLLATED" || pattern.type.kind === "COLLATED"))
    return bool(collatedLike(operand, pattern), { ...flags, canFail: true });
  if (coercionCost(operand, STRING) !== undefined && coercionCost(pattern, STRING) !== undefined) {
    const value = coerce(a, node, operand, STRING);
    const by = coerce(a, node, pattern, STRING);
    if (typeof by.literal?.value === "string") {
      const text = by.literal.value;
      if (!text.includes("\\")) return bool(`(${value.sql} LIKE ${by.sql})`, flags);
      if (/(^|[^\\])(\\\\)*\\$/.test(text))
        return bool(`gs_like(${value.sql}, ${by.sql})`, { ...flags, canFail: true });
    }
    return bool(`(${value.sql} LIKE ${by.sql} ESCAPE '\\')`, { ...flags, canFail: true });
  }
  if (coercionCost(operand, BYTES) !== undefined && coercionCost(pattern, BYTES) !== undefined) {
    const sql = `gs_bytes_like(${coerce(a, node, operand, BYTES).sql}, ${coerce(a, node, pattern, BYTES).sql})`;
    return bool(sql, { ...flags, canFail: true });
  }
  return a.fail(
    node,
    `No matching signature for operator LIKE for argument types: ${typeName(operand.type)}, ${typeName(pattern.type)}`,
  );
}

export function quantifiedLike(a: Analysis, node: QuantifiedLike, cx: Context): Typed {
  if (node.source.kind !== "value-list") return likeMany(a, node, node.source, cx);
  const operand = resolve(a, node.operand, cx);
  const patterns = node.source.items.map((item) => ({ item, value: resolve(a, item, cx) }));
  // The collation of one of them is that of all comparisons.
  const collated = patterns.find(({ value }) => value.type.kind === "COLLATED")?.value.type;
  const isText = operand.type.kind === "STRING" && operand.literal?.value !== null;
  const compared: Typed = collated && isText ? { ...operand, type: collated } : operand;
  const tests = patterns.map(({ item, value }) => negate(like(a, item, compared, value), node.negated));
  // NOT LIKE ANY is: any of them does not match.
  return bool(
    `(${tests.map((test) => test.sql).join(node.quantifier === "any" ? " OR " : " AND ")})`,
    flagsOf(...tests),
  );
}

/** LIKE ANY | ALL over the elements of an array or the rows of a subquery; over nothing ANY is false and ALL is true. */
function likeMany(a: Analysis, node: QuantifiedLike, source: ValueUnnest | ValueSubquery, cx: Context): Typed {
  const operand = resolve(a, node.operand, cx);
  let array =
    source.kind === "value-unnest" ? resolve(a, source.array, cx) : arraySubquery(a, source, source.query, cx);
  if (array.isUntypedEmptyArray) array = coerce(a, source, array, arrayOf(operand.type));
  if (array.type.kind !== "ARRAY") return a.fail(node, "LIKE ANY and ALL take an array in UNNEST");
  const { element } = array.type;
  const row = a.fresh("e");
  const sql = letBind([operand, array], a.fresh, ([x, xs]) => {
    const value: Typed = { ...operand, sql: x!, isSimple: true };
    const test = negate(like(a, node, value, { sql: row, type: element, isSimple: true }), node.negated);
    const list = `list_transform(${xs}, lambda ${row}: ${test.sql})`;
    return node.quantifier === "any"
      ? `gs_any_true(${list})`
      : `(CASE WHEN ${xs} IS NULL THEN true ELSE gs_all_true(${list}) END)`;
  });
  return bool(sql, flagsOf(operand, array, { canFail: true }));
}
