import { expect, test } from "vitest";
import { draftSources } from "../../../warehouse/dataform/draft-sources.ts";
import { assertion, graphOf, incremental, source, table, view } from "./graphs.ts";

const drafted = (graph: Parameters<typeof draftSources>[0], known: Parameters<typeof draftSources>[1] = new Map()) => {
  const { sources, notUnderstood } = draftSources(graph, known);
  const columns = Object.fromEntries(
    sources.map(({ id, columns }) => [id, columns.map(({ name, type }) => `${name} ${type}`).join(", ")]),
  );
  return { ...columns, notUnderstood: notUnderstood.map(({ id, message }) => `${id}: ${message}`) };
};

test("when models read sources by alias, bare name, USING and through subqueries, the columns are theirs", () => {
  const graph = graphOf(
    source("raw.orders"),
    source("raw.customers"),
    table("s.a", ["raw.orders", "raw.customers"], {
      query: `with o as (select * from \`p.raw.orders\`), paid as (select * from o where status = 'paid')
        select p.order_id, c.country, sum(amount) as spent
        from paid as p join \`p.raw.customers\` as c using (customer_id)
        where not c.is_test and p.created_at >= timestamp_sub(current_timestamp(), interval 3 day)
        group by 1, 2`,
    }),
  );
  expect(drafted(graph)).toEqual({
    "raw.orders": "status STRING, customer_id STRING, created_at TIMESTAMP, order_id STRING, amount FLOAT64",
    "raw.customers": "customer_id STRING, is_test BOOL, country STRING",
    notUnderstood: [],
  });
});

test("when the time or the day of arrival is read, the source has the time", () => {
  const graph = graphOf(
    source("raw.t"),
    view("s.a", ["raw.t"], {
      query: "select t.*, _PARTITIONTIME as pt from `p.raw.t` as t where t._PARTITIONDATE = '2026-01-01' and id = 1",
    }),
  );
  expect(drafted(graph)["raw.t" as never]).toBe("_PARTITIONTIME TIMESTAMP, id INT64");
});

test("when use says otherwise than the name, use decides", () => {
  const graph = graphOf(
    source("raw.t"),
    view("s.a", ["raw.t"], {
      query:
        "select parse_timestamp('%F', created_at) as a, code + 1 as b, substr(item_count, 1) as c, date_diff(d1, date '2024-01-01', day) as d from `p.raw.t`",
    }),
  );
  expect(drafted(graph)["raw.t" as never]).toBe("created_at STRING, code INT64, item_count STRING, d1 DATE");
});

test("when records and arrays are read, so are their fields", () => {
  const graph = graphOf(
    source("ga.events"),
    view("s.a", ["ga.events"], {
      query: `select e.geo.country, e.device.web.browser, (select value.int_value from unnest(event_params) where key = 'id') as id,
          item.name, tag
        from \`p.ga.events\` as e, unnest(items) as item, e.tags as tag`,
    }),
  );
  expect(drafted(graph)).toEqual({
    "ga.events":
      "items ARRAY<STRUCT<name STRING>>, tags ARRAY<STRING>, geo STRUCT<country STRING>, device STRUCT<web STRUCT<browser STRING>>, event_params ARRAY<STRUCT<key STRING, value STRUCT<int_value INT64>>>",
    notUnderstood: [],
  });
});

test("when a view passes all on, what is read of the view is read of the source, by incrementals and assertions too", () => {
  const graph = graphOf(
    source("raw.t"),
    view("s.all", ["raw.t"], { query: "select * from `p.raw.t`" }),
    incremental(
      "s.inc",
      ["s.all"],
      { query: "select k, v from `p.s.all` where day > '2024-01-01'" },
      { query: "select k, v from `p.s.all`" },
    ),
    { ...assertion("s.check", ["s.all"]), query: "select 1 from `p.s.all` where w < 0" },
  );
  expect(
    String(drafted(graph)["raw.t" as never])
      .split(", ")
      .sort(),
  ).toEqual(["day DATE", "k STRING", "v STRING", "w INT64"]);
});

test("when a source's columns are known it is not drafted; what the engine does not serve is told once, and nothing is made up", () => {
  const graph = graphOf(
    source("raw.known"),
    source("raw.other"),
    view("s.a", ["raw.known", "raw.other"], { query: "select k, b from `p.raw.known` cross join `p.raw.other`" }),
    view("s.bad", ["raw.other"], { query: "select st_area(shape) as x from `p.raw.other`" }),
    view("s.after", ["s.bad"], { query: "select x from `p.s.bad`" }),
  );
  const { notUnderstood, ...columns } = drafted(graph, new Map([["raw.known", [{ name: "k", type: "INT64" }]]]));
  expect(columns).toEqual({ "raw.other": expect.stringMatching(/^b STRING/) });
  expect(notUnderstood).toEqual([expect.stringMatching(/^s\.bad: ST_AREA/)]);
});
