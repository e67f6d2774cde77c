import type { FeatureColumns } from "../scoring/feature-columns.ts";
import type { Scorer } from "../scoring/model.ts";

/** What a model's policy says about one customer. */
export interface PolicyDecision {
  /** The variant to send; null: send nothing. */
  readonly variant: string | null;
  /** Expected worth of the best variant, in the revenue's currency; below zero nothing is sent. */
  readonly value: number;
  /** Calibrated probabilities for the best variant, by outcome. */
  readonly probabilities: Readonly<Record<string, number>>;
}

/** The model's feature that says which variant is sent. */
export const treatment = "variant";

/** Rounds of 53 bits below which two variants are worth the same: the first by name wins. */
const tie = 1e-12;

/**
 * Decides per customer: of the variants allowed, the one with the highest
 *   value = conversion_value p(conversion) - complaint_cost p(complaint) - unsubscribe_cost p(unsubscribe) - send_cost,
 * or nothing when none is worth more than nothing. The terms are those in the model's record. `columns` hold the model's features
 * (what they say of the variant is ignored); `allowed` are the variants of a row, all that the model knows when not given.
 */
export function decide(
  scorer: Scorer,
  columns: FeatureColumns,
  rows: number,
  allowed?: (row: number) => readonly string[],
): readonly PolicyDecision[] {
  const { record } = scorer.model;
  const { policy } = record;
  const variants = record.variants.length > 0 ? record.variants : [""];
  const isIn = allowed && Array.from({ length: rows }, (_, row) => new Set(allowed(row)));
  const best: (PolicyDecision | undefined)[] = new Array(rows).fill(undefined);
  const scores = new Map(
    scorer.outcomes.map((name) => [
      name,
      scorer.predictEach(name, { ...columns, [treatment]: [] }, rows, treatment, variants),
    ]),
  );
  for (const [index, variant] of variants.entries()) {
    const p = (name: string, row: number): number => scores.get(name)?.[index]?.[row] ?? 0;
    for (let row = 0; row < rows; row++) {
      if (isIn && !isIn[row]?.has(variant)) continue;
      const value =
        policy.conversion_value * p("conversion", row) -
        policy.complaint_cost * p("complaint", row) -
        policy.unsubscribe_cost * p("unsubscribe", row) -
        policy.send_cost;
      const before = best[row];
      if (before && value <= before.value + tie) continue;
      best[row] = {
        variant: value > 0 ? variant : null,
        value,
        probabilities: Object.fromEntries(scorer.outcomes.map((name) => [name, p(name, row)])),
      };
    }
  }
  return best.map((decision) => decision ?? { variant: null, value: 0, probabilities: {} });
}
