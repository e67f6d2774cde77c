import type { CoercionSource } from "../coercion.ts";
import { literalText } from "../emit/text.ts";
import type { LiteralValue } from "../functions/contract.ts";
import { BOOL, duckdbType, type GoogleSqlType, INT64 } from "../types.ts";

/** An expression after name resolution and type inference: its GoogleSQL type and the DuckDB SQL that computes it. */
export interface Typed extends CoercionSource {
  /** Parenthesised where an operator around it could tear it apart. */
  readonly sql: string;
  readonly type: GoogleSqlType;
  /** The value, when it is known at analysis time. */
  readonly literal?: { readonly value: LiteralValue } | undefined;
  readonly structFields?: readonly Typed[] | undefined;
  readonly arrayElements?: readonly Typed[] | undefined;
  /** A column or a constant: repeating its text costs nothing. */
  readonly isSimple?: boolean | undefined;
  /** Another value each time it is evaluated. */
  readonly isVolatile?: boolean | undefined;
  /** Evaluating it may raise an error. */
  readonly canFail?: boolean | undefined;
  readonly isNeverNull?: boolean | undefined;
  readonly hasSubquery?: boolean | undefined;
  /** There is a BETWEEN in its text, whose operand DuckDB writes twice. */
  readonly hasBetween?: boolean | undefined;
  /** ERROR(message): fits every type, and never gives a value. */
  readonly raises?: { readonly message: Typed } | undefined;
  /** A FLOAT64 literal as written, so that it turns into NUMERIC exactly. */
  readonly image?: string | undefined;
  /** Why a name may not be used where it is looked up. */
  readonly fault?: string | undefined;
  /** A name that stands for several things. */
  readonly isAmbiguous?: boolean | undefined;
  /** The leaves and the operators of a tree of float +, -, *: checked for overflow once, at its top. */
  readonly floatTree?: { readonly raw: string; readonly leaves: readonly string[] } | undefined;
  /** The value is not constant in the query, as for a parameter that stands for a constant it is. */
  readonly isParameter?: boolean | undefined;
}

export interface Flags {
  readonly isVolatile?: boolean | undefined;
  readonly canFail?: boolean | undefined;
  readonly hasSubquery?: boolean | undefined;
  readonly hasBetween?: boolean | undefined;
}

/** What an expression inherits from its parts. */
export function flagsOf(...parts: readonly (Flags | undefined)[]): Flags {
  return {
    isVolatile: parts.some((part) => part?.isVolatile),
    canFail: parts.some((part) => part?.canFail),
    hasSubquery: parts.some((part) => part?.hasSubquery),
    hasBetween: parts.some((part) => part?.hasBetween),
  };
}

export function literal(value: LiteralValue, type: GoogleSqlType): Typed {
  return {
    sql: literalText(value, type),
    type,
    literal: { value },
    isLiteral: true,
    isSimple: true,
    isNeverNull: value !== null,
  };
}

/** A constant that does not coerce as an untyped literal does: DATE '...', a cast of a literal. */
export function constant(value: LiteralValue, type: GoogleSqlType): Typed {
  return { ...literal(value, type), isLiteral: false };
}

export const untypedNull: Typed = {
  sql: "NULL",
  type: INT64,
  literal: { value: null },
  isLiteral: true,
  isUntypedNull: true,
  isSimple: true,
};

export const nullOf = (type: GoogleSqlType): Typed => ({
  sql: `CAST(NULL AS ${duckdbType(type)})`,
  type,
  literal: { value: null },
  isSimple: true,
});

export const bool = (sql: string, flags: Flags = {}): Typed => ({ sql, type: BOOL, ...flags });
