import { DuckDBInstance } from "@duckdb/node-api";
import { createTable, createView } from "../googlesql/analyzer/ddl.ts";
import { parseScript } from "../googlesql/parser/parse.ts";
import { analysisFor } from "../googlesql/translate.ts";
import { type GoogleSqlType, typeName } from "../googlesql/types.ts";
import { GoogleSqlSession } from "./session.ts";
import type { Value } from "./values.ts";

export interface LocalWarehouseOptions {
  /** The DuckDB file; default is a database in memory. */
  readonly path?: string;
}

export interface LocalResult {
  /** `name` is "" for an anonymous column; `type` is GoogleSQL text such as `ARRAY<STRUCT<a INT64, STRING>>`. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Value[])[];
}

export async function openLocalWarehouse(options: LocalWarehouseOptions = {}): Promise<LocalWarehouse> {
  const instance = await DuckDBInstance.create(options.path ?? ":memory:");
  const session = await GoogleSqlSession.open(await instance.connect());
  return new LocalWarehouse(instance, session);
}

export class LocalWarehouse {
  private readonly instance: DuckDBInstance;
  private readonly session: GoogleSqlSession;

  constructor(instance: DuckDBInstance, session: GoogleSqlSession) {
    this.instance = instance;
    this.session = session;
  }

  async run(sql: string, options: { readonly file?: string } = {}): Promise<LocalResult> {
    const script = parseScript(sql, options);
    let last: LocalResult = { columns: [], rows: [] };
    await this.session.catalog.refresh();
    for (const statement of script.statements) {
      if (statement.kind === "create-table" || statement.kind === "create-view") {
        const a = analysisFor({ text: sql, file: options.file }, this.session.catalog, {});
        for (const text of statement.kind === "create-table" ? createTable(a, statement) : createView(a, statement))
          await this.session.execute(text);
        await this.session.catalog.refresh();
      }
      if (statement.kind === "query-statement") {
        const result = await this.session.query(statement.query, { text: sql, file: options.file });
        last = {
          columns: result.columns.map((c) => ({ name: c.name, type: typeName(c.type as GoogleSqlType) })),
          rows: result.rows,
        };
      }
    }
    return last;
  }

  close(): void {
    this.session.connection.closeSync();
    this.instance.closeSync();
  }
}
