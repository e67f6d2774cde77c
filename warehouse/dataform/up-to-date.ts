import type { BuildEngine, BuildRecord } from "./engine.ts";
import { hasRelation, sqlName } from "./graph.ts";
import { digest, type Plan, type Step } from "./plan.ts";
import type { Relation } from "./statements.ts";

/** What a build knows of what stands in the warehouse, steps that it has carried out included. */
export interface BuildSoFar {
  readonly plan: Plan;
  readonly engine: Pick<BuildEngine, "identity">;
  readonly options: { readonly now: () => Date; readonly force?: boolean | undefined };
  readonly relations: ReadonlyMap<string, Relation>;
  /** Stamps of actions and of sources, by id; a source's is undefined where it cannot be told whether it has changed. */
  readonly stamps: ReadonlyMap<string, string>;
  readonly sourceStamps: ReadonlyMap<string, string | undefined>;
}

/** What has another answer next time, or reads nobody knows what, or what others have made: what uses it is never up to date. */
const unstable =
  /\b(current_timestamp|current_datetime|current_date|current_time|rand|generate_uuid|session_user|tablesample|information_schema|execute\s+immediate)\b|\bcall\s+[\w`.-]+\s*\(/i;
const hourly = /\btimestamp_trunc\s*\(\s*current_timestamp\s*(?:\(\s*\))?\s*,\s*hour\s*\)/i;
const daily = /\bcurrent_date\s*(?:\(\s*\))|\btimestamp_trunc\s*\(\s*current_timestamp\s*(?:\(\s*\))?\s*,\s*day\s*\)/i;
const everyHourly = new RegExp(hourly, "gi");
const everyDaily = new RegExp(daily, "gi");

/** Digest of what a step is made of, its text and what it reads; undefined when it cannot be told whether that has changed. */
export function inputsOf(step: Step, build: BuildSoFar): string | undefined {
  const read: string[] = [];
  const known = new Map<string, string | undefined>();
  for (const id of step.action.dependsOn) {
    const stamp = stampOf(id, build, known);
    if (stamp === undefined) return undefined;
    read.push(`${id} ${stamp}`);
  }
  return digest([build.engine.identity, step.sqlDigest, read, clockOf(textsOf(step), build.options.now())]);
}

/** What tells one state of something that is read from another. A view is as new as what it reads, and as the hour that it asks for. */
function stampOf(id: string, build: BuildSoFar, known: Map<string, string | undefined>): string | undefined {
  if (build.sourceStamps.has(id)) return build.sourceStamps.get(id);
  const own = build.stamps.get(id);
  const view = build.plan.views.get(id);
  if (own === undefined || view === undefined) return own;
  if (!known.has(id)) {
    const read = view.dependsOn.map((needed) => stampOf(needed, build, known));
    const cannotBeTold = isUnstable([view.query]) || read.includes(undefined);
    known.set(id, cannotBeTold ? undefined : digest([own, read, clockOf([view.query], build.options.now())]));
  }
  return known.get(id);
}

/** The hour or day that a text asks for: until it ends, the same question has the same answer. */
function clockOf(texts: readonly string[], now: Date): string {
  const length = texts.some((text) => hourly.test(text)) ? 13 : texts.some((text) => daily.test(text)) ? 10 : 0;
  return now.toISOString().slice(0, length);
}

/** Whether a step that once ran on these `inputs` would make the same again. */
export function isUpToDate(step: Step, record: BuildRecord, inputs: string, build: BuildSoFar): boolean {
  if (build.options.force === true || build.plan.fullRefresh) return false;
  if (record.inputs !== inputs || step.mode === "append") return false;
  if (step.kind === "operation" && !onlyMakesItself(step)) return false;
  if (hasRelation(step.action) && !build.relations.has(step.id)) return false;
  return !isUnstable(textsOf(step));
}

/** Whether the same text may have another answer the next time, whatever the hour. */
const isUnstable = (texts: readonly string[]): boolean =>
  texts.some((text) => unstable.test(text.replaceAll(everyHourly, "").replaceAll(everyDaily, "")));

/** Whether an operation does nothing but make its own table or view anew. */
function onlyMakesItself({ action, statements, target }: Step): boolean {
  if (action.kind !== "operation" || !action.hasOutput) return false;
  const own = new RegExp(
    `^\\s*create\\s+or\\s+replace\\s+(table|view)\\s+${sqlName(target).replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`,
    "i",
  );
  return statements.length === 1 && own.test(statements[0]!) && !/;\s*\S/.test(statements[0]!);
}

/** All SQL that the step may run, whichever way it runs. */
function textsOf({ action, statements }: Step): readonly string[] {
  if (action.kind === "operation" || action.kind === "assertion") return statements;
  return [...statements, action.query, ...(action.incremental === undefined ? [] : [action.incremental.query])];
}
