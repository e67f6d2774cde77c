import { expect, test } from "vitest";
import { describeOnBoth, testStatements } from "./describe-on-both.ts";
import { Referee } from "./referee.ts";

const professors = `(${[
  "101 as id, 'pencil' as item, 24 as quantity, 1.5 as weight",
  "123, 'pen', 16, cast('nan' as float64)",
  "123, 'pencil', 10, null",
  "123, 'pencil', 38, cast('inf' as float64)",
  "101, 'pen', 19, -0.25",
  "101, 'pen', 23, 1e300",
  "130, 'scissors', 8, 0.0",
  "150, 'pencil', 72, 4.0",
  "150, null, null, 2.0",
  "null, 'pen', 7, 2.0",
]
  .map((row) => `select ${row}`)
  .join(" union all ")})`;

/** Without noise, so that both give the same; with it each has its own. */
const head = (more = "max_groups_contributed=3, ") =>
  `select with differential_privacy options(epsilon=1e20, delta=.01, ${more}privacy_unit_column=id)`;
const bounds = ["(0, 100)", "(0, 1)", "(10, 40)", "(-40, 20)", "(-40, -10)", "(3, 3)", "(0, 0)"];
const aggregates = bounds.flatMap((pair) => {
  const per = `contribution_bounds_per_group => ${pair}`;
  return [
    `count(*, ${per})`,
    `count(quantity, ${per})`,
    `sum(quantity, ${per})`,
    `sum(-quantity, ${per})`,
    // The referee leaves a trace of noise, and ours puts shares on a grid.
    `round(avg(quantity, ${per}), 6)`,
    `round(sum(if(is_nan(weight) or is_inf(weight), 0.5, weight), ${per}), 6)`,
    `round(avg(if(is_nan(weight) or is_inf(weight), 0.5, weight), ${per}), 6)`,
    `round(sum(weight, ${per}), 6)`,
    `round(avg(weight, ${per}), 6)`,
  ];
});

const statements = {
  "each aggregate by groups": aggregates.map((one) => `${head()} item, ${one} as x from ${professors} group by item`),
  "each aggregate over everything": aggregates.map((one) => `${head("")} ${one} as x from ${professors}`),
  "several at once, filtered, ordered, over keys that are computed": [
    `${head()} item, count(*, contribution_bounds_per_group => (0, 9)) as n, sum(quantity, contribution_bounds_per_group => (0, 99)) from ${professors} group by 1 having n > 1 order by n desc`,
    `${head()} left(item, 3) as k, count(*, contribution_bounds_per_group => (0, 9)) + 1 as n from ${professors} group by k`,
    `${head()} item from ${professors} where quantity > 20 group by item`,
    `${head()} count(*, contribution_bounds_per_group => (0, 9)) as n from ${professors} where false`,
    `${head()} item, count(*, contribution_bounds_per_group => (0, 9)) as n from ${professors} where false group by item`,
    `select max(n) from (${head()} item, count(*, contribution_bounds_per_group => (0, 9)) as n from ${professors} group by item)`,
  ],
  "what is wrong": [
    "select with differential_privacy options(epsilon=1e20, delta=.01, privacy_unit_column=id) 1",
    `${head().replace(".01", "0")} count(*, contribution_bounds_per_group => (0, 9)) from ${professors}`,
    `${head().replace(".01", "1")} count(*, contribution_bounds_per_group => (0, 9)) from ${professors}`,
    `${head()} item from ${professors}`,
    `${head()} distinct item from ${professors} group by item`,
    `${head("epsilon=1, ")} count(*, contribution_bounds_per_group => (0, 9)) from ${professors}`,
    `${head("nosuch=1, ")} count(*, contribution_bounds_per_group => (0, 9)) from ${professors}`,
    `${head("max_groups_contributed=0, ")} count(*, contribution_bounds_per_group => (0, 9)) from ${professors}`,
    `${head("max_groups_contributed='a', ")} count(*, contribution_bounds_per_group => (0, 9)) from ${professors}`,
    `${head()} count(*, contribution_bounds_per_group => (9, 0)) from ${professors}`,
    `${head()} count(*, contribution_bounds_per_group => (0.5, 9)) from ${professors}`,
    `${head()} count(*, contribution_bounds_per_row => (0, 9)) from ${professors}`,
    `${head()} sum(item, contribution_bounds_per_group => (0, 9)) from ${professors}`,
    `${head()} sum(quantity, contribution_bounds_per_group => (0, quantity)) from ${professors}`,
    `${head().replace("1e20", "-1")} count(*, contribution_bounds_per_group => (0, 9)) from ${professors}`,
    `${head().replace(".01", "1.5")} count(*, contribution_bounds_per_group => (0, 9)) from ${professors}`,
    `select count(*, contribution_bounds_per_group => (0, 9)) from ${professors}`,
  ],
};

describeOnBoth(
  "SELECT WITH DIFFERENTIAL_PRIVACY without noise",
  (both) => {
    testStatements(both, statements);

    test("when a unit is bounded to one group, then both show as many rows of it in all", async () => {
      const sql = `select sum(n) as n from (${head("max_groups_contributed=1, ")} item, count(*, contribution_bounds_per_group => (0, 1)) as n from ${professors} where id != 130 group by item)`;
      expect(await both.run(sql)).toMatchObject({ kind: "same", as: "rows" });
    });
  },
  () => Referee.start(true),
);
