import type { Cast, NodeBase } from "../ast.ts";
import { coercionCost } from "../coercion.ts";
import { castable, castCanFail, castText } from "../emit/cast.ts";
import { castFormatText } from "../emit/cast-format.ts";
import { structText } from "../emit/text.ts";
import { tryText } from "../emit/tried.ts";
import { type GoogleSqlType, STRING, sameType, typeName } from "../types.ts";
import { coerce, coerceOrFail, convertLiteral } from "./coerce.ts";
import { asPlain } from "./collation.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { limitedType } from "./type-limits.ts";
import { constant, flagsOf, nullOf, type Typed } from "./typed.ts";

/** CAST(x AS type [FORMAT f]) and SAFE_CAST. */
export function resolveCast(a: Analysis, node: Cast, cx: Context): Typed {
  const { type, hold } = limitedType(a, node.type);
  const given = resolve(a, node.operand, cx);
  // A cast takes the collation away.
  const value = given.type.kind === "COLLATED" ? asPlain(given) : given;
  if (hold && (node.format || node.timeZone)) return a.refuse(node, "parameterized_type", "limits with a format");
  if (hold) {
    const cast = castTo(a, node, value, type, node.safe);
    // SAFE_CAST does not hold back that a value is out of its limits.
    return { sql: hold(cast.sql), type, ...flagsOf(cast, { canFail: true }) };
  }
  if (node.format || node.timeZone) return castWithFormat(a, node, value, type, cx);
  return castTo(a, node, value, type, node.safe);
}

/** The format and the zone are arguments: SAFE_CAST does not hold back errors of computing them. */
function castWithFormat(a: Analysis, node: Cast, value: Typed, type: GoogleSqlType, cx: Context): Typed {
  if (value.type.kind === "RANGE" || type.kind === "RANGE") return a.refuse(node, "CAST_FORMAT", "FORMAT of a RANGE");
  const isText = type.kind === "STRING";
  const print = castFormatText(value.isUntypedNull && isText ? "BYTES" : value.type.kind, type.kind);
  if (!print) return a.fail(node, `FORMAT is not allowed for cast from ${typeName(value.type)} to ${typeName(type)}`);
  const zoned = value.type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP";
  if (node.timeZone && !zoned && !value.isUntypedNull)
    a.fail(node, `AT TIME ZONE is not allowed for cast from ${typeName(value.type)} to ${typeName(type)}`);
  const text = (part: Cast["format"], name: string): Typed =>
    part ? coerceOrFail(a, part, resolve(a, part, cx), STRING, name) : constant("UTC", STRING);
  const format = text(node.format, "FORMAT");
  const zone = text(node.timeZone, "AT TIME ZONE");
  const flags = flagsOf(value, format, zone);
  if (value.isUntypedNull) return nullOf(type);
  if (!node.safe) {
    return { sql: print(value.sql, format.sql, zone.sql), type, ...flags, canFail: true, isNeverNull: false };
  }
  const row = a.fresh("v");
  const fields = `{'a0': ${value.sql}, 'a1': ${format.sql}, 'a2': ${zone.sql}}`;
  const body = print(`${row}.a0`, `${row}.a1`, `${row}.a2`);
  return { sql: `list_transform([${fields}], lambda ${row}: TRY(${body}))[1]`, type, ...flags, isNeverNull: false };
}

/** CAST and SAFE_CAST. */
export function castTo(a: Analysis, node: NodeBase, value: Typed, type: GoogleSqlType, safe: boolean): Typed {
  if (value.raises) return coerce(a, node, value, type);
  if (value.isUntypedNull) return nullOf(type);
  if (value.image !== undefined && (type.kind === "NUMERIC" || type.kind === "BIGNUMERIC")) {
    const exact = convertLiteral(value.image, STRING, type);
    if (exact !== undefined) return constant(exact, type);
  }
  if (value.isUntypedEmptyArray || (value.literal === undefined && coercionCost(value, type) === 0)) {
    return { ...coerceOrFail(a, node, value, type, "CAST"), isLiteral: false };
  }
  if (!castable(value.type, type)) {
    return a.fail(node, `Invalid cast from ${typeName(value.type)} to ${typeName(type)}`);
  }
  if (sameType(value.type, type, true)) return { ...value, type, isLiteral: false };
  if (value.type.kind === "ARRAY" && value.arrayElements?.length === 0) return coerce(a, node, value, type);
  if (value.structFields && type.kind === "STRUCT") {
    const fields = value.structFields.map((field, i) =>
      castTo(a, node, { ...field, image: undefined }, type.fields[i]!.type, false),
    );
    if (!safe || !fields.some((field) => field.canFail)) {
      return { sql: structText(fields.map((field) => field.sql)), type, structFields: fields, ...flagsOf(...fields) };
    }
  }
  const canFail = castCanFail(value.type, type);
  if (!safe || !canFail) {
    const sql = castText(value.sql, value.type, type, a.fresh);
    return { sql, type, ...flagsOf(value, { canFail }), isNeverNull: value.isNeverNull };
  }
  const sql = guarded(a, value, (x) => castText(x, value.type, type, a.fresh));
  return { sql, type, ...flagsOf(value) };
}

/** `TRY(text(value))` that holds back errors of `text`, but not those of computing the value. */
export function guarded(a: Analysis, value: Typed, text: (x: string) => string): string {
  if (value.isVolatile || value.hasSubquery || value.canFail) {
    const row = a.fresh("v");
    return `list_transform([{'a0': ${value.sql}}], lambda ${row}: TRY(${text(`${row}.a0`)}))[1]`;
  }
  return tryText(text(value.sql));
}
