import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import registry from "../../includes/feature_registry.js";
import features from "../../includes/features.js";
import { evaluationGuardrails } from "../../policy/guardrails.ts";
import { decide } from "../../policy/policy.ts";
import { type Evaluation, evaluate } from "../../retrain/evaluate/evaluate.ts";
import { createSnapshot, findSnapshot } from "../../retrain/snapshot/snapshot.ts";
import { type TrainEnv, train } from "../../retrain/trainer/train.ts";
import type { FeatureColumns } from "../../scoring/feature-columns.ts";
import { aucInWords } from "../../scoring/has-say.ts";
import { findModel, type Model, openScorer } from "../../scoring/model.ts";
import { fillExamples } from "./support/examples.ts";
import { plainWarehouse } from "./support/plain-duckdb.ts";

let folder: string;
let env: TrainEnv;
let champion: Model;
let candidate: Model;
const now = () => new Date("2026-03-10T00:00:00Z");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-train-"));
  env = { snapshots: join(folder, "snapshots"), models: join(folder, "models"), now };
  const warehouse = await plainWarehouse();
  await fillExamples(warehouse, 6_000);
  const snapshots = { warehouse, snapshots: env.snapshots, now };
  await createSnapshot(snapshots, { name: "early", to: new Date("2026-02-05T00:00:00Z") });
  await warehouse.run(`create schema features; create table features.feature_registry as
    select * from (values ('opens_7d', 'aaaa', 'ffff'), ('isp', 'bbbb', 'ffff'), ('no_column_of_it', 'cccc', 'ffff')) t(feature, feature_version, features_version)`);
  await createSnapshot(snapshots, { name: "late" });
  await createSnapshot(snapshots, { name: "few", to: new Date("2026-01-05T00:00:00Z") });
  await warehouse.run("create table plain_examples as select * from training.examples");
  // Each of three variants was drawn for a third: decisions that logged so, and decisions that claim to have been sure.
  for (const [name, chance] of [
    ["logged", 1 / 3],
    ["claimed", 1],
  ] as const) {
    await warehouse.run(`create or replace table training.examples as
      select *, ${chance}::double as decision_propensity from plain_examples`);
    await createSnapshot(snapshots, { name });
  }
  await warehouse.close();
  champion = await train(env, { snapshot: "early", name: "champion" });
  candidate = await train(env, { snapshot: "late", name: "candidate" });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Rows of features, the same but for what is given. */
function rowsOf(rows: number, given: Readonly<Record<string, (i: number) => number | string>>): FeatureColumns {
  return Object.fromEntries(
    features.list.map(({ name, type }: { name: string; type: string }) => [
      name,
      type === "number"
        ? Float64Array.from({ length: rows }, (_, i) => (given[name]?.(i) as number) ?? Number.NaN)
        : Array.from({ length: rows }, (_, i) => (given[name]?.(i) as string) ?? ""),
    ]),
  );
}

