import type { FunctionCall } from "../ast.ts";
import { functionNamed } from "./function-table.ts";

const isNode = (value: unknown): value is { readonly kind: string } =>
  typeof value === "object" && value !== null && typeof (value as { kind?: unknown }).kind === "string";

/** Visits a node and all under it, but not what `visit` answers false to, and no queries inside. */
export function walk(node: unknown, visit: (node: { readonly kind: string }) => boolean): void {
  if (Array.isArray(node)) {
    for (const one of node) walk(one, visit);
    return;
  }
  if (!isNode(node)) return;
  if (node.kind === "query" || !visit(node)) return;
  for (const [key, value] of Object.entries(node) as [string, unknown][]) {
    if (key !== "span" && typeof value === "object" && value !== null && !(value instanceof Uint8Array))
      walk(value, visit);
  }
}

/** Whether a call is of an aggregate function, not of an analytic one. */
export function isAggregateCall(node: FunctionCall): boolean {
  if (node.over) return false;
  const name = node.name
    .map((part) => part.name)
    .join(".")
    .toUpperCase();
  return name === "GROUPING" || functionNamed(name)?.kind === "aggregate";
}

/** Whether an aggregate function is called in the expression, outside of subqueries in it. */
export function hasAggregate(nodes: unknown): boolean {
  let found = false;
  walk(nodes, (node) => {
    if (node.kind === "function-call" && isAggregateCall(node as FunctionCall)) found = true;
    return !found;
  });
  return found;
}
