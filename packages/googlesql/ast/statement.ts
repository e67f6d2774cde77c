import type { Expression } from "./expression.ts";
import type { Query, TableExpression } from "./query.ts";
import type { ScriptStatement } from "./script.ts";
import type { Identifier, NodeBase, ObjectName, OptionsList, TypeName } from "./type.ts";

/** Everything that can stand between two semicolons. */
export type Statement =
  | QueryStatement
  | Insert
  | Update
  | Delete
  | Merge
  | Truncate
  | CreateTable
  | CreateView
  | CreateFunction
  | CreateTableFunction
  | CreateConstant
  | CreateProcedure
  | CreateSchema
  | Drop
  | Alter
  | ExportData
  | ScriptStatement;

export interface QueryStatement extends NodeBase {
  readonly kind: "query-statement";
  readonly query: Query;
}

/** DEFAULT in place of a value. */
export interface DefaultValue extends NodeBase {
  readonly kind: "default-value";
}

export interface Insert extends NodeBase {
  readonly kind: "insert";
  readonly table: ObjectName;
  /** Undefined: all columns, in order. */
  readonly columns: readonly Identifier[] | undefined;
  readonly source: InsertValues | InsertQuery;
}

export interface InsertValues extends NodeBase {
  readonly kind: "insert-values";
  readonly rows: readonly (readonly (Expression | DefaultValue)[])[];
}

export interface InsertQuery extends NodeBase {
  readonly kind: "insert-query";
  readonly query: Query;
}

export interface Update extends NodeBase {
  readonly kind: "update";
  readonly table: ObjectName;
  readonly alias: Identifier | undefined;
  readonly assignments: readonly Assignment[];
  readonly from: TableExpression | undefined;
  readonly where: Expression;
}

/** `column = value`; more than one part reaches into a struct. */
export interface Assignment extends NodeBase {
  readonly kind: "assignment";
  readonly target: readonly Identifier[];
  readonly value: Expression | DefaultValue;
}

export interface Delete extends NodeBase {
  readonly kind: "delete";
  readonly table: ObjectName;
  readonly alias: Identifier | undefined;
  readonly where: Expression;
}

export interface Merge extends NodeBase {
  readonly kind: "merge";
  readonly table: ObjectName;
  readonly alias: Identifier | undefined;
  readonly source: TableExpression;
  readonly condition: Expression;
  readonly clauses: readonly MergeClause[];
}

export interface MergeClause extends NodeBase {
  readonly kind: "merge-clause";
  readonly match: "matched" | "not-matched-by-target" | "not-matched-by-source";
  readonly condition: Expression | undefined;
  readonly action: MergeInsert | MergeUpdate | MergeDelete;
}

export interface MergeInsert extends NodeBase {
  readonly kind: "merge-insert";
  readonly columns: readonly Identifier[] | undefined;
  /** Undefined is INSERT ROW: the source's columns by name. */
  readonly values: readonly (Expression | DefaultValue)[] | undefined;
}

export interface MergeUpdate extends NodeBase {
  readonly kind: "merge-update";
  readonly assignments: readonly Assignment[];
}

export interface MergeDelete extends NodeBase {
  readonly kind: "merge-delete";
}

export interface Truncate extends NodeBase {
  readonly kind: "truncate";
  readonly table: ObjectName;
}

/** What all CREATE statements share. OR REPLACE and IF NOT EXISTS never come together. */
export interface CreateBase extends NodeBase {
  readonly orReplace: boolean;
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: ObjectName;
  readonly options: OptionsList | undefined;
}

export interface CreateTable extends CreateBase {
  readonly kind: "create-table";
  readonly type: "table" | "external" | "snapshot";
  readonly columns: readonly ColumnDefinition[] | undefined;
  readonly constraints: readonly TableConstraint[];
  /** LIKE, COPY or CLONE of another table. */
  readonly from: CreateTableFrom | undefined;
  readonly defaultCollation: string | undefined;
  readonly partitionBy: Expression | undefined;
  readonly clusterBy: readonly Expression[];
  readonly query: Query | undefined;
}

export interface CreateTableFrom extends NodeBase {
  readonly kind: "create-table-from";
  readonly how: "like" | "copy" | "clone";
  readonly table: ObjectName;
  /** FOR SYSTEM_TIME AS OF, with CLONE. */
  readonly systemTime: Expression | undefined;
}

export interface ColumnDefinition extends NodeBase {
  readonly kind: "column-definition";
  readonly name: Identifier;
  /** Undefined where the query of CREATE TABLE ... AS gives it. */
  readonly type: TypeName | undefined;
  readonly notNull: boolean;
  readonly default: Expression | undefined;
  readonly primaryKey: PrimaryKey | undefined;
  readonly references: ForeignReference | undefined;
  readonly options: OptionsList | undefined;
}

/** BigQuery does not enforce them. */
export type TableConstraint = PrimaryKey | ForeignKey;

export interface PrimaryKey extends NodeBase {
  readonly kind: "primary-key";
  readonly name: Identifier | undefined;
  /** Empty when written on the column itself. */
  readonly columns: readonly Identifier[];
}

export interface ForeignKey extends NodeBase {
  readonly kind: "foreign-key";
  readonly name: Identifier | undefined;
  readonly columns: readonly Identifier[];
  readonly references: ForeignReference;
}

export interface ForeignReference extends NodeBase {
  readonly kind: "foreign-reference";
  readonly table: ObjectName;
  readonly columns: readonly Identifier[];
}

export interface CreateView extends CreateBase {
  readonly kind: "create-view";
  readonly materialized: boolean;
  readonly columns: readonly ViewColumn[] | undefined;
  /** The next two only on a materialized view. */
  readonly partitionBy: Expression | undefined;
  readonly clusterBy: readonly Expression[];
  readonly query: Query;
}

