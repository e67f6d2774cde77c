/** Which types turn into which by themselves, and what several have in common (rules: GoogleSQL "Conversion rules"). */

import {
  COLLATED,
  DATETIME,
  type GoogleSqlType,
  INT64,
  type ScalarKind,
  type StructField,
  sameType,
  scalarTypes,
} from "./types.ts";

/** Which other types an expression of a type turns into by itself, nearest first. */
const widening: Readonly<Partial<Record<ScalarKind, readonly ScalarKind[]>>> = {
  INT64: ["NUMERIC", "BIGNUMERIC", "FLOAT64"],
  NUMERIC: ["BIGNUMERIC", "FLOAT64"],
  BIGNUMERIC: ["FLOAT64"],
  DATE: ["DATETIME"],
};

/** What only a literal (or a parameter) turns into: checked against its value at analysis time. */
const literalWidening: Readonly<Partial<Record<ScalarKind, readonly ScalarKind[]>>> = {
  FLOAT64: ["NUMERIC", "BIGNUMERIC"],
  STRING: ["DATE", "TIMESTAMP", "TIME", "DATETIME"],
};

export interface CoercionSource {
  readonly type: GoogleSqlType;
  /** A literal, or a query parameter. */
  readonly isLiteral?: boolean | undefined;
  /** An untyped NULL: coerces to every type. */
  readonly isUntypedNull?: boolean | undefined;
  /** An untyped `[]`: coerces to every array type. */
  readonly isUntypedEmptyArray?: boolean | undefined;
  /** For a STRUCT constructor: its fields one by one, so that literals in it still coerce as literals. */
  readonly structFields?: readonly CoercionSource[] | undefined;
  /** For an ARRAY constructor without a stated type: its elements. */
  readonly arrayElements?: readonly CoercionSource[] | undefined;
}

/**
 * The cost of coercing an expression to a type implicitly: 0 same type, higher means further away, undefined when
 * GoogleSQL does not do it. Only meaningful for comparing signatures with each other.
 */
export function coercionCost(from: CoercionSource, to: GoogleSqlType): number | undefined {
  if (from.isUntypedNull) return 0;
  if (from.isUntypedEmptyArray && to.kind === "ARRAY") return 0;
  const type = from.type;
  if (type.kind === "STRUCT" && to.kind === "STRUCT") {
    if (type.fields.length !== to.fields.length) return undefined;
    let total = 0;
    for (const [i, field] of type.fields.entries()) {
      const source = from.structFields?.[i] ?? { type: field.type, isLiteral: from.isLiteral };
      const cost = coercionCost(source, to.fields[i]!.type);
      if (cost === undefined) return undefined;
      total += cost;
    }
    return total;
  }
  if (type.kind === "ARRAY" && to.kind === "ARRAY") {
    if (sameType(type.element, to.element, true)) return 0;
    if (from.arrayElements) {
      let total = 0;
      for (const element of from.arrayElements) {
        const cost = coercionCost(element, to.element);
        if (cost === undefined) return undefined;
        total = Math.max(total, cost);
      }
      return total;
    }
    return undefined;
  }
  if (sameType(type, to)) return 0;
  if (type.kind === "STRING" && to.kind === "COLLATED") return 1;
  if (!(type.kind in scalarTypes) || !(to.kind in scalarTypes)) return undefined;
  const toKind = to.kind as ScalarKind;
  const step = widening[type.kind as ScalarKind]?.indexOf(toKind) ?? -1;
  if (step >= 0) return type.kind === "INT64" && toKind === "FLOAT64" ? 1 + step : 1 + step;
  if (from.isLiteral) {
    const literalStep = literalWidening[type.kind as ScalarKind]?.indexOf(toKind) ?? -1;
    if (literalStep >= 0) return 10 + literalStep;
  }
  return undefined;
}

const supertypeOrder: readonly ScalarKind[] = ["INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64"];

/**
 * The type that all of these turn into (set operations, CASE, COALESCE, ARRAY constructors ...), undefined when there is
 * none. Expressions that are not literals decide first; literals follow them where they can.
 */
