/**
 * The type system of GoogleSQL as far as the local engine knows it: names, printing, parsing and equality, and the
 * DuckDB type that carries each of them.
 */

export const scalarKinds = [
  "BOOL",
  "INT64",
  "FLOAT64",
  "NUMERIC",
  "BIGNUMERIC",
  "STRING",
  "BYTES",
  "DATE",
  "TIME",
  "DATETIME",
  "TIMESTAMP",
  "INTERVAL",
  "JSON",
] as const;

export type ScalarKind = (typeof scalarKinds)[number];

export interface ScalarType {
  readonly kind: ScalarKind;
}

/**
 * A STRING with the collation `und:ci`: compared, grouped and ordered without regard to case. A kind of its own, so that whatever does not know
 * it fails rather than compares bytes; its name is STRING.
 */
export interface CollatedType {
  readonly kind: "COLLATED";
}

export interface ArrayType {
  readonly kind: "ARRAY";
  readonly element: GoogleSqlType;
}

export interface StructField {
  /** Undefined for an anonymous field. Names may repeat and compare without case. */
  readonly name: string | undefined;
  readonly type: GoogleSqlType;
}

export interface StructType {
  readonly kind: "STRUCT";
  readonly fields: readonly StructField[];
}

export interface RangeType {
  readonly kind: "RANGE";
  /** DATE, DATETIME or TIMESTAMP. */
  readonly element: GoogleSqlType;
}

export type GoogleSqlType = ScalarType | CollatedType | ArrayType | StructType | RangeType;

export const BOOL: ScalarType = { kind: "BOOL" };
export const INT64: ScalarType = { kind: "INT64" };
export const FLOAT64: ScalarType = { kind: "FLOAT64" };
export const NUMERIC: ScalarType = { kind: "NUMERIC" };
export const BIGNUMERIC: ScalarType = { kind: "BIGNUMERIC" };
export const STRING: ScalarType = { kind: "STRING" };
export const BYTES: ScalarType = { kind: "BYTES" };
export const DATE: ScalarType = { kind: "DATE" };
export const TIME: ScalarType = { kind: "TIME" };
export const DATETIME: ScalarType = { kind: "DATETIME" };
export const TIMESTAMP: ScalarType = { kind: "TIMESTAMP" };
export const INTERVAL: ScalarType = { kind: "INTERVAL" };
export const JSON_TYPE: ScalarType = { kind: "JSON" };

export const scalarTypes: Readonly<Record<ScalarKind, ScalarType>> = {
  BOOL,
  INT64,
  FLOAT64,
  NUMERIC,
  BIGNUMERIC,
  STRING,
  BYTES,
  DATE,
  TIME,
  DATETIME,
  TIMESTAMP,
  INTERVAL,
  JSON: JSON_TYPE,
};

export const COLLATED: CollatedType = { kind: "COLLATED" };

/** Whether a collated string is in a value of the type, at any depth. */
export function holdsCollated(type: GoogleSqlType): boolean {
  if (type.kind === "ARRAY") return holdsCollated(type.element);
  if (type.kind === "STRUCT") return type.fields.some((field) => holdsCollated(field.type));
  return type.kind === "COLLATED";
}

export const arrayOf = (element: GoogleSqlType): ArrayType => ({ kind: "ARRAY", element });
export const rangeOf = (element: GoogleSqlType): RangeType => ({ kind: "RANGE", element });
export const structOf = (...fields: readonly (readonly [string | undefined, GoogleSqlType])[]): StructType => ({
  kind: "STRUCT",
  fields: fields.map(([name, type]) => ({ name, type })),
});

const aliases: Readonly<Record<string, ScalarKind>> = {
  BOOLEAN: "BOOL",
  INT: "INT64",
  SMALLINT: "INT64",
  INTEGER: "INT64",
  BIGINT: "INT64",
  TINYINT: "INT64",
  BYTEINT: "INT64",
  DECIMAL: "NUMERIC",
  BIGDECIMAL: "BIGNUMERIC",
};

/** The scalar type of that name or alias, in any case; undefined when GoogleSQL on BigQuery has none. */
export function scalarTypeNamed(name: string): ScalarType | undefined {
  const upper = name.toUpperCase();
  const kind = aliases[upper] ?? (upper as ScalarKind);
  return Object.hasOwn(scalarTypes, kind) ? scalarTypes[kind] : undefined;
}

const plainName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A name as GoogleSQL quotes it. */
export const quotedName = (name: string): string => `\`${name.replace(/[\\`]/g, "\\$&")}\``;

/** A field's name, in backquotes where it needs them. */
export const fieldText = (name: string): string => (plainName.test(name) ? name : quotedName(name));

/** The type as GoogleSQL writes it: `ARRAY<STRUCT<a INT64, STRING>>`. */
export function typeName(type: GoogleSqlType): string {
  switch (type.kind) {
    case "ARRAY":
      return `ARRAY<${typeName(type.element)}>`;
    case "RANGE":
      return `RANGE<${typeName(type.element)}>`;
    case "STRUCT":
      return `STRUCT<${type.fields
        .map((field) =>
          field.name === undefined || field.name === ""
            ? typeName(field.type)
            : `${fieldText(field.name)} ${typeName(field.type)}`,
        )
        .join(", ")}>`;
    case "COLLATED":
      return "STRING";
    default:
      return type.kind;
  }
}

/**
 * Reads a type as `typeName` writes it (aliases, length parameters such as `STRING(10)` and COLLATE allowed).
 * Throws a plain Error on anything else: the text comes from our own tables, not from a user.
 */
