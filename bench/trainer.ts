/**
 * The trainer beside LightGBM on the same rows and splits, one core each: AUC and log loss on the rows that the snapshot sets aside (of Hillstrom's file the last 15 %), and processor time.
 *
 *   python3 -m venv <venv> && <venv>/bin/pip install lightgbm numpy
 *   npm run bench:trainer -- --python <venv>/bin/python [--hillstrom hillstrom.csv.gz] [--search 8] [<folder of a snapshot> ...]
 *
 * The peer is told the same numbers and categories: bench/trainer_peer.py says with which settings it learns.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import featureSet from "../includes/features.js";
import { logLosses, mean, outcomeMetrics } from "../retrain/evaluate/metrics.ts";
import { snapshotLock } from "../retrain/snapshot/snapshot-lock.ts";
import { splitOf } from "../retrain/snapshot/split.ts";
import { binnedRows } from "../retrain/trainer/boosting/binned-rows.ts";
import { binColumn, categoryBinning, numberBinning } from "../retrain/trainer/boosting/binning.ts";
import { crossFit } from "../retrain/trainer/boosting/cross-fit.ts";
import { settingsToTry } from "../retrain/trainer/boosting/settings.ts";
import { calibrated, fitCalibration, sigmoid } from "../scoring/calibration.ts";
import { type Reading, readParquetTable } from "../warehouse/duckdb/read-parquet.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string", default: "python3" },
    hillstrom: { type: "string" },
    /** Settings that ours tries; the peer is told two. */
    search: { type: "string", default: "1" },
    json: { type: "boolean" },
  },
});

/** Rows that are learned from and then the later ones, with the fold of each one's person. */
interface World {
  readonly name: string;
  readonly rows: number;
  readonly columns: Readonly<Record<string, Float64Array | readonly string[]>>;
  readonly outcomes: Readonly<Record<string, Uint8Array>>;
  readonly fold: Uint8Array;
  /** Rows from here on are not learned from. */
  readonly from: number;
}

interface Found {
  readonly auc: number;
  readonly logLoss: number;
  readonly seconds: number;
  readonly trees: number;
}

const [first, ...others] = settingsToTry(Number(values.search), []);
const settings = [first.terms, ...others.map(({ terms }) => terms)] as const;
const folds = 3;
/** Of a file that no snapshot has split. */
const validateShare = 0.15;
const truths = (column: ArrayLike<number>): Uint8Array => Uint8Array.from(column, (label) => (label === 1 ? 1 : 0));

async function ofSnapshot(folder: string): Promise<World> {
  const lock = snapshotLock.parse(JSON.parse(await readFile(join(folder, "lock.json"), "utf8")));
  const wanted: Record<string, Reading> = { user_id_hash: "group" };
  const { learn } = splitOf(lock, folder).lock;
  for (const { name, type } of featureSet.list) wanted[name] = type === "number" ? "number" : "text";
  for (const { column } of featureSet.outcomes) wanted[column] = "number";
  const files = lock.files.map(({ name }) => join(folder, name));
  const table = await readParquetTable(files, wanted, ["split", "sent_at", "message_id"], lock.lock.rows);
  return {
    name: basename(folder).slice(0, 8),
    rows: table.rows,
    columns: Object.fromEntries(
      featureSet.list.map(({ name, type }: { name: string; type: string }) => [
        name,
        type === "number" ? table.numbers(name) : table.texts(name),
      ]),
    ),
    outcomes: Object.fromEntries(
      featureSet.outcomes.map(({ name, column }: { name: string; column: string }) => [
        name,
        truths(table.numbers(column)),
      ]),
    ),
    fold: Uint8Array.from(table.numbers("user_id_hash"), (group) => group % folds),
    from: learn,
  };
}

/** Kevin Hillstrom's e-mail challenge (2008): one row a customer, the e-mail among the features; it has no time, so the file's order stands for it. */
async function ofHillstrom(file: string): Promise<World> {
  const bytes = await readFile(file);
  const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
  const [header, ...lines] = text
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(","));
  const column = (name: string): string[] => lines.map((cells) => cells[header!.indexOf(name)]!);
  const numbers = (name: string): Float64Array => Float64Array.from(column(name), Number);
  const columns: Record<string, Float64Array | readonly string[]> = {};
  for (const name of ["recency", "history", "mens", "womens", "newbie"]) columns[name] = numbers(name);
  for (const name of ["history_segment", "zip_code", "channel", "segment"]) columns[name] = column(name);
  return {
    name: "hillstrom",
    rows: lines.length,
    columns,
    outcomes: { visit: truths(numbers("visit")) },
    fold: Uint8Array.from(lines, (_, row) => row % folds),
    from: Math.round(lines.length * (1 - validateShare)),
  };
}

const spent = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
};

