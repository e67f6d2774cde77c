// npm run bench:quarter -- [--events 150000] [--weeks 13] [--seed 7] [--work <folder>]
//
// A quarter of a sender's mail, three times over: decided by rules only, by a model, and by a model within all that governance asks for
// (bench/quarter/*.yaml). The three begin from one world, one store of signals and one champion, trained on the history alone; each then hears only
// what its own mail caused. Chance belongs to the reader and the occasion, so the three are compared person by person.
//
// What is compared comes from the simulator's truth, which nothing that decides reads: what happened, and, with less noise, what each mail's
// chances were. Intervals: percentile bootstrap over people (2,000 draws), 95 %, of the difference to rules only. They speak of this world and this
// champion, not of other worlds.

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "csv-parse";
import { createEnvironment } from "../cli/environment.ts";
import { Judge } from "../demo/judge.ts";
import { build, ingest } from "../demo/local-steps.ts";
import { Releases } from "../demo/releases.ts";
import { Simulator } from "../demo/simulator.ts";
import { Stopwatch } from "../demo/stopwatch.ts";
import { Training, worthItsMail } from "../demo/training.ts";
import { seededRandom } from "../platform/seeded-random.ts";
import { worldConfig, worldEnd } from "../simulate/config.ts";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "150000" },
    weeks: { type: "string", default: "13" },
    seed: { type: "string", default: "7" },
    work: { type: "string" },
  },
});
const root = resolve(import.meta.dirname, "..");
const work = values.work === undefined ? mkdtempSync(join(tmpdir(), "inboxloop-quarter-")) : resolve(values.work);
const policies = ["rules-only", "model-scored", "fully-governed"] as const;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** The home that all three begin from: the history is taken in and built, a model is trained on it and stands. */
async function prepare(home: string): Promise<void> {
  const world = await createEnvironment({ home }, new AbortController().signal);
  const watch = new Stopwatch(() => performance.now());
  const config = worldConfig({ seed: Number(values.seed), events: Number(values.events) });
  const end = new Date(worldEnd(config));
  const simulator = new Simulator(world, watch, config);
  const judge = new Judge(world, watch);
  try {
    const history = simulator.world(join(home, "demo", "world"));
    await Promise.all([history.result, ingest(world, history.files, "ingest")]);
    await build(world, root, { asOf: end }, "build");
    const training = new Training(world, watch, root);
    await training.snapshot("history", end, 120_000);
    const champion = await training.train({
      snapshot: "history",
      name: "champion",
      seed: 1,
      ...worthItsMail,
    });
    await (await Releases.open(world, judge, end)).bootstrap(champion);
  } finally {
    await Promise.all([simulator.close(), judge.close()]);
    await world.target.close();
  }
}

async function live(home: string, policy: string): Promise<void> {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", join(root, "bench/quarter/arm.ts"), home, policy, values.events, values.seed, values.weeks],
    { cwd: root, stdio: ["ignore", "ignore", "inherit"] },
  );
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${policy} ended with ${code}`);
}

/** Of one person in one quarter. */
const measures = [
  "mails",
  "complaints",
  "unsubscribes",
  "orders",
  "revenue",
  "expected complaints",
  "expected unsubscribes",
  "expected orders",
] as const;
type Sums = ReadonlyMap<string, Float64Array>;

/** What came of the mail, by person, from the simulator's truth. */
async function readTruth(home: string): Promise<Sums> {
  const sums = new Map<string, Float64Array>();
  const folder = join(home, "quarter/truth");
  for (const file of readdirSync(folder).filter((name) => name.startsWith("messages"))) {
    const rows = createReadStream(join(folder, file)).pipe(parse({ columns: true }));
    for await (const row of rows as AsyncIterable<Readonly<Record<string, string>>>) {
      const is = (name: string): number => (row[name] === "true" ? 1 : 0);
      const id = row["user_id"]!;
      const own = sums.get(id) ?? new Float64Array(measures.length);
      sums.set(id, own);
      for (const [i, value] of [
        1,
        is("is_complaint_felt"),
        is("is_unsubscribed"),
        is("is_converted"),
        Number(row["revenue"]),
        Number(row["p_complaint"]),
        Number(row["p_unsubscribe"]),
        Number(row["p_conversion"]),
      ].entries())
        own[i]! += value;
    }
  }
  return sums;
}

/** 95 % of the draws of a mean over people. Seeded: the same truth gives the same interval. */
function interval(differences: Float64Array): readonly [number, number] {
  const random = seededRandom(Number(values.seed));
  const n = differences.length;
  const means = Float64Array.from({ length: 2000 }, () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += differences[Math.floor(random() * n)]!;
    return sum / n;
  }).sort();
  return [means[49]!, means[1949]!];
}

try {
  const base = join(work, "base");
  if (!existsSync(join(base, "ready"))) {
    await prepare(base);
    writeFileSync(join(base, "ready"), "");
  }
  const truths = new Map<string, Sums>();
  for (const policy of policies) {
    const home = join(work, policy);
    if (!existsSync(join(home, "lived"))) {
      rmSync(home, { recursive: true, force: true });
      mkdirSync(home);
      cpSync(base, home, { recursive: true });
      await live(home, policy);
      writeFileSync(join(home, "lived"), "");
    }
    truths.set(policy, await readTruth(home));
  }
  const people = [...new Set([...truths.values()].flatMap((sums) => [...sums.keys()]))].sort();
  const nothing = new Float64Array(measures.length);
  const { customers } = JSON.parse(readFileSync(join(base, "demo/world/truth/counts.json"), "utf8")) as {
    readonly customers: number;
  };
  say(
    `${values.weeks} weeks, two mails a week at most, seed ${values.seed}; ${people.length} of ${customers} customers got mail. Per 1,000 of them:`,
  );
  const mean = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length;
  for (const [m, measure] of measures.entries()) {
    say(`\n${measure}`);
    const of = (policy: string) =>
      Float64Array.from(people, (one) => (truths.get(policy)!.get(one) ?? nothing)[m]! * 1000);
    const rules = of("rules-only");
    for (const policy of policies) {
      const own = of(policy);
      const line = `  ${policy.padEnd(16)} ${mean(own).toFixed(1).padStart(10)}`;
      if (policy === "rules-only") {
        say(line);
        continue;
      }
      const differences = own.map((value, i) => value - rules[i]!);
      const [low, high] = interval(differences);
      say(`${line}   ${mean(differences).toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`);
    }
  }
} finally {
  if (values.work === undefined) rmSync(work, { recursive: true, force: true });
}
