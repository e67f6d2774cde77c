import { exp, log, sigmoid } from "./arithmetic.ts";
import type { Campaign } from "./campaigns.ts";
import { DAY_MS } from "./config.ts";
import { categories, providers, regions } from "./places.ts";
import type { Random } from "./random.ts";
import { variants } from "./treatments.ts";
import type { State, World } from "./world.ts";

/** Mail weighs half as much after four days. */
const FATIGUE_HALF_LIFE_DAYS = 4;
const FATIGUE_RATE = Math.LN2 / (FATIGUE_HALF_LIFE_DAYS * DAY_MS);

/** Intercepts, fitted so that the default world has the rates in README.md. */
const base = {
  read: -3.2,
  click: -3.33,
  conversion: -2.2,
  complaint: 0.001,
  unsubscribe: 0.00103,
};

const kindEffect = {
  bulk: { read: 0, click: 0, annoyance: 1, spam: 1 },
  trigger: { read: 0.8, click: 0.6, annoyance: 0.8, spam: 0.5 },
  transactional: { read: 1.8, click: 0.1, annoyance: 0.12, spam: 0.15 },
} as const;

/** What one mail would cause, as probabilities. Conditional where it says so. */
export interface Propensity {
  spam: number;
  /** Given the inbox. */
  read: number;
  /** Given that it was read. */
  click: number;
  /** Given a click. */
  conversion: number;
  /** Given the inbox; pressing "spam", whether or not the provider reports it. */
  complaint: number;
  /** Given the inbox. */
  unsubscribe: number;
}

/** Mail received, decayed to an instant. */
export function fatigueAt(state: State, u: number, at: number): number {
  const elapsed = at - state.fatigueAt[u]!;
  return elapsed <= 0 ? state.fatigue[u]! : state.fatigue[u]! * exp(-FATIGUE_RATE * elapsed);
}

export function addFatigue(state: State, u: number, at: number): void {
  state.fatigue[u] = fatigueAt(state, u, at) + 1;
  state.fatigueAt[u] = Math.max(at, state.fatigueAt[u]!);
}

/** Hours between two hours of the day, the short way round: 0..12. */
function hoursApart(a: number, b: number): number {
  const d = Math.abs(a - b) % 24;
  return d > 12 ? 24 - d : d;
}

/**
 * The truth about one mail: what customer `u` would do with `campaign` in `variant`, sent at `at` (epoch ms), given the
 * mail received before. Writes into `out`, which is returned, so that the hot loop allocates nothing.
 */
export function propensity(
  world: World,
  state: State,
  u: number,
  campaign: Campaign,
  variant: number,
  at: number,
  placement: number,
  out: Propensity,
): Propensity {
  const { customers } = world;
  const treatment = variants[variant]!;
  const kind = kindEffect[campaign.kind];
  const interest = campaign.topic < 0 ? 0.3 : customers.interest[u * categories.length + campaign.topic]!;
  const engagement = customers.engagement[u]! + state.mood[u]!;
  const fatigue = fatigueAt(state, u, at);
  const weariness = customers.fatigueSlope[u]! * fatigue;
  const price = treatment.priceSlope * customers.priceSensitivity[u]!;
  const localHour = (Math.floor(at / 3_600_000) + regions[customers.region[u]!]!.utcOffset + 48) % 24;
  const timing = 0.35 - 0.07 * hoursApart(localHour, customers.preferredHour[u]!);
  const summary = at >= customers.summaryFrom[u]! ? -0.45 : 0;

  // Whoever pressed "spam" once has taught their own mailbox.
  const isFiltered = at >= state.complainedAt[u]!;
  out.spam = isFiltered
    ? 0.96
    : Math.min(0.9, providers[customers.provider[u]!]!.spamRate * placement * kind.spam * exp(-0.4 * engagement));
  out.read = sigmoid(
    base.read +
      1.15 * engagement +
      0.55 * interest +
      kind.read +
      treatment.open +
      price +
      timing +
      summary -
      0.12 * weariness,
  );
  out.click = sigmoid(
    base.click +
      0.55 * engagement +
      0.65 * interest +
      kind.click +
      treatment.click +
      price -
      0.08 * weariness -
      summary * 0.5,
  );
  out.conversion = sigmoid(
    base.conversion +
      0.3 * interest +
      0.35 * customers.spend[u]! +
      treatment.conversion +
      (campaign.kind === "trigger" ? 0.5 : 0) +
      (world.orderFactor === undefined ? 0 : log(world.orderFactor)),
  );
  const annoyance = kind.annoyance * treatment.annoyance;
  out.complaint = Math.min(
    0.5,
    base.complaint *
      (world.complaintFactor ?? 1) *
      annoyance *
      customers.irritability[u]! *
      exp(0.8 * weariness - 0.45 * interest - 0.35 * state.mood[u]!),
  );
  out.unsubscribe = Math.min(
    0.5,
    base.unsubscribe *
      annoyance *
      exp(0.5 * weariness - 0.35 * interest - 0.15 * engagement) *
      Math.sqrt(customers.irritability[u]!),
  );
  return out;
}

export const emptyPropensity = (): Propensity => ({
  spam: 0,
  read: 0,
  click: 0,
  conversion: 0,
  complaint: 0,
  unsubscribe: 0,
});

/** A basket in whole cents: log-normal, with a Pareto tail for one in fifty. */
export function basket(random: Random, spend: number, factor: number): number {
  const body = exp(3.65 + spend + 0.75 * random.normal()) * factor;
  const tail = random.chance(0.02) ? 3 / Math.sqrt(1 - random.uniform()) : 1;
  return Math.max(199, Math.min(2_500_000, Math.round(body * tail * 100)));
}

/** Providers' moods: spam foldering multiplies for some days, as seeds see it. Index [provider][day]. */
export function placementByDay(world: World, days: number, random: Random): readonly Float64Array[] {
  return providers.map((mailbox) => {
    const series = new Float64Array(days);
    let drift = 0;
    let incident = 0;
    for (let day = 0; day < days; day++) {
      drift = 0.9 * drift + 0.12 * random.normal();
      if (incident === 0 && random.chance(0.012)) incident = 3 + random.below(4);
      const trend = mailbox.isp === "outlook" ? day / world.config.days : 0;
      series[day] = exp(drift + trend * 0.6) * (incident > 0 ? 4 : 1);
      if (incident > 0) incident--;
    }
    return series;
  });
}
