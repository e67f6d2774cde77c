import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSnapshot, findSnapshot } from "../../retrain/snapshot/snapshot.ts";
import { readWholeLock, subjectOf } from "../../retrain/trainer/lineage.ts";
import { planTraining, type TrainEnv, type TrainRequest, train } from "../../retrain/trainer/train.ts";
import { type Model, openScorer } from "../../scoring/model.ts";
import { fillExamples } from "./support/examples.ts";
import { plainWarehouse } from "./support/plain-duckdb.ts";

let folder: string;
let env: TrainEnv;

// Half of the rows are lies: who clicks little is said to click much. What tells them is how sure their label is.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-weights-"));
  env = {
    snapshots: join(folder, "snapshots"),
    models: join(folder, "models"),
    now: () => new Date("2026-03-10T00:00:00Z"),
  };
  const warehouse = await plainWarehouse();
  await fillExamples(warehouse, 6_000);
  await warehouse.run(`create or replace table training.examples as
    select * replace (case when is_trusted then did_click else roll < 0.42 - click_rate_90d end as did_click),
      case when is_trusted then 0.9::double else 0::double end as sample_weight, (-0.5)::double as wrong_weight,
      case when hash('side' || message_id) % 10 = 0 then 'small' else 'big' end as side,
      case when hash('side' || message_id) % 10 = 0 then roll < 0.42 - click_rate_90d else roll < click_rate_90d + 0.02 end as did_visit,
      case when not is_trusted then 0.1::double when message_id < 'm00001000' then null else did_click::integer::double end as p_click, 0::double as no_weight
    from (select *, hash('trust' || message_id) % 2 = 0 as is_trusted, (hash('roll' || message_id) % 1000) / 1000.0 as roll from training.examples)`);
  await createSnapshot({ warehouse, snapshots: env.snapshots, now: env.now }, { name: "half" });
  await warehouse.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const trained = (name: string, more: Partial<TrainRequest>): Promise<Model> =>
  train(env, { snapshot: "half", name, outcomes: [{ name: "click", column: "did_click" }], ...more });

/** How much likelier a click is of somebody who clicks much than of somebody who clicks little. */
async function rise(model: Model): Promise<number> {
  const { list } = model.record.lineage.features;
  const columns = Object.fromEntries(
    list.map(({ name, type }) => [
      name,
      type === "number"
        ? Float64Array.from([0.05, 0.35], (rate) => (name === "click_rate_90d" ? rate : Number.NaN))
        : ["", ""],
    ]),
  );
  const scorer = await openScorer(model);
  try {
    const scores = scorer.predict("click", columns, 2);
    return scores[1]! - scores[0]!;
  } finally {
    scorer.close();
  }
}

test("when half of the labels are lies then rows of no weight, or not trusted, are not learned from, and the level stays that of all", async () => {
  const all = await trained("all", {});
  const weighed = await trained("weighed", { weight: "sample_weight" });
  const only = await trained("only", { only: "is_trusted" });
  expect(await rise(weighed)).toBeGreaterThan((await rise(all)) + 0.02);
  expect(await rise(only)).toBeGreaterThan((await rise(all)) + 0.02);
  for (const { record } of [weighed, only]) {
    const { observed_rate, predicted_rate } = record.outcomes[0]!.validation;
    // Three standard errors of a rate of a tenth among 430 rows.
    expect(Math.abs(predicted_rate! - observed_rate!)).toBeLessThan(0.045);
  }
  expect(weighed.record.lineage.hyperparameters).toMatchObject({ weight: "sample_weight" });
  expect(only.record.lineage.hyperparameters).toMatchObject({ only: "is_trusted" });
  expect(only.record.outcomes[0]!.sample.positives).toBeLessThan(all.record.outcomes[0]!.sample.positives);
  expect(new Set([all, weighed, only].map(({ record }) => record.lineage.inputs)).size).toBe(3);
  expect((await trained("again", { weight: "sample_weight" })).record.outcomes[0]!.predictions).toBe(
    weighed.record.outcomes[0]!.predictions,
  );
});

