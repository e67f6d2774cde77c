import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scoreTogether } from "../../policy/assigned-model.ts";
import { findModel, type Model, openScorer } from "../../scoring/model.ts";
import type { ModelRecord } from "../../scoring/model-record.ts";
import type { ForestFile } from "../../scoring/tree.ts";
import type { DecisionRow } from "../../serve/decision-row.ts";
import { explainCandidate } from "../../serve/why/explain-candidate.ts";
import type { Row } from "../../warehouse/warehouse.ts";
import { writeConstantModel } from "./support/constant-model.ts";

let models: string;
let model: Model;
const earliest = Date.parse("2026-03-02T09:30:00Z");
const signal = new AbortController().signal;

/** Orders follow opens, the more so with an offer; complaints are a forest that was not shown to know anything. */
const forest: ForestFile = {
  format: "inboxloop-trees/1",
  base: -3,
  inputs: [
    { name: "opens_30d", type: "number" },
    { name: "variant", type: "category", values: ["offer", "plain"] },
  ],
  trees: [
    {
      feature: [0, -1, 1, -1, -1],
      at: [2, -0.5, 0, 1.5, 0.5],
      unknown: [1, 0, 0, 0, 0],
      right: [2, 0, 4, 0, 0],
      cover: [100, 60, 40, 10, 30],
      sets: [[1]],
    },
  ],
};

beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), "inboxloop-explain-"));
  await writeConstantModel(models, "m1", { conversion: 0.1, complaint: 0.01, unsubscribe: 0.02 });
  const path = join(models, "m1", "model.json");
  const record = JSON.parse(await readFile(path, "utf8")) as ModelRecord;
  const text = JSON.stringify(forest);
  for (const outcome of record.outcomes.slice(0, 2)) {
    outcome.model = {
      kind: "forest",
      file: `${outcome.name}.trees.json`,
      sha256: createHash("sha256").update(text).digest("hex"),
      bytes: text.length,
      trees: 1,
      calibration: {
        method: "platt",
        slope: 0.8,
        intercept: 0.1,
        rows: 1_000,
        positives: 60,
        level_rows: 199,
        level_positives: 3,
      },
      cross_fitted: { folds: 3, log_loss: 0.2, base_log_loss: 0.21 },
    };
    const low = outcome.name === "conversion" ? 0.6 : 0.4;
    outcome.validation = { ...outcome.validation, auc: 0.7, auc_low: low, auc_high: 0.8 };
    await writeFile(join(models, "m1", outcome.model.file), text);
  }
  await writeFile(path, JSON.stringify(record));
  model = await findModel(models, "m1");
});
afterAll(() => rm(models, { recursive: true, force: true }));

/** What is known of a person who opened so often. */
const warehouse = (opens: number, asOf = "2026-03-02T09:00:00Z") => ({
  query: async (_sql: string, { file }: { file: string }) => ({
    schema: [],
    rows: (file === "inputs of the decision to explain"
      ? [{ user_id_hash: "sha256:a", person_id: "p", opens_30d: opens, region: "de", as_of_at: asOf }]
      : []) as Row[],
  }),
});

async function decided(opens: number, action: "send" | "suppress" = "send"): Promise<DecisionRow> {
  const scorer = await openScorer(model);
  const scores = scoreTogether(scorer, [{ inputs: { opens_30d: opens }, at: earliest }])[0]!;
  scorer.close();
  if (scores.kind === "failed") throw new Error(scores.reason);
  return {
    table: "decisions",
    decision_id: "d-1",
    user_id_hash: "sha256:a",
    campaign_id: "spring",
    decided_at: "2026-03-02T09:00:00.000Z",
    attributes: {
      variant: action === "send" ? "offer" : null,
      model: { version: "m1", digest: model.digest },
      campaign_kind: "bulk",
      steps: [{ step: "caps", code: "within-caps", saw: { earliest: new Date(earliest).toISOString() } }],
      candidates: [...scores.by_variant].map(([variant, probabilities]) => ({
        variant,
        value: variant === "offer" ? 1 : 0.5,
        probabilities: Object.fromEntries(
          Object.entries(probabilities).map(([name, p]) => [name, Number(p.toPrecision(9))]),
        ),
      })),
    },
  };
}

const explain = (row: DecisionRow, opens: number) =>
  explainCandidate(
    warehouse(opens) as unknown as Parameters<typeof explainCandidate>[0],
    async () => models,
    row,
    signal,
  );

test("when the features are those of the decision, then they sum up to what was decided on", async () => {
  const found = (await explain(await decided(5), 5))!;
  expect(found).toMatchObject({ variant: "offer", is_as_decided: true, features_as_of: "2026-03-02T09:00:00.000Z" });
  const [conversion, complaint, unsubscribe] = found.outcomes;
  expect(conversion!.has_say).toBe(true);
  const sum = conversion!.features.reduce((total, { log_odds }) => total + log_odds, conversion!.expected);
  expect(1 / (1 + Math.exp(-sum))).toBeCloseTo(conversion!.decided_on!, 8);
  // Mean leaf: (60 * -0.5 + 10 * 1.5 + 30 * 0.5) / 100 = 0.
  expect(conversion!.expected).toBeCloseTo(0.8 * -3 + 0.1, 12);
  expect(conversion!.features.map(({ feature, value }) => [feature, value])).toEqual([
    ["opens_30d", 5],
    ["variant", "offer"],
  ]);
  expect(complaint).toMatchObject({ has_say: false, probability: 3.5 / 200, features: [] });
  expect(unsubscribe).toMatchObject({ has_say: false, probability: 0.02, decided_on: 0.02 });
});

test("when the features were built again since, then it is said that the decision saw others", async () => {
  const found = (await explain(await decided(5), 1))!;
  expect(found.is_as_decided).toBe(false);
  expect(found.outcomes[0]!.probability).toBeLessThan(found.outcomes[0]!.decided_on!);
});

test("when nothing was worth a mail, then the best candidate is explained", async () => {
  expect((await explain(await decided(1, "suppress"), 1))!).toMatchObject({ variant: "offer", is_as_decided: true });
});

test("when no model scored, or its version is gone, then there is nothing to explain", async () => {
  const row = await decided(5);
  const attributes = row["attributes"] as Record<string, unknown>;
  expect(await explain({ ...row, attributes: { ...attributes, candidates: [] } }, 5)).toBeNull();
  const other = { version: "m0", digest: "0".repeat(64) };
  expect(await explain({ ...row, attributes: { ...attributes, model: other } }, 5)).toBeNull();
  const file = join(models, "m1", "conversion.trees.json");
  const whole = await readFile(file);
  await writeFile(file, "{}");
  expect(await explain(row, 5)).toBeNull();
  await writeFile(file, whole);
});
