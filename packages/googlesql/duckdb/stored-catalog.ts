import {
  type Catalog,
  type CatalogColumn,
  type CatalogTable,
  commentMark,
  ownColumns,
  readProperties,
  type UserFunction,
  type UserProcedure,
  type UserTableFunction,
} from "../catalog.ts";
import { quoteName } from "../emit/text.ts";
import { type GoogleSqlType, holdsCollated, parseType, structFieldName } from "../types.ts";
import type { DuckDBConnection } from "./client.ts";
import { splitTop } from "./values.ts";

/** The tables, views and functions of the session's database, read from DuckDB when they may have changed. */
export class StoredCatalog implements Catalog {
  private readonly connection: DuckDBConnection;
  private tables = new Map<string, CatalogTable>();
  readonly functions = new Map<string, UserFunction>();
  readonly tableFunctions = new Map<string, UserTableFunction>();
  readonly procedures = new Map<string, UserProcedure>();
  /** The DuckDB text of all views, which may name helpers of ours. */
  viewText = "";
  /** Where names without a dataset are looked up, in this order. */
  defaultSchemas: readonly string[] = ["main"];

  constructor(connection: DuckDBConnection) {
    this.connection = connection;
  }

  /** Whether the database may have other tables than these. */
  isStale = true;

  /** Reads DuckDB's own catalogue anew. */
  async refresh(): Promise<void> {
    const reader = await this.connection.runAndReadAll(
      `SELECT c.schema_name, c.table_name, c.column_name, c.data_type, c.comment, c.is_nullable, c.database_name = 'temp', v.name IS NOT NULL AND v.is_view, v.comment, c.column_default
       FROM duckdb_columns() c LEFT JOIN (
         SELECT schema_name, view_name AS name, database_name, comment, true AS is_view FROM duckdb_views() WHERE NOT internal
         UNION ALL SELECT schema_name, table_name, database_name, comment, false FROM duckdb_tables() WHERE NOT internal) v
         ON v.schema_name = c.schema_name AND v.name = c.table_name AND v.database_name = c.database_name
       WHERE NOT c.internal ORDER BY c.database_name, c.schema_name, c.table_name, c.column_index`,
    );
    const found = new Map<string, CatalogTable & { readonly columns: CatalogColumn[] }>();
    for (const row of reader.getRows()) {
      const [schema, table, column, dataType, comment, nullable, isTemp, isView, tableComment, columnDefault] = row as [
        string,
        string,
        string,
        string,
        string | null,
        boolean,
        boolean,
        boolean,
        string | null,
        string | null,
      ];
      const key = `${isTemp ? "temp" : schema}.${table}`.toLowerCase();
      const name = isTemp ? `temp.${quoteName(table)}` : `${quoteName(schema)}.${quoteName(table)}`;
      const entry = found.get(key) ?? {
        columns: [],
        sql: name,
        kind: isView ? ("view" as const) : ("table" as const),
        properties: readProperties(tableComment),
      };
      found.set(key, entry);
      const read = readColumn(column, dataType, comment);
      if (read) entry.columns.push({ ...read, notNull: !nullable, defaultSql: columnDefault ?? undefined });
    }
    for (const [key, table] of found)
      found.set(key, { ...table, columns: [...ownColumns(table.columns, table.properties)] });
    this.tables = found;
    const views = await this.connection.runAndReadAll("SELECT sql FROM duckdb_views() WHERE NOT internal");
    this.viewText = views
      .getRows()
      .map((row) => String(row[0]))
      .join("\n");
    this.isStale = false;
  }

  table(path: readonly string[]): CatalogTable | undefined {
    const name = path.at(-1)?.toLowerCase();
    const schema = path.at(-2)?.toLowerCase();
    if (schema !== undefined) return this.tables.get(`${schema}.${name}`);
    for (const candidate of ["temp", ...this.defaultSchemas]) {
      const table = this.tables.get(`${candidate.toLowerCase()}.${name}`);
      if (table) return table;
    }
    return undefined;
  }

  tablesWithPrefix(path: readonly string[]): readonly { readonly name: string; readonly table: CatalogTable }[] {
    const begin = path.slice(-2).join(".").toLowerCase();
    return [...this.tables]
      .filter(([key]) => key.startsWith(begin))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, table]) => ({ name: storedNameOf(table), table }));
  }

  function(path: readonly string[]): UserFunction | undefined {
    return (
      this.functions.get(path.slice(-2).join(".").toLowerCase()) ?? this.functions.get(path.join(".").toLowerCase())
    );
  }

  tableFunction(path: readonly string[]): UserTableFunction | undefined {
    return this.tableFunctions.get(path.slice(-2).join(".").toLowerCase());
  }
}

/** A table's own name, as it was given: `"ds"."Events"` is Events. */
export const storedNameOf = ({ sql }: CatalogTable): string =>
  /"((?:[^"]|"")*)"$/.exec(sql)?.[1]?.replaceAll('""', '"') ?? sql;

