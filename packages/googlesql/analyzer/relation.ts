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
  /** Its WITH clause and what follows that, where the text begins with one. */
  readonly with?: (CommonTablesText & { readonly body: string }) | undefined;
  /** DuckDB SQL of each column when the query is one row of values and nothing else: no FROM, no clause, no subquery. */
  readonly row?: readonly string[] | undefined;
  /** A further column, not among `columns`, that holds the place in the order of rows; only when asked for. */
  readonly orderColumn?: string | undefined;
}

/** DuckDB SQL of common tables, one beside the other. */
export interface CommonTablesText {
  readonly entries: readonly string[];
  readonly recursive: boolean;
}

export const withText = ({ entries, recursive }: CommonTablesText): string =>
  `WITH ${recursive ? "RECURSIVE " : ""}${entries.join(", ")}`;

/** What stands around a query. */
export interface Environment {
  /** The scope of the expression that the query stands in. */
  readonly scope: Scope | undefined;
  readonly tables: CommonTables;
}

/** A table of the emitted FROM clause. */
export interface AliasedTable {
  readonly alias: string;
  /** The scan of an array: DuckDB does not take it as a STRUCT by its name. */
  readonly isArray?: boolean | undefined;
}

/** What the text of a part of FROM is, where that matters to what stands beside it. */
export type FromForm =
  /** The scan of an array with the columns `c1` and `c2`. `isCorrelated`: the array is made of columns. */
  | { readonly kind: "array"; readonly alias: string; readonly isCorrelated: boolean }
  /** `LATERAL` before `plain`. */
  | { readonly kind: "lateral"; readonly alias: string; readonly plain: string }
  | { readonly kind: "join" };

/** A resolved FROM clause, or a part of one. */
export interface From {
  readonly sql: string;
  readonly form?: FromForm | undefined;
  /** The tables whose columns the text offers, in order. */
  readonly tables: readonly AliasedTable[];
  /** The columns of `*`. */
  readonly star: readonly Column[];
  readonly ranges: readonly RangeVariable[];
  /** What can be named without its table. */
  readonly names: readonly Column[];
  /** Of one table whose rows are values: the row. */
  readonly value?: Column | undefined;
}

export const scopeOf = (from: From, parent: Scope | undefined): Scope => new Scope({ parent, ...from });

/** The alias of a part of FROM that is one table. */
export const onlyAlias = (from: From): string => {
  const [table, ...others] = from.tables;
  if (!table || others.length > 0) throw new Error("one table is wanted here");
  return table.alias;
};

/** A table as FROM sees it: DuckDB SQL with an alias of ours, and its columns under that alias. */
export function tableOf(
  sql: string,
  table: string | AliasedTable,
  alias: string | undefined,
  columns: readonly Column[],
  isValueTable: boolean,
  extra: readonly Column[] = [],
): From {
  const tables = [typeof table === "string" ? { alias: table } : table];
  if (!isValueTable) {
    const all = [...columns, ...extra];
    return {
      sql,
      tables,
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
      tables,
      star: [...fields, ...extra],
      names: [...fields, ...extra],
      ranges: range,
      value: extra.length > 0 ? undefined : value,
    };
  }
  const named: Column = { ...value, name: alias };
  const range = alias === undefined ? [] : [{ name: alias, columns: [], value: named }];
  return {
    sql,
    tables,
    star: [named, ...extra],
    names: extra,
    ranges: range,
    value: extra.length > 0 ? undefined : named,
  };
}

/** A table with columns that can be named, and that `*` does not give. */
export const withHidden = (from: From, hidden: readonly Column[]): From =>
  hidden.length === 0
    ? from
    : {
        ...from,
        names: [...from.names, ...hidden],
        ranges: from.ranges.map((range) => ({ ...range, hidden })),
      };

/** The fields of a STRUCT value as columns; undefined when it is no STRUCT. */
export function fieldColumns(value: Column): readonly Column[] | undefined {
  if (value.type.kind !== "STRUCT") return undefined;
  return value.type.fields.map((field, i) => ({
    name: field.name === "" ? undefined : field.name,
    sql: `(${value.sql}).${structFieldName(i)}`,
    type: field.type,
  }));
}
