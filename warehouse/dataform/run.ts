import { UserError } from "../../errors/user-error.ts";
import type { Row, Warehouse } from "../warehouse.ts";
import { aroundTags, policyTagsOf } from "./access-policies.ts";
import type { BuildEngine, BuildRecord } from "./engine.ts";
import { isPlainView, sqlName } from "./graph.ts";
import { columnsScript } from "./only-prepares.ts";
import { placeInFile } from "./place-in-file.ts";
import type { Plan, Severity, Step } from "./plan.ts";
import { rowConditionsInOnePass } from "./row-conditions.ts";
import { assertionStatements, modeOf, type Relation, tableStatements } from "./statements.ts";
import { inputsOf, isUpToDate } from "./up-to-date.ts";

export type Outcome =
  /** It ran; an assertion found no row. */
  | "done"
  /** Nothing that it is made of has changed since it last ran. */
  | "unchanged"
  | "failed"
  /** Something that it waits for failed. */
  | "skipped"
  /** An assertion found rows. */
  | "violated";

export interface StepResult {
  readonly id: string;
  readonly kind: Step["kind"];
  readonly mode: Step["mode"];
  readonly file: string;
  readonly tags: readonly string[];
  readonly outcome: Outcome;
  readonly severity?: Severity | undefined;
  /** Rows in the table afterwards; of an assertion, the offenders. */
  readonly rows?: number | undefined;
  /** Rows that a merge, overwrite or append wrote, where the engine tells. */
  readonly rowsWritten?: number | undefined;
  readonly ms: number;
  readonly error?:
    | {
        readonly code: string;
        readonly message: string;
        readonly where?: string | undefined;
        /** A command that may help. */
        readonly next?: string | undefined;
      }
    | undefined;
  /** Why it was skipped: the ids of the actions that failed in the first place. */
  readonly because?: readonly string[] | undefined;
  /** The first few offenders of a violated assertion. */
  readonly sample?: readonly Row[] | undefined;
}

export interface BuildResult {
  readonly results: readonly StepResult[];
  readonly ms: number;
  /** False when an action failed or an assertion other than `warn` found rows. */
  readonly isGood: boolean;
}

export interface RunOptions {
  readonly now: () => Date;
  /** A new id with every call. */
  readonly newId: () => string;
  /** Runs every step, also those of which nothing changed. */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((result: StepResult, done: number, total: number) => void) | undefined;
  readonly onStart?: ((step: Step) => void) | undefined;
}

/**
 * Carries out a plan. Steps that do not wait for each other run side by side, as many as the engine allows. A failed step skips
 * what depends on it and the rest goes on. The result names every step of the plan, in its order.
 */
