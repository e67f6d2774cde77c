import { resolve } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { dataPolicyOf } from "../../cli/data-policy.ts";
import { type DataClass, type DataPolicy, dataClasses } from "../../governance/data-policy/data-policy.ts";
import byTable from "../../includes/column_classes.js";
import rawTables from "../../includes/raw_tables.js";
import roles from "../../includes/roles.js";
import { policyTagsOf, withoutAccessPolicies } from "../../warehouse/dataform/access-policies.ts";
import { compileProject } from "../../warehouse/dataform/compile.ts";
import type { Graph, TableAction } from "../../warehouse/dataform/graph.ts";
import { lineageOf } from "../../warehouse/dataform/lineage.ts";
import { planBuild } from "../../warehouse/dataform/plan.ts";

/** definitions/who_reads.js: the roles of governance/policies.yaml as BigQuery understands them. */
const projectDir = resolve(import.meta.dirname, "../..");
const compile = async (vars: Record<string, string> = {}): Promise<Graph> =>
  (await compileProject({ projectDir, vars: { as_of: "2026-01-01T00:00:00Z", ...vars } })).graph;
const tagOf = (dataClass: DataClass) =>
  `projects/p/locations/us/taxonomies/7/policyTags/${dataClasses.indexOf(dataClass)}`;
const readers = {
  readers_machinery: "serviceAccount:run@p.iam.gserviceaccount.com",
  readers_analyst: "group:analysts@example.com, user:ann@example.com",
  readers_operator: "group:ops@example.com",
  readers_privacy_officer: "user:kim@example.com",
};
const pseudonyms = { policy_tag_pseudonym: tagOf("pseudonym") };
const classesOf = byTable as Readonly<Record<string, Readonly<Partial<Record<DataClass, readonly string[]>>>>>;

const keepsRows = (graph: Graph): readonly TableAction[] =>
  graph.actions.filter((one): one is TableAction => one.kind === "table" || one.kind === "incremental");
const nameOf = ({ target }: TableAction): string => `${target.schema}.${target.name}`;
const isAccess = (statement: string): boolean => /row access polic/i.test(statement);
/** Of each statement of access about a table: create or drop, and the role. */
const accessOf = (statements: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    statements.filter(isAccess).map((one) => {
      const [, verb, role] = /^(create or replace|drop) row access policy(?: if exists)? inboxloop_(\w+) on /.exec(
        one,
      )!;
      return [role!, verb!];
    }),
  );

let plain: Graph;
/** With readers, and one class behind a tag. */
let read: Graph;
let policy: DataPolicy;
beforeAll(async () => {
  plain = await compile();
  read = await compile({ ...pseudonyms, ...readers });
  policy = (await dataPolicyOf(projectDir))!.policy;
});

test("when no tag and no reader is named then the graph says nothing of who reads", () => {
  expect(plain.actions.flatMap((one) => one.columns).filter(({ policyTags }) => policyTags.length > 0)).toEqual([]);
  expect(withoutAccessPolicies(plain).actions).toBe(0);
  expect(JSON.stringify(plain.actions)).not.toMatch(/row access polic|readers_of_raw/i);
});

test("when tags are named then each column of each table has the one of its class, and nothing else changes", async () => {
  const vars = Object.fromEntries(dataClasses.map((one) => [`policy_tag_${one}`, tagOf(one)]));
  const tagged = await compile(vars);
  const tables = keepsRows(tagged);
  expect(tables.map(nameOf).sort()).toEqual(Object.keys(classesOf).sort());
  for (const table of tables) {
    const expected = Object.entries(classesOf[nameOf(table)]!).flatMap(([dataClass, columns]) =>
      columns!.map((column) => [column, [tagOf(dataClass as DataClass)]] as const),
    );
    expect(new Map(policyTagsOf(table)), nameOf(table)).toEqual(new Map(expected));
  }
  expect(classesOf["events.distinct_events"]!.pseudonym).toContain("user_id_hash");
  expect(classesOf["events.messages"]!.pseudonym).toEqual(["message_id", "user_id_hash", "person_id"]);
  expect(classesOf["identity.resolved"]!.pseudonym).toContain("person_id");
  expect(classesOf["events.distinct_events"]!.commercial).toEqual(["revenue"]);
  // A number of people stands for none of them.
  expect(classesOf["monitoring.kpis_daily"]!.pseudonym ?? []).toEqual([]);

  const words = (graph: Graph) => keepsRows(graph).map(({ columns: _, ...one }) => one);
  expect(words(tagged)).toEqual(words(plain));
});