export interface ViewColumn extends NodeBase {
  readonly kind: "view-column";
  readonly name: Identifier;
  readonly options: OptionsList | undefined;
}

export interface CreateFunction extends CreateBase {
  readonly kind: "create-function";
  readonly aggregate: boolean;
  readonly parameters: readonly FunctionParameter[];
  readonly returns: TypeName | undefined;
  readonly determinism: "deterministic" | "not-deterministic" | undefined;
  readonly body: SqlFunctionBody | ForeignFunctionBody;
}

export interface SqlFunctionBody extends NodeBase {
  readonly kind: "sql-function-body";
  readonly expression: Expression;
}

export interface ForeignFunctionBody extends NodeBase {
  readonly kind: "foreign-function-body";
  /** Lower case: `js`, `python`. */
  readonly language: string;
  readonly code: string;
}

export interface FunctionParameter extends NodeBase {
  readonly kind: "function-parameter";
  readonly name: Identifier;
  readonly type: TypeName | TableParameterType;
  /** DEFAULT expression: the argument may be left out. */
  readonly default: Expression | undefined;
  /** NOT AGGREGATE, only for an aggregate function. */
  readonly notAggregate: boolean;
  /** Only for a procedure. */
  readonly mode: "in" | "out" | "inout" | undefined;
}

/** `TABLE<a INT64>` or `ANY TABLE` (then there are no columns) as a parameter of a table function. */
export interface TableParameterType extends NodeBase {
  readonly kind: "table-parameter-type";
  readonly columns: readonly TableTypeColumn[] | undefined;
}

export interface TableTypeColumn extends NodeBase {
  readonly kind: "table-type-column";
  readonly name: Identifier;
  readonly type: TypeName;
}

export interface CreateTableFunction extends CreateBase {
  readonly kind: "create-table-function";
  readonly parameters: readonly FunctionParameter[];
  readonly returns: TableParameterType | undefined;
  readonly query: Query;
}

/** CREATE CONSTANT name = expression, of GoogleSQL's modules. */
export interface CreateConstant extends CreateBase {
  readonly kind: "create-constant";
  readonly value: Expression;
}

export interface CreateProcedure extends CreateBase {
  readonly kind: "create-procedure";
  readonly parameters: readonly FunctionParameter[];
  readonly body: readonly Statement[];
}

export interface CreateSchema extends CreateBase {
  readonly kind: "create-schema";
  readonly defaultCollation: string | undefined;
}

export interface Drop extends NodeBase {
  readonly kind: "drop";
  readonly object:
    | "table"
    | "external-table"
    | "snapshot-table"
    | "view"
    | "materialized-view"
    | "function"
    | "table-function"
    | "procedure"
    | "schema";
  readonly ifExists: boolean;
  readonly name: ObjectName;
  /** DROP SCHEMA ... CASCADE | RESTRICT */
  readonly behaviour: "cascade" | "restrict" | undefined;
}

export interface Alter extends NodeBase {
  readonly kind: "alter";
  readonly object: "table" | "view" | "materialized-view" | "schema";
  readonly ifExists: boolean;
  readonly name: ObjectName;
  readonly actions: readonly AlterAction[];
}

export type AlterAction =
  | AddColumn
  | DropColumn
  | RenameColumn
  | AlterColumn
  | RenameTo
  | SetOptions
  | SetDefaultCollation
  | AddConstraint
  | DropConstraint
  | DropPrimaryKey;

export interface AddColumn extends NodeBase {
  readonly kind: "add-column";
  readonly ifNotExists: boolean;
  readonly column: ColumnDefinition;
}

export interface DropColumn extends NodeBase {
  readonly kind: "drop-column";
  readonly ifExists: boolean;
  readonly column: Identifier;
}

export interface RenameColumn extends NodeBase {
  readonly kind: "rename-column";
  readonly ifExists: boolean;
  readonly from: Identifier;
  readonly to: Identifier;
}

export interface AlterColumn extends NodeBase {
  readonly kind: "alter-column";
  readonly ifExists: boolean;
  readonly column: Identifier;
  readonly change: ColumnChange;
}

export type ColumnChange = SetOptions | SetDataType | SetDefault | DropDefault | DropNotNull;

export interface SetDataType extends NodeBase {
  readonly kind: "set-data-type";
  readonly type: TypeName;
}

export interface SetDefault extends NodeBase {
  readonly kind: "set-default";
  readonly value: Expression;
}

export interface DropDefault extends NodeBase {
  readonly kind: "drop-default";
}

export interface DropNotNull extends NodeBase {
  readonly kind: "drop-not-null";
}

export interface RenameTo extends NodeBase {
  readonly kind: "rename-to";
  readonly name: ObjectName;
}

export interface SetOptions extends NodeBase {
  readonly kind: "set-options";
  readonly options: OptionsList;
}

export interface SetDefaultCollation extends NodeBase {
  readonly kind: "set-default-collation";
  readonly collation: string;
}

export interface AddConstraint extends NodeBase {
  readonly kind: "add-constraint";
  readonly ifNotExists: boolean;
  readonly constraint: TableConstraint;
}

export interface DropConstraint extends NodeBase {
  readonly kind: "drop-constraint";
  readonly ifExists: boolean;
  readonly name: Identifier;
}

export interface DropPrimaryKey extends NodeBase {
  readonly kind: "drop-primary-key";
  readonly ifExists: boolean;
}

export interface ExportData extends NodeBase {
  readonly kind: "export-data";
  readonly options: OptionsList;
  readonly query: Query;
}
