import type { Journal } from "../../platform/journal/journal.ts";
import type { RetentionCutoff } from "./plan.ts";
import type { RetentionBegun, RetentionDone, RetentionEntry } from "./retention-journal.ts";

/** Rows in one place: a table, or a snapshot by its id. */
export interface AgedPlace {
  readonly where: string;
  readonly rows: number;
  readonly snapshot?: string | undefined;
}

/** A part of the home that rows go from by their age. */
export interface AgingHolding {
  /** How many rows are too old, by place. */
  count(cutoff: RetentionCutoff): Promise<readonly AgedPlace[]>;
  /** Takes them out; may be killed anywhere and repeated with the same id. */
  takeOut(id: string, cutoff: RetentionCutoff): Promise<void>;
}

export interface RetentionEnv {
  readonly journal: Journal<RetentionEntry>;
  /** Digest of the data policy. */
  readonly policy: string;
  readonly holdingOf: (cutoff: RetentionCutoff) => AgingHolding;
  /** What went under an id, as the ledger and the locks of snapshots have it. */
  readonly account: (begun: RetentionBegun) => Promise<Pick<RetentionDone, "places" | "snapshots">>;
  readonly now: () => Date;
  readonly newId: () => string;
  readonly fault: (point: string) => void;
  readonly onStep?: ((what: string, done: number, total: number) => void) | undefined;
}

export interface RetentionPlan {
  readonly cutoffs: readonly RetentionCutoff[];
  readonly places: readonly AgedPlace[];
  readonly rows: number;
}

export type Retained =
  | { readonly kind: "planned" | "nothing"; readonly plan: RetentionPlan }
  | { readonly kind: "done"; readonly isResumed: boolean; readonly receipt: RetentionDone };

/** Looks for what is too old. */
export async function planRetention(env: RetentionEnv, cutoffs: readonly RetentionCutoff[]): Promise<RetentionPlan> {
  const places: AgedPlace[] = [];
  for (const [index, cutoff] of cutoffs.entries()) {
    env.onStep?.(cutoff.of, index, cutoffs.length);
    places.push(...(await env.holdingOf(cutoff).count(cutoff)).filter(({ rows }) => rows > 0));
  }
  return { cutoffs, places, rows: places.reduce((sum, { rows }) => sum + rows, 0) };
}

/** A whole run: one that was interrupted is finished first, by its own cutoffs; then what is too old is looked for and goes, or in a dry run is told. */
export async function runRetention(
  env: RetentionEnv,
  cutoffs: readonly RetentionCutoff[],
  { dryRun }: { readonly dryRun: boolean },
): Promise<readonly Retained[]> {
  const resumed = dryRun ? undefined : await resumeRetention(env);
  const plan = await planRetention(env, cutoffs);
  const outcome: Retained = dryRun ? { kind: "planned", plan } : await retain(env, plan);
  return resumed ? [resumed, outcome] : [outcome];
}

/** What an account says of tables and of snapshots, by place. */
export const accountOf = (
  tables: readonly AgedPlace[],
  snapshots: RetentionDone["snapshots"],
): Pick<RetentionDone, "places" | "snapshots"> => ({
  places: [
    ...[...tables].sort((a, b) => (a.where < b.where ? -1 : 1)),
    ...snapshots.map(({ parent, rows }) => ({ where: `snapshot ${parent}`, rows })),
  ],
  snapshots,
});

/** Goes on with a retention that was interrupted, by its own cutoffs. */
export async function resumeRetention(env: RetentionEnv): Promise<Retained | undefined> {
  const { entries } = await env.journal.read();
  const last = entries.at(-1);
  return last?.kind === "begun" ? finish(env, last, true) : undefined;
}

/** Carries a plan out: what is too old goes, and a receipt says how much. From the first step on a kill anywhere is made good by `resumeRetention`. */
export async function retain(env: RetentionEnv, plan: RetentionPlan): Promise<Retained> {
  if (plan.rows === 0) return { kind: "nothing", plan };
  const begun: RetentionBegun = {
    kind: "begun",
    retention_id: env.newId(),
    at: env.now().toISOString(),
    policy: env.policy,
    cutoffs: plan.cutoffs.map((one) => ({ ...one })),
    snapshots: plan.places.flatMap(({ snapshot, rows }) => (snapshot === undefined ? [] : [{ id: snapshot, rows }])),
  };
  await append(env, begun);
  env.fault("retention-begun");
  return finish(env, begun, false);
}

async function finish(env: RetentionEnv, begun: RetentionBegun, isResumed: boolean): Promise<Retained> {
  const { retention_id: id, cutoffs } = begun;
  for (const [index, cutoff] of cutoffs.entries()) {
    env.onStep?.(cutoff.of, index, cutoffs.length);
    await env.holdingOf(cutoff).takeOut(id, cutoff);
    env.fault(`aged-${cutoff.of}`);
  }
  const { places, snapshots } = await env.account(begun);
  const rows = places.reduce((sum, one) => sum + one.rows, 0);
  const receipt: RetentionDone = {
    kind: "done",
    retention_id: id,
    at: env.now().toISOString(),
    places,
    rows,
    snapshots,
  };
  await append(env, receipt);
  env.fault("retention-done");
  return { kind: "done", isResumed, receipt };
}

async function append({ journal }: RetentionEnv, entry: RetentionEntry): Promise<void> {
  for (;;) {
    const { head } = await journal.read();
    if ((await journal.append([entry], head)).kind === "appended") return;
  }
}
