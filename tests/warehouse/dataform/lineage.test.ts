import { describe, expect, test } from "vitest";
import type { Graph, OperationAction } from "../../../warehouse/dataform/graph.ts";
import { lineageOf } from "../../../warehouse/dataform/lineage.ts";
import {
  type LineageEdge,
  type LineageGraph,
  type LineageTree,
  nodeName,
} from "../../../warehouse/dataform/lineage-graph.ts";
import { openLineage } from "../../../warehouse/dataform/openlineage.ts";
import { incremental, source, table, view } from "./graphs.ts";

const columns: Readonly<Record<string, readonly { name: string; type: string }[]>> = {
  "raw.orders": [
    { name: "order_id", type: "INT64" },
    { name: "customer", type: "STRUCT<id INT64, address STRUCT<city STRING, street STRING>>" },
    { name: "price", type: "NUMERIC" },
    { name: "placed_at", type: "TIMESTAMP" },
  ],
  "ga.events_*": [{ name: "event_name", type: "STRING" }],
};

function lineage(...actions: readonly Graph["actions"][number][]): Promise<LineageGraph> {
  const graph: Graph = { actions, tests: [], errors: [], defaultSchema: "s", vars: {} };
  return lineageOf(graph, { columnsOf: async ({ schema, name }) => columns[`${schema}.${name}`] });
}

/** A tree as indented text. */
const text = (tree: LineageTree, indent = ""): readonly string[] =>
  tree.children.flatMap((child) => [
    `${indent}${nodeName(child.node)} ${child.edge!.subtypes.join("+")}`,
    ...text(child, `${indent}  `),
  ]);

const up = (graph: LineageGraph, name: string, directOnly = true) =>
  graph.select(name).flatMap((node) => text(graph.upstream(node, { directOnly })));

const staged = view("staging.orders", ["raw.orders"], {
  query: "select order_id, customer, price, date(placed_at) as placed_date from `p.raw.orders` where price > 0",
});
const daily = table("marts.daily", ["staging.orders"], {
  query: "select placed_date, sum(price) as revenue, count(*) as orders from `p.staging.orders` group by placed_date",
});

describe("through a script", () => {
  test("when a query reads tables that its script makes in rounds, they are followed to what they are made of", async () => {
    const graph = await lineage(
      source("raw.orders"),
      table("s.made", ["raw.orders"], {
        preOps: [
          `declare n int64 default 0;
create or replace temp table near as select order_id as id, price as cost from \`p.raw.orders\` where price > 0;
create or replace temp table far as select id, cost from near where false;
while n < 3 do
  set n = n + 1;
  insert into far (id, cost) select id, sum(cost) from near group by id;
  create or replace temp table near as select far.id, length(o.customer.address.city) as cost from far join \`p.raw.orders\` as o on far.id = o.order_id;
end while;`,
        ],
        query: "select id, cost from far",
      }),
    );
    expect(up(graph, "s.made.id")).toEqual(["raw.orders.order_id IDENTITY"]);
    expect(up(graph, "s.made.cost").map((line) => line.replace("+FILTER", ""))).toEqual([
      "raw.orders.customer.address.city AGGREGATION",
      "raw.orders.price AGGREGATION",
    ]);
    expect(up(graph, "s.made.id", false).join("\n")).toMatch(/raw\.orders\.price .*FILTER/);
  });

  test("when a script changes a table that it did not make, the lineage is said to be unknown", async () => {
    const graph = await lineage(
      source("raw.orders"),
      table("s.made", ["raw.orders"], {
        preOps: ["insert into `p.raw.orders` (order_id) select 1"],
        query: "select order_id from `p.raw.orders`",
      }),
    );
    expect([...graph.problems.values()].map(({ id, code }) => [id, code])).toEqual([["s.made", "refused.insert"]]);
  });
});

