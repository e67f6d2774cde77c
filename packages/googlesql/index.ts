/** The engine's one door: all of it that anybody outside may import. */

export { arrivingNow, isArrival, sourceTable } from "./analyzer/arrival.ts";
export { comments, newTable, newView, propertiesComment } from "./analyzer/ddl.ts";
export { type Change, deleteRows, insert, merge, truncate, update } from "./analyzer/dml.ts";
export { impliedName } from "./analyzer/expressions.ts";
export { functionNamed } from "./analyzer/function-table.ts";
export { hasAggregate } from "./analyzer/syntax-walk.ts";
export type {
  Argument,
  Call,
  Drop,
  Expression,
  FrameBound,
  FunctionCall,
  GroupBy,
  Identifier,
  IntervalExpression,
  Join,
  Merge,
  NamedArgument,
  Node,
  NodeBase,
  ObjectName,
  OrderItem,
  PathExpression,
  PivotTable,
  Query,
  QueryBody,
  Script,
  Select,
  SelectItem,
  SetMatching,
  SetOperation,
  Span,
  Statement,
  TableExpression,
  TableReference,
  TypeName,
  UnnestTable,
  UnpivotTable,
  ValueSource,
  WindowFrame,
  WindowSpec,
} from "./ast.ts";
export {
  arrivalColumn,
  type Catalog,
  type CatalogColumn,
  type CatalogTable,
  commentMark,
  ownColumns,
  readProperties,
  type TableProperties,
  type UserFunction,
  type UserProcedure,
  type UserTableFunction,
} from "./catalog.ts";
export { inOrder, refersTo } from "./common-table-order.ts";
export { checkSnapshot, restoreRoutine } from "./duckdb/definitions.ts";
export { asGoogleSqlError } from "./duckdb/engine-errors.ts";
export { helperNames } from "./duckdb/helper-names.ts";
export {
  type LocalResult,
  type LocalRun,
  type LocalRunOptions,
  type LocalWarehouse,
  type LocalWarehouseOptions,
  openLocalWarehouse,
} from "./duckdb/local-warehouse.ts";
export { namedBindings, type TypedParameter } from "./duckdb/parameters.ts";
export type { CreateRoutine, Routine, RoutineChange } from "./duckdb/routines.ts";
export type { RunLimits } from "./duckdb/run-limits.ts";
export { GoogleSqlSession, type RunOptions, type SessionResult } from "./duckdb/session.ts";
export { spreadRows } from "./duckdb/spread-rows.ts";
export { readColumn, readType, storedNameOf } from "./duckdb/stored-catalog.ts";
export type { StructEntry, Value } from "./duckdb/values.ts";
export { openFolders, raiseWall } from "./duckdb/wall.ts";
export { quoteName } from "./emit/text.ts";
export { emptySelect } from "./empty-select.ts";
export {
  errorCodes,
  GoogleSqlAnalysisError,
  GoogleSqlError,
  GoogleSqlEvaluationError,
  GoogleSqlParameterError,
  GoogleSqlSyntaxError,
  type Place,
  type Source,
  UnsupportedGoogleSql,
} from "./errors.ts";
export { catalogue } from "./functions/catalogue.ts";
export { referencePage } from "./functions/reference-page.ts";
export {
  expressionValue,
  type Influence,
  type LineageCatalog,
  type LineageTable,
  type QueryLineage,
  queryLineage,
} from "./lineage/column-lineage.ts";
export { pivotName } from "./lineage/pivot.ts";
export { bitOf, isDirect, type Subtype, subtypesOf } from "./lineage/provenance.ts";
export { groupingKeys } from "./lineage/query.ts";
export { columnsByName } from "./lineage/set-operations.ts";
export {
  constant,
  jsonShape,
  leaves,
  type Shape,
  shapeOfType,
  sourceValue,
  total,
  type Value as LineageValue,
} from "./lineage/value.ts";
export { parseQuery } from "./parser/parse.ts";
export { isInformationSchema, pathOf } from "./path-of.ts";
export { deepNesting, guarded, readQuery, readScript } from "./read-script.ts";
export { loadQuickJs, quickJs } from "./sandbox/quickjs.ts";
export { positionAt } from "./span.ts";
export {
  analysisFor,
  type Binding,
  type TranslatedColumn,
  type TranslatedQuery,
  type TranslateOptions,
  translate,
  translateQuery,
} from "./translate.ts";
export { duckdbType, type GoogleSqlType, INT64, parseType, structFieldName, typeName } from "./types.ts";
export { childrenOf, walk } from "./walk.ts";
