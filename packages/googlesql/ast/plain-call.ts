import type { Argument, FunctionCall, Identifier, Span } from "../ast.ts";

/** `name(arguments)` and nothing more: no DISTINCT, no filter, no window. */
export const plainCall = (name: readonly Identifier[], args: readonly Argument[], span: Span): FunctionCall => ({
  kind: "function-call",
  name,
  chained: false,
  distinct: false,
  arguments: args,
  nulls: undefined,
  filter: undefined,
  having: undefined,
  orderBy: [],
  limit: undefined,
  over: undefined,
  hint: undefined,
  span,
});
