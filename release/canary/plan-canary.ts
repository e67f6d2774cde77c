import type { CanaryPolicy, RateRule } from "./canary-policy.ts";
import { plainVerdict } from "./other-methods.ts";
import { CanarySimulator, type CanaryWorld } from "./simulate-canary.ts";

/** The traffic that a canary is planned for. */
export interface PlannedTraffic {
  /** Sends of both arms together. */
  readonly sendsPerDay: number;
  readonly rates: CanaryWorld["rates"];
  readonly revenue?: { readonly mean: number; readonly deviation: number } | undefined;
  readonly delayHours: number;
}

/** Chance of each verdict by the end of a day, for a true ratio of the rates that promote. */
export interface PlannedDay {
  readonly day: number;
  readonly pass: number;
  readonly fail: number;
}

export interface PlannedRatio {
  readonly ratio: number;
  readonly days: readonly PlannedDay[];
  readonly pass: number;
  readonly fail: number;
  readonly undecided: number;
  /** Days until half of such canaries have a verdict; null where fewer ever have. */
  readonly medianDays: number | null;
  /** Chance that the plain rule fails it at its hour. */
  readonly plainFails: number;
}

export interface CanaryPlan {
  readonly policy: string;
  readonly ramp: CanaryPolicy["ramp"];
  readonly days: number;
  readonly sendsPerDay: number;
  readonly rates: CanaryWorld["rates"];
  readonly canaries: number;
  readonly seed: number;
  readonly ratios: readonly PlannedRatio[];
  /** What the policy promises to see, and the chance that it does. */
  readonly sees: readonly { readonly what: string; readonly chance: number; readonly promised: number }[];
  readonly isBlind: boolean;
  /** Smallest top share that keeps the promise within the policy's days; else the fastest within three times those. null: none does. */
  readonly proposal: { readonly share: number; readonly days: number } | null;
}

/** The ratios that every plan tells of. */
export const plannedRatios = [0.8, 1, 1.2, 1.5, 2] as const;

const shares = [0.05, 0.1, 0.25, 0.5] as const;

export interface PlanOptions {
  /** Simulated canaries per ratio; the standard error of a chance is at most 0.5 / sqrt(canaries). */
  readonly canaries?: number;
  readonly seed?: number;
  readonly random: (seed: number) => () => number;
}

/** What a canary of this policy would see with this traffic, by simulation through the judges that will judge it. */
export function planCanary(policy: CanaryPolicy, traffic: PlannedTraffic, options: PlanOptions): CanaryPlan {
  const canaries = options.canaries ?? 600;
  const seed = options.seed ?? 1;
  const chances = (of: CanaryPolicy, ratio: number, runs: number) =>
    simulated(of, traffic, ratio, runs, options.random(seed));
  const { worse, good, chance: promised } = policy.promise;
  const ratios = [...new Set([...plannedRatios, good, worse])].sort((a, b) => a - b);
  const byRatio = ratios.map((ratio) => chances(policy, ratio, canaries));
  const of = (ratio: number) => byRatio.find((r) => r.ratio === ratio) as PlannedRatio;
  const sees = [
    { what: `a model with ${worse} times the champion's rate is rolled back`, chance: of(worse).fail, promised },
    { what: `a model with ${good} times the champion's rate is promoted`, chance: of(good).pass, promised },
  ];
  return {
    policy: policy.version,
    ramp: policy.ramp,
    days: policy.days,
    sendsPerDay: traffic.sendsPerDay,
    rates: traffic.rates,
    canaries,
    seed,
    ratios: byRatio,
    sees,
    isBlind: sees.some(({ chance }) => chance < promised),
    proposal: propose(policy, (of, ratio) => chances(of, ratio, Math.min(canaries, 300))),
  };
}

function simulated(
  policy: CanaryPolicy,
  traffic: PlannedTraffic,
  ratio: number,
  canaries: number,
  random: () => number,
): PlannedRatio {
  const sendsPerLook = Math.max(2, Math.round((traffic.sendsPerDay * policy.look_every_hours) / 24));
  const promotes = policy.rates.filter(({ role }) => role === "promotes").map(({ metric }) => metric);
  const simulator = new CanarySimulator({
    policy,
    sendsPerLook,
    rates: traffic.rates,
    ratios: Object.fromEntries(promotes.map((m) => [m, ratio])) as Partial<Record<RateRule["metric"], number>>,
    revenue: traffic.revenue ? { ...traffic.revenue, factor: 1 } : undefined,
    delayHours: traffic.delayHours,
  });
  const ends = Array.from({ length: canaries }, () => simulator.run(random));
  const dayOf = (look: number) => Math.ceil((look * policy.look_every_hours) / 24);
  const share = (kind: "pass" | "fail", day: number) =>
    ends.filter(({ verdict, look }) => verdict === kind && dayOf(look) <= day).length / canaries;
  const lastDay = Math.ceil(policy.days);
  const days = Array.from({ length: lastDay }, (_, i) => ({
    day: i + 1,
    pass: share("pass", i + 1),
    fail: share("fail", i + 1),
  }));
  const pass = share("pass", lastDay);
  const fail = share("fail", lastDay);
  const plainLook = Math.round((policy.plain_rule.hours + policy.matures_after_hours) / policy.look_every_hours);
  let plainFails = 0;
  for (let i = 0; i < canaries; i++) {
    const end = simulator.run(random, (totals, look) =>
      look + 1 < Math.min(plainLook, simulator.looks) ? null : plainVerdict(totals, policy.plain_rule.margin),
    );
    if (end.verdict === "fail") plainFails += 1;
  }
  return {
    ratio,
    days,
    pass,
    fail,
    undecided: ends.filter(({ verdict }) => verdict === "insufficient-evidence").length / canaries,
    medianDays: days.find((d) => d.pass + d.fail >= 0.5)?.day ?? null,
    plainFails: plainFails / canaries,
  };
}

/** A ramp that stops at a share: the policy's steps below it, then the share. */
export const rampTo = (ramp: CanaryPolicy["ramp"], share: number): CanaryPolicy["ramp"] => [
  ...ramp.filter((step) => step.share < share),
  { share, hours: 24 },
];

function propose(
  policy: CanaryPolicy,
  chances: (of: CanaryPolicy, ratio: number) => PlannedRatio,
): CanaryPlan["proposal"] {
  const { worse, good, chance } = policy.promise;
  let best: CanaryPlan["proposal"] = null;
  for (const share of shares) {
    const longer = { ...policy, ramp: rampTo(policy.ramp, share), days: 3 * policy.days };
    const isSeen = (days: readonly PlannedDay[], kind: "pass" | "fail") =>
      days.find((d) => d[kind] >= chance)?.day ?? Number.POSITIVE_INFINITY;
    const days = Math.max(isSeen(chances(longer, worse).days, "fail"), isSeen(chances(longer, good).days, "pass"));
    if (days <= policy.days) return { share, days };
    if (Number.isFinite(days) && (best === null || days < best.days)) best = { share, days };
  }
  return best;
}
