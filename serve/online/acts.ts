import affinity from "../../includes/affinity.js";
import pit from "../../includes/pit.js";
import sessions from "../../includes/sessions.js";

/** Something that a person did, as features count it. */
export interface Act {
  /** Microseconds since the epoch. */
  readonly at: number;
  readonly act: string;
  readonly amount: number;
  readonly topic: string | null;
  readonly revenue: number | null;
  /** Of an act on site or app: its session, as the tracker calls it. */
  readonly session?: string | null;
  /** Whether a session begins with it, as the warehouse says; not known of what came since. */
  readonly begins?: boolean;
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
const siteActs = new Set<string>(pit.siteActs);
/** Whether an act is one on site or app, which sessions are made of. */
export const isSiteAct = (act: string): boolean => siteActs.has(act);
const dayMicros = 86_400_000_000;
export const longestMicros: number = pit.longestDays * dayMicros;

/**
 * The features of features.point_in_time at an instant, from acts: the same windows, half-open, the instant itself left out. `at` in
 * microseconds since the epoch. What features.customer_features says at its as-of instant is what this says of the same acts.
 */
export function featuresAt(acts: readonly Act[], before: Before, at: number): Record<string, number | null> {
  const values: Record<string, number | null> = {};
  const counts = countsIn(acts);
  const summed = (wanted: readonly string[], days: number | undefined): number => {
    const from = days === undefined ? Number.NEGATIVE_INFINITY : at - days * dayMicros;
    let sum = 0;
    for (const one of acts) if (one.at >= from && one.at < at && counts(one, wanted)) sum += one.amount;
    return sum;
  };
  for (const { name, acts: wanted, days } of sums)
    values[name] = summed(wanted, days) + (days === undefined ? (before.counts[name] ?? 0) : 0);
  for (const { name, act } of lasts) {
    let last = before.lasts[name] ?? Number.NEGATIVE_INFINITY;
    for (const one of acts) if (counts(one, [act]) && one.at < at && one.at > last) last = one.at;
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
  values["views_per_session_30d"] = per(values["views_30d"], summed([pit.session], pit.pagesDays));
  return values;
}

/** Whether an act is one of some, or begins a session where these are what is counted. */
export function countsIn(acts: readonly Act[]): (one: Act, wanted: readonly string[]) => boolean {
  const onSite = acts.filter(({ act }) => isSiteAct(act)).sort((a, b) => a.at - b.at);
  const beginners = new Set<Act>(sessions.beginners(onSite));
  return (one, wanted) => (wanted[0] === pit.session ? beginners.has(one) : wanted.includes(one.act));
}

/** How much somebody cares for each category at an instant: features.category_affinities, from acts. */
export function affinitiesAt(acts: readonly Act[], at: number): Record<string, number> {
  const affinities: Record<string, number> = {};
  for (const { act, topic, at: when } of acts) {
    const counts = topic === null ? 0 : affinity.affinityOf(act, (at - when) / dayMicros);
    if (topic !== null && counts > 0) affinities[topic] = (affinities[topic] ?? 0) + counts;
  }
  return affinities;
}

/** Clicks and views by topic over 90 days before an instant. */
export function topicsAt(acts: readonly Act[], at: number): Record<string, number> {
  const topics: Record<string, number> = {};
  for (const { act, topic, amount, at: when } of acts)
    if (topic !== null && (act === "click" || act === "view") && when < at && when >= at - longestMicros)
      topics[topic] = (topics[topic] ?? 0) + amount;
  return topics;
}
