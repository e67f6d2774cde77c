import type { Select, Span } from "./ast.ts";

/** A SELECT of nothing, without a clause: what is made in place of a written one says only what it has. */
export const emptySelect = (span: Span): Select => ({
  kind: "select",
  span,
  privacy: undefined,
  distinct: false,
  as: undefined,
  items: [],
  from: undefined,
  where: undefined,
  groupBy: undefined,
  having: undefined,
  qualify: undefined,
  windows: [],
  hint: undefined,
});
