import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decide } from "../../policy/policy.ts";
import { evaluate } from "../../retrain/evaluate/evaluate.ts";
import { createSnapshot } from "../../retrain/snapshot/snapshot.ts";
import { type ForeignEnv, type ForeignRequest, trainWith } from "../../retrain/trainer/foreign/train-with.ts";
import { train } from "../../retrain/trainer/train.ts";
import { artefactDigest } from "../../scoring/artefact.ts";
import { explainScore } from "../../scoring/explain-score.ts";
import { findModel, type Model, openScorer } from "../../scoring/model.ts";
import { readParquetTable } from "../../warehouse/duckdb/read-parquet.ts";
import { fillExamples } from "./support/examples.ts";
import { plainWarehouse } from "./support/plain-duckdb.ts";

const script = join(import.meta.dirname, "support", "logistic-trainer.mjs");
const command = (wish = "") => `"${process.execPath}" "${script}" ${wish}`;

let folder: string;
let env: ForeignEnv;
let model: Model;
const notes: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-foreign-"));
  env = {
    snapshots: join(folder, "snapshots"),
    models: join(folder, "models"),
    now: () => new Date("2026-03-10T00:00:00Z"),
    settings: { PATH: process.env["PATH"], INBOXLOOP_ID_KEY: "secret", AWS_SECRET_ACCESS_KEY: "secret" },
    cwd: folder,
    onNote: (line) => notes.push(line),
  };
  const warehouse = await plainWarehouse();
  await fillExamples(warehouse, 6_000);
  await createSnapshot({ warehouse, snapshots: env.snapshots, now: env.now }, { name: "all" });
  await warehouse.close();
  model = await trainedWith("foreign", "environment", { keep: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const trainedWith = (name: string, wish: string, more: Partial<ForeignRequest> = {}): Promise<Model> =>
  trainWith(env, { snapshot: "all", name, command: command(wish), ...more });

const columnsOf = (rows: number, rate: (i: number) => number) =>
  Object.fromEntries(
    model.record.lineage.features.list.map(({ name, type }) => [
      name,
      type === "number"
        ? Float64Array.from({ length: rows }, (_, i) => (name === "click_rate_90d" ? rate(i) : Number.NaN))
        : new Array<string>(rows).fill(""),
    ]),
  );

describe("a trainer of somebody else's", () => {
  test("when it is run, then its version has the lineage of any other, measured on what the snapshot sets aside", async () => {
    const { lineage, outcomes } = model.record;
    expect(lineage.trainer).toEqual({ name: "logistic", version: "1" });
    expect(lineage.hyperparameters).toEqual({ steps: 300 });
    expect(lineage.split).toMatchObject({ people_share: 0.3 });
    const click = outcomes.find(({ name }) => name === "click")!;
    expect(click.model).toMatchObject({ kind: "onnx", file: "click.onnx", calibration: { method: "given" } });
    expect(click.validation.auc).toBeGreaterThan(0.6);
    const own = await train(env, { snapshot: "all", name: "own" });
    expect(own.record.lineage).toMatchObject({ snapshot: lineage.snapshot, features: lineage.features });
    expect(own.record.outcomes[0]!.validation.rows).toBe(click.validation.rows);
    expect((await readdir(model.path)).sort()).toEqual(
      ["model.json", ...outcomes.flatMap((o) => (o.model.kind === "onnx" ? [o.model.file] : []))].sort(),
    );
  });

  test("when it is run, then it sees the rows to learn from and no others, no id, and nothing of the environment's secrets", async () => {
    const kept = notes.find((line) => line.includes("is kept in"))!.split("kept in ")[1]!;
    const environment = JSON.parse(await readFile(join(kept, "model", "environment.json"), "utf8"));
    expect(JSON.stringify(environment)).not.toContain("secret");
    const settings = JSON.parse(await readFile(join(kept, "snapshot", "settings.json"), "utf8"));
    const file = join(kept, "snapshot", "learn.parquet");
    const table = await readParquetTable([file], { sent_at: "seconds", _person: "number" }, ["sent_at"], settings.rows);
    expect(Math.max(...table.numbers("sent_at")) * 1000).toBeLessThan(Date.parse(model.record.lineage.fitted_before));
    expect(settings.rows).toBeLessThan(model.record.lineage.snapshot.rows);
    expect(new Set(table.numbers("_person")).size).toBeGreaterThan(1_000);
    await expect(readParquetTable([file], { user_id_hash: "text" }, ["sent_at"], 1)).rejects.toThrow(/user_id_hash/);
    await rm(kept, { recursive: true });
  });

  test("when it scores, then it does as a forest would, for each variant, whatever the batch", async () => {
    const scorer = await openScorer(model);
    try {
      const rows = 9_000;
      const columns = columnsOf(rows, (i) => (i % 100) / 250);
      const all = scorer.predict("click", columns, rows);
      expect(all[99]).toBeGreaterThan(2 * all[0]!);
      const [one] = scorer.predict(
        "click",
        columnsOf(1, () => 99 / 250),
        1,
      );
      expect(all[8_999]).toBe(one);
      const each = scorer.predictEach("click", columns, rows, "variant", ["plain", "pushy"]);
      expect(each[1]![5]).toBeGreaterThan(each[0]![5]!);
      const decisions = decide(scorer, columns, 50);
      expect(decisions).toHaveLength(50);
    } finally {
      scorer.close();
    }
  });

  test("when it is judged beside a champion of ours, then by the same guardrails on the same rows", async () => {
    const found = await evaluate(env, { candidate: "foreign", champion: "own" });
    expect(found.guardrails.map(({ id }) => id)).toContain("policy-complaints");
    expect(found.outcomes[0]!.candidate.auc).toBeCloseTo(model.record.outcomes[0]!.validation.auc!, 10);
    expect(found.outcomes[0]!.auc_difference).not.toBeNull();
    expect(found.rows.acquainted).toEqual([]);
  });

  test("when a score is explained, then it is given without contributions", async () => {
    const [click] = await explainScore(model, { click_rate_90d: 0.39 });
    expect(click).toMatchObject({ outcome: "click", has_say: true, features: [] });
    expect(click!.probability).toBeGreaterThan(0.05);
  });

  test("when a graph is swapped, then the artefact is another one and does not score", async () => {
    const copy = join(folder, "swapped");
    await cp(env.models, copy, { recursive: true });
    const before = await artefactDigest(model);
    const swapped = await findModel(copy, "foreign");
    expect(await artefactDigest(swapped)).toBe(before);
    await writeFile(join(swapped.path, "click.onnx"), await readFile(join(swapped.path, "complaint.onnx")));
    expect(await artefactDigest(swapped)).not.toBe(before);
    await expect(openScorer(swapped)).rejects.toMatchObject({ code: "model.changed", exitCode: 4 });
  });

  test("when the same program learns the same rows, then it is the same model, under another name too", async () => {
    const again = await trainedWith("again", "environment");
    expect(again.digest).toBe(model.digest);
    await expect(trainedWith("again", "")).rejects.toMatchObject({ code: "model.exists", exitCode: 2 });
  });
});

describe("what is not taken", () => {
  test.each([
    ["no-outcome", /says nothing of the outcome click/],
    ["outside", /name of an \.onnx file/],
    ["other-output", /the manifest says score/],
    ["other-width", /the manifest names 2 columns/],
  ])("when the manifest is wrong (%s), then it is refused and no version appears", async (wish, message) => {
    await expect(trainedWith(wish, wish)).rejects.toMatchObject({ code: "train.manifest", exitCode: 4, message: expect.stringMatching(message) }); // biome-ignore format: short
    expect(await readdir(env.models)).not.toContain(wish);
  });

  test("when the graph is none, or answers no probability, then it is refused by what ONNX Runtime says", async () => {
    await expect(trainedWith("broken", "broken")).rejects.toMatchObject({ code: "model.onnx", exitCode: 4 });
    await expect(trainedWith("odd", "not-a-probability")).rejects.toThrow(/is no probability/);
    expect(await readdir(env.models)).not.toContain("odd");
  });

  test("when the command fails, then its last words are told", async () => {
    await expect(trainedWith("failed", "fail")).rejects.toMatchObject({
      code: "train.command",
      message: expect.stringContaining("no such library: boost"),
    });
  });

  test("when it does not end in its time, or writes too much, then it is stopped", async () => {
    await expect(trainedWith("late", "hang", { limits: { seconds: 2 } })).rejects.toThrow(/had not ended after 2 s/);
    await expect(trainedWith("flood", "flood", { limits: { bytes: 10_000_000 } })).rejects.toThrow(/wrote more than/);
  });

  test("when the run is aborted, then it ends at once and leaves no version", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error("stop")), 1_500);
    const running = trainWith(
      { ...env, signal: abort.signal },
      { snapshot: "all", name: "gone", command: command("hang") },
    );
    await expect(running).rejects.toThrow("stop");
    expect(await readdir(env.models)).not.toContain("gone");
  });
});
