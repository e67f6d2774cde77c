import { UserError } from "../../errors/user-error.ts";
import features from "../../includes/features.js";
import { seededRandom } from "../../platform/seeded-random.ts";
import {
  evaluationGuardrails,
  type Guardrail,
  type GuardrailResult,
  judge,
  type Measured,
  notMeasurable,
  overall,
  type Verdict,
} from "../../policy/guardrails.ts";
import type { FeatureColumns } from "../../scoring/feature-columns.ts";
import { findModel, type Model, openScorer, type Scorer } from "../../scoring/model.ts";
import { type Reading, readParquetTable, type Table } from "../../warehouse/duckdb/read-parquet.ts";
import { findSnapshot, snapshotFiles } from "../snapshot/snapshot.ts";
import { personColumn } from "../snapshot/snapshot-lock.ts";
import { postAiColumn, splitOf } from "../snapshot/split.ts";
import { everyKth } from "../trainer/sampling.ts";
import { columnsOf } from "./columns-of.ts";
import { evaluatePolicies, fairnessDimensions, type PolicyEvaluation, wantedByPolicies } from "./evaluate-policies.ts";
import { type Gap, gapOf } from "./group-gaps.ts";
import { acquaintedModels, judgingRows } from "./judging-rows.ts";
import {
  areaUnderCurve,
  aucDifference,
  isMiscalibrated,
  logLosses,
  mean,
  type OutcomeMetrics,
  outcomeMetrics,
  reliability,
  type Scored,
  standardErrorOfMean,
} from "./metrics.ts";

export interface EvaluateEnv {
  readonly snapshots: string;
  readonly models: string;
  /** Makes sure that all files of a snapshot are in its folder, where they live elsewhere. */
  readonly bring?: ((snapshot: string) => Promise<unknown>) | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (step: string, done: number, total: number) => void;
}

export interface EvaluateRequest {
  readonly candidate: string;
  /** Without one, only the guardrails with an absolute limit apply. */
  readonly champion?: string | undefined;
  /** Snapshot to judge on; the candidate's own (its latest rows, that it was not fitted to) when not given. */
  readonly snapshot?: string | undefined;
  readonly seed?: number | undefined;
  /** Rows to score at most, and rows to run the policies on at most. */
  readonly rows?: number | undefined;
  readonly policyRows?: number | undefined;
  readonly guardrails?: readonly Guardrail[] | undefined;
  /** Guardrails by id that may be passed over when they cannot be measured, each with the reason. */
  readonly waive?: Readonly<Record<string, string>> | undefined;
}

export interface Group {
  /** `inbox`: the readers in whose inboxes machines read, as the snapshot has them (post-ai). */
  readonly dimension: "isp" | "region" | "inbox";
  readonly value: string;
  readonly candidate: OutcomeMetrics;
  readonly champion: OutcomeMetrics | null;
}

export interface OutcomeEvaluation {
  readonly outcome: string;
  /** The column that holds what happened: an outcome is compared by it, whatever the models call it. */
  readonly column: string;
  readonly candidate: OutcomeMetrics;
  readonly champion: OutcomeMetrics | null;
  /** Candidate minus champion: AUC (DeLong, paired) and log loss (paired), with their 95 % intervals. */
  readonly auc_difference: { readonly value: number; readonly low: number; readonly high: number } | null;
  readonly log_loss_difference: { readonly value: number; readonly low: number; readonly high: number } | null;
  readonly reliability: ReturnType<typeof reliability>;
  readonly groups: readonly Group[];
  /** By dimension, how far apart the groups lie in what is predicted beyond what happened: a model that is right on the whole may be wrong by group. */
  readonly calibration_gaps: readonly {
    readonly dimension: (typeof fairnessDimensions)[number];
    readonly candidate: Gap | null;
    readonly champion: Gap | null;
  }[];
}

