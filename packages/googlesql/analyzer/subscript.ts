import type { Subscript } from "../ast.ts";
import { coercionCost } from "../coercion.ts";
import { letBind } from "../emit/let.ts";
import { INT64, JSON_TYPE, STRING, typeName } from "../types.ts";
import { coerce } from "./coerce.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { fieldAt, jsonField } from "./names.ts";
import { flagsOf, type Typed } from "./typed.ts";

/** `array[OFFSET(i)]`, `json['key']`, `struct[0]`. */
export function resolveSubscript(a: Analysis, node: Subscript, cx: Context): Typed {
  return subscriptOf(a, node, resolve(a, node.object, cx), cx);
}

/** The same of an object that is resolved already. */
export function subscriptOf(a: Analysis, node: Subscript, object: Typed, cx: Context): Typed {
  const index = resolve(a, node.index, cx);
  switch (object.type.kind) {
    case "ARRAY":
      return arrayElement(a, node, object, index);
    case "JSON":
      return jsonElement(a, node, object, index);
    case "STRUCT": {
      const at = index.literal?.value;
      if (typeof at !== "bigint") return a.fail(node, "Subscript of a STRUCT must be an INT64 literal");
      const position = Number(at) - (node.accessor === "ordinal" ? 1 : 0);
      if (position < 0 || position >= object.type.fields.length || node.accessor.startsWith("safe")) {
        return a.fail(node, "Field ordinal out of bounds in STRUCT subscript");
      }
      return fieldAt(object, position);
    }
    default:
      return a.fail(node, `Subscript access using [] is not supported on values of type ${typeName(object.type)}`);
  }
}

function arrayElement(a: Analysis, node: Subscript, array: Typed, index: Typed): Typed {
  if (node.accessor === "key" || node.accessor === "safe-key") return a.fail(node, "KEY is not supported on arrays");
  if (coercionCost(index, INT64) === undefined) {
    return a.fail(node.index, `Array position must be coercible to INT64 type, but has type ${typeName(index.type)}`);
  }
  const type = (array.type as { readonly element: Typed["type"] }).element;
  const at = coerce(a, node.index, index, INT64);
  const fromOne = node.accessor.endsWith("ordinal") ? 0 : 1;
  const safe = node.accessor.startsWith("safe");
  const flags = flagsOf(array, at, { canFail: !safe });
  const sql = letBind([array, at], a.fresh, ([xs, i]) => {
    // DuckDB counts from 1, and from the end when negative.
    const position = fromOne === 1 ? `(${i} + 1)` : i!;
    const low = fromOne === 1 ? "0" : "1";
    if (safe) return `(CASE WHEN ${i} < ${low} OR ${i} > len(${xs}) THEN NULL ELSE (${xs})[${position}] END)`;
    return `(${xs})[CASE WHEN ${xs} IS NULL THEN NULL WHEN ${i} < ${low} OR ${position} > len(${xs}) THEN CAST(gs_raise('Array index ' || ${i} || ' is out of bounds') AS BIGINT) ELSE ${position} END]`;
  });
  return { sql: `(${sql})`, type, ...flags };
}

function jsonElement(a: Analysis, node: Subscript, json: Typed, index: Typed): Typed {
  if (node.accessor !== "plain") return a.fail(node, "JSON subscript takes a key or an index as it is");
  if (index.type.kind === "STRING") {
    if (typeof index.literal?.value === "string") return jsonField(json, index.literal.value);
    return {
      sql: `gs_json_key(${json.sql}, ${coerce(a, node, index, STRING).sql})`,
      type: JSON_TYPE,
      ...flagsOf(json, index),
    };
  }
  if (coercionCost(index, INT64) === undefined) {
    return a.fail(
      node.index,
      `JSON subscript must be coercible to INT64 or STRING, but has type ${typeName(index.type)}`,
    );
  }
  return {
    sql: `gs_json_index(${json.sql}, ${coerce(a, node, index, INT64).sql})`,
    type: JSON_TYPE,
    ...flagsOf(json, index),
  };
}
