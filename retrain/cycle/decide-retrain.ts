import type { CyclePolicy, KpiTrigger } from "./cycle-policy.ts";

/** Sends and outcomes of a stretch of days. */
export interface KpiCounts {
  readonly sends: number;
  readonly outcomes: number;
}

/** What a turn of the cycle sees before it decides. */
export interface CycleSignals {
  readonly now: Date;
  /** When a version was trained last; null: never. */
  readonly trainedAt: Date | null;
  /** A version that is on its way: between submission and the champion's place. */
  readonly underWay: string | null;
  readonly drift: readonly { readonly feature: string; readonly level: string }[];
  /** Outcomes for which the champion's scores moved. */
  readonly scores: readonly { readonly outcome: string; readonly level: string }[];
  /** Figures of the champion that came out worse than its scores let expect, in the last week of each that could be tested. */
  readonly worse: readonly { readonly outcome: string; readonly metric: string; readonly week: string }[];
  /** What the latest week that could be tested says of the mix of labels; null: none could be. */
  readonly labels: { readonly week: string; readonly level: string } | null;
  /** By place in the policy's list: the latest days, and those before. */
  readonly kpis: readonly { readonly current: KpiCounts; readonly reference: KpiCounts }[];
}

export interface RetrainReason {
  readonly trigger: "first" | "schedule" | "drift" | "scores" | "estimates" | "labels" | "kpi";
  readonly why: string;
}

export interface RetrainDecision {
  readonly retrain: boolean;
  readonly reasons: readonly RetrainReason[];
  /** Why nothing is trained although something asks for it; null when nothing holds it up. */
  readonly held: string | null;
}

const dayMs = 86_400_000;
/** One-sided, 1 %: with one look a day and one rate, a false alarm in some three months. It costs a training, nothing else. */
const z99 = 2.326348;
/** Fewer outcomes on either side, and a ratio of rates is not judged: its logarithm is not near enough to normal. */
const leastOutcomes = 10;
const levels = ["stable", "moved", "drifted"];
const isAtLeast = (level: string, limit: string): boolean => levels.indexOf(level) >= levels.indexOf(limit);

/**
 * Whether a model is to be trained anew, and why: the first of all, the schedule, drifted features, scores or labels, scores that were wrong, a rate that got worse.
 * Pure: the same signals, the same answer.
 */
export function decideRetrain(policy: CyclePolicy, signals: CycleSignals): RetrainDecision {
  const { now, trainedAt, underWay } = signals;
  const reasons = [bySchedule, byDrift, byScores, byEstimates, byLabels, byKpis].flatMap((asks) =>
    asks(policy, signals),
  );
  const since = trainedAt === null ? Number.POSITIVE_INFINITY : (now.getTime() - trainedAt.getTime()) / dayMs;
  const held = (): string | null => {
    if (reasons.length === 0) return null;
    if (underWay !== null) return `${underWay} is on its way; it is decided about first`;
    if (since < policy.cool_down_days)
      return `the last training was ${since.toFixed(1)} days ago, and ${policy.cool_down_days} are waited`;
    return null;
  };
  const why = held();
  return { retrain: reasons.length > 0 && why === null, reasons, held: why };
}

function bySchedule({ schedule }: CyclePolicy, { now, trainedAt }: CycleSignals): readonly RetrainReason[] {
  if (trainedAt === null) return [{ trigger: "first", why: "nothing was trained yet" }];
  const since = (now.getTime() - trainedAt.getTime()) / dayMs;
  if (schedule === null || since < schedule.every_days) return [];
  return [
    { trigger: "schedule", why: `the last training was ${since.toFixed(1)} days ago; every ${schedule.every_days}` },
  ];
}

function byDrift({ drift }: CyclePolicy, signals: CycleSignals): readonly RetrainReason[] {
  if (drift === null) return [];
  const moved = signals.drift.filter(({ level }) => isAtLeast(level, drift.level));
  if (moved.length < drift.features) return [];
  const named = moved.slice(0, 5).map(({ feature }) => feature);
  return [{ trigger: "drift", why: `${moved.length} features ${drift.level} or more: ${named.join(", ")}` }];
}

function byScores({ scores }: CyclePolicy, signals: CycleSignals): readonly RetrainReason[] {
  if (scores === null) return [];
  const moved = signals.scores.filter(({ level }) => isAtLeast(level, scores.level));
  if (moved.length < scores.outcomes) return [];
  return [
    {
      trigger: "scores",
      why: `the champion's scores ${scores.level} or more: ${moved.map((one) => one.outcome).join(", ")}`,
    },
  ];
}

function byEstimates({ estimates }: CyclePolicy, { worse }: CycleSignals): readonly RetrainReason[] {
  if (estimates === null || worse.length < estimates.worse) return [];
  const told = worse.map(({ outcome, metric, week }) => `${metric} of ${outcome} (week of ${week})`);
  return [{ trigger: "estimates", why: `the champion did worse than its scores let expect: ${told.join(", ")}` }];
}

function byLabels(policy: CyclePolicy, { labels }: CycleSignals): readonly RetrainReason[] {
  if (policy.labels === null || labels === null) return [];
  if (!isAtLeast(labels.level, policy.labels.level)) return [];
  return [{ trigger: "labels", why: `the mix of labels of the week of ${labels.week} has ${labels.level}` }];
}

function byKpis({ kpis }: CyclePolicy, signals: CycleSignals): readonly RetrainReason[] {
  return kpis.flatMap((trigger, i) => {
    const found = signals.kpis[i];
    const ratio = found && provenRatio(trigger, found.current, found.reference);
    if (ratio === undefined) return [];
    const why = `${trigger.kpi} per send is ${ratio.toFixed(2)} times that of the ${trigger.against_days} days before, over ${trigger.days} days`;
    return [{ trigger: "kpi" as const, why }];
  });
}

/**
 * The ratio of two rates where it is worse by more than the margin and worse at all beyond chance: the normal limit of its logarithm (Katz et al. 1978,
 * Biometrics 34), one-sided at 1 %. Undefined otherwise, and with too few outcomes to tell.
 */
function provenRatio({ kpi, worse_by }: KpiTrigger, current: KpiCounts, reference: KpiCounts): number | undefined {
  if (current.outcomes < leastOutcomes || reference.outcomes < leastOutcomes) return undefined;
  const ratio = current.outcomes / current.sends / (reference.outcomes / reference.sends);
  const error = Math.sqrt(1 / current.outcomes - 1 / current.sends + 1 / reference.outcomes - 1 / reference.sends);
  const worse = kpi === "complained" || kpi === "unsubscribed" ? Math.log(ratio) : -Math.log(ratio);
  return worse > Math.log(1 + worse_by) && worse - z99 * error > 0 ? ratio : undefined;
}
