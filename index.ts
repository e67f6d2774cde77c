/** What programs may import from `inboxloop`. */

export { type OneClickLink, oneClickToken } from "./ingest/collector/one-click.ts";
export {
  GoogleSqlAnalysisError,
  GoogleSqlError,
  GoogleSqlEvaluationError,
  GoogleSqlSyntaxError,
  type LocalResult,
  type LocalRun,
  type LocalRunOptions,
  type LocalWarehouse,
  type LocalWarehouseOptions,
  openLocalWarehouse,
  type RunLimits,
  type RunOptions,
  type StructEntry,
  type TypedParameter,
  UnsupportedGoogleSql,
  type Value,
} from "./packages/googlesql/index.ts";
