import type { Expression } from "../ast.ts";
import { functionNamed } from "./function-table.ts";
import { walk } from "./syntax-walk.ts";

/**
 * Whether an expression has one value for the whole statement, as GoogleSQL asks of some arguments: made of literals,
 * parameters and functions that give the same each time. "unknown" where a name may stand for a script variable or for the
 * argument of a function.
 */
export type Constness = "constant" | "varying" | "unknown";

export function constnessOf(node: Expression, namesMayBeConstant: boolean): Constness {
  let constness: Constness = "constant";
  walk(node, (inner) => {
    if (inner.kind === "function-call") {
      const call = inner as Expression & { readonly kind: "function-call" };
      const entry = functionNamed(call.name.map((part) => part.name.toUpperCase()).join("."));
      if (call.over || entry?.kind !== "scalar" || entry.volatile) constness = "unknown";
      return true;
    }
    if (inner.kind === "path") constness = namesMayBeConstant ? "unknown" : "varying";
    if (/subquery|exists|lambda|system-variable/.test(inner.kind)) constness = "unknown";
    return constness === "constant";
  });
  return constness;
}