async function ours(world: World): Promise<Readonly<Record<string, Found>>> {
  const names = Object.keys(world.columns);
  let since = process.cpuUsage();
  const data = await binnedRows(world.rows, names.length, async (i) => {
    const name = names[i]!;
    const column = world.columns[name]!;
    const binning = column instanceof Float64Array ? numberBinning(name, column) : categoryBinning(name, column);
    return { binning, fill: (into) => binColumn(binning, column, into) };
  });
  const binning = spent(since) / Object.keys(world.outcomes).length;
  const { from } = world;
  const known = Int32Array.from({ length: from }, (_, row) => row);
  const found: Record<string, Found> = {};
  for (const [i, [outcome, labels]] of Object.entries(world.outcomes).entries()) {
    since = process.cpuUsage();
    const rows = { rows: known, weights: null, worth: null, known, targets: labels, fold: world.fold, folds };
    const fitted = crossFit(data, rows, settings, 1_000 * (31 + i));
    const calibration = fitCalibration(fitted.crossFitted.map(sigmoid), labels.subarray(0, from));
    const seconds = binning + spent(since);
    const scores = Float64Array.from(fitted.scores.subarray(from), (score) => calibrated(sigmoid(score), calibration));
    const later = { labels: labels.subarray(from), scores };
    found[outcome] = {
      auc: outcomeMetrics(later).auc!,
      logLoss: mean(logLosses(later)),
      seconds,
      trees: fitted.forest.trees.length,
    };
  }
  return found;
}

async function peers(world: World): Promise<Readonly<Record<string, Readonly<Record<string, Found>>>>> {
  const folder = await mkdtemp(join(tmpdir(), "inboxloop-bench-trainer-"));
  try {
    const names = Object.keys(world.columns);
    const cells = new Float64Array(world.rows * names.length);
    const categories: number[] = [];
    for (const [i, name] of names.entries()) {
      const column = world.columns[name]!;
      if (column instanceof Float64Array) cells.set(column, i * world.rows);
      else {
        categories.push(i);
        const codes = new Map(
          [...new Set(column)]
            .filter((text) => text !== "")
            .sort()
            .map((text, code) => [text, code]),
        );
        for (let row = 0; row < world.rows; row++) cells[i * world.rows + row] = codes.get(column[row]!) ?? Number.NaN;
      }
    }
    await writeFile(join(folder, "cells"), new Uint8Array(cells.buffer));
    await writeFile(join(folder, "fold"), world.fold);
    for (const [name, labels] of Object.entries(world.outcomes)) await writeFile(join(folder, name), labels);
    const { from } = world;
    const told = { rows: world.rows, features: names.length, categories, from, outcomes: Object.keys(world.outcomes) };
    await writeFile(join(folder, "world.json"), JSON.stringify(told));
    const script = join(import.meta.dirname, "trainer_peer.py");
    const { stdout } = await promisify(execFile)(values.python, [script, folder]);
    return JSON.parse(stdout) as Record<string, Record<string, Found>>;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** By who learned and outcome. */
type Everyone = Readonly<Record<string, Readonly<Record<string, Found>>>>;

/** By outcome, over the worlds that have it: who, and the means of AUC, log loss, trees and seconds. */
function meansOf(
  worlds: readonly { readonly found: Everyone }[],
): Readonly<Record<string, readonly (readonly string[])[]>> {
  const outcomes = new Set(worlds.flatMap(({ found }) => Object.keys(found["ours"]!)));
  return Object.fromEntries(
    [...outcomes].map((outcome) => {
      const having = worlds.filter(({ found }) => found["ours"]![outcome] !== undefined);
      const rows = Object.keys(worlds[0]!.found).map((who) => {
        const of = (key: keyof Found) => mean(having.map(({ found }) => found[who]![outcome]![key]));
        return [who, of("auc").toFixed(4), of("logLoss").toFixed(5), of("trees").toFixed(0), of("seconds").toFixed(2)];
      });
      return [outcome, rows];
    }),
  );
}

async function main(): Promise<void> {
  const worlds: World[] = [];
  for (const folder of positionals) worlds.push(await ofSnapshot(folder));
  if (values.hillstrom !== undefined) worlds.push(await ofHillstrom(values.hillstrom));
  const line = (cells: readonly (string | number)[]): void => {
    process.stdout.write(`${cells.map((cell) => String(cell).padEnd(13)).join("")}\n`);
  };
  if (!values.json) line(["world", "outcome", "positives", "who", "AUC", "log loss", "trees", "cpu s"]);
  const all: (Readonly<Record<string, unknown>> & { readonly found: Everyone })[] = [];
  for (const world of worlds) {
    const everyone: Everyone = { ours: await ours(world), ...(await peers(world)) };
    all.push({ world: world.name, rows: world.rows, found: everyone });
    if (values.json) continue;
    for (const [outcome, labels] of Object.entries(world.outcomes)) {
      const positives = labels.subarray(world.from).reduce((sum, one) => sum + one, 0);
      for (const [who, found] of Object.entries(everyone)) {
        const { auc, logLoss, trees, seconds } = found[outcome]!;
        line([world.name, outcome, positives, who, auc.toFixed(4), logLoss.toFixed(5), trees, seconds.toFixed(2)]);
      }
    }
  }
  if (!values.json)
    for (const [outcome, means] of Object.entries(meansOf(all)))
      for (const mean of means) line(["mean", outcome, "", ...mean]);
  if (values.json) process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
}

await main();
