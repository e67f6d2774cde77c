import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";
import { drawFromForTest, seeded } from "../../functions/privacy/randomness.ts";

let warehouse: LocalWarehouse;
let restore: (() => void) | undefined;

beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await warehouse.run(`create schema d;
    create table d.professors as
    select * from unnest([struct(101 as id, 'pencil' as item, 24 as quantity), (123, 'pen', 16), (123, 'pencil', 10),
      (123, 'pencil', 38), (101, 'pen', 19), (101, 'pen', 23), (130, 'scissors', 8), (150, 'pencil', 72)]);`);
});
afterAll(() => warehouse.close());
afterEach(() => {
  restore?.();
  restore = undefined;
});

const seed = (text: string): void => {
  restore = drawFromForTest(seeded(text));
};

const rowsOf = async (sql: string): Promise<readonly (readonly unknown[])[]> => (await warehouse.run(sql)).rows;

async function answer(sql: string): Promise<string> {
  try {
    return (await rowsOf(sql)).map((row) => row.map((value) => String(value)).join(" | ")).join("\n");
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const exact =
  "select with differential_privacy options(epsilon=1e20, delta=.01, max_groups_contributed=2, privacy_unit_column=id)";

describe("without noise, on the tables of the documentation", () => {
  test.each([
    ["avg(quantity, contribution_bounds_per_group => (0, 100))", "pen | 18.5\npencil | 40\nscissors | 8"],
    [
      "avg(quantity, contribution_bounds_per_group => (50, 100))",
      "pen | 50\npencil | 57.33333333333333\nscissors | 50",
    ],
    ["count(*, contribution_bounds_per_group => (0, 100))", "pen | 3\npencil | 4\nscissors | 1"],
    ["count(*, contribution_bounds_per_group => (0, 1))", "pen | 2\npencil | 3\nscissors | 1"],
    [
      "count(if(quantity > 20, 1, null), contribution_bounds_per_group => (0, 100))",
      "pen | 1\npencil | 3\nscissors | 0",
    ],
    ["sum(quantity, contribution_bounds_per_group => (0, 100))", "pen | 58\npencil | 144\nscissors | 8"],
    ["sum(quantity, contribution_bounds_per_group => (10, 40))", "pen | 56\npencil | 104\nscissors | 10"],
    ["sum(-quantity, contribution_bounds_per_group => (-40, -10))", "pen | -56\npencil | -104\nscissors | -10"],
    ["sum(quantity / 8, contribution_bounds_per_group => (0, 100.5))", "pen | 7.25\npencil | 18\nscissors | 1"],
    [
      "sum(if(item = 'pen', null, quantity), contribution_bounds_per_group => (0, 100))",
      "pen | 0\npencil | 144\nscissors | 8",
    ],
    [
      "avg(if(quantity = 16, cast('nan' as float64), quantity), contribution_bounds_per_group => (0, 100))",
      "pen | 21\npencil | 40\nscissors | 8",
    ],
    [
      "sum(if(quantity = 16, cast('inf' as float64), 1), contribution_bounds_per_group => (0, 100))",
      "pen | 102\npencil | 4\nscissors | 1",
    ],
  ])("when %s is asked for, then it is what bounded shares of each unit give", async (aggregate, expected) => {
    expect(await answer(`${exact} item, ${aggregate} as x from d.professors group by item order by item`)).toBe(
      expected,
    );
  });

  test("when it is ordered, filtered after grouping, aliased or grouped by an expression, then it is like any grouped query", async () => {
    const count = "count(*, contribution_bounds_per_group => (0, 100))";
    expect(
      await answer(`${exact} item as i, ${count} as n from d.professors group by i having n > 1 order by n desc`),
    ).toBe("pencil | 4\npen | 3");
    expect(
      await answer(
        `${exact} left(item, 3) as i, ${count} + 1 from d.professors as p group by 1 order by ${count} limit 1`,
      ),
    ).toBe("sci | 2");
    expect(await answer(`${exact} item from d.professors where quantity > 20 group by item order by item`)).toBe(
      "pen\npencil",
    );
    expect(await answer(`select max(n) from (${exact} ${count} as n from d.professors)`)).toBe("8");
    expect(
      await answer(
        `select with differential_privacy options(epsilon=1e20, delta=.01, privacy_unit_column=p.id) ${count} as n, percentile_cont(quantity, 0, contribution_bounds_per_row => (0, 64)) < 9 from d.professors as p`,
      ),
    ).toBe("8 | true");
    // A row that is NaN makes all of its unit's share none, an infinite one makes it the bound.
    const sum = (odd: string) =>
      answer(
        `${exact} sum(if(quantity = 16, cast('${odd}' as float64), quantity), contribution_bounds_per_group => (0, 100)) from d.professors`,
      );
    expect([await sum("nan"), await sum("inf"), await sum("-inf")]).toEqual(["146", "246", "146"]);
    expect(await answer(`${exact} ${count} as n from d.professors where false`)).toBe("");
    expect(await answer(`${exact} item, ${count} as n from d.professors where false group by item`)).toBe("");
  });
});

const options = "epsilon=1, delta=.01, max_groups_contributed=1, privacy_unit_column=id";
const bounds = "contribution_bounds_per_group => (0, 1)";

describe("what is not carried out, or is wrong", () => {
  test.each([
    [`select with differential_privacy count(*, ${bounds}) from d.professors`, "sql.analysis"],
    [
      `select with differential_privacy options(epsilon=1, delta=.1) count(*, ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(delta=.1, privacy_unit_column=id) count(*, ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(${options}, kappa=1) count(*, ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(${options}, epsilon=2) count(*, ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(epsilon=0, delta=.1, privacy_unit_column=id) count(*, ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(epsilon='1', delta=.1, privacy_unit_column=id) count(*, ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(epsilon=quantity, delta=.1, privacy_unit_column=id) count(*, ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(epsilon=1, delta=1.5, privacy_unit_column=id) count(*, ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(epsilon=1, delta=.1, privacy_unit_column=id + 1) count(*, ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(epsilon=1, delta=.1, max_groups_contributed=0, privacy_unit_column=id) count(*, ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(${options}) avg(quantity, contribution_bounds_per_group => (3, 3)) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(${options}) count(*, contribution_bounds_per_group => (0, 0)) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(epsilon=1, delta=.1, privacy_unit_column=id) item, count(*, ${bounds}) from d.professors group by item`,
      "refused.max_groups_contributed",
    ],
    [
      `select with differential_privacy options(${options}, group_selection_strategy=PUBLIC_GROUPS) count(*, ${bounds}) from d.professors`,
      "refused.group_selection_strategy",
    ],
    [
      `select with differential_privacy options(${options}, max_rows_contributed=1) count(*, ${bounds}) from d.professors`,
      "refused.max_rows_contributed",
    ],
    [`select with differential_privacy options(${options}) item from d.professors`, "sql.analysis"],
    [
      `select with differential_privacy options(${options}) item, count(*, ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [`select with differential_privacy options(${options}) 1`, "sql.analysis"],
    [
      `select with differential_privacy options(${options}) distinct item from d.professors group by item`,
      "sql.analysis",
    ],
    [`select with differential_privacy options(${options}) count(*) from d.professors`, "refused.implicit_bounds"],
    [`select with differential_privacy options(${options}) sum(quantity) from d.professors`, "refused.implicit_bounds"],
    [
      `select with differential_privacy options(${options}) count(distinct item, ${bounds}) from d.professors`,
      "refused.COUNT",
    ],
    [
      `select with differential_privacy options(${options}) count(*, ${bounds}, report_format => 'JSON') from d.professors`,
      "refused.report_format",
    ],
    [
      `select with differential_privacy options(${options}) count(*, contribution_bounds_per_row => (0, 1)) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(${options}) count(*, contribution_bounds_per_group => (1, 0)) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(${options}) count(*, contribution_bounds_per_group => (0.5, 1)) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(${options}) count(*, contribution_bounds_per_group => 1) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(${options}) sum(quantity, contribution_bounds_per_group => (0, quantity)) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(${options}) sum(quantity, contribution_bounds_per_group => (0, null)) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(${options}) sum(numeric '1', ${bounds}) from d.professors`,
      "sql.analysis",
    ],
    [
      `select with differential_privacy options(${options}) percentile_cont(quantity, 1.5, contribution_bounds_per_row => (0, 1)) from d.professors`,
      "sql.analysis",
    ],
    [`select with differential_privacy options(${options}) var_pop(quantity) from d.professors`, "refused.VAR_POP"],
    [`select with differential_privacy options(${options}) max(quantity) from d.professors`, "refused.MAX"],
    [
      `select with differential_privacy options(${options}) count(*, ${bounds}), count(*) over () from d.professors`,
      "refused.analytic_function",
    ],
    [
      `select with differential_privacy options(${options}) item, grouping(item) from d.professors group by item`,
      "refused.GROUPING",
    ],
    [
      `select with differential_privacy options(${options}) item, count(*, ${bounds}) from d.professors group by rollup(item)`,
      "refused.rollup",
    ],
    [
      `select with differential_privacy options(${options}) count(*, ${bounds}), (select max(quantity) from d.professors) from d.professors`,
      "refused.subquery",
    ],
    [
      `select with differential_privacy options(${options}) count(*, ${bounds}) from d.professors where id in (select id from d.professors)`,
      "refused.subquery",
    ],
    [
      `select (select with differential_privacy options(${options}) count(*, ${bounds}) from d.professors)`,
      "refused.DIFFERENTIAL_PRIVACY",
    ],
    [`select count(*, ${bounds}) from d.professors`, "sql.analysis"],
  ])("when it is %s, then the answer is %s", async (sql, code) => {
    expect(await answer(sql)).toBe(code);
  });
});

describe("bounds and thresholds", () => {
  test("when a unit is in more groups than it may count in, then some are chosen, each as often as another", async () => {
    seed("groups");
    await warehouse.run(
      "create or replace table d.wide as select id, g from unnest(generate_array(1, 3000)) as id, unnest(generate_array(1, 5)) as g",
    );
    const counts = (
      await rowsOf(
        "select with differential_privacy options(epsilon=1e20, delta=.01, max_groups_contributed=2, privacy_unit_column=id) g, count(*, contribution_bounds_per_group => (0, 9)) as n from d.wide group by g",
      )
    ).map((row) => Number(row[1]));
    expect(counts.length).toBe(5);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(6000);
    // 6000 choices of 2 in 5: a deviation of 5 standard errors is 134.
    for (const count of counts) expect(Math.abs(count - 1200)).toBeLessThan(134);
  });

  test("when a percentile is asked for, then a unit with many rows counts with five of them at most", async () => {
    await warehouse.run(
      "create or replace table d.many as select 1 as id, 90 as x from unnest(generate_array(1, 1000)) union all select id, 10 from unnest(generate_array(2, 21)) as id",
    );
    const [row] = await rowsOf(
      "select with differential_privacy options(epsilon=1e20, delta=.01, privacy_unit_column=id) percentile_cont(x, 0.5, contribution_bounds_per_row => (0, 100)) as p from d.many",
    );
    expect(Number(row![0])).toBeCloseTo(10, 2);
  });

  test("when groups have one unit, then a share of delta of them is shown, and large groups are", async () => {
    seed("threshold");
    await warehouse.run(
      "create or replace table d.small as select g * 1000 + id as id, g from unnest(generate_array(1, 10000)) as g, unnest([1]) as id union all select 90000000 + id, -g from unnest(generate_array(1, 40)) as g, unnest(generate_array(g * 1000, g * 1000 + 60)) as id",
    );
    const shown = await rowsOf(
      "select with differential_privacy options(epsilon=2, delta=.02, max_groups_contributed=1, privacy_unit_column=id) g, count(*, contribution_bounds_per_group => (0, 1)) as n from d.small group by g",
    );
    const small = shown.filter((row) => Number(row[0]) > 0).length;
    expect(shown.length - small).toBe(40);
    expect(small).toBeLessThan(10_000 * 0.02 + 3 * Math.sqrt(10_000 * 0.02));
    expect(small).toBeGreaterThan(10_000 * 0.02 * 0.3);
  });

  test("when noisy values are filtered and ordered by, then what is shown is what was filtered by", async () => {
    seed("once");
    const rows = await rowsOf(
      "select with differential_privacy options(epsilon=.1, delta=.4, max_groups_contributed=5, privacy_unit_column=id) g, count(*, contribution_bounds_per_group => (0, 9)) as n, count(*, contribution_bounds_per_group => (0, 9)) as m from d.wide group by g having n > 2900 order by n",
    );
    const values = rows.map((row) => Number(row[1]));
    expect(rows.map((row) => Number(row[2]))).toEqual(values);
    expect(values).toEqual(values.toSorted((one, other) => one - other));
    for (const value of values) expect(value).toBeGreaterThan(2900);
    expect(new Set(values.map((value) => value - 3000)).has(0)).toBe(false);
  });

  test("when two aggregates have the same value in a group, then each has noise of its own", async () => {
    seed("each its own");
    const rows = await rowsOf(
      "select with differential_privacy options(epsilon=.1, delta=.4, max_groups_contributed=5, privacy_unit_column=id) g, count(*, contribution_bounds_per_group => (0, 9)) as n, count(id, contribution_bounds_per_group => (0, 9)) as m from d.wide group by g",
    );
    expect(rows.length).toBe(5);
    for (const [, n, m] of rows) expect(n).not.toBe(m);
  });

  test("when the same query is run twice, then the answers differ: the noise is drawn anew, from no seed of ours", async () => {
    const ask = () =>
      answer(
        "select with differential_privacy options(epsilon=.01, delta=.01, privacy_unit_column=id) count(*, contribution_bounds_per_group => (0, 9)) from d.wide",
      );
    expect(new Set([await ask(), await ask(), await ask(), await ask()]).size).toBeGreaterThan(1);
  });
});

/** The exact bounds of a share, at 99.9 % each, by the normal approximation (both shares are far from 0 and 1 here). */
const interval = (hits: number, of: number): [number, number] => {
  const share = hits / of;
  const reach = 3.09 * Math.sqrt((share * (1 - share)) / of);
  return [share - reach, share + reach];
};

/**
 * Each group is an experiment of its own: in one table of 5 units, in the other of the same 5 and one more. Privacy of epsilon says
 * that an event is at most e^epsilon times as frequent with that unit; the events were fixed beforehand.
 */
describe("neighbouring data", () => {
  beforeAll(async () => {
    const rows = (units: number, last: number) =>
      `select g * 100 + u as id, g, if(u = 6, ${last}, 1) as x from unnest(generate_array(1, 20000)) as g, unnest(generate_array(1, ${units})) as u`;
    await warehouse.run(
      `create or replace table d.without as ${rows(5, 1)}; create or replace table d.with as ${rows(6, 9)};`,
    );
  });

  test.each([
    // With one aggregate and the number of units, both events are at the very edge: e^(1/2) each.
    ["count(*, contribution_bounds_per_group => (0, 1))", (value: number) => value >= 6, 20_000, 0.8],
    ["sum(x, contribution_bounds_per_group => (0, 9))", (value: number) => value >= 14, 20_000, 0.75],
    ["sum(x / 1.0, contribution_bounds_per_group => (0, 9))", (value: number) => value >= 14, 20_000, 0.75],
    ["avg(x, contribution_bounds_per_group => (0, 9))", (value: number) => value >= 3, 20_000, 0.4],
    ["percentile_cont(x, 1, contribution_bounds_per_row => (0, 9))", (value: number) => value >= 6, 2000, 0.1],
  ])(
    "when %s is asked for at an epsilon of 1, then the epsilon that many experiments show is below it",
    async (aggregate, isHit, experiments, seen) => {
      seed(`neighbours ${aggregate}`);
      const hits = async (table: string): Promise<number> => {
        const rows = await rowsOf(
          `select with differential_privacy options(epsilon=1, delta=.05, max_groups_contributed=1, privacy_unit_column=id) g, ${aggregate} as x from d.${table} where g <= ${experiments} group by g`,
        );
        return rows.filter((row) => isHit(Number(row[1]))).length;
      };
      const [low] = interval(await hits("with"), experiments);
      const [, high] = interval(await hits("without"), experiments);
      const epsilon = Math.log(low / high);
      expect(epsilon).toBeLessThan(1);
      // It is no empty bound: a count with half the noise would show 2.
      expect(epsilon).toBeGreaterThan(seen);
    },
  );
});

test("when the engine's files are looked through, then no one but tests can take the place of its generator", () => {
  const root = resolve(import.meta.dirname, "../..");
  const named = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (file) =>
      /\.ts$/.test(file) &&
      !/^(node_modules|tests|referee)\//.test(file) &&
      /drawFromForTest/.test(readFileSync(join(root, file), "utf8")),
  );
  expect(named).toEqual(["functions/privacy/randomness.ts"]);
});
