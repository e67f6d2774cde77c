import type { Expression, Query } from "../ast.ts";
import type { Source } from "../errors.ts";
import { readScript } from "../read-script.ts";
import { resolveValue } from "./expression.ts";
import { none, type Provenance, type Subtype, sourceOf, subtypesOf } from "./provenance.ts";
import { resolveQuery } from "./query.ts";
import { Analysis, type LineageCatalog, localScope } from "./scope.ts";
import { leaves, type Shape, shaped, shapeOf, type Value } from "./value.ts";

export type { LineageCatalog, LineageTable } from "./scope.ts";

/** One source of a value or of rows. */
export interface Influence {
  readonly table: string;
  /** A column, a field of one (`address.city`), or `*` for the rows of the table or view, whatever is in them. */
  readonly column: string;
  readonly subtypes: readonly Subtype[];
}

export interface ColumnLineage {
  /** "" for an anonymous column. */
  readonly name: string;
  readonly shape: Shape;
  /** The parts of the column that have sources of their own; `path` is "" for a column that has no fields. */
  readonly parts: readonly { readonly path: string; readonly from: readonly Influence[] }[];
}

/** What a query gives, and what it is made of. */
export interface QueryLineage {
  readonly columns: readonly ColumnLineage[];
  /** What decides which rows there are; tables read are in it as `*` with ROWS. */
  readonly rows: readonly Influence[];
  readonly isValueTable: boolean;
}

export interface LineageOptions {
  /** Script variables by name, and what they are made of. */
  readonly variables?: ReadonlyMap<string, Value> | undefined;
  /** How the columns are built, where that is known: tells fields apart that the text alone does not. */
  readonly shapes?: readonly Shape[] | undefined;
}

const influences = (provenance: Provenance): readonly Influence[] =>
  [...provenance]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, mask]) => ({ ...sourceOf(key), subtypes: subtypesOf(mask) }));

/**
 * The column lineage of a parsed query. What lineage does not understand is an error (UnsupportedGoogleSql, or
 * GoogleSqlAnalysisError for what is wrong or not known): an edge is never left out silently.
 */
export function queryLineage(
  query: Query,
  source: Source,
  catalog: LineageCatalog,
  options: LineageOptions = {},
): QueryLineage {
  const a = new Analysis(source, catalog);
  const scope = options.variables?.size ? localScope(options.variables, undefined) : undefined;
  const relation = resolveQuery(a, query, scope, new Map());
  return {
    columns: relation.columns.map(({ name, value: given }, i) => {
      const shape = options.shapes?.[i];
      const value = shape ? shaped(given, shape) : given;
      return {
        name: name ?? "",
        shape: shapeOf(value),
        parts: leaves(value).map((leaf) => ({ path: leaf.path, from: influences(leaf.from) })),
      };
    }),
    rows: influences(relation.rows),
    isValueTable: relation.isValueTable,
  };
}

/** What an expression on its own is made of: the value of a script variable. */
export function expressionValue(
  node: Expression,
  source: Source,
  catalog: LineageCatalog,
  variables: ReadonlyMap<string, Value>,
): Value {
  const a = new Analysis(source, catalog);
  return resolveValue(a, node, {
    scope: localScope(variables, undefined),
    tables: new Map(),
    rows: none,
    windows: new Map(),
  });
}

/** The same as `queryLineage` for the text of one query. */
export function columnLineage(
  sql: string,
  catalog: LineageCatalog,
  options: LineageOptions & { readonly file?: string } = {},
): QueryLineage {
  const source: Source = { text: sql, file: options.file };
  const { statements } = readScript(source);
  const [statement] = statements;
  if (statements.length !== 1 || statement?.kind !== "query-statement") {
    throw new Error("columnLineage takes the text of one query");
  }
  return queryLineage(statement.query, source, catalog, options);
}
