import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { compileProject } from "../../../warehouse/dataform/compile.ts";
import type { Graph, TableAction } from "../../../warehouse/dataform/graph.ts";
import { lineageOf } from "../../../warehouse/dataform/lineage.ts";
import { checkLineage, type Leak, labelsNeverReachFeatures } from "../../../warehouse/dataform/lineage-check.ts";
import { nodeName } from "../../../warehouse/dataform/lineage-graph.ts";
import {
  columnsOfTarget,
  type DeclaredColumns,
  readDeclaredColumns,
} from "../../../warehouse/dataform/testing/declared-columns.ts";
import { view } from "./graphs.ts";

// The Dataform compiler is a process of its own; on a busy machine it takes its time.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const projectDir = resolve(import.meta.dirname, "../../..");
let scratch: string;
let project: Graph;
let declared: DeclaredColumns;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
  project = (await compileProject({ projectDir, cacheDir: scratch })).graph;
  declared = await readDeclaredColumns(projectDir);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const lineageIn = (graph: Graph) =>
  lineageOf(graph, { columnsOf: async (target) => columnsOfTarget(declared, target) });

async function leaksIn(graph: Graph): Promise<readonly Leak[]> {
  return checkLineage(graph, await lineageIn(graph)).flatMap((result) => result.leaks);
}

/** The project with the query of one model changed, and maybe further models that it then reads. */
function changed(id: string, change: (query: string) => string, more: readonly TableAction[] = []): Graph {
  const dependsOn = more.map((action) => action.id);
  const actions = project.actions.map((action) => {
    if (action.id !== id || action.kind !== "table") return action;
    const query = change(action.query);
    if (query === action.query) throw new Error(`the model ${id} is not what this test takes it for`);
    return { ...action, query, dependsOn: [...action.dependsOn, "labels.rule_labels", "labels.votes", ...dependsOn] };
  });
  return { ...project, actions: [...actions, ...more] };
}

/** Where a table of the project is, as its queries write it. */
const nameOf = (id: string): string => {
  const { target } = project.actions.find((action) => action.id === id)!;
  return `\`${[target.database, target.schema, target.name].filter(Boolean).join(".")}\``;
};

const features = "features.message_features";
const paths = (leaks: readonly Leak[]): readonly string[] =>
  leaks.map((leak) => [leak.from, ...leak.path.map((edge) => nodeName(edge.to))].join(" > "));

test("lineage follows every model of the project", async () => {
  expect([...(await lineageIn(project)).problems.values()]).toEqual([]);
});

test("no label reaches a feature, and outcomes only by way of what was before", async () => {
  const results = checkLineage(project, await lineageIn(project));
  expect(results.flatMap((result) => result.leaks)).toEqual([]);
  expect(results.map((result) => result.rule)).toEqual(labelsNeverReachFeatures.map((rule) => rule.name));
});

test("labels do have sources, which the same lineage shows: the check is not blind", async () => {
  const lineage = await lineageIn(project);
  const [label] = lineage.select("training.examples.label");
  const direct = lineage.paths(lineage.select("labels.rule_labels"), [label!], { along: (edge) => edge.isDirect });
  expect(
    paths(direct.map((path) => ({ rule: "", from: nodeName(path[0]!.from), to: "", path, reason: "" }))),
  ).toContain("labels.rule_labels.label > training.examples.label");
});

test("when a feature is a label, the path is shown", async () => {
  const leaky = changed(
    features,
    (query) =>
      `select f.* except (opens_7d), if(l.label = 'positive', 1, f.opens_7d) as opens_7d from (${query}) as f join ${nameOf("labels.rule_labels")} as l on f.message_id = l.message_id`,
  );
  expect(paths(await leaksIn(leaky))).toContain("labels.rule_labels.label > features.message_features.opens_7d");
});

test("when a label comes by a model in between, under another name and inside a STRUCT, it is found", async () => {
  const between = view("staging.harmless", ["labels.rule_labels"], {
    query: `select message_id, struct(upper(label) as shade, 1 as one) as paint from ${nameOf("labels.rule_labels")}`,
  });
  const leaky = changed(
    features,
    (query) =>
      `with h as (select * from \`p.staging.harmless\`) select f.* replace (concat(f.variant, h.paint.shade) as variant) from (${query}) as f left join h using (message_id)`,
    [between],
  );
  expect(paths(await leaksIn(leaky))).toContain(
    "labels.rule_labels.label > staging.harmless.paint.shade > features.message_features.variant",
  );
});

test("when a label only decides which messages have features, it is found", async () => {
  const leaky = changed(
    features,
    (query) => `select * from (${query}) where message_id in (select message_id from ${nameOf("labels.votes")})`,
  );
  const found = await leaksIn(leaky);
  expect(found.map((leak) => leak.from)).toContain("labels.votes.message_id");
});

test("when labels are merely counted, no column of theirs named, it is found", async () => {
  const leaky = changed(
    features,
    (query) =>
      `select f.* replace (f.opens_7d + (select count(*) from ${nameOf("labels.votes")}) as opens_7d) from (${query}) as f`,
  );
  expect(paths(await leaksIn(leaky))).toContain("labels.votes.* > features.message_features.opens_7d");
});

test("when a feature is what came of the same message, it is found", async () => {
  const leaky = changed(features, (query) => query.replace("messages.subject_length as", "messages.clicks as"));
  expect(paths(await leaksIn(leaky))).toContain("events.messages.clicks > features.message_features.subject_length");
});

test("when a feature is the rate of the day itself in place of the days before, it is found", async () => {
  const leaky = changed(features, (query) => query.replace("isps.bounce_rate_30d_before", "isps.bounces"));
  expect(paths(await leaksIn(leaky))).toContain(
    "events.messages.bounced_at > events.reputation_daily.bounces > features.message_features.isp_bounce_rate_30d",
  );
});

test("when a feature is only whether a LEFT JOIN found an outcome, it is found", async () => {
  const clicked = `select message_id, 1 as is_there from ${nameOf("events.messages")} where first_click_at is not null`;
  const leaky = changed(
    features,
    (query) =>
      `select f.* replace (if(c.is_there is null, 0, 1) as subject_length) from (${query}) as f left join (${clicked}) as c on f.message_id = c.message_id`,
  );
  expect(paths(await leaksIn(leaky))).toContain(
    "events.messages.first_click_at > features.message_features.subject_length",
  );
});

test("when a window takes in the present, it is found", async () => {
  const leaky = changed("features.point_in_time", (query) => query.replace("and 1 preceding", "and current row"));
  const found = await leaksIn(leaky);
  expect(found.map((leak) => leak.reason)).toEqual([
    expect.stringMatching(/^features.point_in_time: the window of sum\(.* does not end before its row$/s),
  ]);
});

test("when the lineage of a feature cannot be followed, the check does not pass", async () => {
  const odd = changed(
    features,
    (query) => `select f.* replace (ds.mystery(opens_7d) as opens_7d) from (${query}) as f`,
  );
  await expect(leaksIn(odd)).rejects.toThrow(/^the lineage of \S+ is not known: /);
});
