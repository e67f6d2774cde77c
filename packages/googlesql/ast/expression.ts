import type { OrderItem, Query } from "./query.ts";
import type { Hint, Identifier, NodeBase, RangeType, StructType, TypeName } from "./type.ts";

export type Expression =
  | NullLiteral
  | BooleanLiteral
  | IntegerLiteral
  | FloatLiteral
  | StringLiteral
  | BytesLiteral
  | TypedLiteral
  | RangeLiteral
  | IntervalExpression
  | NamedParameter
  | PositionalParameter
  | SystemVariable
  | PathExpression
  | FieldAccess
  | Subscript
  | Unary
  | Binary
  | Logical
  | IsTest
  | IsDistinctFrom
  | In
  | Between
  | Like
  | QuantifiedLike
  | Case
  | Cast
  | Extract
  | ArrayConstructor
  | StructConstructor
  | ScalarSubquery
  | ArraySubquery
  | Exists
  | FunctionCall
  | WithExpression;

export interface NullLiteral extends NodeBase {
  readonly kind: "null-literal";
}

export interface BooleanLiteral extends NodeBase {
  readonly kind: "boolean-literal";
  readonly value: boolean;
}

/** Unsigned: a minus before it is a `unary` (so 9223372036854775808 can occur, legal only under that minus). */
export interface IntegerLiteral extends NodeBase {
  readonly kind: "integer-literal";
  readonly value: bigint;
  readonly hexadecimal: boolean;
}

export interface FloatLiteral extends NodeBase {
  readonly kind: "float-literal";
  readonly text: string;
  readonly value: number;
}

/** Adjacent chunks are joined and escapes resolved. */
export interface StringLiteral extends NodeBase {
  readonly kind: "string-literal";
  readonly value: string;
}

export interface BytesLiteral extends NodeBase {
  readonly kind: "bytes-literal";
  readonly value: Uint8Array;
}

/** DATE '2024-01-31' and its like. The text is not judged here; whether it is a date is the analyzer's task. */
export interface TypedLiteral extends NodeBase {
  readonly kind: "typed-literal";
  /** DECIMAL and BIGDECIMAL are given as NUMERIC and BIGNUMERIC. */
  readonly type: "NUMERIC" | "BIGNUMERIC" | "DATE" | "DATETIME" | "TIME" | "TIMESTAMP" | "JSON";
  readonly value: string;
}

/** RANGE<DATE> '[2020-01-01, UNBOUNDED)'. */
export interface RangeLiteral extends NodeBase {
  readonly kind: "range-literal";
  readonly type: RangeType;
  readonly value: string;
}

/** INTERVAL x DAY; INTERVAL '1-2' YEAR TO MONTH (then `to` is there). */
export interface IntervalExpression extends NodeBase {
  readonly kind: "interval";
  readonly value: Expression;
  readonly from: Identifier;
  readonly to: Identifier | undefined;
}

export interface NamedParameter extends NodeBase {
  readonly kind: "named-parameter";
  readonly name: string;
}

export interface PositionalParameter extends NodeBase {
  readonly kind: "positional-parameter";
  /** Counts from 0 within what was parsed. */
  readonly index: number;
}

/** @@time_zone, @@error.message */
export interface SystemVariable extends NodeBase {
  readonly kind: "system-variable";
  readonly parts: readonly Identifier[];
}

/** `a`, `a.b.c`: a column, a field of one, a variable, a date part; what it is only name resolution can tell. */
export interface PathExpression extends NodeBase {
  readonly kind: "path";
  readonly parts: readonly Identifier[];
}

/** A dot after anything but a plain path: `f(x).b`, `(a).b`, `a[0].b`, `@p.b`. */
export interface FieldAccess extends NodeBase {
  readonly kind: "field-access";
  readonly object: Expression;
  readonly field: Identifier;
}

/** a[1], a[OFFSET(0)], a[SAFE_ORDINAL(1)], json['key']. */
export interface Subscript extends NodeBase {
  readonly kind: "subscript";
  readonly object: Expression;
  readonly accessor: "plain" | "offset" | "ordinal" | "safe-offset" | "safe-ordinal" | "key" | "safe-key";
  readonly index: Expression;
}

