// npm run bench:models -- --python <venv>/bin/python [--rows 1000000] [--seeds 5] [--events 60000] [--only votes|training|build] [--signals 1000000]
//
//   python3 -m venv <venv> && <venv>/bin/pip install snorkel==0.10.0 "numpy<2" "pyarrow<18"
//
// What the label model is worth:
//   votes      the label model beside Snorkel's LabelModel on the same votes of twelve voters, two of them copies of others: processor time of one
//              thread from votes to a posterior a row (ours from a table that has the votes of a row as one text, as labels.vote_patterns has them,
//              to a table, through the warehouse; Snorkel's from a matrix in memory to one), planted accuracies, and how far posteriors move when
//              one voter is there five times more
//   training   worlds of the simulator, one a seed: two models of the same learner, rows and features, one taught the label model's answer (p_engaged), one
//              the four-class rule (click or not), held against how likely a person's click on later mails really was: difference of the AUCs, and
//              Student's 95 % interval over the seeds
//   build      a world of so many signals: processor time of a full build of the tables that bench/models/by-hand.ts writes in DuckDB's SQL by hand
//              (distinct signals, messages, engagement labels) beside those, the rows of both held against each other, assertions not counted; and
//              of building labels and features again after an hour with the latest hundredth of the signals, beside building all of them anew
// Ratios count: seconds are this machine's, at this moment.

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs, promisify } from "node:util";
import { parse } from "csv-parse";
import { runIngestFile } from "../cli/commands/ingest/file.ts";
import { createEnvironment } from "../cli/environment.ts";
import featureSet from "../includes/features.js";
import labelModel from "../includes/label_model.js";
import labelling from "../includes/labelling_functions.js";
import rawTables from "../includes/raw_tables.js";
import { outcomeMetrics } from "../retrain/evaluate/metrics.ts";
import { binnedRows } from "../retrain/trainer/boosting/binned-rows.ts";
import { binColumn, categoryBinning, numberBinning } from "../retrain/trainer/boosting/binning.ts";
import { crossFit } from "../retrain/trainer/boosting/cross-fit.ts";
import { settingsToTry } from "../retrain/trainer/boosting/settings.ts";
import { sigmoid } from "../scoring/calibration.ts";
import { worldConfig, worldEnd } from "../simulate/config.ts";
import { writeWorld } from "../simulate/write-world.ts";
import { buildProject } from "../warehouse/dataform/build.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../warehouse/duckdb/adapter.ts";
import { localEngine } from "../warehouse/duckdb/local-engine.ts";
import { byHand, compared } from "./models/by-hand.ts";

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    rows: { type: "string", default: "1000000" },
    seeds: { type: "string", default: "5" },
    events: { type: "string", default: "60000" },
    only: { type: "string" },
    signals: { type: "string", default: "1000000" },
  },
});
const root = resolve(import.meta.dirname, "..");
const isWanted = (what: string): boolean => values.only === undefined || values.only === what;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;

// --- votes

/** The share of yes, and voters that know nothing of each other but the truth. */
const share = 0.3;
const voters = [
  { accuracy: 0.6, coverage: 0.5 },
  { accuracy: 0.65, coverage: 0.4 },
  { accuracy: 0.7, coverage: 0.6 },
  { accuracy: 0.75, coverage: 0.3 },
  { accuracy: 0.8, coverage: 0.5 },
  { accuracy: 0.85, coverage: 0.2 },
  { accuracy: 0.9, coverage: 0.3 },
  { accuracy: 0.95, coverage: 0.25 },
  { accuracy: 0.7, coverage: 0.6 },
  { accuracy: 0.8, coverage: 0.4 },
];
const named = (index: number): string => `v${index}`;
const alone = voters.map((_, i) => named(i));
/** What each list of voters says, as columns of `votes`. */
const asked = {
  votes: [...alone, named(0), named(1)],
  alone,
  repeated: [...alone, ...Array.from({ length: 5 }, () => named(4))],
};
type Asked = keyof typeof asked;

/** What the label model is told: nothing of anybody's accuracy but that it is better than chance. */
const declared = 0.7;
const start = (who: Asked) => ({
  ...labelling.fitting,
  start: { share, voters: asked[who].map((_, i) => ({ name: `n${i}`, confidence: declared })) },
});

interface Fit {
  readonly voters: readonly { readonly accuracy: number | null }[];
  readonly groups: readonly (readonly string[])[];
}

const chance = (of: number): string => `(hash(n * 100 + ${of}) / 18446744073709551616.0)`;

