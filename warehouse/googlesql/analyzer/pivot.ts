import type { Pivot, Unpivot } from "../ast.ts";
import type { Analysis } from "./context.ts";
import type { Environment, From } from "./relation.ts";

export function resolvePivot(
  a: Analysis,
  node: Pivot,
  _input: From,
  _alias: string | undefined,
  _env: Environment,
): From {
  return a.refuse(node, "PIVOT");
}

export function resolveUnpivot(a: Analysis, node: Unpivot, _input: From, _alias: string | undefined): From {
  return a.refuse(node, "UNPIVOT");
}
