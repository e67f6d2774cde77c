import { UserError } from "../../errors/user-error.ts";
import type { Column, QueryOptions, Row, Warehouse } from "../warehouse.ts";
import type { AppendStreams } from "./streams.ts";
import { TableAppender } from "./table-appender.ts";
import { type Cells, columnsOfSchema, decodeRow, type SchemaField } from "./values.ts";

/** The calls of `@google-cloud/bigquery` that we make; its `BigQuery` is one of these. */
export interface BigQueryClient {
  readonly projectId: string;
  createQueryJob(options: {
    readonly query: string;
    readonly location?: string;
    readonly params?: Record<string, unknown>;
    readonly types?: Record<string, string | string[]>;
    readonly labels?: Record<string, string>;
  }): Promise<readonly [BigQueryJob, ...unknown[]]>;
  dataset(id: string): {
    table(id: string): {
      getMetadata(): Promise<
        readonly [{ readonly schema?: { readonly fields?: readonly SchemaField[] } }, ...unknown[]]
      >;
      setMetadata(metadata: { readonly schema: { readonly fields: readonly SchemaField[] } }): Promise<unknown>;
      createLoadJob(
        source: unknown,
        metadata: Record<string, unknown>,
      ): Promise<readonly [BigQueryJob | { readonly id?: string }, ...unknown[]]>;
    };
  };
}

export interface BigQueryJob {
  readonly id?: string | undefined;
  readonly metadata?: {
    readonly statistics?: {
      readonly load?: { readonly outputRows?: string | number };
      readonly query?: { readonly numDmlAffectedRows?: string | number };
    };
  };
  getQueryResults(options: Record<string, unknown>): Promise<readonly unknown[]>;
  cancel(): Promise<unknown>;
  getMetadata(): Promise<readonly unknown[]>;
  promise?(): Promise<unknown>;
}

/** Writes rows to a Parquet file of this machine, page by page. */
export type WriteRows = (
  path: string,
  columns: readonly Column[],
  pages: AsyncIterable<readonly Row[]>,
) => Promise<{ readonly rows: number }>;

/** The one call of `@google-cloud/storage` that loading needs: a `gs://` URI as the file that a load job reads. */
export type FileAtUri = (uri: string) => unknown;

export interface BigQueryWarehouseOptions {
  readonly client: BigQueryClient;
  /** Storage Write API streams; without them `append` says so. */
  readonly streams?: AppendStreams | undefined;
  readonly fileAtUri?: FileAtUri | undefined;
  /** For exports to this machine; without it only gs:// is taken. */
  readonly writeRows?: WriteRows | undefined;
  readonly location?: string | undefined;
  /** Rows asked for per page. */
  readonly pageSize?: number | undefined;
  /** Waits before attempt n of an append; tests pass a no-op. */
  readonly pause?: ((attempt: number) => Promise<void>) | undefined;
}

interface Page {
  readonly schema: readonly SchemaField[];
  readonly rows: readonly Row[];
  readonly affected: string | number | undefined;
}

interface QueryPage {
  readonly schema?: { readonly fields?: readonly SchemaField[] };
  readonly rows?: readonly Cells[];
  readonly numDmlAffectedRows?: string | number;
}

/** The port, and what only BigQuery has. */
export interface BigQueryWarehouse extends Warehouse {
  /** Puts policy tags on columns of a table, in place of those that they have. Columns that are not named keep theirs. */
  setPolicyTags(table: string, tags: ReadonlyMap<string, readonly string[]>): Promise<void>;
}