export function parseType(text: string): GoogleSqlType {
  const tokens = text.match(/`(?:\\.|[^`])*`|[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[<>(),]|'[^']*'/g) ?? [];
  let at = 0;
  const fail = (): never => {
    throw new Error(`not a GoogleSQL type: ${text}`);
  };
  const next = (): string => tokens[at++] ?? fail();
  const expect = (token: string): void => {
    if (next() !== token) fail();
  };
  const read = (): GoogleSqlType => {
    const word = next().toUpperCase();
    if (word === "ARRAY" || word === "RANGE") {
      expect("<");
      const element = read();
      expect(">");
      return word === "ARRAY" ? arrayOf(element) : rangeOf(element);
    }
    if (word === "STRUCT") {
      expect("<");
      const fields: StructField[] = [];
      while (tokens[at] !== ">") {
        if (fields.length > 0) expect(",");
        const first = tokens[at] ?? fail();
        const second = tokens[at + 1] ?? fail();
        const named = first.startsWith("`") || !/^[<>(),]$/.test(second);
        if (named) at++;
        const name = first.startsWith("`") ? first.slice(1, -1).replace(/\\(.)/g, "$1") : first;
        fields.push({ name: named ? name : undefined, type: read() });
      }
      at++;
      return { kind: "STRUCT", fields };
    }
    const scalar = scalarTypeNamed(word) ?? fail();
    if (tokens[at] === "(") {
      while (next() !== ")");
    }
    if (tokens[at]?.toUpperCase() === "COLLATE") {
      at++;
      return next() === "'und:ci'" ? COLLATED : scalar;
    }
    return scalar;
  };
  const type = read();
  if (at !== tokens.length) fail();
  return type;
}

/** Same type; field names count unless `ignoreNames`. */
export function sameType(a: GoogleSqlType, b: GoogleSqlType, ignoreNames = false): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  if (a.kind === "ARRAY" || a.kind === "RANGE") return sameType(a.element, (b as ArrayType).element, ignoreNames);
  if (a.kind === "STRUCT") {
    const other = (b as StructType).fields;
    return (
      a.fields.length === other.length &&
      a.fields.every((field, i) => {
        const against = other[i]!;
        return (
          sameType(field.type, against.type, ignoreNames) &&
          (ignoreNames || (field.name ?? "").toLowerCase() === (against.name ?? "").toLowerCase())
        );
      })
    );
  }
  return true;
}

export const isNumeric = (type: GoogleSqlType): boolean =>
  type.kind === "INT64" || type.kind === "FLOAT64" || type.kind === "NUMERIC" || type.kind === "BIGNUMERIC";

/** Whether values of the type may be compared with `=`. */
export function supportsEquality(type: GoogleSqlType): boolean {
  if (type.kind === "ARRAY") return supportsEquality(type.element);
  if (type.kind === "STRUCT") return type.fields.every((field) => supportsEquality(field.type));
  return type.kind !== "JSON";
}

/** Whether values of the type may be grouped, made distinct, or partitioned by. */
export function supportsGrouping(type: GoogleSqlType): boolean {
  if (type.kind === "ARRAY") return supportsGrouping(type.element);
  if (type.kind === "STRUCT") return type.fields.every((field) => supportsGrouping(field.type));
  // A collated string is grouped by a key of its own, where that is known to be right.
  return type.kind !== "JSON" && type.kind !== "COLLATED";
}

/** Whether values of the type may be ordered (`<`, ORDER BY, MIN, MAX). */
export function supportsOrdering(type: GoogleSqlType): boolean {
  if (type.kind === "ARRAY") return supportsOrdering(type.element);
  return type.kind !== "STRUCT" && type.kind !== "JSON";
}

/** Whether NaN can hide anywhere in a value of the type. */
export function hasFloat(type: GoogleSqlType): boolean {
  if (type.kind === "ARRAY" || type.kind === "RANGE") return hasFloat(type.element);
  if (type.kind === "STRUCT") return type.fields.some((field) => hasFloat(field.type));
  return type.kind === "FLOAT64";
}

/** The name of the n-th field (from 0) of a STRUCT in DuckDB, where names must be there and differ. */
export const structFieldName = (index: number): string => `f${index + 1}`;

/**
 * The DuckDB type that carries a GoogleSQL type. STRUCT fields are named `f1`, `f2`, ... whatever GoogleSQL calls them;
 * BIGNUMERIC is its canonical decimal text; RANGE is a STRUCT of `f1` (start) and `f2` (end), NULL for unbounded.
 */
export function duckdbType(type: GoogleSqlType): string {
  switch (type.kind) {
    case "BOOL":
      return "BOOLEAN";
    case "INT64":
      return "BIGINT";
    case "FLOAT64":
      return "DOUBLE";
    case "NUMERIC":
      return "DECIMAL(38,9)";
    case "BIGNUMERIC":
    case "STRING":
    case "COLLATED":
      return "VARCHAR";
    case "BYTES":
      return "BLOB";
    case "DATE":
      return "DATE";
    case "TIME":
      return "TIME";
    case "DATETIME":
      return "TIMESTAMP";
    case "TIMESTAMP":
      return "TIMESTAMPTZ";
    case "INTERVAL":
      return "INTERVAL";
    case "JSON":
      return "JSON";
    case "ARRAY":
      return `${duckdbType(type.element)}[]`;
    case "RANGE":
      return `STRUCT(f1 ${duckdbType(type.element)}, f2 ${duckdbType(type.element)})`;
    case "STRUCT":
      // DuckDB has no STRUCT without fields.
      return type.fields.length === 0
        ? "STRUCT(f0 BOOLEAN)"
        : `STRUCT(${type.fields.map((field, i) => `${structFieldName(i)} ${duckdbType(field.type)}`).join(", ")})`;
  }
}
