import experiments from "../../includes/experiments.js";
import features from "../../includes/features.js";
import { decide, treatment } from "../../policy/policy.ts";
import type { FeatureColumns } from "../../scoring/feature-columns.ts";
import type { Scorer } from "../../scoring/model.ts";
import type { Reading, Table } from "../../warehouse/duckdb/read-parquet.ts";
import { personColumn, type SnapshotLock } from "../snapshot/snapshot-lock.ts";
import { columnsOf } from "./columns-of.ts";
import { type Gap, gapOf } from "./group-gaps.ts";
import { mean } from "./metrics.ts";
import {
  coverage,
  coverageTolerance,
  doublyRobust,
  doublyRobustDifference,
  type Estimate,
  empiricalPropensities,
  type Interval,
  type LoggedSend,
  type PolicyDifference,
  perSend,
  perSendDifference,
} from "./off-policy.ts";

export interface PolicyMeasure {
  readonly metric: string;
  /** From logged sends, by inverse propensity. Guardrails go by these. */
  readonly candidate: Estimate;
  readonly champion: Estimate | null;
  readonly difference: PolicyDifference | null;
  /** The same with the candidate's model expecting for both, put right by the logged sends; null where it was not taught this. */
  readonly doubly_robust: {
    readonly candidate: Interval | null;
    readonly champion: Interval | null;
    readonly difference: PolicyDifference | null;
  } | null;
  /** What each model itself expects of its own policy: by its probabilities, not by what happened. */
  readonly candidate_expects: number | null;
  readonly champion_expects: number | null;
}

/** What the sends of the log that a policy agrees with weigh, as a share of all that it would send. */
export interface Coverage {
  /** Whose chances: those that decisions logged, or shares within a campaign. */
  readonly chances: "logged" | "shares";
  readonly rows: number;
  readonly candidate: Interval | null;
  readonly champion: Interval | null;
}

export interface PolicyEvaluation {
  readonly assumption: string;
  readonly candidate_send_share: number;
  readonly champion_send_share: number | null;
  readonly coverage: readonly Coverage[];
  /** Why nothing can be said of a policy's value from this log; null where something can. */
  readonly uncovered: string | null;
  readonly measures: readonly PolicyMeasure[];
  /** By dimension, how far apart the groups lie in the share of their mails that a policy would send. */
  readonly mailed_gaps: readonly {
    readonly dimension: (typeof fairnessDimensions)[number];
    readonly candidate: Gap | null;
    readonly champion: Gap | null;
  }[];
}

/** Columns whose values a policy should treat alike. */
export const fairnessDimensions = ["isp", "region"] as const;

const propensityColumn = "decision_propensity";

/** Columns that the value of a policy is worked out from, of those that the snapshot has. */
export function wantedByPolicies(lock: SnapshotLock, frozen: ReadonlySet<string>): Readonly<Record<string, Reading>> {
  const wanted: Record<string, Reading> = {
    revenue: "number",
    variant: "text",
    campaign_id: "text",
    [personColumn(lock)]: "group",
  };
  if (frozen.has(propensityColumn)) wanted[propensityColumn] = "number";
  // What a policy would do to people is in the log, whatever its model was taught to see.
  for (const { column } of features.outcomes) if (frozen.has(column)) wanted[column] = "number";
  return wanted;
}

export interface PolicyRows {
  readonly table: Table;
  readonly rows: readonly number[];
  /** The column that says whose a row is. */
  readonly person: string;
  readonly frozen: ReadonlySet<string>;
}

/**
 * What the candidate's policy, and the champion's, would have come to on sends that others decided. Each send's chance is the one that its decision
 * logged; where none did, the variant's share within its campaign among such sends, as if it had been drawn.
 */
