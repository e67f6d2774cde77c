/** What programs may import from `inboxloop`. */

export { type OneClickLink, oneClickToken } from "./ingest/collector/one-click.ts";
export {
  type LocalResult,
  type LocalRun,
  type LocalRunOptions,
  type LocalWarehouse,
  type LocalWarehouseOptions,
  openLocalWarehouse,
} from "./packages/googlesql/duckdb/local-warehouse.ts";
export type { TypedParameter } from "./packages/googlesql/duckdb/render-value.ts";
export type { RunLimits } from "./packages/googlesql/duckdb/run-limits.ts";
export type { RunOptions } from "./packages/googlesql/duckdb/session.ts";
export type { StructEntry, Value } from "./packages/googlesql/duckdb/values.ts";
export {
  GoogleSqlAnalysisError,
  GoogleSqlError,
  GoogleSqlEvaluationError,
  GoogleSqlSyntaxError,
  UnsupportedGoogleSql,
} from "./packages/googlesql/errors.ts";