export interface Evaluation {
  readonly verdict: Verdict;
  readonly candidate: { readonly name: string; readonly digest: string };
  readonly champion: { readonly name: string; readonly digest: string } | null;
  readonly snapshot: string;
  readonly rows: {
    readonly scored: number;
    readonly policy: number;
    readonly sent_from: string;
    readonly sent_to: string;
    /** Versions that may have learned from earlier mail to these people: none where their snapshots held at least as many people out. */
    readonly acquainted: readonly string[];
  };
  readonly outcomes: readonly OutcomeEvaluation[];
  readonly policy: PolicyEvaluation;
  readonly guardrails: readonly GuardrailResult[];
}

/** Judges a candidate on rows that were sent after everything both models were fitted to. */
export async function evaluate(env: EvaluateEnv, request: EvaluateRequest): Promise<Evaluation> {
  const guards = request.guardrails ?? evaluationGuardrails;
  refuseUnknownWaivers(request.waive ?? {}, guards);
  const candidate = await findModel(env.models, request.candidate);
  const champion = request.champion === undefined ? null : await findModel(env.models, request.champion);
  const snapshot = await findSnapshot(env.snapshots, request.snapshot ?? candidate.record.lineage.snapshot.id);
  await env.bring?.(snapshot.id);
  const models = champion ? [candidate, champion] : [candidate];
  splitOf(snapshot.lock, snapshot.path);
  const frozen = new Set(snapshot.lock.lock.columns.map(({ name }) => name));
  const wanted = { ...wantedColumns(models, frozen), ...wantedByPolicies(snapshot.lock, frozen) };
  const table = await readParquetTable(
    snapshotFiles(snapshot),
    wanted,
    ["sent_at", "message_id"],
    snapshot.lock.lock.rows,
  );
  const later = judgingRows(table, models, snapshot);
  if (later.length === 0) {
    throw new UserError(
      `snapshot ${snapshot.id} has no row to judge on that is later than what ${models.map((m) => m.name).join(" and ")} learned from`,
      {
        code: "evaluate.no-later-rows",
        exit: "check",
        where: snapshot.path,
        next: "inboxloop snapshot create, on newer sends",
      },
    );
  }
  const random = seededRandom(request.seed ?? 1);
  const stratum = (row: number) => `${table.texts("isp")[row]}/${table.texts("region")[row]}`;
  const sampled = (count: number) => [...everyKth(later, count, stratum, random)].sort((a, b) => a - b);
  const rows = sampled(request.rows ?? 30_000);
  const policyRows = sampled(request.policyRows ?? 15_000);

  const scorers: Scorer[] = [];
  try {
    for (const model of models) scorers.push(await openScorer(model));
    const [own, other] = scorers as [Scorer, Scorer | undefined];
    const columns = scorers.map((s) => columnsOf(table, s.model.record.lineage.features.list, rows));
    const outcomes: OutcomeEvaluation[] = [];
    for (const [i, outcome] of candidate.record.outcomes.entries()) {
      env.signal?.throwIfAborted();
      env.onProgress?.("score", i, candidate.record.outcomes.length);
      outcomes.push(evaluateOutcome(table, rows, outcome, own, other, columns, frozen, personColumn(snapshot.lock)));
    }
    env.onProgress?.("policy", 0, 1);
    const policy = evaluatePolicies(
      { table, rows: policyRows, person: personColumn(snapshot.lock), frozen },
      own,
      other,
    );
    const applicable = guards.filter((g) => champion || g.relativeTo === "absolute");
    const guardrails = applicable.map((guardrail) => {
      const measured = measure(guardrail, outcomes, policy, policyRows.length);
      if ("missing" in measured) return notMeasurable(guardrail, measured.missing, request.waive?.[guardrail.id]);
      return judge(guardrail, measured);
    });
    const times = table.numbers("sent_at");
    const instant = (row: number) => new Date(1000 * times[row]!).toISOString();
    const named = (model: Model) => ({ name: model.name, digest: model.digest });
    return {
      verdict: overall(guardrails),
      candidate: named(candidate),
      champion: champion && named(champion),
      snapshot: snapshot.id,
      rows: {
        scored: rows.length,
        policy: policyRows.length,
        sent_from: instant(later[0]!),
        sent_to: instant(later.at(-1)!),
        acquainted: acquaintedModels(models, snapshot),
      },
      outcomes,
      policy,
      guardrails,
    };
  } finally {
    for (const scorer of scorers) scorer.close();
  }
}

