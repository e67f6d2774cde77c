import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../platform/seeded-random.ts";
import {
  alarmColumns,
  groupedAuc,
  implausibleFeatures,
  mostOfAValue,
  mostOfMissingness,
  refuseImplausible,
} from "../../retrain/alarm/implausible-features.ts";
import { areaUnderCurve } from "../../retrain/evaluate/metrics.ts";
import { createSnapshot } from "../../retrain/snapshot/snapshot.ts";
import { train } from "../../retrain/trainer/train.ts";
import type { Table } from "../../warehouse/duckdb/read-parquet.ts";
import { fillExamples } from "./support/examples.ts";
import { type PlainWarehouse, plainWarehouse } from "./support/plain-duckdb.ts";

/** A table of columns in memory, each row drawn from the outcome and a stream of random numbers. */
function drawn(
  rows: number,
  rate: number,
  columns: Readonly<Record<string, (clicked: boolean, random: () => number) => number | string>>,
  seed = 7,
): Table {
  const random = seededRandom(seed);
  const labels = Float64Array.from({ length: rows }, () => (random() < rate ? 1 : 0));
  const made = Object.entries(columns).map(
    ([name, of]) => [name, Array.from(labels, (label) => of(label === 1, random))] as const,
  );
  const cells = new Map<string, readonly (number | string)[]>(made);
  return {
    rows,
    numbers: (name) => (name === "did_click" ? labels : Float64Array.from(cells.get(name) as readonly number[])),
    texts: (name) => cells.get(name) as readonly string[],
  };
}

const click = [{ name: "click", column: "did_click" }];
const number = (name: string) => ({ name, type: "number" as const });
const category = (name: string) => ({ name, type: "category" as const });

describe("a single feature", () => {
  test("when rows share scores then the grouped AUC and its error are those of the rows one by one", () => {
    const groups = [
      { score: 0.1, positives: 3, negatives: 40 },
      { score: 0.4, positives: 11, negatives: 30 },
      { score: 0.4, positives: 4, negatives: 6 },
      { score: 0.9, positives: 25, negatives: 5 },
    ];
    const labels = groups.flatMap((g) => [...Array(g.positives).fill(1), ...Array(g.negatives).fill(0)]);
    const scores = groups.flatMap((g) => Array(g.positives + g.negatives).fill(g.score));
    const whole = areaUnderCurve({ labels, scores });
    const grouped = groupedAuc(groups);
    expect(grouped.auc).toBeCloseTo(whole.auc!, 12);
    expect(grouped.standardError).toBeCloseTo(whole.standardError!, 12);
  });

  test("when it is what the outcome wrote then it is found by its name, whether it rises, falls or does neither", () => {
    const table = drawn(4_000, 0.05, {
      rising: (clicked, random) => (clicked ? 100 + random() : random() * 10),
      falling: (clicked, random) => (clicked ? -random() : 1 + random()),
      middle: (clicked, random) => (clicked ? 5 + random() : random() < 0.5 ? random() * 4 : 8 + random() * 4),
      named: (clicked, random) => (clicked ? "warm" : random() < 0.5 ? "cold" : "cool"),
      honest: (clicked, random) => random() + (clicked ? 0.4 : 0),
    });
    const features = [number("rising"), number("falling"), number("middle"), category("named"), number("honest")];
    const found = implausibleFeatures(table, features, click);
    expect(found.map((one) => one.feature).sort()).toEqual(["falling", "middle", "named", "rising"]);
    for (const one of found) {
      expect(one.by).toBe("value");
      expect(one.auc_low).toBeGreaterThan(mostOfAValue);
    }
  });

  test("when a region is only known of those who opened then its missingness is found", () => {
    const table = drawn(4_000, 0.05, {
      region: (clicked, random) => (clicked || random() < 0.25 ? "DE" : "unknown"),
      distance: (clicked, random) => (clicked || random() < 0.25 ? random() : Number.NaN),
    });
    const found = implausibleFeatures(table, [category("region"), number("distance")], click);
    expect(found.map((one) => [one.feature, one.by])).toEqual([
      [expect.any(String), "missingness"],
      [expect.any(String), "missingness"],
    ]);
    for (const one of found) expect(one.auc_low).toBeGreaterThan(mostOfMissingness);
  });

  test("when features are honest, of many categories, or say that somebody never clicked, then none is found in 200 draws", () => {
    let found = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const table = drawn(
        600,
        0.06,
        {
          campaign: (_, random) => `c${Math.floor(random() * 300)}`,
          since_click: (clicked, random) => (random() < (clicked ? 0.75 : 0.35) ? random() * 90 : Number.NaN),
          rate: (clicked, random) => random() ** (clicked ? 1 : 2),
        },
        seed,
      );
      found += implausibleFeatures(table, [category("campaign"), number("since_click"), number("rate")], click).length;
    }
    expect(found).toBe(0);
  });

  test("when there are too few of a class then nothing is said", () => {
    const table = drawn(300, 0.03, { same: (clicked) => (clicked ? 1 : 0) });
    expect(implausibleFeatures(table, [number("same")], click)).toEqual([]);
  });

  test("of a table's columns keys, outcomes and what is beside them are no features", () => {
    const { features, outcomes } = alarmColumns([
      { name: "message_id", type: "STRING" },
      { name: "sent_at", type: "TIMESTAMP" },
      { name: "clicks_30d", type: "INT64" },
      { name: "isp", type: "STRING" },
      { name: "did_click", type: "BOOL" },
      { name: "outcome_reply", type: "BOOL" },
      { name: "label", type: "STRING" },
      { name: "revenue", type: "FLOAT64" },
    ]);
    expect(features.map((one) => one.name)).toEqual(["clicks_30d", "isp"]);
    expect(outcomes.map((one) => one.column)).toEqual(["did_click"]);
  });

  test("when one is waived with a reason then only it passes, and only waivers that were needed are kept", () => {
    const table = drawn(4_000, 0.05, { a: (clicked) => (clicked ? 1 : 0), b: (clicked) => (clicked ? 0 : 1) });
    const found = implausibleFeatures(table, [number("a"), number("b")], click);
    const run = { code: "train.implausible", where: "here", command: "inboxloop train" };
    expect(() => refuseImplausible(found, { a: "why" }, run)).toThrow(/^too good to be true: (whether )?b /);
    expect(refuseImplausible(found, { a: "why", b: "because", c: "never there" }, run)).toEqual({
      a: "why",
      b: "because",
    });
  });
});

