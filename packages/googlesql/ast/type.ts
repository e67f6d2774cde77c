import type { Expression } from "./expression.ts";

/** Half-open range of UTF-16 offsets into the text that was parsed. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface NodeBase {
  readonly span: Span;
}

export interface Identifier extends NodeBase {
  readonly kind: "identifier";
  /** The name itself: without backquotes, escapes resolved, case as written. */
  readonly name: string;
  readonly quoted: boolean;
}

/**
 * Name of a table, function, schema or other object of the catalogue. Dashes of an unquoted project name are part of
 * the first identifier. A single backquoted part that contains dots (`` `p.d.t` ``) stays one part here; splitting it
 * is right for BigQuery tables only, so the reader decides.
 */
export interface ObjectName extends NodeBase {
  readonly kind: "object-name";
  readonly parts: readonly Identifier[];
}

/** The type as written, e.g. in CAST, DECLARE or a column list. */
export type TypeName = SimpleType | ArrayType | StructType | RangeType | TemplatedType;

export interface SimpleType extends NodeBase {
  readonly kind: "simple-type";
  /** Upper-cased when it is one unquoted word (`INT64`, `STRING`), else as written. */
  readonly name: string;
  /** STRING(10), NUMERIC(10, 2), NUMERIC(MAX). */
  readonly parameters: readonly TypeParameter[];
  readonly collation: string | undefined;
}

export interface TypeParameter extends NodeBase {
  readonly kind: "type-parameter";
  /** Integers only occur for sized types. */
  readonly value: bigint | "max";
}

export interface ArrayType extends NodeBase {
  readonly kind: "array-type";
  readonly element: TypeName;
  /** Only in column lists. */
  readonly elementNotNull: boolean;
}

export interface StructType extends NodeBase {
  readonly kind: "struct-type";
  readonly fields: readonly StructTypeField[];
}

export interface StructTypeField extends NodeBase {
  readonly kind: "struct-type-field";
  readonly name: Identifier | undefined;
  readonly type: TypeName;
  /** The rest only in column lists. */
  readonly notNull: boolean;
  readonly default: Expression | undefined;
  readonly options: OptionsList | undefined;
}

export interface RangeType extends NodeBase {
  readonly kind: "range-type";
  readonly element: TypeName;
}

/** `ANY TYPE` of a function's parameter. */
export interface TemplatedType extends NodeBase {
  readonly kind: "templated-type";
}

export interface OptionsList extends NodeBase {
  readonly kind: "options-list";
  readonly entries: readonly OptionEntry[];
}

export interface OptionEntry extends NodeBase {
  readonly kind: "option-entry";
  readonly name: Identifier;
  readonly value: Expression;
}

/** `@{engine.name = value}` or `@5`. Hints never change a result; they are kept so that nothing is lost. */
export interface Hint extends NodeBase {
  readonly kind: "hint";
  readonly shards: bigint | undefined;
  readonly entries: readonly HintEntry[];
}

export interface HintEntry extends NodeBase {
  readonly kind: "hint-entry";
  readonly name: readonly Identifier[];
  readonly value: Expression;
}