/** The Warehouse port over the real BigQuery client, which arrives from outside so that tests can stand in for it. */
export function openBigQueryWarehouse(options: BigQueryWarehouseOptions): BigQueryWarehouse {
  const { client } = options;
  const appenders = new Map<string, TableAppender>();

  function appenderOf(streams: AppendStreams, table: string): TableAppender {
    let appender = appenders.get(table);
    if (!appender) {
      const pause = options.pause ?? defaultPause;
      appender = new TableAppender({ streams, table, kind: "default", pause });
      appenders.set(table, appender);
    }
    return appender;
  }

  /** Starts a statement and gives its pages; the columns are known from the first one on. */
  async function* pagesOf(sql: string, query: QueryOptions): AsyncGenerator<Page> {
    query.signal?.throwIfAborted();
    let job: BigQueryJob;
    try {
      [job] = await client.createQueryJob({
        query: sql,
        ...(options.location ? { location: options.location } : {}),
        ...parameters(query.params),
        labels: { product: "inboxloop" },
      });
    } catch (error) {
      throw queryError(error, query.file);
    }
    const cancel = () => void job.cancel().catch(() => undefined);
    query.signal?.addEventListener("abort", cancel, { once: true });
    try {
      let schema: readonly SchemaField[] = [];
      let next: Record<string, unknown> | null = {};
      while (next) {
        query.signal?.throwIfAborted();
        const page = await job.getQueryResults({
          ...next,
          autoPaginate: false,
          skipParsing: true,
          maxResults: options.pageSize ?? 50_000,
          "formatOptions.useInt64Timestamp": true,
        });
        const [raw, following, response] = page as readonly [
          Cells[],
          Record<string, unknown> | null,
          QueryPage | undefined,
        ];
        schema = response?.schema?.fields ?? schema;
        const rows = (raw ?? []).map((row) => decodeRow(schema, row));
        yield { schema, rows, affected: response?.numDmlAffectedRows };
        next = following ?? null;
      }
    } catch (error) {
      query.signal?.throwIfAborted();
      throw queryError(error, query.file);
    } finally {
      query.signal?.removeEventListener("abort", cancel);
    }
  }

  async function run(
    sql: string,
    query: QueryOptions,
  ): Promise<{ schema: readonly SchemaField[]; rows: Row[]; affected?: number }> {
    const rows: Row[] = [];
    let schema: readonly SchemaField[] = [];
    let affected: number | undefined;
    for await (const page of pagesOf(sql, query)) {
      schema = page.schema;
      if (page.affected !== undefined) affected = Number(page.affected);
      for (const row of page.rows) rows.push(row);
    }
    return { schema, rows, ...(affected === undefined ? {} : { affected }) };
  }

  /** Rows to a Parquet file of this machine, through the query's pages. */
  async function download(sql: string, path: string, query: QueryOptions, write: WriteRows) {
    const pages = pagesOf(sql, query);
    const first = await pages.next();
    const head: Page = first.done ? { schema: [], rows: [], affected: undefined } : first.value;
    async function* rowsOfPages() {
      yield head.rows;
      for await (const { rows } of pages) yield rows;
    }
    return await write(path, columnsOfSchema(head.schema), rowsOfPages());
  }

  return {
    name: "bigquery",

    async query(sql, query = {}) {
      const { schema, rows } = await run(sql, query);
      return { columns: columnsOfSchema(schema), rows };
    },

    async execute(sql, query = {}) {
      const { affected } = await run(sql, query);
      return affected === undefined ? {} : { rowsAffected: affected };
    },

    async append(table, rows, { signal } = {}) {
      if (!options.streams) {
        throw new UserError("this warehouse was opened without Storage Write streams", {
          code: "bigquery.no-streams",
          exit: "config",
        });
      }
      signal?.throwIfAborted();
      return appenderOf(options.streams, tablePath(client.projectId, table)).append(rows, signal);
    },

    async loadParquet(table, files, columns) {
      if (!options.fileAtUri) {
        throw new UserError("loading Parquet needs a Cloud Storage client", {
          code: "bigquery.no-storage",
          exit: "config",
        });
      }
      const { dataset, name } = splitTable(table);
      let loaded = 0;
      for (const file of files) {
        if (!file.startsWith("gs://")) {
          throw new UserError(`BigQuery loads from Cloud Storage only, not from ${file}`, {
            code: "bigquery.local-file",
            exit: "config",
            next: "copy the file to a gs:// bucket and name it there",
          });
        }
        const [job] = await client
          .dataset(dataset)
          .table(name)
          .createLoadJob(options.fileAtUri(file), {
            sourceFormat: "PARQUET",
            writeDisposition: "WRITE_APPEND",
            schema: { fields: columns.map(schemaField) },
            parquetOptions: { enableListInference: true },
            ...(options.location ? { location: options.location } : {}),
          });
        if ("promise" in job && job.promise) await job.promise();
        const [metadata] = "getMetadata" in job ? await job.getMetadata() : [undefined];
        loaded += Number((metadata as BigQueryJob["metadata"])?.statistics?.load?.outputRows ?? 0);
      }
      return { rows: loaded };
    },

    async exportParquet(sql, path, query = {}) {
      if (!path.startsWith("gs://") && options.writeRows) return download(sql, path, query, options.writeRows);
      if (!path.startsWith("gs://")) {
        throw new UserError(`BigQuery exports to Cloud Storage only, not to ${path}`, {
          code: "bigquery.local-file",
          exit: "config",
          next: "name a gs:// path",
        });
      }
      const uri = path.includes("*") ? path : `${path.replace(/\.parquet$/, "")}-*.parquet`;
      // The count is of the same snapshot of the query that is exported: both run in one script.
      const script = `create temp table _exported as ${sql};
export data options (uri = ${quote(uri)}, format = 'PARQUET', overwrite = true) as select * from _exported;
select count(*) as row_count from _exported`;
      const { rows } = await run(script, query);
      return { rows: Number(rows[0]?.["row_count"] ?? 0) };
    },

    async columns(table) {
      const { dataset, name } = splitTable(table);
      try {
        const [metadata] = await client.dataset(dataset).table(name).getMetadata();
        return columnsOfSchema(metadata.schema?.fields ?? []);
      } catch (error) {
        if ((error as { code?: unknown }).code === 404) return undefined;
        throw queryError(error, undefined);
      }
    },

    async setPolicyTags(table, tags) {
      const { dataset, name } = splitTable(table);
      const found = client.dataset(dataset).table(name);
      try {
        const [metadata] = await found.getMetadata();
        const fields = metadata.schema?.fields ?? [];
        const missing = [...tags.keys()].find((column) => !fields.some((field) => field.name === column));
        if (missing !== undefined) {
          throw new UserError(`${table} has no column ${missing}, which is to have a policy tag`, {
            code: "bigquery.policy-tag",
            exit: "check",
            where: `${table}.${missing}`,
            next: "npm run codegen: the table's columns have changed (includes/column_classes.js)",
          });
        }
        const tagged = fields.map((field) => {
          const names = tags.get(field.name ?? "");
          return names ? { ...field, policyTags: { names } } : field;
        });
        await found.setMetadata({ schema: { fields: tagged } });
      } catch (error) {
        throw error instanceof UserError ? error : queryError(error, table);
      }
    },

    async close() {
      for (const appender of appenders.values()) appender.close();
      options.streams?.close();
    },
  };
}

