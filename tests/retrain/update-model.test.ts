import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluate } from "../../retrain/evaluate/evaluate.ts";
import { createSnapshot } from "../../retrain/snapshot/snapshot.ts";
import { type TrainEnv, train } from "../../retrain/trainer/train.ts";
import { updateModel } from "../../retrain/trainer/update-model.ts";
import { calibrated, calibrateWithin, sigmoid } from "../../scoring/calibration.ts";
import { type Model, openScorer } from "../../scoring/model.ts";
import { fillExamples } from "./support/examples.ts";
import { plainWarehouse } from "./support/plain-duckdb.ts";

let folder: string;
let env: TrainEnv;
let base: Model;
const notes: string[] = [];

// From February on people click half again as often, whoever they are.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-update-"));
  env = {
    snapshots: join(folder, "snapshots"),
    models: join(folder, "models"),
    now: () => new Date("2026-03-10T00:00:00Z"),
    onNote: (line) => notes.push(line),
  };
  const warehouse = await plainWarehouse();
  await fillExamples(warehouse, 8_000);
  await warehouse.run(`create or replace table training.examples as
    select * replace (did_click or (sent_at >= '2026-02-01' and (hash('more' || message_id) % 1000) / 1000.0 < 0.05) as did_click),
      hash('trust' || message_id) % 10 < 7 as is_trusted
    from training.examples`);
  const snapshots = { warehouse, snapshots: env.snapshots, now: env.now };
  await createSnapshot(snapshots, { name: "january", to: new Date("2026-02-01T00:00:00Z") });
  await createSnapshot(snapshots, { name: "february" });
  await warehouse.close();
  base = await train(env, { snapshot: "january", name: "base" });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const click = ({ record }: Model) => record.outcomes.find(({ name }) => name === "click")!;

describe("updating a model", () => {
  test("when people click more than they did, then the update says so, and ranks them as before", async () => {
    const update = await updateModel(env, { model: "base", snapshot: "february", name: "update" });
    const { validation, model } = click(update);
    // Three standard errors of a rate of a seventh among some 500 rows.
    expect(Math.abs(validation.predicted_rate! - validation.observed_rate!)).toBeLessThan(0.045);
    const judged = await evaluate(env, { candidate: "update", champion: "base" });
    const found = judged.outcomes.find(({ outcome }) => outcome === "click")!;
    expect(found.candidate.auc).toBeCloseTo(found.champion!.auc!, 9);
    expect(found.candidate.predicted_rate! - found.champion!.predicted_rate!).toBeGreaterThan(0.02);
    expect(found.log_loss_difference!.value).toBeLessThan(0);
    expect(model).toMatchObject({ kind: "forest", sha256: (click(base).model as { sha256: string }).sha256 });
    const scorer = await openScorer(update);
    expect(scorer.outcomes).toContain("click");
    scorer.close();
  });

  test("when a version is updated, then its lineage names whose forests it has and all snapshots they learned from", async () => {
    const once = await updateModel(env, { model: "base", snapshot: "february", name: "once" });
    expect(once.record.lineage.updates).toEqual({
      name: "base",
      digest: base.digest,
      snapshots: [base.record.lineage.snapshot.id],
    });
    expect(once.record.lineage.fitted_before > base.record.lineage.fitted_before).toBe(true);
    const twice = await updateModel(env, { model: "once", snapshot: "february", name: "twice" });
    expect(twice.record.lineage.updates!.snapshots).toEqual([
      base.record.lineage.snapshot.id,
      once.record.lineage.snapshot.id,
    ]);
    expect((await updateModel(env, { model: "base", snapshot: "february", name: "again" })).digest).toBe(once.digest);
    await expect(updateModel(env, { model: "once", snapshot: "february", name: "again" })).rejects.toMatchObject({
      code: "model.exists",
    });
  });

  test("when nothing new was sent since, then every outcome stays as it is, and that is said", async () => {
    notes.length = 0;
    const same = await updateModel(env, { model: "base", snapshot: "january", name: "same" });
    expect(click(same).model).toEqual(click(base).model);
    expect(notes.join("\n")).toMatch(
      /click: \d positives and \d+ negatives that are trusted since .*it stays as it is/,
    );
  });
});

test("when newer rows say that everybody does, and backwards, then a calibration moves by its factor and no further", () => {
  const before = {
    method: "platt",
    slope: 1,
    intercept: 0,
    rows: 1,
    positives: 1,
    level_rows: 1,
    level_positives: 1,
  } as const;
  const scores = Array.from({ length: 4_000 }, (_, i) => 0.02 + (0.2 * ((i * 7919) % 4_000)) / 4_000);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value / values.length, 0);
  const said = (labels: readonly number[]) => {
    const found = calibrateWithin(before, 2, scores, labels, null);
    return { found, level: mean(scores.slice(-800).map((score) => calibrated(score, found))) };
  };
  const now = mean(scores.slice(-800));
  expect(said(scores.map((_, i) => (i % 50 === 0 ? 0 : 1))).level).toBeCloseTo(2 * now, 6);
  expect(said(scores.map((_, i) => (i % 2_000 < 20 ? 1 : 0))).level).toBeCloseTo(now / 2, 3);
  // Whoever scores high does not click: the slope would turn, and may not.
  const turned = said(scores.map((score, i) => ((i * 31) % 100 < 100 * (0.25 - score) ? 1 : 0))).found;
  expect(turned.slope).toBeGreaterThanOrEqual(0.5);
  expect(turned.slope).toBeLessThanOrEqual(1);
  // Ten times as sure as it was: no more than twice.
  const steep = said(
    scores.map((score, i) => ((i * 31) % 100 < 100 * sigmoid(10 * (Math.log(score / (1 - score)) + 2)) ? 1 : 0)),
  ).found;
  expect(steep.slope).toBe(2);
});
