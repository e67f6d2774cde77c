import pit from "../../includes/pit.js";

/** Something that a person did, as features count it. */
export interface Act {
  /** Microseconds since the epoch. */
  readonly at: number;
  readonly act: string;
  readonly amount: number;
  readonly topic: string | null;
  readonly revenue: number | null;
}

/** What is known from before the acts that are kept: counts without a window, and when an act was last seen, in microseconds. */
export interface Before {
  readonly counts: Readonly<Record<string, number>>;
  readonly lasts: Readonly<Record<string, number>>;
}

interface Sum {
  readonly name: string;
  readonly acts: readonly string[];
  readonly days?: number;
}
const sums = pit.sums as readonly Sum[];
const lasts = pit.lasts as readonly { readonly name: string; readonly act: string }[];
const dayMicros = 86_400_000_000;
export const longestMicros: number = pit.longestDays * dayMicros;

/**
 * The features of features.point_in_time at an instant, from acts: the same windows, half-open, the instant itself left out. `at` in
 * microseconds since the epoch. What features.customer_features says at its as-of instant is what this says of the same acts.
 */
export function featuresAt(acts: readonly Act[], before: Before, at: number): Record<string, number | null> {
  const values: Record<string, number | null> = {};
  for (const { name, acts: wanted, days } of sums) {
    const from = days === undefined ? Number.NEGATIVE_INFINITY : at - days * dayMicros;
    let sum = days === undefined ? (before.counts[name] ?? 0) : 0;
    for (const one of acts) if (one.at >= from && one.at < at && wanted.includes(one.act)) sum += one.amount;
    values[name] = sum;
  }
  for (const { name, act } of lasts) {
    let last = before.lasts[name] ?? Number.NEGATIVE_INFINITY;
    for (const one of acts) if (one.act === act && one.at < at && one.at > last) last = one.at;
    values[name] = last === Number.NEGATIVE_INFINITY ? null : (at - last) / dayMicros;
  }
  let revenue: number | null = null;
  for (const one of acts)
    if (one.act === "order" && one.revenue !== null && one.at < at && one.at >= at - longestMicros)
      revenue = (revenue ?? 0) + one.revenue;
  const per = (part: number | null | undefined, whole: number | null | undefined): number | null =>
    part === null || part === undefined || !whole ? null : part / whole;
  values["open_rate_90d"] = per(values["opens_90d"], values["sends_90d"]);
  values["click_rate_90d"] = per(values["clicks_90d"], values["sends_90d"]);
  values["revenue_90d"] = revenue ?? 0;
  values["average_order_value_90d"] = per(revenue, values["conversions_90d"]);
  return values;
}

/** Clicks and views by topic over 90 days before an instant. */
export function topicsAt(acts: readonly Act[], at: number): Record<string, number> {
  const topics: Record<string, number> = {};
  for (const { act, topic, amount, at: when } of acts)
    if (topic !== null && (act === "click" || act === "view") && when < at && when >= at - longestMicros)
      topics[topic] = (topics[topic] ?? 0) + amount;
  return topics;
}