describe("train", () => {
  test("when a model is trained, then its record holds the whole lineage", () => {
    const { lineage, outcomes } = candidate.record;
    expect(lineage.features.list.map((f) => f.name)).toEqual(features.names);
    expect(lineage.trainer.name).toMatch(/^inboxloop\/boosted-trees/);
    expect(lineage.snapshot.content.algorithm).toBe("sha256/row-merkle-v1");
    expect(outcomes.map((o) => o.name)).toEqual(["click", "complaint", "unsubscribe", "conversion"]);
    expect(lineage.fitted_before > lineage.sent_from && lineage.fitted_before < lineage.sent_to).toBe(true);
  });

  test("when the warehouse registers versions of features, then snapshot and model carry those, and otherwise the code's own", async () => {
    const late = await findSnapshot(env.snapshots, "late");
    const list = [
      { name: "isp", version: "bbbb" },
      { name: "opens_7d", version: "aaaa" },
    ];
    expect(late.lock.lock.features).toEqual({ version: "ffff", list });
    const { features: learned } = candidate.record.lineage;
    expect(learned.version).toBe("ffff");
    expect(learned.list.filter(({ version }) => version !== undefined)).toEqual([
      { name: "opens_7d", type: "number", version: "aaaa" },
      { name: "isp", type: "category", version: "bbbb" },
    ]);
    expect((await findSnapshot(env.snapshots, "early")).lock.lock.features).toBeUndefined();
    expect(champion.record.lineage.features.version).toBe(registry.version);
  });

  test("when one feature takes several values, then each scores as if it were given alone, whatever the batch", async () => {
    const rows = 9_000;
    const columns = rowsOf(rows, {
      sends_30d: (i) => i % 17,
      clicks_90d: (i) => i % 5,
      isp: (i) => ["a", "b", ""][i % 3]!,
    });
    const scorer = await openScorer(candidate);
    try {
      const variants = candidate.record.variants;
      const each = scorer.predictEach("click", { ...columns, variant: [] }, rows, "variant", variants);
      for (const [i, variant] of variants.entries()) {
        const alone = scorer.predict("click", { ...columns, variant: new Array<string>(rows).fill(variant) }, rows);
        expect(each[i]).toEqual(alone);
      }
      expect(new Set(each.map((scores) => scores.join())).size).toBeGreaterThan(1);
    } finally {
      scorer.close();
    }
  });

  test("when a model was not shown to know an outcome, then a policy counts with the base rate, and its scores stay visible", async () => {
    const unsure = (auc_low: number): Model => ({
      ...candidate,
      record: {
        ...candidate.record,
        outcomes: candidate.record.outcomes.map((o) => ({ ...o, validation: { ...o.validation, auc_low } })),
      },
    });
    const columns = rowsOf(50, { click_rate_90d: (i) => i / 125 });
    const variants = candidate.record.variants;
    const { model } = candidate.record.outcomes[0]!;
    if (model.kind !== "forest") throw new Error("clicks were not learned");
    const rate = (model.calibration.level_positives + 0.5) / (model.calibration.level_rows + 1);
    for (const [low, isKnown] of [
      [0.51, true],
      [0.5, false],
    ] as const) {
      const scorer = await openScorer(unsure(low));
      const each = scorer.predictEach("click", columns, 50, "variant", variants);
      expect(
        each.every((scores) => scores.every((score) => score === rate)),
        String(low),
      ).toBe(!isKnown);
      expect(
        new Set(scorer.predict("click", { ...columns, variant: new Array(50).fill("") }, 50)).size,
      ).toBeGreaterThan(1);
      scorer.close();
    }
  });

  test("when there is signal, then it is found, and probabilities meet the true base rates", () => {
    const click = candidate.record.outcomes[0]!.validation;
    expect(click.auc_low).toBeGreaterThan(0.6);
    for (const { validation } of candidate.record.outcomes) {
      expect(validation.predicted_rate! / validation.observed_rate!).toBeGreaterThan(0.6);
      expect(validation.predicted_rate! / validation.observed_rate!).toBeLessThan(1.6);
    }
  });

  test("when an outcome has too few positives, then that is said before anything is trained, and it has no say", async () => {
    const told: string[] = [];
    const few = await train(
      {
        ...env,
        models: join(folder, "models-few"),
        onProgress: (step, done) => told.push(`${step} ${done}`),
        onNote: (line) => told.push(line),
      },
      { snapshot: "few" },
    );
    const complaint = few.record.outcomes.find(({ name }) => name === "complaint")!;
    const line = `complaint: ${complaint.sample.positives} positives to learn from, 20 are needed: everybody will get its base rate`;
    expect(told).toContain(line);
    expect(told.indexOf(line)).toBeLessThan(told.indexOf("train 0"));
    expect(complaint.model.kind).toBe("constant");
    expect(aucInWords(complaint)).toBe("no say");
    const click = few.record.outcomes[0]!;
    expect(told.find((one) => one.startsWith("click:"))).toMatch(
      /positives among the latest rows: no AUC below 0\.\d\d can be/,
    );
    expect(click.sample.positives).toBeGreaterThan(20);
    // The late snapshot has enough of every outcome but the rarest.
    expect(candidate.record.outcomes[0]!.validation.positives).toBeGreaterThan(32);
  });

  test("when trained again on the same inputs, then it is the same model to the last prediction", async () => {
    const again = await train(
      { ...env, models: join(folder, "models-again") },
      { snapshot: "late", name: "other-name" },
    );
    expect(again.digest).toBe(candidate.digest);
    for (const file of (await readdir(again.path)).filter((name) => name !== "model.json"))
      expect(await readFile(join(again.path, file)), file).toEqual(await readFile(join(candidate.path, file)));
    expect(again.record.outcomes.map((o) => o.predictions)).toEqual(
      candidate.record.outcomes.map((o) => o.predictions),
    );
  });

  test("when a name is taken by another model, then training refuses and the old one stays", async () => {
    await expect(train(env, { snapshot: "late", name: "champion" })).rejects.toMatchObject({
      code: "model.exists",
    });
    expect((await readdir(env.models)).sort()).toEqual(["candidate", "champion"]);
  });

  test("when trained again under its own name, then the model that is there is taken", async () => {
    const again = await train(env, { snapshot: "late", name: "candidate" });
    expect(again.record).toEqual(candidate.record);
  });

  test("when a snapshot's file was edited, then nothing is trained on it", async () => {
    const copy = join(folder, "edited");
    const { cp } = await import("node:fs/promises");
    await cp(env.snapshots, copy, { recursive: true });
    const id = candidate.record.lineage.snapshot.id;
    const file = join(copy, id, "part-00000.parquet");
    const bytes = await readFile(file);
    bytes[100] = (bytes[100] as number) ^ 1;
    await writeFile(file, bytes);
    await expect(train({ ...env, snapshots: copy }, { snapshot: id, name: "edited" })).rejects.toMatchObject({
      code: "snapshot.changed",
      exitCode: 4,
    });
  });

  test("when training is aborted, then it ends and leaves no model", async () => {
    const abort = new AbortController();
    const models = join(folder, "models-aborted");
    const running = train(
      { ...env, models, signal: abort.signal, onProgress: () => abort.abort(new Error("stop")) },
      { snapshot: "late", name: "aborted" },
    );
    await expect(running).rejects.toThrow("stop");
    expect(await readdir(models).catch(() => [])).toEqual([]);
  });
});

