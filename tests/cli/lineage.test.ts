import { expect, test } from "vitest";
import { renderAnswer, renderRule } from "../../cli/commands/lineage.ts";
import { lineageOf } from "../../warehouse/dataform/lineage.ts";
import { checkLineage } from "../../warehouse/dataform/lineage-check.ts";
import { graphOf, source, view } from "../warehouse/dataform/graphs.ts";

const graph = graphOf(
  source("raw.orders"),
  view("labels.bought", ["raw.orders"], { query: "select id, price > 0 as label from `p.raw.orders`" }),
  view("features.past", ["raw.orders", "labels.bought"], {
    query:
      "select o.id, if(l.label, 1, 0) as spends from `p.raw.orders` as o join `p.labels.bought` as l on o.id = l.id",
  }),
);
const lineage = () =>
  lineageOf(graph, {
    columnsOf: async () => [
      { name: "id", type: "INT64" },
      { name: "price", type: "NUMERIC" },
    ],
  });

test("when a column is asked for, its tree shows what it is made of before what only decides", async () => {
  const all = await lineage();
  const [node] = all.select("features.past.id");
  expect(renderAnswer({ column: node!, upstream: all.upstream(node!) })).toBe(`features.past.id
├─ raw.orders.id  identity
└─ features.past (rows)  (rows)
   ├─ labels.bought (rows)  rows
   │  └─ raw.orders (rows)  rows
   ├─ raw.orders (rows)  rows
   ├─ labels.bought.id  (join)
   │  ├─ raw.orders.id  identity
   │  └─ labels.bought (rows)  (rows)  (see above)
   └─ raw.orders.id  (join)`);
});

test("when a label reaches a feature, the check shows the path", async () => {
  const rule = {
    name: "no-labels",
    claim: "labels stay out",
    from: ["labels.bought.label"],
    to: ["features.*"],
    flow: "any" as const,
  };
  const [result] = checkLineage(graph, await lineage(), [rule]);
  expect(renderRule(result!)).toBe(`LEAK  no-labels: labels stay out
      labels.bought.label
        -> features.past.spends  conditional`);
});

test("when a rule speaks of tables that the project does not have, it does not pass", async () => {
  const rule = { name: "r", claim: "c", from: ["secrets.*"], to: ["features.*"], flow: "any" as const };
  const all = await lineage();
  expect(() => checkLineage(graph, all, [rule])).toThrow(
    /rule r has nothing to follow: the project has no secrets\.\*/,
  );
});