export function evaluatePolicies(
  { table, rows, person, frozen }: PolicyRows,
  own: Scorer,
  other: Scorer | undefined,
): PolicyEvaluation {
  const texts = (column: string): readonly string[] => rows.map((row) => table.texts(column)[row]!);
  const logged = texts("variant");
  const everybody = table.numbers(person);
  const people = Float64Array.from(rows, (row) => everybody[row]!);
  const chances = frozen.has(propensityColumn) ? table.numbers(propensityColumn) : null;
  const known = Float64Array.from(rows, (row) => chances?.[row] ?? Number.NaN);
  // A campaign's decided sends say nothing of the shares in which the others were drawn.
  const shares = empiricalPropensities(
    texts("campaign_id").map((campaign, i) => `${Number.isNaN(known[i]!) ? "drawn" : "decided"} ${campaign}`),
    logged,
  );
  const run = (scorer: Scorer) => {
    const columns = columnsOf(table, scorer.model.record.lineage.features.list, rows);
    const decisions = decide(scorer, columns, rows.length, shares.offered);
    const sends: LoggedSend[] = decisions.map((d, i) => ({
      logged: logged[i]!,
      propensity: Number.isNaN(known[i]!) ? shares.of(i) : known[i]!,
      chosen: d.variant,
    }));
    const sent = decisions.filter((d) => d.variant !== null);
    // Null where the model was not taught this: what it calls "conversion" may be another column.
    const nameOf = (column: string): string | undefined =>
      scorer.model.record.outcomes.find((o) => o.column === column)?.name;
    const expects = (column: string): number | null => {
      const name = nameOf(column);
      return name === undefined || sent.length === 0 ? null : mean(sent.map((d) => d.probabilities[name] ?? 0));
    };
    return {
      scorer,
      columns,
      sends,
      nameOf,
      share: sent.length / Math.max(1, decisions.length),
      expects,
      value: scorer.model.record.policy.conversion_value,
    };
  };
  const mine = run(own);
  const theirs = other && run(other);
  const covered = (["logged", "shares"] as const)
    .map((kind): Coverage => {
      const rowsOf = [...known.keys()].filter((i) => Number.isNaN(known[i]!) === (kind === "shares"));
      const of = (sends: readonly LoggedSend[]): Interval | null =>
        coverage(
          rowsOf.map((i) => sends[i]!),
          rowsOf.map((i) => people[i]!),
        );
      return {
        chances: kind,
        rows: rowsOf.length,
        candidate: of(mine.sends),
        champion: theirs ? of(theirs.sends) : null,
      };
    })
    .filter((one) => one.rows > 0);
  const outcomeOf = (column: string, limit = Number.POSITIVE_INFINITY): Float64Array => {
    const all = table.numbers(column);
    return Float64Array.from(rows, (row) => (Number.isNaN(all[row]!) ? 0 : Math.min(limit, all[row]!)));
  };
  const scoresOf = new Map<string, ReturnType<typeof expectedByVariant>>();
  /** The candidate's model expects for both, in the outcome's own worth. */
  const robustly = (column: string, y: Float64Array, worth: number): PolicyMeasure["doubly_robust"] => {
    const name = mine.nameOf(column);
    if (name === undefined) return null;
    const byVariant = scoresOf.get(name) ?? expectedByVariant(own, name, mine.columns, rows.length);
    scoresOf.set(name, byVariant);
    const forecast = ({ sends }: typeof mine) => ({
      sends,
      expected: {
        ofLogged: Float64Array.from(sends, (s, i) => worth * byVariant(i, s.logged)),
        ofChosen: Float64Array.from(sends, (s, i) => worth * byVariant(i, s.chosen ?? s.logged)),
      },
    });
    const [candidate, champion] = [forecast(mine), theirs && forecast(theirs)];
    return {
      candidate: doublyRobust(candidate, y, people),
      champion: champion ? doublyRobust(champion, y, people) : null,
      difference: champion ? doublyRobustDifference(candidate, champion, y, people) : null,
    };
  };
  const measure = (
    metric: string,
    column: string,
    y: Float64Array,
    factor: (run: typeof mine) => number,
  ): PolicyMeasure => {
    const expected = (of: typeof mine | undefined): number | null => {
      const p = of?.expects(column) ?? null;
      return p === null || !of ? null : p * factor(of);
    };
    return {
      metric,
      candidate: perSend(mine.sends, y, people),
      champion: theirs ? perSend(theirs.sends, y, people) : null,
      difference: theirs ? perSendDifference(mine.sends, theirs.sends, y, people) : null,
      doubly_robust: robustly(column, y, factor(mine)),
      candidate_expects: expected(mine),
      champion_expects: expected(theirs),
    };
  };
  const rates = features.outcomes
    .filter(({ column }) => frozen.has(column))
    .map(({ name, column }) => measure(`${name}s_per_send`, column, outcomeOf(column), () => 1));
  const mailedGap = ({ sends }: typeof mine, dimension: string): Gap | null =>
    gapOf(
      texts(dimension),
      sends.map(({ chosen }) => (chosen === null ? 0 : 1)),
      people,
    );
  const drawn = covered.find(({ chances }) => chances === "shares")?.rows ?? 0;
  return {
    assumption: [
      "inverse propensity, self-normalised",
      drawn < rows.length &&
        `the chances that decisions logged for ${(rows.length - drawn).toLocaleString("en-US")} of ${rows.length.toLocaleString("en-US")} sends`,
      drawn > 0 && `variants given at random within a campaign for ${drawn === rows.length ? "all" : "the others"}`,
      `revenue cut off at ${experiments.winsorisedRevenue} a message`,
    ]
      .filter((one) => one !== false)
      .join("; "),
    candidate_send_share: mine.share,
    champion_send_share: theirs?.share ?? null,
    coverage: covered,
    uncovered: uncoveredBecause(covered),
    measures: [
      ...rates,
      measure("revenue_per_send", "did_convert", outcomeOf("revenue", experiments.winsorisedRevenue), (r) => r.value),
    ],
    mailed_gaps: fairnessDimensions.map((dimension) => ({
      dimension,
      candidate: mailedGap(mine, dimension),
      champion: theirs ? mailedGap(theirs, dimension) : null,
    })),
  };
}

