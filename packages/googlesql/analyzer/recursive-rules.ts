import type { Node, NodeBase } from "../ast.ts";
import { refersTo } from "../common-table-order.ts";
import { walk } from "../walk.ts";
import type { Analysis } from "./context.ts";
import { hasWindow } from "./grouping.ts";
import { hasAggregate } from "./syntax-walk.ts";

/**
 * Where in the recursive term of a query the table may be named: once, and only where each of its rows counts for itself. As
 * GoogleSQL's analyzer has it ("A subquery containing a recursive reference must not use ...").
 */
export function checkRecursiveTerm(a: Analysis, step: Node, name: string): void {
  const has = (node: Node | readonly Node[] | undefined): boolean =>
    node !== undefined && ("kind" in node ? [node] : node).some((one) => refersTo(one, name));
  const not = (node: NodeBase, what: string): never => a.fail(node, `A recursive reference must not stand in ${what}`);
  let references = 0;
  walk(step, (node) => {
    switch (node.kind) {
      case "table-reference":
        if (refersTo(node, name) && ++references > 1) {
          a.fail(node, `Multiple recursive references to table '${name}' are not allowed`);
        }
        return undefined;
      case "set-operation":
        if (!has(node.inputs)) return "skip";
        if (node.quantifier === "distinct") return not(node, "INTERSECT, UNION or EXCEPT with DISTINCT");
        if (node.operator === "except" && has(node.inputs.slice(1))) return not(node, "the right operand of EXCEPT");
        return undefined;
      case "query":
        if (node.with && has(node.with.entries)) return not(node.with, "a table of an inner WITH");
        if (!has(node.body)) return undefined;
        if (node.limit) return not(node.limit, "a query with LIMIT");
        if (node.orderBy.length > 0) return not(node, "a subquery with ORDER BY");
        return undefined;
      case "select": {
        const { from, ...others } = node;
        const expressions = [...others.items, others.where, others.having, others.qualify].filter(
          (one) => one !== undefined,
        );
        if (has(expressions)) return not(node, "an expression subquery");
        if (!has(from)) return "skip";
        if (node.distinct || node.groupBy || hasAggregate(expressions, a.catalog)) {
          return not(node, "a subquery with DISTINCT, GROUP BY or any aggregate function");
        }
        const isAnalytic = node.items.some((item) => item.kind === "select-expression" && hasWindow(item.expression));
        return isAnalytic || node.qualify ? not(node, "a subquery with an analytic function") : undefined;
      }
      case "join":
        if (node.condition && has(node.condition)) return not(node.condition, "an expression subquery");
        if (node.operator === "full" && has([node.left, node.right])) return not(node, "an operand of FULL JOIN");
        if (node.operator === "left" && has(node.right)) return not(node, "the right operand of LEFT JOIN");
        if (node.operator === "right" && has(node.left)) return not(node, "the left operand of RIGHT JOIN");
        return undefined;
      case "sampled-table":
        return has(node.input) ? not(node, "a subquery with TABLESAMPLE") : "skip";
      case "unnest":
        return has(node.array) ? not(node, "an expression subquery") : "skip";
      default:
        return undefined;
    }
  });
}