/** A tenth of a second, doubled each time, at most half a minute. */
const defaultPause = (attempt: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.min(30_000, 50 * 2 ** attempt)));

const quote = (text: string): string => `'${text.replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;

function splitTable(table: string): { dataset: string; name: string } {
  const parts = table.replaceAll("`", "").split(".");
  const name = parts.at(-1);
  const dataset = parts.at(-2);
  if (!name || !dataset) {
    throw new UserError(`a table is named dataset.table, not "${table}"`, {
      code: "bigquery.table-name",
      exit: "usage",
    });
  }
  return { dataset, name };
}

/** `dataset.table` or `project.dataset.table` as the Storage APIs write it. */
export function tablePath(projectId: string, table: string): string {
  const parts = table.replaceAll("`", "").split(".");
  const { dataset, name } = splitTable(table);
  return `projects/${parts.length > 2 ? parts[0] : projectId}/datasets/${dataset}/tables/${name}`;
}

/** A GoogleSQL type as a field of a REST schema; structs stay out, the raw tables have none. */
function schemaField(column: Column): SchemaField {
  const array = /^ARRAY<(.*)>$/i.exec(column.type);
  const type = array?.[1] ?? column.type;
  if (/^STRUCT</i.test(type)) throw new Error(`loadParquet: no mapping for ${column.type} of ${column.name}`);
  return { name: column.name, type: type.toUpperCase(), mode: array ? "REPEATED" : "NULLABLE" };
}

/** Values and their types, stated for each, by the rule that the port documents. */
function parameters(params: QueryOptions["params"]): {
  params?: Record<string, unknown>;
  types?: Record<string, string | string[]>;
} {
  if (!params || Object.keys(params).length === 0) return {};
  const values: Record<string, unknown> = {};
  const types: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(params)) {
    if (Array.isArray(value)) {
      values[name] = value.map(parameterValue);
      types[name] = [value.length === 0 ? "STRING" : parameterType(value[0])];
    } else {
      values[name] = parameterValue(value);
      types[name] = parameterType(value);
    }
  }
  return { params: values, types };
}

const parameterValue = (value: unknown): unknown => {
  if (typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return String(value);
  // The client reads a parameter of a type with TIME in its name from `value`; a bare text would arrive as NULL.
  if (value instanceof Date) return { value: value.toISOString() };
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return value;
};

function parameterType(value: unknown): string {
  if (typeof value === "boolean") return "BOOL";
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return "INT64";
  if (typeof value === "number") return "FLOAT64";
  if (value instanceof Date) return "TIMESTAMP";
  if (value instanceof Uint8Array) return "BYTES";
  return "STRING";
}

/** The client's errors, sorted by who has to act. A request that was refused has an HTTP code, a job that failed only a reason. */
function queryError(error: unknown, file: string | undefined): unknown {
  const { code, message, errors } = error as {
    code?: unknown;
    message?: string;
    errors?: readonly { reason?: string }[];
  };
  const reason = errors?.[0]?.reason;
  const at = /\[(\d+):(\d+)\]/.exec(message ?? "");
  const where = file ? `${file}${at ? `:${at[1]}:${at[2]}` : ""}` : undefined;
  const told = (text: string, name: string, exit: "check" | "remote", next?: string) =>
    new UserError(message ?? text, { code: name, exit, where, cause: error, ...(next ? { next } : {}) });
  if (
    reason !== undefined &&
    /^(quotaExceeded|rateLimitExceeded|resourcesExceeded|billingTierLimitExceeded)$/.test(reason)
  ) {
    return told("the quota is used up", "bigquery.quota", "remote");
  }
  if (code === 401 || code === 403 || reason === "accessDenied") {
    return told("access denied", "bigquery.access", "remote", "gcloud auth application-default login");
  }
  if (code === 404 || reason === "notFound") return told("not found", "bigquery.not-found", "check");
  if (code === 400 || reason === "invalidQuery" || reason === "invalid") {
    return told("invalid query", "bigquery.invalid-query", "check");
  }
  if (typeof code === "number" || typeof code === "string" || reason !== undefined) {
    return told(`BigQuery answered ${code ?? reason}`, "bigquery.failed", "remote");
  }
  return error;
}