export function supertypeOf(sources: readonly CoercionSource[]): GoogleSqlType | undefined {
  const typed = sources.filter((source) => !source.isUntypedNull && !source.isUntypedEmptyArray);
  if (typed.length === 0) {
    const array = sources.find((source) => source.isUntypedEmptyArray);
    return (array ?? sources[0])?.type ?? INT64;
  }
  // Field by field, so that an untyped NULL in one STRUCT takes the type that it has in another.
  if (typed.length > 1 && typed.every((source) => source.type.kind === "STRUCT" && source.structFields)) {
    const struct = structSupertype(typed);
    return struct && sources.every((source) => coercionCost(source, struct) !== undefined) ? struct : undefined;
  }
  const fixed = typed.filter((source) => !source.isLiteral);
  const from = fixed.length > 0 ? fixed : typed;
  let result: GoogleSqlType | undefined = from[0]!.type;
  for (const source of from.slice(1)) {
    result = result && pairSupertype(result, source.type);
  }
  if (result?.kind === "STRUCT") result = structSupertype(typed) ?? result;
  if (result === undefined && fixed.length === 0) return literalSupertype(typed);
  if (result === undefined) return undefined;
  // A wider literal (1.5 beside an INT64 column) may still widen the result.
  for (const source of typed) {
    if (coercionCost(source, result) !== undefined) continue;
    const wider: GoogleSqlType | undefined = pairSupertype(result, source.type);
    if (wider === undefined) return undefined;
    result = wider;
  }
  // Names of fields are those of the first one.
  const final = result.kind === "ARRAY" && sameType(result, typed[0]!.type, true) ? typed[0]!.type : result;
  return sources.every((source) => coercionCost(source, final) !== undefined) ? final : undefined;
}

function literalSupertype(typed: readonly CoercionSource[]): GoogleSqlType | undefined {
  for (const candidate of typed) {
    if (typed.every((source) => coercionCost(source, candidate.type) !== undefined)) return candidate.type;
  }
  return undefined;
}

function structSupertype(sources: readonly CoercionSource[]): GoogleSqlType | undefined {
  const first = sources[0]!.type;
  if (first.kind !== "STRUCT") return undefined;
  const fields: StructField[] = [];
  for (const [i, field] of first.fields.entries()) {
    const column: CoercionSource[] = [];
    for (const source of sources) {
      if (source.type.kind !== "STRUCT" || source.type.fields.length !== first.fields.length) return undefined;
      column.push(source.structFields?.[i] ?? { type: source.type.fields[i]!.type, isLiteral: source.isLiteral });
    }
    // An untyped NULL in the first STRUCT is an INT64 to literals that follow; what has a type of its own it follows itself.
    const [leading, ...others] = column;
    const isPlain = (one: CoercionSource) => one.isUntypedNull || (one.isLiteral && one.type.kind !== "ARRAY");
    const isFollowed = leading!.isUntypedNull && others.every(isPlain);
    const type = supertypeOf(isFollowed ? [{ type: leading!.type, isLiteral: true }, ...others] : column);
    if (type === undefined) return undefined;
    fields.push({ name: field.name, type });
  }
  return { kind: "STRUCT", fields };
}

function pairSupertype(a: GoogleSqlType, b: GoogleSqlType): GoogleSqlType | undefined {
  if (sameType(a, b, true)) return a;
  if (a.kind === "STRUCT" && b.kind === "STRUCT") return structSupertype([{ type: a }, { type: b }]);
  // The collation of one is that of both.
  if ((a.kind === "COLLATED" && b.kind === "STRING") || (a.kind === "STRING" && b.kind === "COLLATED")) return COLLATED;
  const first = supertypeOrder.indexOf(a.kind as ScalarKind);
  const second = supertypeOrder.indexOf(b.kind as ScalarKind);
  if (first >= 0 && second >= 0) return scalarTypes[supertypeOrder[Math.max(first, second)]!];
  if ((a.kind === "DATE" && b.kind === "DATETIME") || (a.kind === "DATETIME" && b.kind === "DATE")) return DATETIME;
  return undefined;
}
