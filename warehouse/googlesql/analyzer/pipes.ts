import type { Query } from "../ast.ts";
import type { Analysis } from "./context.ts";
import type { Environment, Relation } from "./relation.ts";

export function resolvePipes(
  a: Analysis,
  _input: Relation,
  query: Query,
  _env: Environment,
  _keepOrder: boolean,
): Relation {
  return a.refuse(query.pipes[0]!, "pipe_syntax");
}
