import type { Expression, GroupingItem, OrderItem, PipeAggregate } from "../ast.ts";
import { impliedName } from "./expressions.ts";

interface KeyName {
  readonly name: string | undefined;
  readonly expression: Expression;
  readonly order: OrderItemParts | undefined;
}

/** The keys of GROUP BY in pipe AGGREGATE: the columns that they become, in order. */
export function keyNames(item: GroupingItem): readonly KeyName[] {
  const named = (expression: Expression): KeyName => ({ name: impliedName(expression), expression, order: undefined });
  switch (item.kind) {
    case "grouping-key":
      return [
        { name: item.alias?.name ?? impliedName(item.expression), expression: item.expression, order: item.order },
      ];
    case "grouping-empty":
      return [];
    case "rollup":
    case "cube":
      return item.elements.flat().map(named);
    case "grouping-sets": {
      const keys = item.sets.flatMap((set) => (set.kind === "grouping-set" ? set.keys : set.elements.flat()));
      const names = keys.map(named);
      return names.filter(({ name }, i) => names.findIndex((other) => other.name === name) === i);
    }
  }
}

interface OrderItemParts {
  readonly direction: "asc" | "desc" | undefined;
  readonly nulls: "first" | "last" | undefined;
}

/** How a column of pipe AGGREGATE is ordered; its expression is never looked at. */
export const orderItem = (node: PipeAggregate, order: OrderItemParts | undefined): OrderItem => ({
  kind: "order-item",
  span: node.span,
  expression: { kind: "null-literal", span: node.span },
  collation: undefined,
  direction: order?.direction,
  nulls: order?.nulls,
});
