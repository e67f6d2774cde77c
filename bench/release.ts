/**
 * What canaries do, by simulation: `npm run bench:release [-- --canaries 10000]`. A row per true ratio, sends a look and share: the shares of
 * canaries promoted and rolled back with hourly looks until a verdict or four weeks, and the median hours to a verdict beside GrowthBook's
 * sequential method and the plain +20 % rule on the same kind of draws. Exit code 4 when a promised error is not kept.
 */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { seededRandom } from "../platform/seeded-random.ts";
import { type CanaryPolicy, defaultCanaryPolicy } from "../release/canary/canary-policy.ts";
import { growthBookVerdict, plainVerdict } from "../release/canary/other-methods.ts";
import { CanarySimulator, type CanaryWorld } from "../release/canary/simulate-canary.ts";

const { values } = parseArgs({
  options: {
    canaries: { type: "string", default: "10000" },
    json: { type: "boolean" },
    /** Of the children: one row of the table. */
    cell: { type: "string" },
  },
});
const canaries = Number(values.canaries);

interface Cell {
  readonly name: string;
  readonly ratio: number;
  readonly world: Pick<CanaryWorld, "sendsPerLook" | "rates" | "ratios" | "revenue" | "delayHours">;
  readonly ramp: CanaryPolicy["ramp"];
  readonly hasPeers: boolean;
}

interface Tally {
  readonly promoted: number;
  readonly rolledBack: number;
  readonly medianHours: number | null;
}

const ratios = [0.8, 1, 1.2, 1.5, 2];

function cells(): Cell[] {
  const table = [1_000, 4_000, 10_000, 100_000].flatMap((sendsPerLook) =>
    [0.01, 0.1, 0.5].flatMap((share) =>
      ratios.map((ratio) => ({
        name: `${sendsPerLook.toLocaleString("en-US")} a look, ${100 * share} %`,
        ratio,
        world: { sendsPerLook, rates: { complaints: 0.001 }, ratios: { complaints: ratio }, delayHours: 12 },
        ramp: [{ share, hours: 1 }],
        hasPeers: share === 0.5,
      })),
    ),
  );
  const every = { complaints: 0.001, unsubscribes: 0.003, deferrals: 0.01, negatives: 0.004 };
  const whole = ratios.map((ratio) => ({
    name: "10,000 a look, ramp 1-50 %, outcomes a day late, all metrics and revenue",
    ratio,
    world: {
      sendsPerLook: 10_000,
      rates: every,
      ratios: { complaints: ratio },
      revenue: { mean: 0.2, deviation: 3, factor: 1 },
      delayHours: 24,
    },
    ramp: defaultCanaryPolicy.ramp,
    hasPeers: false,
  }));
  return [...table, ...whole];
}

function tally(cell: Cell, canaries: number, seed: number, method: "ours" | "growthbook" | "plain"): Tally {
  const policy = { ...defaultCanaryPolicy, ramp: cell.ramp };
  const simulator = new CanarySimulator({ policy, ...cell.world });
  const random = seededRandom(seed);
  const plainLook = policy.matures_after_hours + policy.plain_rule.hours;
  const ends = Array.from({ length: canaries }, () => {
    if (method === "ours") return simulator.run(random);
    return simulator.run(random, (totals, look) =>
      method === "growthbook"
        ? growthBookVerdict(totals, 0.2)
        : look + 1 < plainLook
          ? null
          : plainVerdict(totals, policy.plain_rule.margin),
    );
  });
  const share = (kind: string) => ends.filter(({ verdict }) => verdict === kind).length / canaries;
  const hours = ends
    .map(({ verdict, look }) => (verdict === "insufficient-evidence" ? Number.POSITIVE_INFINITY : look))
    .sort((a, b) => a - b);
  const median = hours[Math.floor(canaries / 2)] ?? Number.POSITIVE_INFINITY;
  return { promoted: share("pass"), rolledBack: share("fail"), medianHours: Number.isFinite(median) ? median : null };
}

interface Outcome {
  readonly index: number;
  readonly ours: Tally;
  readonly growthBook: Tally | null;
  readonly plain: Tally | null;
}

function measure(index: number): Outcome {
  const cell = cells()[index] as Cell;
  const seed = 1_000 + index;
  const peers = Math.min(canaries, 1_000);
  return {
    index,
    ours: tally(cell, canaries, seed, "ours"),
    growthBook: cell.hasPeers ? tally(cell, peers, seed, "growthbook") : null,
    plain: cell.hasPeers ? tally(cell, peers, seed, "plain") : null,
  };
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`.padStart(8);
const hours = (value: number | null): string => (value === null ? ">672" : String(value)).padStart(5);

async function main(): Promise<void> {
  const all = cells();
  const outcomes: Outcome[] = new Array(all.length);
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(2, availableParallelism()) }, async () => {
      while (next < all.length) {
        const index = next++;
        outcomes[index] = await new Promise<Outcome>((resolve, reject) => {
          const child = fork(fileURLToPath(import.meta.url), ["--cell", String(index), "--canaries", String(canaries)]);
          child.once("message", (outcome) => resolve(outcome as Outcome));
          child.once("exit", (code) => code !== 0 && reject(new Error(`cell ${index} ended with ${code}`)));
        });
      }
    }),
  );
  // Three standard errors above a promise would still be compatible with it.
  const most = (error: number) => error + 3 * Math.sqrt((error * (1 - error)) / canaries);
  const broken: string[] = [];
  process.stdout.write(`${canaries} canaries a cell, hourly looks, four weeks, complaints 0.1 %\n`);
  process.stdout.write(
    "true ratio, promoted, rolled back, median hours | GrowthBook: the same | plain rule: promoted, rolled back\n",
  );
  let before = "";
  for (const { index, ours, growthBook, plain } of outcomes) {
    const cell = all[index] as Cell;
    if (cell.name !== before) process.stdout.write(`${cell.name}\n`);
    before = cell.name;
    const peers =
      growthBook && plain
        ? ` |${percent(growthBook.promoted)}${percent(growthBook.rolledBack)} ${hours(growthBook.medianHours)} |${percent(plain.promoted)}${percent(plain.rolledBack)}`
        : "";
    process.stdout.write(
      `  x${cell.ratio.toFixed(1)} ${percent(ours.promoted)}${percent(ours.rolledBack)} ${hours(ours.medianHours)}${peers}\n`,
    );
    if (cell.ratio === 1 && ours.rolledBack > most(0.05)) broken.push(`${cell.name}: an identical model rolled back`);
    if (cell.ratio === 1.2 && ours.promoted > most(0.05)) broken.push(`${cell.name}: +20 % promoted`);
    if (cell.ratio >= 1.5 && ours.promoted > most(0.01)) broken.push(`${cell.name}: x${cell.ratio} promoted`);
  }
  if (values.json) process.stdout.write(`${JSON.stringify(outcomes.map((o) => ({ ...all[o.index], ...o })))}\n`);
  process.stdout.write(broken.length === 0 ? "every promised error holds\n" : `NOT KEPT: ${broken.join("; ")}\n`);
  if (broken.length > 0) process.exitCode = 4;
}

if (values.cell === undefined) await main();
else process.send?.(measure(Number(values.cell)));