export interface Unary extends NodeBase {
  readonly kind: "unary";
  readonly operator: "-" | "+" | "~" | "not";
  readonly operand: Expression;
}

/** `!=` is given as `<>`. */
export type BinaryOperator =
  | "+"
  | "-"
  | "*"
  | "/"
  | "||"
  | "<<"
  | ">>"
  | "&"
  | "^"
  | "|"
  | "="
  | "<>"
  | "<"
  | "<="
  | ">"
  | ">=";

export interface Binary extends NodeBase {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
}

/** A chain of one operator is one node: `a and b and c` has three operands. */
export interface Logical extends NodeBase {
  readonly kind: "logical";
  readonly operator: "and" | "or";
  readonly operands: readonly Expression[];
}

/** IS [NOT] NULL | TRUE | FALSE | UNKNOWN */
export interface IsTest extends NodeBase {
  readonly kind: "is-test";
  readonly operand: Expression;
  readonly test: "null" | "true" | "false" | "unknown";
  readonly negated: boolean;
}

export interface IsDistinctFrom extends NodeBase {
  readonly kind: "is-distinct-from";
  readonly left: Expression;
  readonly right: Expression;
  /** IS NOT DISTINCT FROM */
  readonly negated: boolean;
}

export interface In extends NodeBase {
  readonly kind: "in";
  readonly operand: Expression;
  readonly source: ValueSource;
  readonly negated: boolean;
}

/** The right side of IN and of LIKE ANY. */
export type ValueSource = ValueList | ValueSubquery | ValueUnnest;

export interface ValueList extends NodeBase {
  readonly kind: "value-list";
  /** At least one. */
  readonly items: readonly Expression[];
}

export interface ValueSubquery extends NodeBase {
  readonly kind: "value-subquery";
  readonly query: Query;
}

export interface ValueUnnest extends NodeBase {
  readonly kind: "value-unnest";
  readonly array: Expression;
}

export interface Between extends NodeBase {
  readonly kind: "between";
  readonly operand: Expression;
  readonly low: Expression;
  readonly high: Expression;
  readonly negated: boolean;
}

export interface Like extends NodeBase {
  readonly kind: "like";
  readonly operand: Expression;
  readonly pattern: Expression;
  readonly negated: boolean;
}

/** LIKE ANY|SOME|ALL, or a comparison with ANY|SOME|ALL; SOME is given as `any`. */
export interface QuantifiedLike extends NodeBase {
  readonly kind: "quantified-like";
  /** The comparison; absent for LIKE. */
  readonly operator?: "=" | "<>" | "<" | "<=" | ">" | ">=";
  readonly operand: Expression;
  readonly quantifier: "any" | "all";
  readonly source: ValueSource;
  readonly negated: boolean;
}

export interface Case extends NodeBase {
  readonly kind: "case";
  readonly operand: Expression | undefined;
  readonly branches: readonly CaseBranch[];
  readonly otherwise: Expression | undefined;
}

export interface CaseBranch extends NodeBase {
  readonly kind: "case-branch";
  readonly when: Expression;
  readonly then: Expression;
}

export interface Cast extends NodeBase {
  readonly kind: "cast";
  readonly safe: boolean;
  readonly operand: Expression;
  readonly type: TypeName;
  readonly format: Expression | undefined;
  readonly timeZone: Expression | undefined;
}

/** EXTRACT(part FROM x [AT TIME ZONE z]). The part is a path (`DAY`) or a call (`WEEK(MONDAY)`). */
export interface Extract extends NodeBase {
  readonly kind: "extract";
  readonly part: PathExpression | FunctionCall;
  readonly operand: Expression;
  readonly timeZone: Expression | undefined;
}

/** [1, 2], ARRAY[1, 2], ARRAY<INT64>[1, 2] */
export interface ArrayConstructor extends NodeBase {
  readonly kind: "array-constructor";
  readonly elementType: TypeName | undefined;
  readonly elements: readonly Expression[];
}