/** A column's type as it was kept: limits such as `STRING(10)`, and collations, are the column's, not the type's. */
export function readType(text: string): Pick<CatalogColumn, "type" | "declared"> {
  const type = parseType(text);
  return /\(\d/.test(text) || holdsCollated(type) ? { type, declared: text } : { type };
}

/** A column as GoogleSQL sees it; undefined when its DuckDB type has no counterpart. */
export function readColumn(name: string, dataType: string, comment: string | null): CatalogColumn | undefined {
  if (comment?.startsWith(commentMark)) return { name, ...readType(comment.slice(commentMark.length)) };
  const found = fromDuckdb(dataType);
  if (!found) return undefined;
  return { name, type: found.type, ...(found.convert ? { convert: found.convert } : {}) };
}

interface Physical {
  readonly type: GoogleSqlType;
  /** From the stored value to the one that our texts work on, where they differ. */
  readonly convert?: ((sql: string) => string) | undefined;
}

const castTo =
  (type: string) =>
  (sql: string): string =>
    `CAST(${sql} AS ${type})`;

const scalars: Readonly<Record<string, Physical>> = {
  BOOLEAN: { type: { kind: "BOOL" } },
  BIGINT: { type: { kind: "INT64" } },
  INTEGER: { type: { kind: "INT64" }, convert: castTo("BIGINT") },
  SMALLINT: { type: { kind: "INT64" }, convert: castTo("BIGINT") },
  TINYINT: { type: { kind: "INT64" }, convert: castTo("BIGINT") },
  UINTEGER: { type: { kind: "INT64" }, convert: castTo("BIGINT") },
  USMALLINT: { type: { kind: "INT64" }, convert: castTo("BIGINT") },
  UTINYINT: { type: { kind: "INT64" }, convert: castTo("BIGINT") },
  UBIGINT: { type: { kind: "INT64" }, convert: castTo("BIGINT") },
  HUGEINT: { type: { kind: "INT64" }, convert: castTo("BIGINT") },
  DOUBLE: { type: { kind: "FLOAT64" } },
  FLOAT: { type: { kind: "FLOAT64" }, convert: castTo("DOUBLE") },
  VARCHAR: { type: { kind: "STRING" } },
  UUID: { type: { kind: "STRING" }, convert: castTo("VARCHAR") },
  BLOB: { type: { kind: "BYTES" } },
  DATE: { type: { kind: "DATE" } },
  TIME: { type: { kind: "TIME" } },
  TIMESTAMP: { type: { kind: "DATETIME" } },
  TIMESTAMP_S: { type: { kind: "DATETIME" }, convert: castTo("TIMESTAMP") },
  TIMESTAMP_MS: { type: { kind: "DATETIME" }, convert: castTo("TIMESTAMP") },
  TIMESTAMP_NS: { type: { kind: "DATETIME" }, convert: castTo("TIMESTAMP") },
  "TIMESTAMP WITH TIME ZONE": { type: { kind: "TIMESTAMP" } },
  INTERVAL: { type: { kind: "INTERVAL" } },
  JSON: { type: { kind: "JSON" } },
};

function fromDuckdb(dataType: string): Physical | undefined {
  const text = dataType.trim();
  const scalar = scalars[text];
  if (scalar) return scalar;
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(text);
  if (decimal)
    return { type: { kind: "NUMERIC" }, convert: text === "DECIMAL(38,9)" ? undefined : castTo("DECIMAL(38,9)") };
  if (text.startsWith("ENUM(")) return { type: { kind: "STRING" }, convert: castTo("VARCHAR") };
  if (text.endsWith("[]")) {
    const element = fromDuckdb(text.slice(0, -2));
    if (!element || element.type.kind === "ARRAY") return undefined;
    const { convert } = element;
    return {
      type: { kind: "ARRAY", element: element.type },
      convert: convert && ((sql) => `list_transform(${sql}, lambda gsx: ${convert("gsx")})`),
    };
  }
  const struct = /^STRUCT\((.*)\)$/s.exec(text);
  if (!struct) return undefined;
  const fields = splitTop(struct[1]!).map((part) => {
    const match = /^("(?:[^"]|"")*"|\S+) (.*)$/s.exec(part);
    const physical = match && fromDuckdb(match[2]!);
    const raw = match?.[1] ?? "";
    return physical
      ? { name: raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw, ...physical }
      : undefined;
  });
  if (fields.some((field) => !field)) return undefined;
  const known = fields as readonly (Physical & { readonly name: string })[];
  return {
    type: { kind: "STRUCT", fields: known.map((field) => ({ name: field.name, type: field.type })) },
    convert: (sql) => {
      const parts = known.map((field, i) => {
        const inner = `struct_extract(${sql}, '${field.name.replaceAll("'", "''")}')`;
        return `'${structFieldName(i)}': ${field.convert ? field.convert(inner) : inner}`;
      });
      return `(CASE WHEN ${sql} IS NULL THEN NULL ELSE {${parts.join(", ")}} END)`;
    },
  };
}
