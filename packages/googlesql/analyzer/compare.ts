import type { NodeBase } from "../ast.ts";
import { letBind } from "../emit/let.ts";
import {
  type GoogleSqlType,
  hasFloat,
  holdsCollated,
  structFieldName,
  supportsEquality,
  supportsOrdering,
  typeName,
} from "../types.ts";
import { coerce, toSupertype } from "./coerce.ts";
import { collationKey, comparedText } from "./collation.ts";
import type { Analysis } from "./context.ts";
import { bool, flagsOf, type Typed } from "./typed.ts";

export type Comparison = "=" | "<>" | "<" | "<=" | ">" | ">=";

/** `left op right` with GoogleSQL's coercion and its meaning of NULL and NaN. */
export function compare(a: Analysis, node: NodeBase, operator: Comparison, left: Typed, right: Typed): Typed {
  const both = toSupertype(a, node, [left, right], `operator ${operator}`);
  checkComparable(a, node, operator, both.type);
  const [l, r] = both.values as [Typed, Typed];
  return bool(comparisonText(a, node, operator, l, r), flagsOf(l, r));
}

export function checkComparable(a: Analysis, node: NodeBase, operator: Comparison, type: GoogleSqlType): void {
  const equality = operator === "=" || operator === "<>";
  if (equality ? !supportsEquality(type) : !supportsOrdering(type)) {
    a.fail(node, `${equality ? "Equality" : "Less than"} is not defined for arguments of type ${typeName(type)}`);
  }
}

interface Operand {
  readonly sql: string;
  readonly type: GoogleSqlType;
  readonly literal?: Typed["literal"];
  readonly isSimple?: boolean | undefined;
  readonly structFields?: readonly Operand[] | undefined;
}

const fieldOperand = (side: Operand, name: string, type: GoogleSqlType, i: number): Operand =>
  side.structFields?.[i] ?? { sql: `(${name}).${structFieldName(i)}`, type };

/** Both sides are of one type already. */
export function comparisonText(
  a: Analysis,
  node: NodeBase,
  operator: Comparison,
  left: Operand,
  right: Operand,
): string {
  const type = left.type;
  if (type.kind !== "COLLATED" && holdsCollated(type)) a.refuse(node, "collation", "comparing nested strings");
  switch (type.kind) {
    case "FLOAT64":
      return floatComparison(a, operator, left, right);
    case "BIGNUMERIC":
      return operator === "=" || operator === "<>"
        ? `(${left.sql} ${operator} ${right.sql})`
        : `(gs_bignumeric_key(${left.sql}) ${operator} gs_bignumeric_key(${right.sql}))`;
    case "STRUCT": {
      if (operator === "<>") return `(NOT ${comparisonText(a, node, "=", left, right)})`;
      if (type.fields.length === 0) return a.refuse(node, "struct_without_fields", "comparing STRUCT<>");
      // A row constructor is compared by its parts as they stand; anything else is evaluated once.
      const bindable = (side: Operand): Operand => (side.structFields ? { ...side, isSimple: true } : side);
      return letBind([bindable(left), bindable(right)], a.fresh, ([l, r]) => {
        const parts = type.fields.map((field, i) =>
          comparisonText(a, node, "=", fieldOperand(left, l!, field.type, i), fieldOperand(right, r!, field.type, i)),
        );
        return `(${parts.join(" AND ")})`;
      });
    }
    case "ARRAY": {
      if (operator === "<>") return `(NOT ${comparisonText(a, node, "=", left, right)})`;
      if (operator !== "=") return a.refuse(node, "array_ordering", "ordering arrays");
      return letBind([left, right], a.fresh, ([l, r]) => {
        const pair = a.fresh("p");
        const equal = comparisonText(
          a,
          node,
          "=",
          { sql: `(${pair})[1]`, type: type.element },
          { sql: `(${pair})[2]`, type: type.element },
        );
        const each = `list_transform(list_zip(${l}, ${r}), lambda ${pair}: ${equal})`;
        return `(CASE WHEN len(${l}) <> len(${r}) THEN false WHEN ${l} IS NULL OR ${r} IS NULL THEN NULL WHEN len(${l}) = 0 THEN true ELSE gs_all_true(${each}) END)`;
      });
    }
    case "RANGE": {
      if (operator === "<>") return `(NOT ${comparisonText(a, node, "=", left, right)})`;
      if (operator !== "=") return `(gs_range_key(${left.sql}) ${operator} gs_range_key(${right.sql}))`;
      return letBind(
        [left, right],
        a.fresh,
        ([l, r]) =>
          `(CASE WHEN ${l} IS NULL OR ${r} IS NULL THEN NULL ELSE (${l}).f1 IS NOT DISTINCT FROM (${r}).f1 AND (${l}).f2 IS NOT DISTINCT FROM (${r}).f2 END)`,
      );
    }
    case "COLLATED":
      return `(${collationKey(left.sql)} ${operator} ${collationKey(right.sql)})`;
    case "JSON":
      return a.refuse(node, "json_comparison", "comparing JSON values");
    default:
      return `(${left.sql} ${operator} ${right.sql})`;
  }
}

