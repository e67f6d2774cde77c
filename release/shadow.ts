import { z } from "zod";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { instant, number } from "./row-values.ts";

/** How long a version must have stood in the shadow, and how far it may part from the champion, before it decides for anybody. */
export const shadowRule = z.strictObject({
  /** Hours from the first decision that both made to the last, at least. */
  hours: z.number().nonnegative(),
  /** Decisions that both made, at least. */
  decisions: z.int().positive(),
  /** Share of decisions that may come out otherwise; 1: all. */
  most_changed: z.number().gt(0).max(1),
});
export type ShadowRule = z.infer<typeof shadowRule>;

/** A day, so that every hour of it is among them; a model that turns most decisions over is no new version of the champion. */
export const defaultShadowRule: ShadowRule = { hours: 24, decisions: 1_000, most_changed: 0.5 };

/** `enough` and `too-different` are shown at 95 %; `not-shown` is neither. */
export const shadowVerdict = z.enum(["enough", "too-short", "too-different", "not-shown"]);

/** People below which a normal approximation of a ratio over people says nothing. */
const leastPeople = 100;
/** One-sided 95 % of the normal distribution. */
const z95 = 1.6448536269514722;

const row = z.object({
  segment_kind: z.string(),
  segment: z.string(),
  people: number,
  decisions: number,
  sends: number,
  shadow_sends: number,
  changed: number,
  changed_share: number,
  changed_share_error: number.nullable(),
  value_shift: number.nullable(),
  value_shift_error: number.nullable(),
  first_decided_at: instant,
  last_decided_at: instant,
});
/** Decisions of one segment that champion and shadow both made: shares are of decisions, errors over people. */
export type ShadowSegment = z.infer<typeof row>;

export interface ShadowQuestion {
  readonly version: string;
  /** Digest of what it learned: decisions of another model of that name are none of it. */
  readonly digest: string;
  readonly champion: string;
}

/** What a shadow would have decided, from monitoring.shadow: the whole first, then by segment, the largest first. */
export async function readShadow(
  warehouse: Pick<Warehouse, "query">,
  question: ShadowQuestion,
  signal?: AbortSignal,
): Promise<readonly ShadowSegment[]> {
  const { rows } = await warehouse.query(
    `select * from monitoring.shadow
where shadow_version = @version and shadow_digest = @digest and model_version = @champion
order by segment_kind != 'all', segment_kind, decisions desc, segment`,
    { params: { ...question }, file: "what the shadow would have decided", signal },
  );
  return rows.map((one) => row.parse(one));
}

export interface ShadowJudgement {
  readonly verdict: z.infer<typeof shadowVerdict>;
  readonly rule: ShadowRule;
  readonly hours: number;
  readonly decisions: number;
  readonly people: number;
  /** Share of decisions that came out otherwise, and its 95 % bounds, each one-sided; null before there are enough people. */
  readonly changed: { readonly share: number; readonly least: number; readonly most: number } | null;
  readonly note: string;
}

/**
 * Judges a shadow by its rule. The bounds are normal, with the person as the unit, and need 100 people; where nothing came out otherwise the upper one is
 * exact for people who decide apart, `1 - 0.05^(1/people)`. They hold for one look: a shadow is asked for its verdict when its time is over.
 */
export function judgeShadow(segments: readonly ShadowSegment[], rule: ShadowRule): ShadowJudgement {
  const whole = segments.find(({ segment_kind }) => segment_kind === "all");
  const hours = whole ? (whole.last_decided_at.getTime() - whole.first_decided_at.getTime()) / 3_600_000 : 0;
  const { decisions = 0, people = 0 } = whole ?? {};
  const seen = { rule, hours, decisions, people };
  const waits = [
    ...(hours < rule.hours ? [`${hours.toFixed(1)} of ${rule.hours} hours`] : []),
    ...(decisions < rule.decisions ? [`${decisions} of ${rule.decisions} decisions`] : []),
    ...(people < leastPeople ? [`${people} of ${leastPeople} people`] : []),
  ];
  if (whole === undefined || waits.length > 0)
    return { ...seen, verdict: "too-short", changed: null, note: `seen so far: ${waits.join(", ")}` };
  const share = whole.changed_share;
  const error = z95 * (whole.changed_share_error ?? 0);
  const most = whole.changed === 0 ? 1 - 0.05 ** (1 / people) : Math.min(1, share + error);
  const changed = { share, least: Math.max(0, share - error), most };
  const limit = rule.most_changed;
  const verdict = changed.least > limit ? "too-different" : most > limit ? "not-shown" : "enough";
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  return {
    ...seen,
    verdict,
    changed,
    note: `${percent(share)} of the decisions come out otherwise (${percent(changed.least)} to ${percent(most)}; ${percent(limit)} may)`,
  };
}