/** The votes: native DuckDB, numbers from hashes. */
const makeVotes = (rows: number): string => {
  const columns = voters.map(
    ({ accuracy, coverage }, i) =>
      `case when ${chance(2 * i + 1)} >= ${coverage} then '-' when (${chance(2 * i + 2)} < ${accuracy}) = y then 'for' else 'against' end as ${named(i)}`,
  );
  return `insert into polled.votes select n, y, ${columns.join(", ")} from (select n, ${chance(0)} < ${share} as y from range(${rows}) as r(n))`;
};

interface Labelled {
  readonly fit: Fit;
  /** Processor time: the votes of a row as one text, and all after it, to a posterior a row. */
  readonly seconds: {
    readonly written: number;
    readonly counted: number;
    readonly fitted: number;
    readonly given: number;
  };
}

/**
 * From votes to a posterior for each row, as labels.vote_patterns, pattern_counts, label_fits, pattern_posteriors and probabilistic_labels do
 * it, less weeks, people and the words that explain a posterior, none of which Snorkel has.
 */
async function label(warehouse: DuckDbWarehouse, who: Asked): Promise<Labelled> {
  const half = labelModel.inFirst(asked[who].length);
  const timed = async (sql: string): Promise<number> => {
    const before = process.cpuUsage();
    await warehouse.execute(sql);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  const written = await timed(
    `create or replace table polled.patterns_${who} as select n, concat(${asked[who].join(", '|', ")}) as votes from polled.votes`,
  );
  const counted = await timed(`create or replace table polled.counts_${who} as
    select
      votes,
      regexp_extract(votes, r'^(?:[^|]*[|]){${half - 1}}[^|]*') as first_votes,
      regexp_extract(votes, r'^(?:[^|]*[|]){${half}}(.*)') as last_votes,
      messages
    from (select votes, count(*) as messages from polled.patterns_${who} group by votes)`);
  const fitted = await timed(`create temp function fit_labels(input string) returns string language js as r"""
${labelModel.body()}
""";
    create or replace table polled.fits_${who} as
    with firsts as (
      select first_votes, row_number() over (order by first_votes) - 1 as place
      from (select distinct first_votes from polled.counts_${who})
    ),
    lasts as (
      select last_votes, row_number() over (order by last_votes) - 1 as place
      from (select distinct last_votes from polled.counts_${who})
    ),
    patterns as (
      select counts.messages, firsts.place as first_place, lasts.place as last_place
      from polled.counts_${who} as counts
      join firsts on counts.first_votes = firsts.first_votes
      join lasts on counts.last_votes = lasts.last_votes
    ),
    told_firsts as (
      select
        string_agg(concat('"', firsts.first_votes, '"'), ',' order by firsts.place) as firsts,
        string_agg(cast(counted.patterns as string), ',' order by firsts.place) as starts
      from firsts
      join (select first_place, count(*) as patterns from patterns group by first_place) as counted
        on firsts.place = counted.first_place
    ),
    told_lasts as (
      select string_agg(concat('"', last_votes, '"'), ',' order by place) as lasts from lasts
    ),
    told_patterns as (
      select
        string_agg(cast(last_place as string), ',' order by first_place, last_place) as last_places,
        string_agg(cast(messages as string), ',' order by first_place, last_place) as sizes
      from patterns
    )
    select fit_labels(concat(
      '${JSON.stringify(start(who)).slice(0, -1)},"first":[', told_firsts.firsts, '],"starts":[', told_firsts.starts,
      '],"last":[', told_lasts.lasts, '],"lasts":[', told_patterns.last_places, '],"sizes":[', told_patterns.sizes,
      '],"people":[],"weekly":[]}'
    )) as fit
    from told_patterns
    cross join told_firsts
    cross join told_lasts`);
  const given = await timed(`create or replace table polled.posteriors_${who} as
    with ${["first", "last"]
      .map(
        (part) => `${part}s as (
      select json_value(one, '$.votes') as votes, json_value(one, '$.key') as key, cast(json_value(one, '$.weight') as float64) as weight
      from polled.fits_${who} as fits
      cross join unnest(json_query_array(fits.fit, '$.${part}')) as one
    )`,
      )
      .join(",\n    ")},
    across as (
      select json_value(one, '$.first') as first_key, json_value(one, '$.last') as last_key, cast(json_value(one, '$.weight') as float64) as weight
      from polled.fits_${who} as fits
      cross join unnest(json_query_array(fits.fit, '$.across')) as one
    ),
    posteriors as (
      select counts.votes, 1 / (1 + exp(-(firsts.weight + lasts.weight + across.weight))) as probability
      from polled.counts_${who} as counts
      join firsts on counts.first_votes = firsts.votes
      join lasts on counts.last_votes = lasts.votes
      join across on firsts.key = across.first_key and lasts.key = across.last_key
    )
    select rows_of.n, posteriors.probability
    from polled.patterns_${who} as rows_of
    join posteriors on rows_of.votes = posteriors.votes`);
  const { rows } = await warehouse.query(`select fit from polled.fits_${who}`);
  return { fit: JSON.parse(String(rows[0]!["fit"])) as Fit, seconds: { written, counted, fitted, given } };
}

interface Peer {
  readonly seconds: number;
  readonly accuracies: readonly number[];
  readonly logLoss: number;
  readonly moved: { readonly most: number; readonly mean: number };
}

const points = (share: number): string => (100 * share).toFixed(2);

async function benchVotes(folder: string): Promise<void> {
  const warehouse = await openDuckDbWarehouse({
    path: join(folder, "votes.duckdb"),
    threads: 1,
    directories: [folder],
  });
  try {
    const native = warehouse.lane.connection;
    const columns = alone.map((name) => `${name} string`).join(", ");
    await warehouse.execute(`create schema polled; create table polled.votes (n int64, y bool, ${columns})`);
    await native.run(makeVotes(Number(values.rows)));
    // what starts once in a process is not what a fit costs: neither Snorkel's imports are counted, nor the start of our sandbox
    await label(warehouse, "alone");
    await label(warehouse, "repeated");
    const ours = await label(warehouse, "votes");
    const { written, counted, fitted, given } = ours.seconds;
    const spent = counted + fitted + given;
    const [found] = (
      await native.runAndReadAll(
        `select avg(-ln(case when y then greatest(probability, 1e-6) else greatest(1 - probability, 1e-6) end)) as loss from polled.votes join polled.posteriors_votes using (n)`,
      )
    ).getRowObjectsJson() as [{ loss: number }];
    const [moved] = (
      await native.runAndReadAll(
        `select max(abs(a.probability - b.probability)) as most, avg(abs(a.probability - b.probability)) as mean from polled.posteriors_alone as a join polled.posteriors_repeated as b using (n)`,
      )
    ).getRowObjectsJson() as [{ most: number; mean: number }];
    const planted = asked.votes.map((name) => voters[Number(name.slice(1))]!.accuracy);
    const off = (accuracies: readonly (number | null)[]): number =>
      Math.max(...planted.map((accuracy, i) => Math.abs((accuracies[i] ?? 0) - accuracy)));
    say(
      `votes         ${Number(values.rows).toLocaleString("en-US")} rows, ${planted.length} voters, groups ${JSON.stringify(ours.fit.groups.filter((one) => one.length > 1))}`,
    );
    say(
      `accuracy      ours is off by ${points(off(ours.fit.voters.map(({ accuracy }) => accuracy)))} points at most (limit 2); log loss of the posteriors ${found.loss.toFixed(4)}`,
    );
    say(
      `five copies   ours: posteriors move by ${points(moved.most)} points at most, ${points(moved.mean)} on the average (limit 1)`,
    );
    if (values.python === undefined) {
      say(`time          ours ${spent.toFixed(2)} s of processor time; no peer: --python names one with snorkel`);
      return;
    }
    for (const [who, columns] of Object.entries(asked)) {
      const codes = columns.map(
        (name, i) => `case ${name} when 'for' then 1 when 'against' then 0 else -1 end as n${i}`,
      );
      await warehouse.exportParquet(
        `select ${codes.join(", ")} from polled.votes order by n`,
        join(folder, `${who}.parquet`),
      );
    }
    await warehouse.exportParquet("select y from polled.votes order by n", join(folder, "truth.parquet"));
    writeFileSync(join(folder, "told.json"), JSON.stringify({ share, seed: 1 }));
    const { stdout } = await promisify(execFile)(values.python, [join(import.meta.dirname, "models_peer.py"), folder]);
    const peer = JSON.parse(stdout) as Peer;
    say(
      `accuracy      Snorkel's is off by ${points(off(peer.accuracies))} points at most; log loss of the posteriors ${peer.logLoss.toFixed(4)}`,
    );
    say(
      `five copies   Snorkel: posteriors move by ${points(peer.moved.most)} points at most, ${points(peer.moved.mean)} on the average`,
    );
    say(
      `time          ours ${spent.toFixed(2)} s of processor time (patterns ${counted.toFixed(2)}, fit ${fitted.toFixed(2)}, posteriors ${given.toFixed(2)}), Snorkel ${peer.seconds.toFixed(2)} s: ours is ${(peer.seconds / spent).toFixed(2)} times as fast (limit 10)`,
    );
    say(
      `time          with the votes of twelve columns written as a text a row first, ${written.toFixed(2)} s: ${(peer.seconds / (spent + written)).toFixed(2)} times as fast`,
    );
  } finally {
    await warehouse.close();
  }
}

// --- training

const folds = 3;
/** Of the mails, the latest, by which models are held against the truth. */
const judgedShare = 0.25;
const student95: Readonly<Record<number, number>> = {
  1: 12.706,
  2: 4.303,
  3: 3.182,
  4: 2.776,
  5: 2.571,
  6: 2.447,
  7: 2.365,
  8: 2.306,
  9: 2.262,
};

interface Truth {
  readonly isClicked: boolean;
  readonly chance: number;
}

/** By message, whether somebody really clicked, and how likely that was. */
async function truthOf(world: string): Promise<ReadonlyMap<string, Truth>> {
  const truth = new Map<string, Truth>();
  const rows = createReadStream(join(world, "truth", "messages.csv")).pipe(parse({ columns: true }));
  for await (const row of rows as AsyncIterable<Record<string, string>>)
    truth.set(row["message_id"]!, { isClicked: row["is_clicked"] === "true", chance: Number(row["p_click"]) });
  return truth;
}

/** The AUC that such scores have on the average over what chance makes of the same mails. */
function aucOfChances(scores: ArrayLike<number>, chances: ArrayLike<number>): number {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let below = 0;
  let won = 0;
  let all = 0;
  for (let at = 0; at < order.length; ) {
    let came = 0;
    let stayed = 0;
    const score = scores[order[at]!]!;
    for (; at < order.length && scores[order[at]!] === score; at++) {
      came += chances[order[at]!]!;
      stayed += 1 - chances[order[at]!]!;
    }
    won += came * (below + stayed / 2);
    below += stayed;
    all += came;
  }
  return won / (all * below);
}

/** The world's mature messages in the order of their sends, as the warehouse has them. */
async function examplesOf(folder: string, seed: number) {
  const home = join(folder, `home-${seed}`);
  const environment = await createEnvironment({ home, quiet: true }, new AbortController().signal);
  const config = worldConfig({ seed, events: Number(values.events) });
  const world = join(folder, `world-${seed}`);
  await writeWorld(config, world, { signal: environment.signal });
  await runIngestFile(environment, [join(world, "events-*.ndjson")], { trustReceivedAt: true });
  await environment.target.close();
  const warehouse = await openDuckDbWarehouse({
    path: environment.home.warehouse,
    rawDir: environment.home.raw,
    rawTables: Object.fromEntries(
      (rawTables.names as readonly string[]).map((name) => [name, rawTables.columns(name)]),
    ),
  });
  try {
    const { result } = await buildProject({
      projectDir: root,
      engine: localEngine(warehouse, "bench"),
      vars: { as_of: new Date(worldEnd(config)).toISOString() },
      select: ["training.examples", "labels.engagement_labels"],
      includeDeps: true,
      cacheDir: join(folder, "compiled"),
      now: () => new Date(),
      newId: randomUUID,
    });
    const failed = result.results.find((step) => step.outcome === "failed");
    if (failed !== undefined) throw new Error(`${failed.id} failed: ${failed.error?.message}`);
    const { rows } =
      await warehouse.query(`select examples.*, engagement_labels.engagement_label = 'click' as is_rule_click
      from training.examples as examples
      join labels.engagement_labels as engagement_labels on examples.message_id = engagement_labels.message_id
      where examples.is_mature
      order by examples.sent_at, examples.message_id`);
    const truth = await truthOf(world);
    return { rows, truth: rows.map((row) => truth.get(String(row["message_id"])) ?? { isClicked: false, chance: 0 }) };
  } finally {
    await warehouse.close();
    rmSync(home, { recursive: true, force: true });
    rmSync(world, { recursive: true, force: true });
  }
}

async function benchTraining(folder: string): Promise<void> {
  const differences: number[] = [];
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    const { rows, truth } = await examplesOf(folder, seed);
    const clicked = Uint8Array.from(truth, ({ isClicked }) => (isClicked ? 1 : 0));
    const chances = Float64Array.from(truth, ({ chance }) => chance);
    const data = await binnedRows(rows.length, featureSet.list.length, async (i) => {
      const { name, type } = featureSet.list[i]!;
      if (type === "number") {
        const column = Float64Array.from(rows, (row) => (row[name] === null ? Number.NaN : Number(row[name])));
        const binning = numberBinning(name, column);
        return { binning, fill: (into) => binColumn(binning, column, into) };
      }
      const column = rows.map((row) => String(row[name] ?? ""));
      const binning = categoryBinning(name, column);
      return { binning, fill: (into) => binColumn(binning, column, into) };
    });
    const from = Math.round(rows.length * (1 - judgedShare));
    const people = new Map([...new Set(rows.map((row) => row["person_id"]))].map((person, i) => [person, i]));
    const fold = Uint8Array.from(rows, (row) => people.get(row["person_id"])! % folds);
    const known = Int32Array.from({ length: from }, (_, row) => row);
    const [first] = settingsToTry(1, []);
    const taught = {
      rule: Uint8Array.from(rows, (row) => (row["is_rule_click"] === true ? 1 : 0)),
      model: Float32Array.from(rows, (row) => Number(row["p_engaged"])),
    };
    const auc = (targets: Uint8Array | Float32Array): { readonly seen: number; readonly expected: number } => {
      const learned = { rows: known, weights: null, worth: null, known, targets, fold, folds };
      const { scores } = crossFit(data, learned, [first.terms], 1_000 * seed);
      const judged = Float64Array.from(scores.subarray(from), sigmoid);
      return {
        seen: outcomeMetrics({ labels: clicked.subarray(from), scores: judged }).auc!,
        expected: aucOfChances(judged, chances.subarray(from)),
      };
    };
    const found = { rule: auc(taught.rule), model: auc(taught.model) };
    differences.push(found.model.expected - found.rule.expected);
    const clicks = clicked.subarray(from).reduce((sum, one) => sum + one, 0);
    say(
      `training      seed ${seed}: ${rows.length} mails, ${clicks} clicks on the ${rows.length - from} judged; AUC ${found.model.expected.toFixed(4)} by the label model (${found.model.seen.toFixed(4)} on what chance made of it), ${found.rule.expected.toFixed(4)} by the rule (${found.rule.seen.toFixed(4)})`,
    );
  }
  const middle = mean(differences);
  const n = differences.length;
  const error = Math.sqrt(mean(differences.map((one) => (one - middle) ** 2)) / (n - 1));
  const wide = (student95[n - 1] ?? 1.96) * error;
  say(
    `training      ${n} seeds: the label model's AUC is higher by ${middle.toFixed(4)}, 95 % interval ${(middle - wide).toFixed(4)} to ${(middle + wide).toFixed(4)} (wanted: above 0)`,
  );
}