const flipped: Readonly<Record<Comparison, Comparison>> = {
  "=": "=",
  "<>": "<>",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

/** DuckDB says NaN = NaN and sorts it last; in GoogleSQL every comparison with it is false but `<>`. */
function floatComparison(a: Analysis, operator: Comparison, left: Operand, right: Operand): string {
  const plain = `(${left.sql} ${operator} ${right.sql})`;
  const isNumber = (side: Operand): boolean =>
    typeof side.literal?.value === "number" && !Number.isNaN(side.literal.value);
  const oneSided = isNumber(right)
    ? { operand: left, operator }
    : isNumber(left)
      ? { operand: right, operator: flipped[operator] }
      : undefined;
  if (oneSided) {
    if (oneSided.operator !== ">" && oneSided.operator !== ">=") return plain;
    return letBind([oneSided.operand], a.fresh, ([x]) => {
      const literal = isNumber(right) ? right : left;
      return `(${x} ${oneSided.operator} ${literal.sql} AND NOT isnan(${x}))`;
    });
  }
  return letBind([left, right], a.fresh, ([l, r]) => {
    switch (operator) {
      case "=":
        return `gs_feq(${l}, ${r})`;
      case "<>":
        return `gs_fne(${l}, ${r})`;
      case "<":
        return `gs_flt(${l}, ${r})`;
      case "<=":
        return `gs_fle(${l}, ${r})`;
      case ">":
        return `gs_flt(${r}, ${l})`;
      case ">=":
        return `gs_fle(${r}, ${l})`;
    }
  });
}

/** IS NOT DISTINCT FROM: NULLs and NaNs equal themselves. */
export function notDistinct(a: Analysis, node: NodeBase, left: Typed, right: Typed): Typed {
  const both = toSupertype(a, node, [left, right], "operator IS DISTINCT FROM");
  checkComparable(a, node, "=", both.type);
  const [l, r] = both.values as [Typed, Typed];
  if (both.type.kind !== "COLLATED" && holdsCollated(both.type))
    a.refuse(node, "collation", "comparing nested strings");
  return { ...bool(`(${comparedText(l)} IS NOT DISTINCT FROM ${comparedText(r)})`, flagsOf(l, r)), isNeverNull: true };
}

/** Whether DuckDB's own `=`, IN and join on the type mean what GoogleSQL's do. */
export const comparesNatively = (type: GoogleSqlType): boolean =>
  !hasFloat(type) &&
  type.kind !== "COLLATED" &&
  type.kind !== "STRUCT" &&
  type.kind !== "ARRAY" &&
  type.kind !== "JSON" &&
  type.kind !== "RANGE";

/** `needle IN (items)`; three-valued. */
export function inList(a: Analysis, node: NodeBase, needle: Typed, items: readonly Typed[]): Typed {
  const all = toSupertype(a, node, [needle, ...items], "operator IN");
  checkComparable(a, node, "=", all.type);
  const [left, ...right] = all.values as [Typed, ...Typed[]];
  const flags = flagsOf(...all.values);
  if (comparesNatively(all.type)) return bool(`(${left.sql} IN (${right.map((item) => item.sql).join(", ")}))`, flags);
  return bool(
    letBind([left], a.fresh, ([x]) => {
      const value: Operand = { sql: x!, type: all.type };
      return `(${right.map((item) => comparisonText(a, node, "=", value, item)).join(" OR ")})`;
    }),
    flags,
  );
}

/** `needle IN UNNEST(array)`: no element is false, even for NULL. */
export function inArray(a: Analysis, node: NodeBase, needle: Typed, array: Typed): Typed {
  let value = needle;
  let list = array;
  if (array.isUntypedEmptyArray) {
    list = coerce(a, node, array, { kind: "ARRAY", element: needle.type });
  } else if (array.type.kind !== "ARRAY") {
    return a.fail(
      node,
      `Second argument of IN UNNEST must be an array but was ${array.isUntypedNull ? "NULL" : typeName(array.type)}`,
    );
  }
  const elementType = (list.type as { readonly element: GoogleSqlType }).element;
  const element: Typed = { sql: "", type: elementType };
  const both = toSupertype(a, node, [needle, element], "operator IN UNNEST");
  checkComparable(a, node, "=", both.type);
  value = both.values[0]!;
  if (both.type.kind !== elementType.kind || both.type.kind === "STRUCT") {
    list = coerceElements(a, node, list, both.type);
  }
  const sql = letBind([value, list], a.fresh, ([x, xs]) => {
    if (comparesNatively(both.type)) {
      return `(CASE WHEN ${xs} IS NULL OR len(${xs}) = 0 THEN false WHEN ${x} IS NULL THEN NULL WHEN list_contains(${xs}, ${x}) THEN true WHEN list_count(${xs}) < len(${xs}) THEN NULL ELSE false END)`;
    }
    const name = a.fresh("e");
    const equal = comparisonText(a, node, "=", { sql: x!, type: both.type }, { sql: name, type: both.type });
    return `gs_any_true(list_transform(${xs}, lambda ${name}: ${equal}))`;
  });
  return bool(sql, flagsOf(value, list));
}

function coerceElements(a: Analysis, node: NodeBase, list: Typed, to: GoogleSqlType): Typed {
  if (list.arrayElements) return coerce(a, node, list, { kind: "ARRAY", element: to });
  const name = a.fresh("e");
  const element = coerce(a, node, { sql: name, type: (list.type as { element: GoogleSqlType }).element }, to);
  return {
    ...list,
    sql: `list_transform(${list.sql}, lambda ${name}: ${element.sql})`,
    type: { kind: "ARRAY", element: to },
  };
}
