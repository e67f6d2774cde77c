import { checkFieldName } from "./analyzer/arrival.ts";
import { coerceOrFail } from "./analyzer/coerce.ts";
import { Analysis } from "./analyzer/context.ts";
import { resolveQuery } from "./analyzer/query.ts";
import { heldAs } from "./analyzer/type-limits.ts";
import type { Typed } from "./analyzer/typed.ts";
import type { Query } from "./ast.ts";
import type { Catalog } from "./catalog.ts";
import { literalText } from "./emit/text.ts";
import { GoogleSqlAnalysisError, type Source } from "./errors.ts";
import type { LiteralValue } from "./functions/contract.ts";
import { readScript } from "./read-script.ts";
import type { GoogleSqlType } from "./types.ts";

/** A column of a result: its name ("" when anonymous) and type. */
export interface TranslatedColumn {
  readonly name: string;
  readonly type: GoogleSqlType;
}

/** DuckDB SQL of one query, and what its columns are in order. */
export interface TranslatedQuery {
  readonly sql: string;
  readonly columns: readonly TranslatedColumn[];
  /** The rows are values: the one column is the row. */
  readonly isValueTable: boolean;
}

/** A query parameter or script variable, by name in lower case. */
export interface Binding {
  readonly type: GoogleSqlType;
  /** DuckDB SQL of the value. */
  readonly sql: string;
  /** The value itself where it is a plain one: lets it stand where GoogleSQL wants a constant. */
  readonly literal?: LiteralValue | undefined;
  /** Of a STRUCT that is known: its fields. */
  readonly fields?: readonly Binding[] | undefined;
  /** Of a variable: its type with the limits that it was declared with, where there are any. */
  readonly declared?: string | undefined;
}

export interface TranslateOptions {
  readonly file?: string | undefined;
  readonly parameters?: ReadonlyMap<string, Binding> | undefined;
  readonly positional?: readonly Binding[] | undefined;
  readonly variables?: ReadonlyMap<string, Binding> | undefined;
}

/** A parameter coerces as a literal does; a variable does not. */
export function bound(binding: Binding, isParameter: boolean): Typed {
  const known = binding.literal !== undefined && binding.literal !== null;
  return {
    sql: known ? literalText(binding.literal!, binding.type) : binding.sql,
    type: binding.type,
    literal: binding.literal === undefined ? undefined : { value: binding.literal },
    structFields: binding.fields?.map((field) => bound(field, isParameter)),
    isLiteral: isParameter,
    isParameter: true,
    isSimple: true,
  };
}

export function analysisFor(source: Source, catalog: Catalog, options: TranslateOptions): Analysis {
  const all = (map: ReadonlyMap<string, Binding> | undefined, isParameter: boolean): Map<string, Typed> =>
    new Map([...(map ?? [])].map(([name, binding]) => [name.toLowerCase(), bound(binding, isParameter)]));
  return new Analysis({
    source,
    catalog,
    parameters: all(options.parameters, true),
    positional: (options.positional ?? []).map((binding) => bound(binding, true)),
    variables: all(options.variables, false),
  });
}

/**
 * Translates a parsed query; `as` coerces the one column of a query of one column.
 * Throws GoogleSqlAnalysisError or UnsupportedGoogleSql.
 */
export function translateQuery(
  query: Query,
  source: Source,
  catalog: Catalog,
  options: TranslateOptions = {},
  as?: GoogleSqlType,
  /** The type with its limits (`STRING(10)`), which the value is held to. */
  declared?: string | undefined,
): TranslatedQuery {
  const a = analysisFor(source, catalog, options);
  const relation = resolveQuery(a, query, { scope: undefined, tables: new Map() });
  a.failUnfiltered();
  const columns = relation.columns.map((column) => ({ name: column.name ?? "", type: column.type }));
  // The rows of a query go into a table of its own, whose columns cannot be called so.
  if (!as) for (const { name } of columns) if (/^_PARTITION/i.test(name)) checkFieldName(a, query, name);
  if (!as) return { sql: relation.sql, columns, isValueTable: relation.isValueTable };
  const only = relation.columns[0]!;
  const value = coerceOrFail(a, query, { ...only.source, sql: `t0.${only.sqlName}` }, as, "The expression");
  return {
    sql: `SELECT ${heldAs(a, { declared }, value.sql)} AS c0 FROM (${relation.sql}) AS t0`,
    columns: [{ name: "", type: as }],
    isValueTable: false,
  };
}

/**
 * GoogleSQL queries as DuckDB SQL, one result per statement. Only for text that consists of queries; statements that change
 * anything are run by the session, which needs their effects before it can translate what follows.
 * Throws a subclass of GoogleSqlError.
 */
export function translate(sql: string, catalog: Catalog, options: TranslateOptions = {}): readonly TranslatedQuery[] {
  const source: Source = { text: sql, file: options.file };
  return readScript(source).statements.map((statement) => {
    if (statement.kind !== "query-statement") {
      throw new GoogleSqlAnalysisError(`translate takes queries only, not ${statement.kind}`, source, statement.span);
    }
    return translateQuery(statement.query, source, catalog, options);
  });
}