// --- build

const lineReader = (path: string) =>
  createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
/** When a signal was received; one that is cut off, as some of a world are, is of before. */
const receivedAt = (line: string): number => Date.parse(/"received_at":"([^"]+)"/.exec(line)?.[1] ?? "1970-01-01");

/** A world's signals in two files: all but the latest hundredth, and that. Answers with the instant between. */
async function splitWorld(
  world: string,
): Promise<{ readonly before: string; readonly late: string; readonly at: Date }> {
  const files = readdirSync(world)
    .filter((name) => /^events-.*\.ndjson$/.test(name))
    .sort()
    .map((name) => join(world, name));
  const instants: number[] = [];
  for (const file of files) for await (const line of lineReader(file)) instants.push(receivedAt(line));
  const sorted = Float64Array.from(instants).sort();
  const at = sorted[Math.floor(0.99 * sorted.length)]!;
  const [before, late] = [join(world, "before.ndjson"), join(world, "late.ndjson")];
  const into = { before: createWriteStream(before), late: createWriteStream(late) };
  for (const file of files)
    for await (const line of lineReader(file)) {
      const to = receivedAt(line) < at ? into.before : into.late;
      if (!to.write(`${line}\n`)) await once(to, "drain");
    }
  for (const to of Object.values(into)) await new Promise<void>((done) => to.end(done));
  return { before, late, at: new Date(at) };
}