describe("models of other formats", () => {
  test("when a folder is of an earlier format, then it is refused by what it is", async () => {
    const models = join(folder, "models-old");
    await mkdir(join(models, "old"), { recursive: true });
    await writeFile(join(models, "old", "model.json"), JSON.stringify({ ...candidate.record, schema: "1" }));
    await expect(findModel(models, "old")).rejects.toMatchObject({
      code: "model.format",
      exitCode: 3,
      message: 'a model of format "1", where this version reads "2"',
    });
  });
});

describe("score and policy", () => {
  test("when scored by the inference engine, then more clicks in the past mean more clicks to come", async () => {
    const scorer = await openScorer(candidate);
    const [low, high] = scorer.predict("click", rowsOf(2, { click_rate_90d: (i) => (i === 0 ? 0.01 : 0.39) }), 2);
    scorer.close();
    expect(high).toBeGreaterThan(2 * low!);
    expect(high).toBeLessThan(1);
  });

  test("when a complaint costs more, then fewer customers are mailed and the pushy variant is left out", async () => {
    const scorer = await openScorer(candidate);
    const columns = rowsOf(60, { click_rate_90d: (i) => i / 150, days_since_last_open: (i) => i });
    const withCost = (complaint_cost: number) => {
      const { record } = candidate;
      const priced = {
        ...scorer,
        model: { ...candidate, record: { ...record, policy: { ...record.policy, complaint_cost } } },
      };
      return decide(priced, columns, 60);
    };
    const sent = (decisions: ReturnType<typeof decide>) => decisions.filter((d) => d.variant !== null);
    const [cheap, dear, ruinous] = [withCost(0), withCost(150), withCost(100_000)];
    scorer.close();
    expect(sent(cheap).length).toBeGreaterThan(sent(dear).length);
    expect(sent(ruinous)).toHaveLength(0);
    const pushy = (decisions: ReturnType<typeof decide>) => decisions.filter((d) => d.variant === "pushy").length;
    expect(pushy(cheap)).toBeGreaterThan(pushy(dear));
  });

  test("when a variant is not allowed for a row, then it is not chosen", async () => {
    const scorer = await openScorer(candidate);
    const decisions = decide(scorer, rowsOf(4, { click_rate_90d: () => 0.39 }), 4, (row) =>
      row === 0 ? [] : ["plain"],
    );
    scorer.close();
    expect(decisions[0]?.variant).toBeNull();
    expect(decisions.slice(1).every((d) => d.variant === "plain" || d.variant === null)).toBe(true);
  });

  test("when a forest's file is not the one that was trained, then it does not score", async () => {
    const copy = join(folder, "swapped");
    const { cp } = await import("node:fs/promises");
    await cp(candidate.path, copy, { recursive: true });
    await writeFile(join(copy, "click.trees.json"), await readFile(join(copy, "complaint.trees.json")));
    await expect(openScorer({ ...candidate, path: copy })).rejects.toMatchObject({ code: "model.changed" });
  });
});

