import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parsePrivacyBudget, privacyBudgetFile } from "../../governance/privacy-budget/budget.ts";
import { readPrivateQuery } from "../../warehouse/private-query.ts";

const options = "options (epsilon = 0.5, delta = 1e-6, privacy_unit_column = person_id, max_groups_contributed = 2)";
const head = `select with differential_privacy ${options}`;
const count = "count(*, contribution_bounds_per_group => (0, 9))";
const read = { epsilon: 0.5, delta: 1e-6, table: "d.t", unit: "person_id" };

test.each([
  `${head} isp, ${count} as n from d.t group by isp`,
  `${head} ${count} from \`d.t\``,
  `(${head} m.isp, ${count} from d.t as m where m.sent_at >= timestamp '2026-01-01' and not m.isp in ('a', 'b') group by m.isp)`,
  `${head} if(lower(isp) = 'a', 'x', coalesce(kind, 'none')) as k, ${count} from d.t where x between -1 and 2 and y is not null group by k`,
  `${head} date_trunc(sent_date, month) as k, ${count} from d.t group by 1 having ${count} > 5`,
  `${head} isp, round(safe_divide(sum(if(a, 1, 0), contribution_bounds_per_group => (0, 9)), ${count}) * 100, 2) from d.t group by isp`,
  `${head} sum(x, contribution_bounds_per_group => (-0.5, 9)) from d.t`,
  `${head} percentile_cont(x, 0.5, contribution_bounds_per_row => (0, 9)) / 2 from d.t`,
])("when it is %s, then it may be answered out of a budget", (sql) => {
  expect(readPrivateQuery(sql)).toEqual({ ...read, isOrdered: false });
});

test("when it is ordered, or names the unit by its table, then that is read too", () => {
  const sql = `${head.replace("= person_id", "= T.person_id")} isp, ${count} as n from d.t group by isp order by n desc limit 5`;
  expect(readPrivateQuery(sql)).toEqual({ ...read, isOrdered: true });
});

test.each([
  ["select count(*) from d.t", "it is no SELECT WITH DIFFERENTIAL_PRIVACY", "1:1"],
  [`with w as (select * from d.t) ${head} ${count} from w`, "it has a WITH clause", "1:1"],
  [`select * from (${head} ${count} from d.t)`, "it is no SELECT WITH DIFFERENTIAL_PRIVACY", "1:1"],
  [`${head} ${count} from d.t union all select 1`, "it is no single SELECT", "1:1"],
  [`${head} ${count} from d.t |> limit 1`, "it has a pipe", undefined],
  [`${head} ${count} from d.t as a join d.u as b using (id)`, "it reads something else than one table", undefined],
  [`${head} ${count} from (select * from d.t)`, "it reads something else than one table", undefined],
  [`${head} ${count} from t`, "its table is not named as schema.table", undefined],
  [`${head} ${count} from d.t where x in (select x from d.t)`, "value-subquery could fail on a row", undefined],
  [`${head} ${count} from d.t where exists(select 1)`, "exists could fail on a row", undefined],
  [`${head} ${count} from d.t where 1 / x > 0`, "binary could fail on a row", undefined],
  [`${head} ${count} from d.t where x + 1 > 0`, "binary could fail on a row", undefined],
  [`${head} ${count} from d.t where cast(x as int64) > 0`, "cast could fail on a row", undefined],
  [`${head} ${count} from d.t where error('a') = 'b'`, "ERROR could fail on a row", undefined],
  [`${head} sum(div(1, x), contribution_bounds_per_group => (0, 1)) from d.t`, "DIV could fail on a row", undefined],
  [`${head} ${count} * max(x) from d.t`, "MAX is not for it", undefined],
  [`${head} x, ${count} + x from d.t group by x`, "a column stands beside aggregates", undefined],
  [`${head} 1 / x as k, ${count} from d.t group by k`, "binary could fail on a row", undefined],
  [`${head} date_trunc(d, isoweek) as k, ${count} from d.t group by k`, "DATE_TRUNC could fail on a row", undefined],
  [`${head} x, ${count} from d.t group by x having 1 / x > 0`, "is not for it", undefined],
  [`${head} x, ${count} from d.t group by x order by 1 / x`, "is not for it", undefined],
  [`${head} x, ${count} from d.t group by rollup(x)`, "it groups by more than plain keys", undefined],
  [`${head} * from d.t`, "it selects *", undefined],
  [`${head} ${count}, my.f(x) from d.t`, "MY.F could fail on a row", undefined],
  [`${head} ${count} from d.t where x = @who`, "named-parameter could fail on a row", undefined],
  [`${head} count(x where x > 1) from d.t`, "COUNT", undefined],
  [`${head.replace("0.5", "@e")} ${count} from d.t`, "its option epsilon is not there as a number", undefined],
  [`${head.replace("1e-6", "1 - 1")} ${count} from d.t`, "its option delta is not there as a number", undefined],
  [
    `${head.replace("delta", "epsilon = 9, delta")} ${count} from d.t`,
    "its option epsilon is not for it, or there twice",
    undefined,
  ],
  [
    `${head.replace("delta", "group_selection_strategy = PUBLIC_GROUPS, delta")} ${count} from d.t`,
    "its option group_selection_strategy is not for it",
    undefined,
  ],
  [`${head} count(x, report_format => 'JSON') from d.t`, "report_format is not for it", undefined],
  [
    `${head} count(x, contribution_bounds_per_group => (0, y)) from d.t`,
    "its contribution_bounds_per_group are no two numbers",
    undefined,
  ],
  [
    `${head} count(x, contribution_bounds_per_group => (select as struct 0, 9)) from d.t`,
    "its contribution_bounds_per_group are no two numbers",
    undefined,
  ],
  [`${head.replace("person_id", "u.person_id")} ${count} from d.t`, "no column of its table", undefined],
  [
    `${head.replace(", max_groups_contributed = 2", "")} x, ${count} from d.t group by x`,
    "max_groups_contributed",
    undefined,
  ],
])("when it is %s, then it is not for outsiders, and why is said", (sql, why, at) => {
  const refused = readPrivateQuery(sql);
  expect(refused).toMatchObject({ why: expect.stringContaining(why), at: at ?? expect.stringMatching(/^1:\d+$/) });
});

const root = resolve(import.meta.dirname, "../..");

test("when a figure for outsiders is in the house, then its audience may ask it, of columns that the model has", () => {
  const { audiences } = parsePrivacyBudget(readFileSync(join(root, privacyBudgetFile), "utf8"), privacyBudgetFile);
  const partners = audiences["partners"]!;
  const described = readFileSync(join(root, "definitions/events/messages.sqlx"), "utf8").split("bigquery:")[0]!;
  const files = readdirSync(join(root, "governance/figures"));
  expect(files.length).toBeGreaterThan(1);
  for (const file of files) {
    const sql = readFileSync(join(root, "governance/figures", file), "utf8");
    const query = readPrivateQuery(sql);
    if ("why" in query) throw new Error(`${file}: ${query.why}`);
    expect(partners.tables[query.table], file).toBe(query.unit);
    expect(query.epsilon, file).toBeLessThanOrEqual(partners.per_query.epsilon);
    expect(query.delta, file).toBeLessThanOrEqual(partners.per_query.delta);
    const columns = sql.replace(/^--.*$/gm, "").match(/\b(?:\w+_(?:at|id|kind)|is_mature|isp)\b/g) ?? [];
    for (const column of columns) expect(described, `${file}: ${column}`).toContain(`"${column}"`);
  }
});