describe("a run", () => {
  let folder: string;
  let warehouse: PlainWarehouse;
  const now = () => new Date("2026-03-10T00:00:00Z");
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "inboxloop-alarm-"));
    warehouse = await plainWarehouse();
    await fillExamples(warehouse, 3_000);
    await warehouse.run("update training.examples set region = case when did_click then 'eu' else 'unknown' end");
  });
  afterAll(async () => {
    await warehouse.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("when a feature of the examples is filled in by the click then no snapshot is made, unless it is waived", async () => {
    const env = { warehouse, snapshots: join(folder, "snapshots"), now };
    await expect(createSnapshot(env)).rejects.toMatchObject({
      code: "snapshot.implausible",
      exit: "check",
      message: expect.stringMatching(/^too good to be true: whether region is there tells click with AUC 1\.000/),
      next: expect.stringContaining("inboxloop snapshot create --waive region="),
    });
    const made = await createSnapshot(env, { name: "waived", waive: { region: "told by hand" } });
    expect(made.kind === "created" && made.lock.made.waived).toEqual({ region: "told by hand" });
  });

  test("when a snapshot was waived then the trainer takes its word and records it; without one it stops", async () => {
    const models = join(folder, "models");
    const env = { snapshots: join(folder, "snapshots"), models, now };
    const small = { rowsPerOutcome: 300, outcomes: [{ name: "click", column: "did_click" }] };
    const model = await train(env, { snapshot: "waived", name: "with", ...small });
    expect(model.record.made.waived).toEqual({ region: "told by hand" });
    const features = [
      { name: "opens_30d", type: "number" as const },
      { name: "did_convert", type: "number" as const },
      { name: "did_click", type: "number" as const },
    ];
    await expect(train(env, { snapshot: "waived", name: "without", features, ...small })).rejects.toMatchObject({
      code: "train.implausible",
      message: expect.stringContaining("did_click tells click with AUC 1.000"),
    });
  });
});