describe("across the graph", () => {
  test("when a column is aggregated two models away, its source is found", async () => {
    const graph = await lineage(source("raw.orders"), staged, daily);
    expect(up(graph, "marts.daily.revenue")).toEqual([
      "staging.orders.price AGGREGATION",
      "  raw.orders.price IDENTITY",
    ]);
    expect(up(graph, "daily.placed_date")).toEqual([
      "staging.orders.placed_date IDENTITY",
      "  raw.orders.placed_at TRANSFORMATION",
    ]);
  });

  test("when rows are counted, the count is made of the rows of what is read, as far back as they go", async () => {
    const graph = await lineage(source("raw.orders"), staged, daily);
    expect(up(graph, "marts.daily.orders")).toEqual(["staging.orders.* AGGREGATION+ROWS", "  raw.orders.* ROWS"]);
  });

  test("when a filter decides about rows, every column below hangs on it indirectly", async () => {
    const graph = await lineage(source("raw.orders"), staged, daily);
    const found = graph.paths(graph.select("raw.orders.price"), graph.select("marts.daily.placed_date"));
    expect(found.map(pathText)).toEqual([
      "raw.orders.price > staging.orders.* > staging.orders.placed_date > marts.daily.placed_date",
    ]);
    const direct = { along: (edge: LineageEdge) => edge.isDirect };
    expect(graph.paths(graph.select("raw.orders.price"), graph.select("marts.daily.placed_date"), direct)).toEqual([]);
  });

  test("when a field of a STRUCT is read two models on, just that field is its source", async () => {
    const city = view("marts.cities", ["staging.orders"], {
      query: "select customer.address.city from `p.staging.orders`",
    });
    const graph = await lineage(source("raw.orders"), staged, city);
    expect(up(graph, "marts.cities.city")).toEqual([
      "staging.orders.customer.address.city IDENTITY",
      "  raw.orders.customer.address.city IDENTITY",
    ]);
    expect(graph.select("raw.orders.customer.address").map(nodeName)).toEqual([
      "raw.orders.customer.address.city",
      "raw.orders.customer.address.street",
    ]);
  });

  test("when asked downstream, the readers are found, and depth ends the walk", async () => {
    const graph = await lineage(source("raw.orders"), staged, daily);
    const [node] = graph.select("raw.orders.placed_at");
    expect(text(graph.downstream(node!, { directOnly: true }))).toEqual([
      "staging.orders.placed_date TRANSFORMATION",
      "  marts.daily.placed_date IDENTITY",
    ]);
    expect(text(graph.downstream(node!, { directOnly: true, depth: 1 }))).toEqual([
      "staging.orders.placed_date TRANSFORMATION",
    ]);
  });

  test("when an incremental reads more on later runs, both queries count, and itself", async () => {
    const table_ = incremental(
      "marts.seen",
      ["raw.orders"],
      {
        query:
          "select order_id, placed_at as seen_at from `p.raw.orders` where placed_at > (select max(seen_at) from `p.marts.seen`)",
      },
      { query: "select order_id, timestamp '2024-01-01' as seen_at from `p.raw.orders`" },
    );
    const graph = await lineage(source("raw.orders"), table_);
    expect(up(graph, "marts.seen.seen_at")).toEqual(["raw.orders.placed_at IDENTITY"]);
    const rows = text(graph.upstream({ table: "marts.seen", column: "*" }, { depth: 1 }));
    expect(rows).toContain("marts.seen.seen_at FILTER");
  });

  test("when functions and variables are made before the query, they are followed", async () => {
    const model = table("marts.net", ["raw.orders"], {
      preOps: [
        "declare cheapest numeric default (select min(price) from `p.raw.orders`)",
        "create temp function net(x any type) as (x * 0.8)",
      ],
      query: "select net(price) as net_price, cheapest as cheapest from `p.raw.orders`",
    });
    const graph = await lineage(source("raw.orders"), model);
    expect(up(graph, "marts.net.net_price")).toEqual(["raw.orders.price TRANSFORMATION"]);
    expect(up(graph, "marts.net.cheapest")).toEqual(["raw.orders.price AGGREGATION"]);
  });

  test("when an operation creates its table from a query, it is followed", async () => {
    const graph = await lineage(
      source("raw.orders"),
      operation("create or replace table `p.ops.made` as select price as p from `p.raw.orders`"),
    );
    expect(up(graph, "ops.made.p")).toEqual(["raw.orders.price IDENTITY"]);
  });
});

