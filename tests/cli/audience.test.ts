import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { homeAt } from "../../platform/home.ts";
import { openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";
import { runIn } from "./support/in-process.ts";

const root = resolve(import.meta.dirname, "../..");
let folder: string;

/** Runs a command line in the project; gives what it printed as JSON. */
async function run<T>(...words: string[]): Promise<T> {
  return JSON.parse(await runIn(folder, ["--home", join(folder, "home"), "--quiet", "--json", ...words])) as T;
}

interface Answer {
  readonly columns: readonly { readonly name: string }[];
  readonly rows: readonly Record<string, unknown>[];
  readonly budget: { readonly left: { readonly epsilon: number; readonly delta: number }; readonly queries: number };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-audience-"));
  await mkdir(join(folder, "governance"), { recursive: true });
  await writeFile(join(folder, "dataform.json"), "{}");
  await cp(join(root, "governance/privacy-budget.yaml"), join(folder, "governance/privacy-budget.yaml"));
  await mkdir(join(folder, "home"), { recursive: true });
  const { warehouse: path, raw } = homeAt(join(folder, "home"));
  const warehouse = await openDuckDbWarehouse({ path, rawDir: raw, rawTables: {} });
  await warehouse.execute(`create schema events; create table events.messages as
    select concat('p', p) as person_id, if(mod(p, 2) = 0, 'gmail', 'outlook') as isp, if(m = 1, 'newsletter', 'offer') as campaign_kind, chr(97 + mod(p * 5, 8)) as region,
      true as is_mature, timestamp '2026-01-01' as delivered_at, if(mod(p + m, 4) = 0, timestamp '2026-01-02', null) as first_click_at,
      if(mod(p, 20) = 0 and m = 1, timestamp '2026-01-02', null) as unsubscribed_at, cast(null as timestamp) as complained_at
    from unnest(generate_array(1, 2000)) as p, unnest([1, 2, 3]) as m;
    create table events.others as select 1 as person_id`);
  await warehouse.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const ask = (sql: string) => run<Answer>("query", "--audience", "partners", sql);
const left = async (): Promise<number> => {
  const [partners] = await run<readonly { left: { epsilon: number } }[]>("privacy", "budget");
  return partners!.left.epsilon;
};
const options = "options (epsilon = 0.5, delta = 1e-7, privacy_unit_column = person_id, max_groups_contributed = 2)";
const head = `select with differential_privacy ${options}`;
const count = "count(*, contribution_bounds_per_group => (0, 9))";

test("when the figures of the house are asked for, then rates are near the true ones, and each costs what it says", async () => {
  const isp = await run<Answer>(
    "query",
    "--audience",
    "partners",
    "--file",
    join(root, "governance/figures/rates_by_isp.sql"),
  );
  expect(isp.rows.map((row) => row["isp"])).toEqual(["gmail", "outlook"]);
  for (const row of isp.rows) {
    expect(Math.abs(Number(row["sent"]) - 3000)).toBeLessThan(1200);
    expect(Math.abs(Number(row["click_rate"]) - 0.25)).toBeLessThan(0.2);
    expect(Math.abs(Number(row["complaint_rate"]))).toBeLessThan(0.1);
  }
  expect(isp.budget).toMatchObject({ left: { epsilon: 3, delta: 0.000009 }, queries: 1 });
  const kind = await run<Answer>(
    "query",
    "--audience",
    "partners",
    "--file",
    join(root, "governance/figures/rates_by_campaign_kind.sql"),
  );
  expect(kind.rows.map((row) => row["campaign_kind"])).toEqual(["newsletter", "offer"]);
  expect(await left()).toBe(2);
});

test("when groups come without an order, then they come in that of their texts", async () => {
  const { rows } = await ask(`${head} region as k, ${count} as n from events.messages group by k`);
  expect(rows.map((row) => row["k"])).toEqual(["a", "b", "c", "d", "e", "f", "g", "h"]);
});

test.each([
  ["select count(*) from events.messages", "privacy-budget.not-private", "it is no SELECT WITH DIFFERENTIAL_PRIVACY"],
  [`${head} ${count} from events.others`, "privacy-budget.table", "partners may not ask events.others"],
  [
    `${head.replace("person_id", "isp")} ${count} from events.messages`,
    "privacy-budget.unit",
    "the query protects isp, and of events.messages it is person_id that must be protected",
  ],
  [`${head.replace("0.5", "1.5")} ${count} from events.messages`, "privacy-budget.per-query", "asks for epsilon 1.5"],
  [`${head} count(*) from events.messages`, "refused.implicit_bounds", "contribution_bounds_per_group"],
  [`${head} ${count} from events.messages where nosuch`, "sql.analysis", "nosuch"],
])("when it is %s, then it is refused as %s, and nothing is spent", async (sql, code, message) => {
  const before = await left();
  await expect(ask(sql)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  expect(await left()).toBe(before);
});

test("when the audience is not there, or a role is named beside it, then it is a matter of usage", async () => {
  const sql = `${head} ${count} from events.messages`;
  await expect(run("query", "--audience", "press", sql)).rejects.toMatchObject({
    code: "privacy-budget.audience",
    exitCode: 2,
    next: "--audience partners",
  });
  await expect(run("query", "--audience", "partners", "--role", "analyst", sql)).rejects.toMatchObject({
    code: "query.audience-and-role",
  });
});

test("when the budget is empty, then a query is refused before it is run", async () => {
  while ((await left()) > 0) await ask(`${head} ${count} from events.messages`);
  await expect(ask(`${head} ${count} from events.messages`)).rejects.toMatchObject({
    code: "privacy-budget.empty",
    exitCode: 4,
    next: expect.stringMatching(/^wait until \d{4}-\d\d-01: inboxloop privacy budget$/),
  });
  const [partners] = await run<readonly { queries: number; left: { epsilon: number } }[]>("privacy", "budget");
  expect(partners).toMatchObject({ left: { epsilon: 0 } });
});