/** Labels and features, as training and decisions read them. */
const wanted = [
  "labels.engagement_labels",
  "labels.probabilistic_labels",
  "features.message_features",
  "features.customer_features",
];

async function benchBuild(folder: string): Promise<void> {
  const home = join(folder, "home");
  const environment = await createEnvironment({ home, quiet: true }, new AbortController().signal);
  const config = worldConfig({ events: Number(values.signals) });
  const world = join(folder, "world");
  await writeWorld(config, world, { signal: environment.signal });
  const { before, late, at } = await splitWorld(world);
  await runIngestFile(environment, [before], { trustReceivedAt: true });
  const open = () =>
    openDuckDbWarehouse({
      path: environment.home.warehouse,
      rawDir: environment.home.raw,
      rawTables: Object.fromEntries(
        (rawTables.names as readonly string[]).map((name) => [name, rawTables.columns(name)]),
      ),
    });
  let warehouse = await open();
  /** Processor time by step of a build: one step runs at a time. */
  const build = async (asOf: string, fullRefresh: boolean): Promise<ReadonlyMap<string, number>> => {
    const spent = new Map<string, number>();
    const engine = { ...localEngine(warehouse, "bench"), parallel: 1 };
    let since = process.cpuUsage();
    const { result } = await buildProject({
      projectDir: root,
      engine,
      vars: { as_of: asOf },
      select: wanted,
      includeDeps: true,
      fullRefresh,
      force: fullRefresh,
      cacheDir: join(folder, "compiled"),
      now: () => new Date(),
      newId: randomUUID,
      onStep: ({ id, kind }) => {
        const { user, system } = process.cpuUsage(since);
        if (kind !== "assertion") spent.set(id, (spent.get(id) ?? 0) + (user + system) / 1e6);
        since = process.cpuUsage();
      },
    });
    const failed = result.results.find((step) => step.outcome === "failed");
    if (failed !== undefined) throw new Error(`${failed.id} failed: ${failed.error?.message}`);
    return spent;
  };
  const sum = (spent: ReadonlyMap<string, number>): number => [...spent.values()].reduce((a, b) => a + b, 0);
  try {
    const end = new Date(worldEnd(config)).toISOString();
    await build(at.toISOString(), true);
    await warehouse.close();
    await runIngestFile(environment, [late], { trustReceivedAt: true });
    warehouse = await open();
    const hour = await build(end, false);
    const whole = await build(end, true);
    const most = [...hour].sort((a, b) => b[1] - a[1]).slice(0, 4);
    say(
      `an hour       ${values.signals} signals, the latest hundredth of them new: ${sum(hour).toFixed(2)} s of processor time, all anew ${sum(whole).toFixed(2)} s: ${((100 * sum(hour)) / sum(whole)).toFixed(0)} % (limit 10 %); most of it ${most.map(([id, seconds]) => `${id} ${seconds.toFixed(2)} s`).join(", ")}`,
    );
    const native = warehouse.lane.connection;
    await native.run("create schema if not exists by_hand");
    const names = Object.keys(compared);
    const mine = [...names, "events.events"].reduce((all, name) => all + (whole.get(name) ?? 0), 0);
    const began = process.cpuUsage();
    for (const sql of Object.values(byHand(end))) await native.run(sql);
    const { user, system } = process.cpuUsage(began);
    const theirs = (user + system) / 1e6;
    for (const name of names) {
      const columns = compared[name]!.join(", ");
      const hand = `select ${columns} from by_hand.${name.split(".")[1]}`;
      const built = `select ${columns} from ${name}`;
      const [differing] = (
        await native.runAndReadAll(
          `select (select count(*) from (${built} except all ${hand})) as ours, (select count(*) from (${hand} except all ${built})) as theirs, (select count(*) from ${name}) as n`,
        )
      ).getRowObjectsJson() as [{ ours: string; theirs: string; n: string }];
      const isSame = Number(differing.ours) + Number(differing.theirs) === 0;
      say(
        `by hand       ${name}: ${differing.n} rows, ${isSame ? "the same by hand" : `${differing.ours} only ours, ${differing.theirs} only by hand`}`,
      );
      if (!isSame) process.exitCode = 1;
    }
    say(
      `by hand       ${names.join(", ")}: ours ${mine.toFixed(2)} s of processor time, by hand ${theirs.toFixed(2)} s: ratio ${(mine / theirs).toFixed(2)} (limit 1.2)`,
    );
  } finally {
    await warehouse.close();
    await environment.target.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), "inboxloop-models-"));
try {
  if (isWanted("votes")) await benchVotes(folder);
  if (isWanted("build")) await benchBuild(folder);
  if (isWanted("training")) await benchTraining(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
