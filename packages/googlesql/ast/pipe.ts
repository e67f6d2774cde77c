import type { Expression } from "./expression.ts";
import type {
  GroupBy,
  GroupingOrder,
  Join,
  Limit,
  NamedWindow,
  OrderItem,
  Pivot,
  Query,
  Sample,
  SelectItem,
  SetMatching,
  TableFunctionArgument,
  Unpivot,
  WithClause,
} from "./query.ts";
import type { Hint, Identifier, NodeBase, ObjectName } from "./type.ts";

/** One `|> ...` over the table that the text before it produced. */
export type PipeOperator =
  | PipeSelect
  | PipeExtend
  | PipeWindow
  | PipeSet
  | PipeDrop
  | PipeRename
  | PipeAs
  | PipeWhere
  | PipeAggregate
  | PipeOrderBy
  | PipeLimit
  | PipeJoin
  | PipeSetOperation
  | PipeCall
  | PipeDistinct
  | PipePivot
  | PipeUnpivot
  | PipeSample
  | PipeWith
  | PipeAssert
  | PipeIf;

export interface PipeSelect extends NodeBase {
  readonly kind: "pipe-select";
  readonly distinct: boolean;
  readonly as: "struct" | "value" | undefined;
  readonly items: readonly SelectItem[];
  readonly windows: readonly NamedWindow[];
  readonly hint: Hint | undefined;
}

export interface PipeExtend extends NodeBase {
  readonly kind: "pipe-extend";
  readonly items: readonly SelectItem[];
  readonly windows: readonly NamedWindow[];
}

/** The old form of EXTEND, for window functions. */
export interface PipeWindow extends NodeBase {
  readonly kind: "pipe-window";
  readonly items: readonly SelectItem[];
}

export interface PipeSet extends NodeBase {
  readonly kind: "pipe-set";
  readonly items: readonly PipeSetItem[];
}

export interface PipeSetItem extends NodeBase {
  readonly kind: "pipe-set-item";
  readonly column: Identifier;
  readonly value: Expression;
}

export interface PipeDrop extends NodeBase {
  readonly kind: "pipe-drop";
  readonly columns: readonly Identifier[];
}

export interface PipeRename extends NodeBase {
  readonly kind: "pipe-rename";
  readonly items: readonly PipeRenameItem[];
}

export interface PipeRenameItem extends NodeBase {
  readonly kind: "pipe-rename-item";
  readonly from: Identifier;
  readonly to: Identifier;
}

export interface PipeAs extends NodeBase {
  readonly kind: "pipe-as";
  readonly alias: Identifier;
}

export interface PipeWhere extends NodeBase {
  readonly kind: "pipe-where";
  readonly condition: Expression;
}

/** Either list may be empty, not both. */
export interface PipeAggregate extends NodeBase {
  readonly kind: "pipe-aggregate";
  readonly items: readonly PipeAggregateItem[];
  readonly groupBy: GroupBy | undefined;
  /** GROUP AND ORDER BY */
  readonly groupAndOrder: boolean;
  readonly hint: Hint | undefined;
}

export interface PipeAggregateItem extends NodeBase {
  readonly kind: "pipe-aggregate-item";
  readonly expression: Expression;
  readonly alias: Identifier | undefined;
  readonly order: GroupingOrder | undefined;
}

export interface PipeOrderBy extends NodeBase {
  readonly kind: "pipe-order-by";
  readonly items: readonly OrderItem[];
}

export interface PipeLimit extends NodeBase {
  readonly kind: "pipe-limit";
  readonly limit: Limit;
}

/** The left side of the join is the pipe's input. */
export interface PipeJoin extends NodeBase {
  readonly kind: "pipe-join";
  readonly operator: Exclude<Join["operator"], "comma">;
  readonly right: Join["right"];
  readonly condition: Join["condition"];
  readonly hint: Hint | undefined;
}

export interface PipeSetOperation extends NodeBase {
  readonly kind: "pipe-set-operation";
  readonly operator: "union" | "intersect" | "except";
  readonly quantifier: "all" | "distinct";
  readonly matching: SetMatching | undefined;
  /** To be joined to the pipe's input, in order. */
  readonly inputs: readonly Query[];
}

/** The pipe's input is the first table argument. */
export interface PipeCall extends NodeBase {
  readonly kind: "pipe-call";
  readonly name: ObjectName;
  readonly arguments: readonly TableFunctionArgument[];
  readonly alias: Identifier | undefined;
}

export interface PipeDistinct extends NodeBase {
  readonly kind: "pipe-distinct";
}

export interface PipePivot extends NodeBase {
  readonly kind: "pipe-pivot";
  readonly pivot: Pivot;
  readonly alias: Identifier | undefined;
}

export interface PipeUnpivot extends NodeBase {
  readonly kind: "pipe-unpivot";
  readonly unpivot: Unpivot;
  readonly alias: Identifier | undefined;
}

export interface PipeSample extends NodeBase {
  readonly kind: "pipe-sample";
  readonly sample: Sample;
}

export interface PipeWith extends NodeBase {
  readonly kind: "pipe-with";
  readonly with: WithClause;
}

export interface PipeAssert extends NodeBase {
  readonly kind: "pipe-assert";
  readonly condition: Expression;
  readonly payload: readonly Expression[];
}

/** IF condition THEN (pipe) ELSEIF ... ELSE (pipe): the conditions are constants, and only the chosen pipe need be valid. */
export interface PipeIf extends NodeBase {
  readonly kind: "pipe-if";
  readonly cases: readonly PipeIfCase[];
  readonly otherwise: readonly PipeOperator[];
}

export interface PipeIfCase extends NodeBase {
  readonly kind: "pipe-if-case";
  readonly condition: Expression;
  readonly pipes: readonly PipeOperator[];
}
