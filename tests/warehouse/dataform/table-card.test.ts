import { resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { compileProject } from "../../../warehouse/dataform/compile.ts";
import type { Graph } from "../../../warehouse/dataform/graph.ts";
import { nearNames, roleOf, tableCard } from "../../../warehouse/dataform/table-card.ts";

let graph: Graph;
beforeAll(async () => {
  graph = (await compileProject({ projectDir: resolve(import.meta.dirname, "../../..") })).graph;
});
const action = (id: string) => graph.actions.find((one) => one.id === id)!;

test.each([
  ["training", "opens_7d", "INT64", "feature"],
  ["features", "isp", "STRING", "feature"],
  ["events", "isp", "STRING", "dimension"],
  ["training", "did_click", "BOOL", "outcome"],
  ["training", "p_engaged", "FLOAT64", "outcome"],
  ["training", "sample_weight", "FLOAT64", "weight"],
  ["labels", "p_human", "FLOAT64", "weight"],
  ["events", "user_id_hash", "STRING", "id"],
  ["events", "occurred_at", "TIMESTAMP", "time"],
  ["events", "opens", "INT64", "measure"],
  ["events", "is_machine", "BOOL", "dimension"],
  ["events", "opens", null, null],
] as const)("when a column is %s.%s of type %s, then its role is %s", (dataset, name, type, role) => {
  expect(roleOf(dataset, { name, type })).toBe(role);
});

describe("a table's card", () => {
  test("when a table is described, then grain and purpose are apart, and what it reads and who reads it are tables", () => {
    const card = tableCard(graph, action("training.examples"), undefined);
    expect(card).toMatchObject({
      table: "training.examples",
      kind: "table",
      grain: "message_id",
      owner: "data science",
    });
    expect(card.purpose).toMatch(/^One row per message/);
    expect(card.purpose).not.toContain("Grain");
    expect(card.reads).toContain("events.messages");
    expect(card.read_by).toContain("training.consented_examples");
    expect(card.read_by.some((name) => name.includes("assert"))).toBe(false);
    expect(card.columns.find(({ name }) => name === "revenue_90d")).toMatchObject({ role: "feature", owner: "shop" });
  });

  test("when a table has partitions and consents, then the query to begin with asks for both", () => {
    const { sample_query } = tableCard(graph, action("training.examples"), undefined);
    expect(sample_query).toContain("where is_mature and has_training_consent and sent_date >= date_sub(");
    expect(sample_query).toMatch(/limit 10$/);
  });

  test("when any table is described, then it has a grain, and every column a wording", () => {
    const models = graph.actions.filter(({ kind }) => kind === "table" || kind === "view" || kind === "incremental");
    for (const model of models) {
      const card = tableCard(graph, model, undefined);
      expect(card.grain, card.table).not.toBeNull();
      for (const column of card.columns) expect(column.description, `${card.table}.${column.name}`).not.toBe("");
    }
  });
});

test.each([
  ["training.exmples", ["training.examples"]],
  ["exampels", ["training.examples"]],
  ["voter", ["labels.voters"]],
  ["nothing_like_it_at_all", []],
])("when a table is called %s, then %j is near", (wanted, near) => {
  expect(nearNames(wanted, ["training.examples", "labels.voters", "events.events"])).toEqual(near);
});