describe("evaluate", () => {
  let found: Evaluation;
  beforeAll(async () => {
    found = await evaluate(env, { candidate: "candidate", champion: "champion" });
  });

  test("when evaluated, then only rows later than both models' training count, to people whom neither learned from", () => {
    expect(found.rows.sent_from >= candidate.record.lineage.fitted_before).toBe(true);
    expect(found.rows.sent_from >= champion.record.lineage.fitted_before).toBe(true);
    expect(found.rows.scored).toBeGreaterThan(400);
    // Both snapshots held the same people out.
    expect(found.rows.acquainted).toEqual([]);
    expect(candidate.record.lineage.split).toMatchObject({ rule: "person-and-time/1", people_share: 0.3 });
  });

  test("when evaluated, then figures come by outcome, provider and region, for both models", () => {
    const click = found.outcomes[0]!;
    expect(click.candidate.auc).toBeGreaterThan(0.6);
    expect(click.auc_difference!.low).toBeLessThan(click.auc_difference!.value);
    expect(new Set(click.groups.map((g) => `${g.dimension}:${g.value}`))).toEqual(
      new Set(["isp:gmail", "isp:other", "isp:outlook", "isp:yahoo", "region:apac", "region:eu", "region:us"]),
    );
    const rows = click.groups.filter((g) => g.dimension === "isp").reduce((sum, g) => sum + g.candidate.rows, 0);
    expect(rows).toBe(click.candidate.rows);
  });

  test("when policies are compared, then complaints, unsubscribes, clicks, conversions and revenue per send have intervals", () => {
    expect(found.policy.measures.map((m) => m.metric)).toEqual([
      "clicks_per_send",
      "complaints_per_send",
      "unsubscribes_per_send",
      "conversions_per_send",
      "revenue_per_send",
    ]);
    for (const m of found.policy.measures) expect(m.candidate.low!).toBeLessThanOrEqual(m.candidate.high!);
    expect(found.policy.assumption).toMatch(/at random within a campaign/);
  });

  test("when evaluated, then the gaps between providers and regions have bounds, of what is predicted and of who is mailed", () => {
    const { mailed_gaps } = found.policy;
    expect(mailed_gaps.map(({ dimension }) => dimension)).toEqual(["isp", "region"]);
    for (const gaps of [mailed_gaps, ...found.outcomes.map((o) => o.calibration_gaps)])
      for (const { candidate: own, champion: theirs } of gaps)
        for (const gap of [own, theirs]) if (gap !== null) expect(gap.low <= gap.gap && gap.gap <= gap.high).toBe(true);
    const regions = mailed_gaps[1]!.candidate!;
    expect(["apac", "eu", "us"]).toEqual(expect.arrayContaining([regions.lowest, regions.highest]));
    // Of 135 rows of a provider 20 would have to be clicks.
    expect(found.outcomes[1]!.calibration_gaps[0]!.candidate).toBeNull();
  });

  test("when decisions logged their chances, then these are taken, and the log covers what both policies would send", async () => {
    const logged = await evaluate(env, { candidate: "candidate", champion: "champion", snapshot: "logged" });
    const [coverage, ...more] = logged.policy.coverage;
    expect(more).toEqual([]);
    expect(coverage).toMatchObject({ chances: "logged", rows: logged.rows.policy });
    expect(coverage!.candidate!.low).toBeLessThan(1);
    expect(coverage!.candidate!.high).toBeGreaterThan(1);
    expect(logged.policy.uncovered).toBeNull();
    expect(logged.policy.assumption).toMatch(/the chances that decisions logged for (\S+) of \1 sends/);
    for (const { metric, candidate: own, doubly_robust } of logged.policy.measures) {
      expect(doubly_robust!.candidate!.low, metric).toBeLessThan(own.high!);
      expect(doubly_robust!.candidate!.high, metric).toBeGreaterThan(own.low!);
      expect(doubly_robust!.difference, metric).not.toBeNull();
    }
  });

  test("when the chances that were logged cannot be, then no policy's value is told, and its guardrails block", async () => {
    const claimed = await evaluate(env, { candidate: "candidate", champion: "champion", snapshot: "claimed" });
    expect(claimed.policy.uncovered).toMatch(/^the log covers 3\d % \(\d+ to \d+ %\) of what the candidate would send/);
    for (const { id, verdict, note } of claimed.guardrails.filter(({ id }) => id.startsWith("policy-"))) {
      expect(verdict, id).toBe("not-measurable");
      expect(note).toBe(claimed.policy.uncovered);
    }
    expect(["not-measurable", "fail"]).toContain(claimed.verdict);
  });

  test("when a champion is judged against itself, then nothing fails", async () => {
    const self = await evaluate(env, { candidate: "candidate", champion: "candidate" });
    expect(self.guardrails.filter((g) => g.verdict === "fail")).toEqual([]);
    expect(self.outcomes[0]!.auc_difference).toEqual({ value: 0, low: 0, high: 0 });
  });

  test("when there is no champion yet, then only absolute limits apply", async () => {
    const first = await evaluate(env, { candidate: "candidate" });
    expect(first.champion).toBeNull();
    expect(first.guardrails.map((g) => g.id)).toEqual(["click-calibration"]);
  });

  test("when a guardrail cannot be met, then the evaluation fails and says by how much", async () => {
    const strict = await evaluate(env, {
      candidate: "candidate",
      champion: "champion",
      guardrails: [
        {
          id: "impossible",
          metric: "click.auc",
          direction: "higher-is-better",
          relativeTo: "absolute",
          margin: 0.99,
          minimumEvidence: { of: "positives", least: 10 },
          falseAlarm: 0.05,
          blocks: "until-pass",
        },
      ],
    });
    expect(strict.verdict).toBe("fail");
    expect(strict.guardrails[0]).toMatchObject({ id: "impossible", verdict: "fail", expected: 0.99 });
    expect(strict.guardrails[0]!.actual).toBeLessThan(0.99);
  });

  test("when a candidate learned only orders, then what it cannot show is listed and blocks, and its policy is judged by what it does", async () => {
    await train(env, {
      snapshot: "late",
      name: "orders-only",
      outcomes: [{ name: "conversion", column: "did_convert" }],
    });
    const blind = await evaluate(env, { candidate: "orders-only", champion: "champion" });
    const verdicts = Object.fromEntries(blind.guardrails.map(({ id, verdict }) => [id, verdict]));
    expect(Object.keys(verdicts)).toEqual(evaluationGuardrails.map(({ id }) => id));
    for (const id of ["click-auc", "complaint-auc", "click-log-loss", "complaint-log-loss", "click-calibration"])
      expect(verdicts[id], id).toBe("not-measurable");
    expect(verdicts["policy-complaints"]).not.toBe("not-measurable");
    expect(["not-measurable", "fail"]).toContain(blind.verdict);
    const complaints = blind.policy.measures.find(({ metric }) => metric === "complaints_per_send")!;
    expect(complaints.candidate.value).not.toBeNull();
    expect(complaints.candidate_expects).toBeNull();

    const reasons = { "click-auc": "it has no score for clicks" };
    const waived = await evaluate(env, { candidate: "orders-only", champion: "champion", waive: reasons });
    expect(waived.guardrails.find(({ id }) => id === "click-auc")).toMatchObject({
      verdict: "not-measurable",
      waived: reasons["click-auc"],
    });
    await expect(
      evaluate(env, { candidate: "orders-only", champion: "champion", waive: { "click-aux": "misspelt" } }),
    ).rejects.toMatchObject({ code: "evaluate.guardrail" });
  });

  test("when the snapshot has no later rows, then it says so", async () => {
    await expect(
      evaluate(env, { candidate: "candidate", champion: "champion", snapshot: "early" }),
    ).rejects.toMatchObject({
      code: "evaluate.no-later-rows",
    });
  });
});