/** A waiver is for one guardrail by its name: a misspelt one would waive nothing, unnoticed. */
function refuseUnknownWaivers(waive: Readonly<Record<string, string>>, guardrails: readonly Guardrail[]): void {
  const unknown = Object.keys(waive).find((id) => !guardrails.some((g) => g.id === id));
  if (unknown === undefined) return;
  throw new UserError(`there is no guardrail ${unknown}`, {
    code: "evaluate.guardrail",
    exit: "usage",
    next: `it is one of ${guardrails.map(({ id }) => id).join(", ")}`,
  });
}

function wantedColumns(models: readonly Model[], frozen: ReadonlySet<string>): Readonly<Record<string, Reading>> {
  const wanted: Record<string, Reading> = {
    sent_at: "seconds",
    isp: "text",
    region: "text",
    split: "text",
    ...(frozen.has(postAiColumn.name) && { [postAiColumn.name]: "number" as const }),
  };
  for (const { record } of models) {
    for (const f of record.lineage.features.list) wanted[f.name] = f.type === "number" ? "number" : "text";
    for (const o of record.outcomes) wanted[o.column] = "number";
  }
  return wanted;
}

const z95 = 1.959964;
const interval = (value: number, error: number) => ({ value, low: value - z95 * error, high: value + z95 * error });

function evaluateOutcome(
  table: Table,
  rows: readonly number[],
  outcome: { readonly name: string; readonly column: string },
  own: Scorer,
  other: Scorer | undefined,
  columns: readonly FeatureColumns[],
  frozen: ReadonlySet<string>,
  person: string,
): OutcomeEvaluation {
  const column = table.numbers(outcome.column);
  const known = rows.flatMap((row, i) => (Number.isNaN(column[row]!) ? [] : [i]));
  const labels = known.map((i) => column[rows[i]!]!);
  const scoredBy = (scorer: Scorer, name: string, inputs: FeatureColumns): Scored => {
    const all = scorer.predict(name, inputs, rows.length);
    return { labels, scores: known.map((i) => all[i]!) };
  };
  const mine = scoredBy(own, outcome.name, columns[0]!);
  const theirName = other?.model.record.outcomes.find(({ column: theirs }) => theirs === outcome.column)?.name;
  const theirs = other && theirName !== undefined ? scoredBy(other, theirName, columns[1]!) : null;
  const auc = theirs && aucDifference(areaUnderCurve(mine), areaUnderCurve(theirs));
  const theirLosses = theirs && logLosses(theirs);
  const losses = theirLosses && logLosses(mine).map((loss, i) => loss - theirLosses[i]!);
  const dimensions = ["isp", "region", ...(frozen.has(postAiColumn.name) ? (["inbox"] as const) : [])] as const;
  const groups = dimensions.flatMap((dimension): Group[] => {
    const groupOf = groupsBy(table, dimension);
    const members = new Map<string, number[]>();
    known.forEach((i, k) => {
      const value = groupOf(rows[i]!);
      if (value === undefined) return;
      const found = members.get(value);
      if (found) found.push(k);
      else members.set(value, [k]);
    });
    const part = (scored: Scored, of: readonly number[]): OutcomeMetrics =>
      outcomeMetrics({ labels: of.map((k) => scored.labels[k]!), scores: of.map((k) => scored.scores[k]!) });
    return [...members]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([value, of]) => ({
        dimension,
        value: value === "" ? "unknown" : value,
        candidate: part(mine, of),
        champion: theirs && part(theirs, of),
      }));
  });
  const everybody = table.numbers(person);
  const people = known.map((i) => everybody[rows[i]!]!);
  const calibrationGap = ({ scores }: Scored, dimension: (typeof fairnessDimensions)[number]): Gap | null => {
    const groupOf = table.texts(dimension);
    return gapOf(
      known.map((i) => groupOf[rows[i]!]!),
      labels.map((label, k) => scores[k]! - label),
      people,
      labels,
    );
  };
  return {
    outcome: outcome.name,
    column: outcome.column,
    candidate: outcomeMetrics(mine),
    champion: theirs && outcomeMetrics(theirs),
    auc_difference: auc ? interval(auc.difference, auc.standardError) : null,
    log_loss_difference: losses && losses.length > 1 ? interval(mean(losses), standardErrorOfMean(losses)) : null,
    reliability: reliability(mine),
    groups,
    calibration_gaps: fairnessDimensions.map((dimension) => ({
      dimension,
      candidate: calibrationGap(mine, dimension),
      champion: theirs && calibrationGap(theirs, dimension),
    })),
  };
}