export async function runPlan(plan: Plan, engine: BuildEngine, options: RunOptions): Promise<BuildResult> {
  const began = options.now().getTime();
  await engine.ensureSchemas(plan.schemas);
  const records = new Map(await engine.records());
  const relations = await engine.relations(plan.steps.map((step) => step.action));
  const sourceStamps = new Map<string, string | undefined>();
  for (const source of plan.sources) sourceStamps.set(source.id, await engine.sourceStamp(source.target));

  const results = new Map<string, StepResult>();
  const stamps = new Map<string, string>([...records].map(([id, record]) => [id, record.stamp]));
  const waiting = new Map(plan.steps.map((step) => [step.id, step]));
  const running = new Map<string, Promise<void>>();
  const finish = (result: StepResult) => {
    results.set(result.id, result);
    options.onStep?.(result, results.size, plan.steps.length);
  };

  /** More assertions that may run now: each is little work, and a transaction for several costs what one does. */
  const companionsOf = (): readonly Step[] => {
    const found = [...waiting.values()]
      .filter(
        (step) =>
          step.kind === "assertion" && step.waitsFor.every((id) => results.has(id) && !blocks(results.get(id)!, step)),
      )
      .slice(0, engine.assertionsAtOnce - 1);
    for (const step of found) waiting.delete(step.id);
    return found;
  };

  try {
    while (waiting.size + running.size > 0) {
      options.signal?.throwIfAborted();
      for (const step of [...waiting.values()]) {
        if (running.size >= engine.parallel) break;
        if (!waiting.has(step.id) || step.waitsFor.some((id) => !results.has(id))) continue;
        waiting.delete(step.id);
        const because = rootsOf(step.waitsFor.map((id) => results.get(id)!).filter((result) => blocks(result, step)));
        if (because.length > 0) {
          finish({ ...named(step), outcome: "skipped", ms: 0, because });
          continue;
        }
        const group = [step, ...(step.kind === "assertion" ? companionsOf() : [])];
        for (const one of group) options.onStart?.(one);
        const work = runSteps(group, {
          plan,
          engine,
          options,
          relations,
          records,
          stamps,
          sourceStamps,
          asWritten: false,
        })
          .then((found) => found.forEach(finish))
          .finally(() => running.delete(step.id));
        running.set(step.id, work);
      }
      if (running.size > 0) await Promise.race(running.values());
    }
  } finally {
    // Whatever ended the build, nobody is left behind at work on a warehouse that is about to close.
    await Promise.allSettled(running.values());
  }
  const ordered = plan.steps.map((step) => results.get(step.id)!);
  return {
    results: ordered,
    ms: options.now().getTime() - began,
    isGood: !ordered.some(
      (result) => result.outcome === "failed" || (result.outcome === "violated" && result.severity !== "warn"),
    ),
  };
}

/** What began the trouble: of a skipped step, not itself but what it was skipped for. */
const rootsOf = (results: readonly StepResult[]): readonly string[] => [
  ...new Set(results.flatMap((result) => (result.outcome === "skipped" ? (result.because ?? []) : [result.id]))),
];

/** Whether a result keeps a step from running. A violated assertion does when it is `stop`, or when the step names it itself. */
function blocks(result: StepResult, step: Step): boolean {
  if (result.outcome === "failed" || result.outcome === "skipped") {
    // An assertion that could not run guards as if it had been violated, unless it only warns.
    return result.severity === undefined || result.severity === "stop" || step.action.dependsOn.includes(result.id);
  }
  if (result.outcome !== "violated" || result.severity === "warn") return false;
  return result.severity === "stop" || step.action.dependsOn.includes(result.id);
}

const named = (step: Step) => ({
  id: step.id,
  kind: step.kind,
  mode: step.mode,
  file: step.file,
  tags: step.tags,
  severity: step.severity,
});

interface StepContext {
  readonly plan: Plan;
  readonly engine: BuildEngine;
  readonly options: RunOptions;
  readonly relations: ReadonlyMap<string, Relation>;
  readonly records: ReadonlyMap<string, BuildRecord>;
  readonly stamps: Map<string, string>;
  readonly sourceStamps: ReadonlyMap<string, string | undefined>;
  /** Assertions run as Dataform wrote them, so that an error names a place in what its author knows. */
  readonly asWritten: boolean;
}

