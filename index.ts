/** What programs may import from `inboxloop`. */

export {
  GoogleSqlAnalysisError,
  GoogleSqlError,
  GoogleSqlEvaluationError,
  GoogleSqlSyntaxError,
  UnsupportedGoogleSql,
} from "./packages/googlesql/errors.ts";
export {
  type LocalResult,
  type LocalRun,
  type LocalRunOptions,
  type LocalWarehouse,
  type LocalWarehouseOptions,
  openLocalWarehouse,
} from "./warehouse/duckdb/local-warehouse.ts";
export type { TypedParameter } from "./warehouse/duckdb/render-value.ts";
export type { RunLimits } from "./warehouse/duckdb/run-limits.ts";
export type { RunOptions } from "./warehouse/duckdb/session.ts";
export type { StructEntry, Value } from "./warehouse/duckdb/values.ts";
