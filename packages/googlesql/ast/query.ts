import type { Argument, Expression, FunctionCall, WindowSpec } from "./expression.ts";
import type { PipeOperator } from "./pipe.ts";
import type { Hint, Identifier, NodeBase, ObjectName, OptionsList } from "./type.ts";

export type * from "./pipe.ts";

/** In the order of meaning: WITH, body, ORDER BY, LIMIT, then each pipe operator over what came before. */
export interface Query extends NodeBase {
  readonly kind: "query";
  readonly with: WithClause | undefined;
  readonly body: QueryBody;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Limit | undefined;
  readonly pipes: readonly PipeOperator[];
}

/** A `query` as body is a parenthesised one. */
export type QueryBody = Select | SetOperation | FromQuery | Query;

export interface WithClause extends NodeBase {
  readonly kind: "with-clause";
  readonly recursive: boolean;
  readonly entries: readonly CommonTable[];
}

export interface CommonTable extends NodeBase {
  readonly kind: "common-table";
  readonly name: Identifier;
  readonly query: Query;
}

export interface Select extends NodeBase {
  readonly kind: "select";
  readonly privacy: PrivacyClause | undefined;
  readonly distinct: boolean;
  /** SELECT AS STRUCT, SELECT AS VALUE */
  readonly as: "struct" | "value" | undefined;
  readonly items: readonly SelectItem[];
  readonly from: TableExpression | undefined;
  readonly where: Expression | undefined;
  readonly groupBy: GroupBy | undefined;
  readonly having: Expression | undefined;
  readonly qualify: Expression | undefined;
  readonly windows: readonly NamedWindow[];
  readonly hint: Hint | undefined;
}

/** WITH DIFFERENTIAL_PRIVACY OPTIONS (...) */
export interface PrivacyClause extends NodeBase {
  readonly kind: "privacy-clause";
  readonly options: OptionsList | undefined;
}

export type SelectItem = SelectExpression | SelectStar | SelectDotStar;

export interface SelectExpression extends NodeBase {
  readonly kind: "select-expression";
  readonly expression: Expression;
  readonly alias: Identifier | undefined;
}

/** * [EXCEPT (...)] [REPLACE (...)] */
export interface SelectStar extends NodeBase {
  readonly kind: "select-star";
  readonly except: readonly Identifier[];
  readonly replace: readonly StarReplacement[];
}

/** t.*, (struct).*, f(x).* */
export interface SelectDotStar extends NodeBase {
  readonly kind: "select-dot-star";
  readonly object: Expression;
  readonly except: readonly Identifier[];
  readonly replace: readonly StarReplacement[];
}

export interface StarReplacement extends NodeBase {
  readonly kind: "star-replacement";
  readonly expression: Expression;
  readonly name: Identifier;
}

/**
 * Inputs are at least two, in order of writing, all joined by the one operator (GoogleSQL wants parentheses for mixes);
 * EXCEPT with three inputs is ((a except b) except c).
 */
export interface SetOperation extends NodeBase {
  readonly kind: "set-operation";
  readonly operator: "union" | "intersect" | "except";
  readonly quantifier: "all" | "distinct";
  readonly matching: SetMatching | undefined;
  readonly inputs: readonly (Select | FromQuery | Query)[];
}

/**
 * How columns are matched when not by position. `mode`: how columns that only one side has are treated (STRICT, the
 * default INNER of CORRESPONDING, LEFT [OUTER], FULL [OUTER]); undefined is the default of the syntax used.
 */
export interface SetMatching extends NodeBase {
  readonly kind: "set-matching";
  readonly syntax: "by-name" | "corresponding";
  readonly mode: "strict" | "inner" | "left" | "full" | undefined;
  /** BY NAME ON (a, b), CORRESPONDING BY (a, b) */
  readonly columns: readonly Identifier[] | undefined;
}

/** `FROM t`, alone, the start of a pipe. */
export interface FromQuery extends NodeBase {
  readonly kind: "from-query";
  readonly from: TableExpression;
}

export type TableExpression =
  | TableReference
  | UnnestTable
  | SubqueryTable
  | TableFunctionCall
  | Join
  | PivotTable
  | UnpivotTable
  | SampledTable;

/** A table, a view, a common table, or the path of an array (`t.arr`), which only name resolution can tell. */
export interface TableReference extends NodeBase {
  readonly kind: "table-reference";
  readonly name: ObjectName;
  readonly alias: Identifier | undefined;
  /** WITH OFFSET, only right for an array path. */
  readonly offset: OffsetAlias | undefined;
  /** FOR SYSTEM_TIME AS OF */
  readonly systemTime: Expression | undefined;
  readonly hint: Hint | undefined;
}

export interface OffsetAlias extends NodeBase {
  readonly kind: "offset-alias";
  /** `offset` when none was written. */
  readonly alias: Identifier | undefined;
}

export interface UnnestTable extends NodeBase {
  readonly kind: "unnest";
  readonly array: Expression;
  readonly alias: Identifier | undefined;
  readonly offset: OffsetAlias | undefined;
  readonly hint: Hint | undefined;
}

export interface SubqueryTable extends NodeBase {
  readonly kind: "subquery-table";
  /** LATERAL: it sees the tables to its left. */
  readonly lateral: boolean;
  readonly query: Query;
  readonly alias: Identifier | undefined;
}

export interface TableFunctionCall extends NodeBase {
  readonly kind: "table-function-call";
  readonly lateral: boolean;
  readonly name: ObjectName;
  readonly arguments: readonly TableFunctionArgument[];
  readonly alias: Identifier | undefined;
  readonly hint: Hint | undefined;
}