/** The model's probability of an outcome, by row and variant; of a variant that it does not know, the mean over those that it knows. */
function expectedByVariant(
  scorer: Scorer,
  outcome: string,
  columns: FeatureColumns,
  rows: number,
): (row: number, variant: string) => number {
  const { variants } = scorer.model.record;
  const known = variants.length > 0 ? variants : [""];
  const scores = scorer.predictEach(outcome, { ...columns, [treatment]: [] }, rows, treatment, known);
  const at = new Map(known.map((variant, i) => [variant, i]));
  return (row, variant) => {
    const i = at.get(variant);
    return i === undefined ? mean(scores.map((one) => one[row]!)) : scores[i]![row]!;
  };
}

/** The first policy, and kind of chances, for which the log has too little, or too much for a draw: beyond the tolerance, and beyond chance. */
function uncoveredBecause(covered: readonly Coverage[]): string | null {
  for (const { chances, candidate, champion } of covered) {
    for (const [whose, found] of [
      ["candidate", candidate],
      ["champion", champion],
    ] as const) {
      if (found === null) continue;
      const share = `${Math.round(100 * found.value)} % (${Math.round(100 * found.low)} to ${Math.round(100 * found.high)} %)`;
      if (found.high < 1 - coverageTolerance)
        return `the log covers ${share} of what the ${whose} would send: the rest was never tried on such people, or not by the chances that were ${chances === "logged" ? "logged" : "assumed"}`;
      if (chances === "shares" && found.low > 1 + coverageTolerance)
        return `what the ${whose} would send weighs ${share} of what it should: variants were not given at random within a campaign, and no decision logged its chance`;
    }
  }
  return null;
}