/** Runs steps in one transaction; where one of several fails, each in its own, and where that fails, as it is written. */
async function runSteps(steps: readonly Step[], context: StepContext): Promise<readonly StepResult[]> {
  const { engine, options } = context;
  const began = options.now().getTime();
  const results = new Map<string, StepResult>();
  const due: { readonly step: Step; readonly inputs: string | undefined }[] = [];
  for (const step of steps) {
    const inputs = inputsOf(step, context);
    const unchanged = await unchangedResult(step, inputs, context, began);
    if (unchanged === undefined) due.push({ step, inputs });
    else results.set(step.id, unchanged);
  }
  const [only] = due;
  if (only !== undefined) {
    try {
      const { done } = await engine.atomically(async (warehouse) => {
        const done: StepDone[] = [];
        for (const { step, inputs } of due) done.push(await carryOutStep(step, inputs, context, warehouse));
        return { done, records: done.map((one) => one.record) };
      });
      for (const { record, result } of done) {
        context.stamps.set(record.id, record.stamp);
        results.set(record.id, result);
      }
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      if (due.length === 1) {
        const { step } = only;
        if (!context.asWritten && statementsToRun(step) !== step.statements) {
          const [result] = await runSteps([step], { ...context, asWritten: true });
          return steps.map(({ id }) => (id === step.id ? result! : results.get(id)!));
        }
        const ms = options.now().getTime() - began;
        results.set(step.id, { ...named(step), outcome: "failed", ms, error: describe(error, step, context.plan) });
      } else {
        for (const { step } of due) for (const one of await runSteps([step], context)) results.set(one.id, one);
      }
    }
  }
  return steps.map((step) => results.get(step.id)!);
}

async function unchangedResult(
  step: Step,
  inputs: string | undefined,
  context: StepContext,
  began: number,
): Promise<StepResult | undefined> {
  const record = context.records.get(step.id);
  if (record === undefined || inputs === undefined || !isUpToDate(step, record, inputs, context)) return undefined;
  if (record.wordingDigest !== step.wordingDigest) {
    await context.engine.atomically(async () => ({ records: [{ ...record, wordingDigest: step.wordingDigest }] }));
  }
  return {
    ...named(step),
    outcome: (record.offenders ?? 0) > 0 ? "violated" : "unchanged",
    rows: step.kind === "assertion" ? record.offenders : record.rows,
    ms: context.options.now().getTime() - began,
  };
}

interface StepDone {
  readonly result: StepResult;
  readonly record: BuildRecord;
}

async function carryOutStep(
  step: Step,
  inputs: string | undefined,
  context: StepContext,
  warehouse: Warehouse,
): Promise<StepDone> {
  const { options } = context;
  const began = options.now().getTime();
  const effect = await carryOut(step, context, warehouse);
  const before = context.records.get(step.id);
  const isAssertion = step.kind === "assertion";
  // What leaves its table as it was, or only says again what a view reads, is no reason for anything downstream to run.
  const isSame =
    before !== undefined &&
    (step.mode === "append"
      ? effect.rowsWritten === 0
      : isPlainView(step.action) && before.sqlDigest === step.sqlDigest);
  return {
    record: {
      id: step.id,
      kind: step.kind,
      file: step.file,
      sqlDigest: step.sqlDigest,
      wordingDigest: step.wordingDigest,
      inputs: inputs ?? "",
      stamp: isSame ? before.stamp : options.newId(),
      columns: effect.columns,
      rows: isAssertion ? undefined : effect.rows,
      offenders: isAssertion ? effect.rows : undefined,
      dependsOn: step.action.dependsOn,
      builtAt: options.now().toISOString(),
    },
    result: {
      ...named(step),
      outcome: isAssertion && (effect.rows ?? 0) > 0 ? "violated" : "done",
      rows: effect.rows,
      rowsWritten: effect.rowsWritten,
      ms: options.now().getTime() - began,
      sample: effect.sample,
    },
  };
}

/** What a step runs: its statements, but that an assertion asks several row conditions in one pass. */
export function statementsToRun({ action, statements }: Step): readonly string[] {
  const query = action.kind === "assertion" ? rowConditionsInOnePass(action.query) : undefined;
  return action.kind === "assertion" && query !== undefined ? assertionStatements(action, query) : statements;
}

interface Effect {
  readonly rows?: number | undefined;
  readonly rowsWritten?: number | undefined;
  readonly columns: BuildRecord["columns"];
  readonly sample?: readonly Row[] | undefined;
}

