import type { NodeBase } from "../ast.ts";
import { coercionCost, supertypeOf } from "../coercion.ts";
import { castCanFail, castText } from "../emit/cast.ts";
import {
  dateText,
  datetimeText,
  parseDate,
  parseDatetime,
  parseTime,
  parseTimestamp,
  timestampText,
  timeText,
} from "../emit/civil.ts";
import { bignumericKind, decimalText, numericKind, parseDecimal } from "../emit/decimal.ts";
import { structText } from "../emit/text.ts";
import type { LiteralValue } from "../functions/contract.ts";
import { duckdbType, type GoogleSqlType, sameType, typeName } from "../types.ts";
import { asCollated } from "./collation.ts";
import type { Analysis } from "./context.ts";
import { constant, flagsOf, nullOf, type Typed } from "./typed.ts";

/** The expression as the given type. The caller has checked that GoogleSQL coerces it. */
export function coerce(a: Analysis, node: NodeBase, from: Typed, to: GoogleSqlType): Typed {
  if (from.raises) return { sql: `CAST(${from.sql} AS ${duckdbType(to)})`, type: to, canFail: true };
  if (from.isUntypedNull) return nullOf(to);
  if (from.isUntypedEmptyArray) {
    return { sql: `CAST([] AS ${duckdbType(to)})`, type: to, arrayElements: [], isNeverNull: true };
  }
  if (to.kind === "STRUCT" && from.structFields) {
    if (sameType(from.type, to)) return from;
    const fields = from.structFields.map((field, i) => coerce(a, node, field, to.fields[i]!.type));
    return {
      ...from,
      sql: structText(fields.map((field) => field.sql)),
      type: to,
      structFields: fields,
      isLiteral: false,
    };
  }
  if (to.kind === "ARRAY" && from.arrayElements && !sameType(from.type, to, true)) {
    const elements = from.arrayElements.map((element) => coerce(a, node, element, to.element));
    return { ...from, sql: arrayText(elements, to), type: to, arrayElements: elements };
  }
  if (sameType(from.type, to, true)) return { ...from, type: to };
  if (to.kind === "COLLATED") return asCollated(a, from);
  if (from.literal && (from.isLiteral || from.type.kind === "INT64")) {
    const value = convertLiteral(from.image ?? from.literal.value, from.type, to);
    if (value === undefined) {
      return a.fail(
        node,
        `Could not cast literal ${JSON.stringify(String(from.literal.value))} to type ${typeName(to)}`,
      );
    }
    return { ...constant(value, to), isLiteral: from.isLiteral };
  }
  return {
    sql: castText(from.sql, from.type, to, a.fresh),
    type: to,
    ...flagsOf(from, { canFail: castCanFail(from.type, to) }),
    isNeverNull: from.isNeverNull,
  };
}

export function arrayText(elements: readonly Typed[], type: GoogleSqlType): string {
  if (elements.length === 0) return `CAST([] AS ${duckdbType(type)})`;
  return `[${elements.map((element) => element.sql).join(", ")}]`;
}

/** The literal's value in another type, in its canonical form; undefined when it has none there. */
export function convertLiteral(value: LiteralValue, from: GoogleSqlType, to: GoogleSqlType): LiteralValue | undefined {
  if (value === null) return null;
  switch (to.kind) {
    case "FLOAT64":
      return Number(value);
    case "NUMERIC":
      return decimalLiteral(value, 9, numericKind);
    case "BIGNUMERIC":
      return decimalLiteral(value, 38, bignumericKind);
    case "DATE": {
      const days = parseDate(value as string);
      return days === undefined ? undefined : dateText(days);
    }
    case "TIME": {
      const micros = parseTime(value as string);
      return micros === undefined ? undefined : timeText(micros);
    }
    case "DATETIME": {
      const micros = from.kind === "DATE" || from.kind === "STRING" ? parseDatetime(value as string) : undefined;
      return micros === undefined ? undefined : datetimeText(micros);
    }
    case "TIMESTAMP": {
      const micros = parseTimestamp(value as string);
      return micros === undefined ? undefined : timestampText(micros);
    }
    default:
      return undefined;
  }
}

function decimalLiteral(value: LiteralValue, scale: number, kind: typeof numericKind): string | undefined {
  const scaled = parseDecimal(String(value), scale);
  return scaled === undefined || scaled < kind.min || scaled > kind.max ? undefined : decimalText(scaled, scale);
}

/** Coerces, or fails at the node with the words that GoogleSQL uses. */
export function coerceOrFail(a: Analysis, node: NodeBase, from: Typed, to: GoogleSqlType, what: string): Typed {
  if (coercionCost(from, to) === undefined) {
    return a.fail(node, `${what} has type ${typeName(from.type)}, which cannot be coerced to ${typeName(to)}`);
  }
  return coerce(a, node, from, to);
}

/** All of them as their common supertype. */
export function toSupertype(
  a: Analysis,
  node: NodeBase,
  values: readonly Typed[],
  what: string,
): { readonly type: GoogleSqlType; readonly values: readonly Typed[] } {
  const type = supertypeOf(values);
  if (type === undefined) {
    return a.fail(
      node,
      `No matching signature for ${what} for argument types: ${values.map((v) => typeName(v.type)).join(", ")}`,
    );
  }
  return { type, values: values.map((value) => coerce(a, node, value, type)) };
}
