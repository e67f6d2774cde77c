import type { ArrayConstructor, StructConstructor, TypeName } from "../ast.ts";
import { structText } from "../emit/text.ts";
import { arrayOf, duckdbType, type GoogleSqlType, INT64, type StructType } from "../types.ts";
import { arrayText, coerceOrFail, toSupertype } from "./coerce.ts";
import type { Analysis, Context } from "./context.ts";
import { impliedName, resolve } from "./expressions.ts";
import { limitedType } from "./type-limits.ts";
import { flagsOf, type Typed } from "./typed.ts";

/** The type that a constructor is written with: without limits, which it does not take. */
function constructedType(a: Analysis, node: TypeName): GoogleSqlType {
  const { type, hold } = limitedType(a, node);
  return hold ? a.fail(node, "Parameterized types are not supported in literal value construction") : type;
}

/** `[1, 2]`, `ARRAY<INT64>[1, 2]`: without a type, the common supertype of the elements. */
export function arrayConstructor(a: Analysis, node: ArrayConstructor, cx: Context): Typed {
  const elements = node.elements.map((element) => resolve(a, element, cx));
  for (const [i, element] of elements.entries()) {
    if (element.type.kind === "ARRAY")
      a.fail(
        node.elements[i]!,
        "Cannot construct array with element type ARRAY because nested arrays are not supported",
      );
  }
  if (node.elementType) {
    const type = constructedType(a, node.elementType);
    if (type.kind === "ARRAY") a.fail(node.elementType, "Arrays of arrays are not supported");
    const array = arrayOf(type);
    const typed = elements.map((element, i) => coerceOrFail(a, node.elements[i]!, element, type, "Array element"));
    return { sql: arrayText(typed, array), type: array, ...flagsOf(...typed), isNeverNull: true };
  }
  if (elements.length === 0) {
    return {
      sql: "CAST([] AS BIGINT[])",
      type: arrayOf(INT64),
      isUntypedEmptyArray: true,
      isNeverNull: true,
      isLiteral: true,
    };
  }
  const { type, values } = toSupertype(a, node, elements, "ARRAY constructor");
  const array = arrayOf(type);
  return {
    sql: arrayText(values, array),
    type: array,
    arrayElements: elements,
    isLiteral: elements.every((element) => element.isLiteral),
    isNeverNull: true,
    ...flagsOf(...values),
  };
}

/** `(1, 2)`, `STRUCT(1 AS a)`, `STRUCT<a INT64>(1)`. */
export function structConstructor(a: Analysis, node: StructConstructor, cx: Context): Typed {
  const values = node.fields.map((field) => resolve(a, field.expression, cx));
  if (node.type) {
    const type = constructedType(a, node.type) as StructType;
    if (type.fields.length !== values.length) {
      a.fail(node, `STRUCT type has ${type.fields.length} fields but constructor call has ${values.length} fields`);
    }
    const fields = values.map((value, i) =>
      coerceOrFail(a, node.fields[i]!, value, type.fields[i]!.type, "Struct field"),
    );
    return { sql: structText(fields.map((field) => field.sql)), type, isNeverNull: true, ...flagsOf(...fields) };
  }
  const type: StructType = {
    kind: "STRUCT",
    fields: values.map((value, i) => ({
      name:
        node.form === "untyped" ? (node.fields[i]!.alias?.name ?? impliedName(node.fields[i]!.expression)) : undefined,
      type: value.type,
    })),
  };
  // An untyped NULL or [] in a struct takes its default type where nothing else decides.
  const sql = structText(
    values.map((value) => (value.isUntypedNull ? `CAST(NULL AS ${duckdbType(value.type)})` : value.sql)),
  );
  return {
    sql,
    type,
    structFields: values,
    isNeverNull: true,
    isLiteral: values.every((value) => value.isLiteral),
    ...flagsOf(...values),
  };
}