test("when readers are named then a role sees the rows of a table whose classes it sees or that stand behind a tag, and no others", async () => {
  for (const table of keepsRows(read)) {
    const held = Object.keys(classesOf[nameOf(table)]!) as DataClass[];
    const sees = (role: string) =>
      held.every((one) => one === "pseudonym" || policy.roles[role]!.sees.includes(one)) ? "create or replace" : "drop";
    const expected = {
      machinery: "create or replace",
      analyst: sees("analyst"),
      operator: sees("operator"),
      // Nobody is named for it.
      approver: "drop",
      privacy_officer: "create or replace",
    };
    expect(accessOf(table.postOps), nameOf(table)).toEqual(expected);
    if (table.incremental) expect(accessOf(table.incremental.postOps), nameOf(table)).toEqual(expected);
  }
  const { postOps } = keepsRows(read).find((one) => nameOf(one) === "events.distinct_events")!;
  // It has amounts, of which an operator sees none.
  expect(accessOf(postOps)).toMatchObject({ analyst: "create or replace", operator: "drop" });
  expect(postOps).toContain(
    'create or replace row access policy inboxloop_analyst on `inboxloop.events.distinct_events`\ngrant to ("group:analysts@example.com", "user:ann@example.com")\nfilter using (true)',
  );
  // Without the tag nobody sees rows with ids who may not see ids.
  const untagged = new Map(keepsRows(await compile(readers)).map((one) => [nameOf(one), accessOf(one.postOps)]));
  expect(untagged.get("identity.resolved")).toMatchObject({ analyst: "drop", operator: "create or replace" });
  expect(untagged.get("monitoring.kpis_daily")).toMatchObject({ analyst: "create or replace" });

  const raw = read.actions.find(({ target }) => target.name === "readers_of_raw_tables");
  const statements = (raw as { queries: readonly string[] }).queries;
  const onRaw = (table: string) => accessOf(statements.filter((one) => one.includes(`.raw.${table}\``)));
  // A raw table's columns have no tags: raw.events has ids and amounts, raw.identity_links only ids.
  expect(onRaw("events")).toMatchObject({ machinery: "create or replace", analyst: "drop", operator: "drop" });
  expect(onRaw("identity_links")).toMatchObject({ analyst: "drop", operator: "create or replace" });
  expect(onRaw("profiles")).toMatchObject({ operator: "drop", privacy_officer: "create or replace" });
  expect(new Set(rawTables.names.map((one: string) => Object.keys(onRaw(one)).length))).toEqual(new Set([5]));
});

test("when the same graph is built on an engine without access then its row access policies are left out, and only they", async () => {
  const options = { relations: new Map(), ignoresDatabases: true };
  const here = planBuild(read, options);
  expect(here.withoutAccessPolicies).toBe(keepsRows(read).length + 1);
  expect(here.skipped.map(({ id }) => id)).toContain("governance.readers_of_raw_tables");
  const statements = (plan: ReturnType<typeof planBuild>) => plan.steps.map((step) => [step.id, step.statements]);
  expect(statements(here)).toEqual(statements(planBuild(plain, options)));
  // What columns are made of is known as before: the data policy is checked over it, wherever the graph is built.
  const lineage = await lineageOf(read, { columnsOf: async ({ name }) => rawTables.columns(name) });
  expect([...lineage.problems.keys()]).toEqual([]);
  const there = planBuild(read, { relations: new Map() });
  expect(there.withoutAccessPolicies).toBe(0);
  expect(there.steps.flatMap((step) => step.statements).filter(isAccess).length).toBeGreaterThan(200);
});

test("when a var names no tag, no reader or nobody who builds, then the project does not compile and says which", async () => {
  const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ policy_tag_pseudonym: "pseudonym" }, /policy_tag_pseudonym is "pseudonym" and takes projects/],
    [{ ...readers, readers_analyst: "allAuthenticatedUsers" }, /"allAuthenticatedUsers" of the var readers_analyst/],
    [{ ...readers, readers_analyst: 'user:a@b") filter using (true' }, /of the var readers_analyst is no reader/],
    [{ ...readers, readers_nobody: "user:ann@example.com" }, /no class and no role of the var readers_nobody/],
    [{ readers_analyst: "user:ann@example.com" }, /readers_machinery is not/],
  ];
  for (const [vars, message] of cases) expect(() => roles.stated(vars)).toThrow(message);
  await expect(compile(cases.at(-1)![0])).rejects.toMatchObject({
    code: "dataform.compile",
    message: expect.stringMatching(cases.at(-1)![1]),
  });
});
