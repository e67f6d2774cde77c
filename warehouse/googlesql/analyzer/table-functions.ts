import type { TableFunctionCall } from "../ast.ts";
import type { Analysis } from "./context.ts";
import type { Environment, From } from "./relation.ts";

/** A table function in FROM. */
export function resolveTableFunction(a: Analysis, node: TableFunctionCall, _env: Environment): From {
  return a.refuse(
    node,
    node.name.parts
      .map((part) => part.name)
      .join(".")
      .toUpperCase(),
    "table functions",
  );
}
