import type { Action, Graph, TableAction } from "./graph.ts";

/** A statement about who may see which rows of a table: BigQuery alone has them. */
const isAccessPolicy = (statement: string): boolean =>
  /^\s*(?:create(?:\s+or\s+replace)?\s+row\s+access\s+policy|drop\s+(?:all\s+row\s+access\s+policies|row\s+access\s+policy))\b/i.test(
    statement,
  );

/** The graph for an engine on which nobody's access can be told apart: without row access policies. Gives how many actions had some. */
export function withoutAccessPolicies(graph: Graph): { readonly graph: Graph; readonly actions: number } {
  let actions = 0;
  const without = (action: Action): Action => {
    let had = false;
    const kept = (statements: readonly string[]): readonly string[] => {
      const left = statements.filter((one) => !isAccessPolicy(one));
      had ||= left.length < statements.length;
      return left;
    };
    let less = action;
    if (action.kind === "operation") less = { ...action, queries: kept(action.queries) };
    if (action.kind === "table" || action.kind === "incremental") {
      const { incremental } = action;
      less = {
        ...action,
        postOps: kept(action.postOps),
        ...(incremental && { incremental: { ...incremental, postOps: kept(incremental.postOps) } }),
      };
    }
    if (!had) return action;
    actions += 1;
    return less;
  };
  const changed = graph.actions.map(without);
  return { graph: actions === 0 ? graph : { ...graph, actions: changed }, actions };
}

/**
 * A table's statements in two parts, between which its columns get their tags: the first ends with the first row access policy, that of whoever builds, so that nobody else sees a row
 * before the columns are what they should be, and none where tagging fails.
 */
export function aroundTags(statements: readonly string[]): readonly [readonly string[], readonly string[]] {
  const first = statements.findIndex(isAccessPolicy);
  return first < 0 ? [statements, []] : [statements.slice(0, first + 1), statements.slice(first + 1)];
}

/** The policy tags of a table's columns, as its project states them. */
export const policyTagsOf = (action: Pick<TableAction, "columns">): ReadonlyMap<string, readonly string[]> =>
  new Map(
    action.columns.flatMap(({ path, policyTags }) =>
      path.length === 1 && policyTags.length > 0 ? [[path[0]!, policyTags] as const] : [],
    ),
  );