/** The group of a row; undefined for a row that is in none of the dimension. */
function groupsBy(table: Table, dimension: Group["dimension"]): (row: number) => string | undefined {
  if (dimension === "inbox") {
    const isPostAi = table.numbers(postAiColumn.name);
    return (row) => (isPostAi[row] === 1 ? "post-ai" : undefined);
  }
  const values = table.texts(dimension);
  return (row) => values[row]!;
}

/** What a guardrail's metric is in this evaluation; or what is missing to measure it. */
function measure(
  guardrail: Guardrail,
  outcomes: readonly OutcomeEvaluation[],
  policy: Evaluation["policy"],
  policyRows: number,
): Measured | { readonly missing: string } {
  const [subject = "", name = ""] = guardrail.metric.split(".");
  if (subject === "policy") {
    const found = policy.measures.find((m) => m.metric === name);
    if (!found) return { missing: `the snapshot has no column for ${name}` };
    if (policy.uncovered !== null) return { missing: policy.uncovered };
    if (found.candidate.value === null) return { missing: "no logged send is one that this policy would make" };
    const difference = found.difference;
    return {
      actual: found.candidate.value,
      champion: found.champion?.value ?? null,
      evidence: guardrail.minimumEvidence.of === "rows" ? policyRows : Math.floor(found.candidate.effective_sends),
      isProvenWorse:
        difference !== null && (guardrail.direction === "lower-is-better" ? difference.low > 0 : difference.high < 0),
      interval: [difference?.low ?? null, difference?.high ?? null],
      note: `worth ${Math.round(found.candidate.effective_sends)} sends; ${policy.assumption}`,
    };
  }
  const column = features.outcomes.find((o) => o.name === subject)?.column;
  const outcome = outcomes.find((o) => o.column === column);
  if (!outcome) return { missing: `the candidate learned nothing of ${subject} (${column ?? "no column"})` };
  if (guardrail.relativeTo === "champion" && !outcome.champion)
    return { missing: `the champion learned nothing of ${subject} (${column})` };
  const figure = (of: OutcomeMetrics | null): number | null => {
    if (!of) return null;
    if (name === "auc") return of.auc;
    return name === "log_loss" ? of.log_loss : name === "ece" ? of.ece : null;
  };
  const difference = name === "auc" ? outcome.auc_difference : name === "log_loss" ? outcome.log_loss_difference : null;
  const isAbsolute = guardrail.relativeTo === "absolute";
  return {
    actual: figure(outcome.candidate),
    champion: figure(outcome.champion),
    evidence: guardrail.minimumEvidence.of === "positives" ? outcome.candidate.positives : outcome.candidate.rows,
    isProvenWorse: isAbsolute
      ? name === "ece"
        ? isMiscalibrated(outcome.reliability)
        : outcome.candidate.positives >= guardrail.minimumEvidence.least
      : difference !== null && (guardrail.direction === "lower-is-better" ? difference.low > 0 : difference.high < 0),
    interval: [difference?.low ?? null, difference?.high ?? null],
    note: `${outcome.candidate.positives} of ${outcome.candidate.rows} rows are positive`,
  };
}