describe("what is not understood", () => {
  test("when a source's columns are not known, a question that meets it is an error, another is not", async () => {
    const blind = view("staging.blind", ["raw.unknown"], { query: "select x from `p.raw.unknown`" });
    const graph = await lineage(source("raw.orders"), source("raw.unknown"), staged, blind);
    expect([...graph.problems.keys()]).toEqual(["raw.unknown", "staging.blind"]);
    expect(up(graph, "staging.orders.price")).toEqual(["raw.orders.price IDENTITY"]);
    expect(() => graph.select("staging.blind.x")).toThrow(/lineage of staging.blind is not known/);
  });

  test("when a reader is not understood, nobody can say what lies below", async () => {
    const odd = view("marts.odd", ["staging.orders"], {
      query: "select ds.mystery(price) as m from `p.staging.orders`",
    });
    const graph = await lineage(source("raw.orders"), staged, odd);
    const [node] = graph.select("raw.orders.price");
    expect(() => graph.downstream(node!)).toThrow(/lineage of marts.odd is not known: Function not found: ds.mystery/);
  });

  test("when an operation changes a table of the project, that table's lineage is not known any more", async () => {
    const merge = operation("update `p.staging.orders` set price = 0 where true");
    const graph = await lineage(source("raw.orders"), staged, merge);
    expect(() => graph.select("staging.orders.price")).toThrow(/ops.made changes it/);
    expect(() => graph.upstream({ table: "staging.orders", column: "price" })).toThrow(/ops.made changes it/);
  });

  test("when there is no such column, the error lists those that there are", async () => {
    const graph = await lineage(source("raw.orders"), staged);
    expect(() => graph.select("staging.orders.prize")).toThrow(
      /no column "staging.orders.prize"; staging.orders has order_id, customer.id/,
    );
  });
});

test("when asked for OpenLineage, values are fields and decisions about rows are the dataset's", async () => {
  const graph = await lineage(source("raw.orders"), staged, daily);
  const [facet] = openLineage(graph, ["staging.orders"], { namespace: "bigquery", producer: "https://example.org" });
  expect(facet!.facets.columnLineage.fields["placed_date"]).toEqual({
    inputFields: [
      {
        namespace: "bigquery",
        name: "raw.orders",
        field: "placed_at",
        transformations: [{ type: "DIRECT", subtype: "TRANSFORMATION" }],
      },
    ],
  });
  expect(facet!.facets.columnLineage.dataset).toEqual([
    {
      namespace: "bigquery",
      name: "raw.orders",
      field: "price",
      transformations: [{ type: "INDIRECT", subtype: "FILTER" }],
    },
  ]);
});

function pathText(path: readonly LineageEdge[]): string {
  return [nodeName(path[0]!.from), ...path.map((edge) => nodeName(edge.to))].join(" > ");
}

function operation(query: string): OperationAction {
  const {
    id,
    target,
    file,
    tags,
    dependsOn,
    disabled,
    description,
    columns: docs,
  } = view("ops.made", ["raw.orders", "staging.orders"]);
  return {
    kind: "operation",
    id,
    target,
    file,
    tags,
    dependsOn,
    disabled,
    description,
    columns: docs,
    queries: [query],
    hasOutput: true,
  };
}

test("when a model reads a wildcard table, its columns come from there, the suffix among them", async () => {
  const graph = await lineage(
    source("ga.events_*"),
    table("marts.events", ["ga.events_*"], {
      query:
        "select event_name, parse_date('%Y%m%d', _table_suffix) as day from `p.ga.events_*` where _TABLE_SUFFIX > '2024'",
    }),
    { ...table("marts.off", ["ga.events_*"], { query: "select nonsense from `p.ga.events_*`" }), disabled: true },
  );
  expect([...graph.problems.keys()]).toEqual([]);
  expect(up(graph, "marts.events.event_name")).toEqual(["ga.events_*.event_name IDENTITY"]);
  expect(up(graph, "marts.events.day")).toEqual(["ga.events_*._TABLE_SUFFIX TRANSFORMATION"]);
});

describe("a delete from the action's own table before it is written", () => {
  const own = (where: string, query = "select order_id from `p.raw.orders` where date(placed_at) >= newest") =>
    lineage(
      source("raw.orders"),
      source("raw.secrets"),
      incremental(
        "marts.kept",
        ["raw.orders"],
        {
          query,
          preOps: [
            "declare newest date default (select date(max(placed_at)) from `p.raw.orders`)",
            `delete from \`p.marts.kept\` where ${where}`,
          ],
        },
        { query: "select order_id from `p.raw.orders`" },
      ),
    );

  test("when it asks only the table's columns and a variable of the query, it is followed", async () => {
    const graph = await own("order_id > 3 and placed_date >= newest");
    expect(graph.problems.has("marts.kept")).toBe(false);
    expect(up(graph, "marts.kept.order_id", false).join("\n")).toMatch(/raw\.orders\.placed_at FILTER/);
  });

  test.each([
    ["a subquery", "order_id in (select order_id from `p.raw.secrets`)", undefined],
    ["a variable that the query does not use", "placed_date >= newest", "select order_id from `p.raw.orders`"],
  ])("when it asks %s, the lineage is not known", async (_what, where, query) => {
    expect((await own(where, query)).problems.has("marts.kept")).toBe(true);
  });
});