async function carryOut(step: Step, context: StepContext, warehouse: Warehouse): Promise<Effect> {
  const { signal } = context.options;
  const run = { file: step.file, signal };
  const { action } = step;
  if (action.kind === "assertion") {
    const [create, count] = context.asWritten ? step.statements : statementsToRun(step);
    await warehouse.execute(create!, run);
    const { rows } = await warehouse.query(count!, run);
    const offenders = Number(rows[0]?.["row_count"] ?? 0);
    const sample =
      offenders > 0 ? (await warehouse.query(`select * from ${sqlName(step.target)} limit 5`, run)).rows : undefined;
    return { rows: offenders, columns: [], sample };
  }
  if (action.kind === "operation") {
    await warehouse.execute(script(step.statements), run);
    // What it leaves under its name may be a routine, or nothing at all: only a table has rows to count.
    const columns = action.hasOutput ? await columnsOf(step, warehouse) : [];
    return { columns, rows: columns.length > 0 ? await context.engine.rowCount(step.target, warehouse) : undefined };
  }
  const relation = context.relations.get(step.id);
  let statements = step.statements;
  const mode = modeOf(action, relation, context.plan.fullRefresh);
  if (relation !== undefined && mode !== "create" && action.incremental?.onSchemaChange !== "IGNORE") {
    const { columns } = await warehouse.query(columnsScript(action.incremental!), run);
    statements = tableStatements(action, relation, { fullRefresh: false, newColumns: columns }).statements;
  }
  const { setPolicyTags } = context.engine;
  const tags = action.kind === "view" || setPolicyTags === undefined ? undefined : policyTagsOf(action);
  const [first, rest] = tags && tags.size > 0 ? aroundTags(statements) : [statements, []];
  const effect = await warehouse.execute(script(first), run);
  if (tags && tags.size > 0) await setPolicyTags!(step.target, tags);
  if (rest.length > 0) await warehouse.execute(script(rest), run);
  return {
    columns: await columnsOf(step, warehouse),
    rows: action.kind === "view" ? undefined : await context.engine.rowCount(step.target, warehouse),
    rowsWritten: mode === "create" || statements.length > 1 ? undefined : effect.rowsAffected,
  };
}

/** One script. A statement may end in a comment, so the semicolon stands on a line of its own. */
export const script = (statements: readonly string[]): string =>
  statements.length === 1 ? statements[0]! : statements.map((text) => `${text}\n;`).join("\n");

async function columnsOf(step: Step, warehouse: Warehouse): Promise<BuildRecord["columns"]> {
  const { database, schema, name } = step.target;
  return (await warehouse.columns([database, schema, name].filter(Boolean).join("."))) ?? [];
}

function describe(error: unknown, step: Step, plan: Plan): NonNullable<StepResult["error"]> {
  // An incremental table keeps the columns that it was made with; its query may have others by now.
  const isOnTop = step.kind === "incremental" && step.mode !== "create";
  const refresh = isOnTop ? `inboxloop build --select ${step.id} --full-refresh` : undefined;
  if (error instanceof UserError) {
    const next =
      error.next ?? (error.code === "sql.analysis" ? (sourceWanted(error, step, plan) ?? refresh) : undefined);
    return {
      code: error.code,
      message: error.message,
      where: placeInFile(error, plan.texts) ?? error.where ?? step.file,
      next,
    };
  }
  return { code: "dataform.action", message: error instanceof Error ? error.message : String(error), where: step.file };
}

/** For a step that misses a table which the project only declares: how to give it rows. */
function sourceWanted(error: UserError, step: Step, plan: Plan): string | undefined {
  const missing = /^Table not found: (.+)$/.exec(error.message)?.[1];
  const source = plan.sources.find(
    ({ id, target }) =>
      step.action.dependsOn.includes(id) &&
      (missing === sqlName(target).slice(1, -1) || missing === `${target.schema}.${target.name}`),
  );
  if (source === undefined) return undefined;
  const { schema, name } = source.target;
  return `inboxloop build --sources <folder with ${schema}.${name}.csv, .ndjson or .parquet>`;
}