/** STRUCT(1 AS a), STRUCT<a INT64>(1), and the tuple (1, 2), whose fields have no names. */
export interface StructConstructor extends NodeBase {
  readonly kind: "struct-constructor";
  readonly form: "untyped" | "typed" | "tuple";
  readonly type: StructType | undefined;
  readonly fields: readonly StructConstructorField[];
}

export interface StructConstructorField extends NodeBase {
  readonly kind: "struct-constructor-field";
  readonly expression: Expression;
  /** Explicit `AS name`, only in the untyped form. */
  readonly alias: Identifier | undefined;
}

export interface ScalarSubquery extends NodeBase {
  readonly kind: "scalar-subquery";
  readonly query: Query;
}

export interface ArraySubquery extends NodeBase {
  readonly kind: "array-subquery";
  readonly query: Query;
}

export interface Exists extends NodeBase {
  readonly kind: "exists";
  readonly query: Query;
}

export interface FunctionCall extends NodeBase {
  readonly kind: "function-call";
  /** `["SAFE", "SUBSTR"]`, `["NET", "HOST"]`, `["ds", "udf"]`: as written, to be compared without case. */
  readonly name: readonly Identifier[];
  /** `(x).f(y)` and `x.(a.b)(y)`: what stood before the dot is the first argument. */
  readonly chained: boolean;
  readonly distinct: boolean;
  readonly arguments: readonly Argument[];
  readonly nulls: "ignore" | "respect" | undefined;
  /** WHERE within the brackets: only rows that pass are aggregated. */
  readonly filter: Expression | undefined;
  readonly having: HavingModifier | undefined;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Expression | undefined;
  readonly over: WindowSpec | WindowName | undefined;
  readonly hint: Hint | undefined;
}

export type Argument = Expression | StarArgument | NamedArgument | Lambda | TableArgument | ModelArgument;

/** COUNT(*) */
export interface StarArgument extends NodeBase {
  readonly kind: "star-argument";
}

/** name => value */
export interface NamedArgument extends NodeBase {
  readonly kind: "named-argument";
  readonly name: Identifier;
  readonly value: Expression | Lambda | TableArgument | ModelArgument;
}

/** x -> ..., (x, y) -> ... */
export interface Lambda extends NodeBase {
  readonly kind: "lambda";
  readonly parameters: readonly Identifier[];
  readonly body: Expression;
}

/** `TABLE ds.t`, only to a table function. */
export interface TableArgument extends NodeBase {
  readonly kind: "table-argument";
  readonly name: readonly Identifier[];
}

/** `MODEL ds.m`, only to a table function. */
export interface ModelArgument extends NodeBase {
  readonly kind: "model-argument";
  readonly name: readonly Identifier[];
}

/** ANY_VALUE(x HAVING MAX y) */
export interface HavingModifier extends NodeBase {
  readonly kind: "having-modifier";
  readonly extreme: "max" | "min";
  readonly expression: Expression;
}

/** OVER w */
export interface WindowName extends NodeBase {
  readonly kind: "window-name";
  readonly name: Identifier;
}

/** OVER ([base] [PARTITION BY ...] [ORDER BY ...] [frame]) */
export interface WindowSpec extends NodeBase {
  readonly kind: "window-spec";
  readonly base: Identifier | undefined;
  readonly partitionBy: readonly Expression[];
  readonly orderBy: readonly OrderItem[];
  readonly frame: WindowFrame | undefined;
}

export interface WindowFrame extends NodeBase {
  readonly kind: "window-frame";
  readonly unit: "rows" | "range";
  readonly start: FrameBound;
  /** Without BETWEEN there is no end: it is the current row. */
  readonly end: FrameBound | undefined;
}

export interface FrameBound extends NodeBase {
  readonly kind: "frame-bound";
  readonly bound: "unbounded-preceding" | "preceding" | "current-row" | "following" | "unbounded-following";
  /** For `preceding` and `following`. */
  readonly offset: Expression | undefined;
}

/** WITH(a AS 1, b AS a + 1, a + b) */
export interface WithExpression extends NodeBase {
  readonly kind: "with-expression";
  readonly bindings: readonly WithBinding[];
  readonly body: Expression;
}

export interface WithBinding extends NodeBase {
  readonly kind: "with-binding";
  readonly name: Identifier;
  readonly value: Expression;
}