export type TableFunctionArgument = Argument;

export interface Join extends NodeBase {
  readonly kind: "join";
  readonly operator: "comma" | "cross" | "inner" | "left" | "right" | "full";
  readonly left: TableExpression;
  readonly right: TableExpression;
  readonly condition: JoinOn | JoinUsing | undefined;
  readonly hint: Hint | undefined;
}

export interface JoinOn extends NodeBase {
  readonly kind: "join-on";
  readonly expression: Expression;
}

export interface JoinUsing extends NodeBase {
  readonly kind: "join-using";
  readonly columns: readonly Identifier[];
}

/** `input PIVOT(...) [AS alias]` */
export interface PivotTable extends NodeBase {
  readonly kind: "pivot-table";
  readonly input: TableExpression;
  readonly pivot: Pivot;
  readonly alias: Identifier | undefined;
}

export interface Pivot extends NodeBase {
  readonly kind: "pivot";
  readonly aggregates: readonly PivotAggregate[];
  readonly forExpression: Expression;
  readonly values: readonly PivotValue[];
}

export interface PivotAggregate extends NodeBase {
  readonly kind: "pivot-aggregate";
  readonly expression: FunctionCall;
  readonly alias: Identifier | undefined;
}

export interface PivotValue extends NodeBase {
  readonly kind: "pivot-value";
  readonly expression: Expression;
  readonly alias: Identifier | undefined;
}

/** `input UNPIVOT [INCLUDE|EXCLUDE NULLS] (...) [AS alias]` */
export interface UnpivotTable extends NodeBase {
  readonly kind: "unpivot-table";
  readonly input: TableExpression;
  readonly unpivot: Unpivot;
  readonly alias: Identifier | undefined;
}

export interface Unpivot extends NodeBase {
  readonly kind: "unpivot";
  readonly includeNulls: boolean;
  /** One for the single-column form, several for the multi-column form. */
  readonly valueColumns: readonly Identifier[];
  readonly nameColumn: Identifier;
  readonly items: readonly UnpivotItem[];
}

export interface UnpivotItem extends NodeBase {
  readonly kind: "unpivot-item";
  /** As many as there are value columns. */
  readonly columns: readonly Identifier[];
  /** The label: a string or integer literal. Undefined means the column names joined by `_`. */
  readonly label: Expression | undefined;
}

/** TABLESAMPLE SYSTEM (10 PERCENT) */
export interface SampledTable extends NodeBase {
  readonly kind: "sampled-table";
  readonly input: TableExpression;
  readonly sample: Sample;
}

export interface Sample extends NodeBase {
  readonly kind: "sample";
  readonly method: "system" | "bernoulli" | "reservoir";
  readonly size: Expression;
  readonly unit: "percent" | "rows";
  /** So many rows of each group. */
  readonly partitionBy: readonly Expression[];
  readonly repeatable: Expression | undefined;
  /** WITH WEIGHT: a column says for how many rows each stands. */
  readonly weight: SampleWeight | undefined;
}

export interface SampleWeight extends NodeBase {
  readonly kind: "sample-weight";
  readonly alias: Identifier | undefined;
}

/** `all` is GROUP BY ALL and then there are no items. */
export interface GroupBy extends NodeBase {
  readonly kind: "group-by";
  readonly all: boolean;
  readonly items: readonly GroupingItem[];
}

export type GroupingItem = GroupingKey | GroupingEmpty | Rollup | Cube | GroupingSets;

/** An expression, an alias or the ordinal of a column (an integer literal). */
export interface GroupingKey extends NodeBase {
  readonly kind: "grouping-key";
  readonly expression: Expression;
  /** Only in the pipe operator AGGREGATE. */
  readonly alias: Identifier | undefined;
  /** Only in the pipe operator AGGREGATE. */
  readonly order: GroupingOrder | undefined;
}

/** ASC, DESC and NULLS on an item of the pipe operator AGGREGATE. */
export interface GroupingOrder extends NodeBase {
  readonly kind: "grouping-order";
  readonly direction: "asc" | "desc" | undefined;
  readonly nulls: "first" | "last" | undefined;
}

/** () */
export interface GroupingEmpty extends NodeBase {
  readonly kind: "grouping-empty";
}

export interface Rollup extends NodeBase {
  readonly kind: "rollup";
  /** Each element is one key, or several in parentheses. */
  readonly elements: readonly (readonly Expression[])[];
}

export interface Cube extends NodeBase {
  readonly kind: "cube";
  readonly elements: readonly (readonly Expression[])[];
}

export interface GroupingSets extends NodeBase {
  readonly kind: "grouping-sets";
  readonly sets: readonly GroupingSet[];
}

export type GroupingSet = GroupingSetKeys | Rollup | Cube;

/** `a`, `(a, b)` or `()`. */
export interface GroupingSetKeys extends NodeBase {
  readonly kind: "grouping-set";
  readonly keys: readonly Expression[];
}

export interface NamedWindow extends NodeBase {
  readonly kind: "named-window";
  readonly name: Identifier;
  /** `w AS other` gives a spec that has only a base. */
  readonly spec: WindowSpec;
}

export interface OrderItem extends NodeBase {
  readonly kind: "order-item";
  readonly expression: Expression;
  readonly collation: Expression | undefined;
  /** Undefined is ascending. */
  readonly direction: "asc" | "desc" | undefined;
  /** Undefined: nulls first when ascending, last when descending. */
  readonly nulls: "first" | "last" | undefined;
}

export interface Limit extends NodeBase {
  readonly kind: "limit";
  readonly count: Expression;
  readonly offset: Expression | undefined;
}