test("when a column says how likely a click was then the forest learns that, and the level stays that of what happened", async () => {
  const all = await trained("hard", {});
  const soft = await trained("soft", { soft: { click: "p_click" } });
  expect(await rise(soft)).toBeGreaterThan((await rise(all)) + 0.02);
  const { observed_rate, predicted_rate } = soft.record.outcomes[0]!.validation;
  expect(observed_rate).toBe(all.record.outcomes[0]!.validation.observed_rate);
  expect(Math.abs(predicted_rate! - observed_rate!)).toBeLessThan(0.045);
  expect(soft.record.lineage.hyperparameters).toMatchObject({ soft: "click=p_click" });
});

test("when a click may only get less likely with a rate of clicks then it does, and the record says what was promised", async () => {
  const model = await trained("falling", {
    monotone: [{ outcome: "click", feature: "click_rate_90d", direction: "down" }],
    weight: "sample_weight",
  });
  expect(await rise(model)).toBeLessThanOrEqual(0);
  expect(await rise(await trained("free", { weight: "sample_weight" }))).toBeGreaterThan(0.02);
  expect(model.record.lineage.hyperparameters).toMatchObject({ monotone: "click:click_rate_90d=down" });
});

test("when settings are searched then the record has what each came to, and which was taken", async () => {
  const { record } = await trained("searched", { search: 3 });
  const { model } = record.outcomes[0]!;
  if (model.kind !== "forest" || !model.searched) throw new Error("nothing was searched");
  expect(model.searched.map(({ change }) => change)).toEqual([{}, { shrinkage: 0.05 }, { leaves: 31 }]);
  const least = Math.min(...model.searched.map(({ log_loss }) => log_loss));
  expect(model.searched.filter(({ is_chosen }) => is_chosen)).toMatchObject([{ log_loss: least, trees: model.trees }]);
  expect(model.cross_fitted.log_loss).toBe(least);
});

test("when a large group and a small one part, then each counts alike by its balance, and the level stays that of all", async () => {
  const visits = {
    outcomes: [{ name: "click", column: "did_visit" }],
    features: [{ name: "click_rate_90d", type: "number" as const }],
  };
  const plain = await trained("unbalanced", visits);
  const balanced = await trained("balanced", { ...visits, balance: "side" });
  expect(await rise(plain)).toBeGreaterThan(0.15);
  expect(Math.abs(await rise(balanced))).toBeLessThan((await rise(plain)) / 2);
  expect(balanced.record.lineage.hyperparameters).toMatchObject({ balance: "side" });
  const { observed_rate, predicted_rate } = balanced.record.outcomes[0]!.validation;
  expect(Math.abs(predicted_rate! - observed_rate!)).toBeLessThan(0.05);
});

test("when a setting speaks of what the job does not have, or of no probability, then training refuses by name", async () => {
  const snapshot = await findSnapshot(env.snapshots, "half");
  const lock = await readWholeLock(snapshot.path);
  const subject = (more: Partial<TrainRequest>) => () =>
    subjectOf(planTraining({ snapshot: "half", ...more }, snapshot, env.models, env.now()), lock);
  const goes = (outcome: string, feature: string, direction: "up" | "down" = "up") => ({ outcome, feature, direction });
  expect(subject({ soft: { click: "p_click" }, monotone: [goes("click", "sends_7d")] })).not.toThrow();
  expect(subject({ soft: { opened: "p_click" } })).toThrow("no outcome is called opened: there are click, complaint");
  expect(subject({ soft: { click: "p_other" } })).toThrow("the snapshot has no column p_other");
  expect(subject({ monotone: [goes("opened", "sends_7d")] })).toThrow("no outcome is called opened");
  expect(subject({ monotone: [goes("click", "shoe_size")] })).toThrow("it is no feature");
  expect(subject({ monotone: [goes("click", "region")] })).toThrow("a category has no order");
  expect(subject({ monotone: [goes("click", "sends_7d"), goes("click", "sends_7d", "down")] })).toThrow(
    "click goes both up and down with sends_7d",
  );
  await expect(trained("minus", { soft: { click: "wrong_weight" } })).rejects.toMatchObject({ code: "train.soft" });
});

test("when a weight is below 0, or all are 0, or the snapshot has no such column, then training refuses by name", async () => {
  await expect(trained("wrong", { weight: "wrong_weight" })).rejects.toMatchObject({ code: "train.weight" });
  await expect(trained("none", { weight: "no_weight" })).rejects.toMatchObject({ code: "train.weight" });
  await expect(trained("missing", { only: "is_sure" })).rejects.toMatchObject({ code: "train.missing-column" });
});
