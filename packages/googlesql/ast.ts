/**
 * The syntax tree of GoogleSQL as BigQuery speaks it. Every node has a `kind` and the `span` of text it came from.
 * Absent parts are `undefined`, never missing, so a node of one kind always has the same shape. Parentheses leave no
 * node: structure says what they said. Names keep their spelling; comparing them without case is the reader's task.
 */
export type * from "./ast/expression.ts";
export type * from "./ast/node.ts";
export type * from "./ast/query.ts";
export type * from "./ast/script.ts";
export type * from "./ast/statement.ts";
export type * from "./ast/type.ts";
