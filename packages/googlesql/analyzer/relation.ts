import { type GoogleSqlType, structFieldName } from "../types.ts";
import type { CommonTables } from "./context.ts";
import type { Column, RangeVariable } from "./scope.ts";
import { Scope } from "./scope.ts";
import type { Typed } from "./typed.ts";

/** A column that a query gives. */
export interface OutColumn {
  /** Undefined for an anonymous one. */
  readonly name: string | undefined;
  /** Its DuckDB name, unique in the statement. */
  readonly sqlName: string;
  readonly type: GoogleSqlType;
  /** The expression it came from, as far as its being a literal matters to a set operation around it. */
  readonly source: Typed;
}

/** A resolved query: DuckDB SQL and what it gives. */
export interface Relation {
  readonly sql: string;
  readonly columns: readonly OutColumn[];
  /** Rows are values (SELECT AS STRUCT | VALUE): there is one column. */
  readonly isValueTable: boolean;
  /** DuckDB SQL of each column when the query is one row of values and nothing else: no FROM, no clause, no subquery. */
  readonly row?: readonly string[] | undefined;
  /** A further column, not among `columns`, that holds the place in the order of rows; only when asked for. */
  readonly orderColumn?: string | undefined;
}

/** What stands around a query. */
export interface Environment {
  /** The scope of the expression that the query stands in. */
  readonly scope: Scope | undefined;
  readonly tables: CommonTables;
}

/** A resolved FROM clause, or a part of one. */
export interface From {
  readonly sql: string;
  /** What the text is, where that matters to what stands beside it: the scan of an array with the columns `c1` and `c2`, or a join. */
  readonly form?: { readonly kind: "array"; readonly alias: string } | { readonly kind: "join" } | undefined;
  /** The columns of `*`. */
  readonly star: readonly Column[];
  readonly ranges: readonly RangeVariable[];
  /** What can be named without its table. */
  readonly names: readonly Column[];
  /** Of one table whose rows are values: the row. */
  readonly value?: Column | undefined;
}

export const scopeOf = (from: From, parent: Scope | undefined): Scope => new Scope({ parent, ...from });

/** A table as FROM sees it: DuckDB SQL with an alias, and its columns under that alias. */
export function tableOf(
  sql: string,
  alias: string | undefined,
  columns: readonly Column[],
  isValueTable: boolean,
  extra: readonly Column[] = [],
): From {
  if (!isValueTable) {
    const all = [...columns, ...extra];
    return {
      sql,
      star: all,
      names: all,
      ranges: alias === undefined ? [] : [{ name: alias, columns: all, value: undefined }],
    };
  }
  const value = columns[0]!;
  const fields = fieldColumns(value);
  if (fields) {
    const range = alias === undefined ? [] : [{ name: alias, columns: fields, value }];
    return {
      sql,
      star: [...fields, ...extra],
      names: [...fields, ...extra],
      ranges: range,
      value: extra.length > 0 ? undefined : value,
    };
  }
  const named: Column = { ...value, name: alias };
  const range = alias === undefined ? [] : [{ name: alias, columns: [], value: named }];
  return { sql, star: [named, ...extra], names: extra, ranges: range, value: extra.length > 0 ? undefined : named };
}

/** The fields of a STRUCT value as columns; undefined when it is no STRUCT. */
export function fieldColumns(value: Column): readonly Column[] | undefined {
  if (value.type.kind !== "STRUCT") return undefined;
  return value.type.fields.map((field, i) => ({
    name: field.name === "" ? undefined : field.name,
    sql: `(${value.sql}).${structFieldName(i)}`,
    type: field.type,
  }));
}
