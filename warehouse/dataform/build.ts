import { type CompiledProject, compileProject } from "./compile.ts";
import type { BuildEngine } from "./engine.ts";
import { type Plan, planBuild } from "./plan.ts";
import { type BuildResult, runPlan, type StepResult } from "./run.ts";
import type { Selection } from "./selection.ts";

export interface BuildOptions extends Selection {
  readonly projectDir: string;
  readonly engine: BuildEngine;
  readonly vars?: Readonly<Record<string, string>> | undefined;
  /** Where compiled graphs are kept. */
  readonly cacheDir?: string | undefined;
  readonly fullRefresh?: boolean | undefined;
  /** Runs what has not changed, too. */
  readonly force?: boolean | undefined;
  readonly now: () => Date;
  readonly newId: () => string;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((result: StepResult, done: number, total: number) => void) | undefined;
  readonly onStart?: ((id: string) => void) | undefined;
}

export interface BuiltProject {
  readonly project: CompiledProject;
  readonly plan: Plan;
  readonly result: BuildResult;
}

/** Compiles a Dataform project and brings what is selected of it up to date in a warehouse. */
export async function buildProject(options: BuildOptions): Promise<BuiltProject> {
  const { project, plan } = await planProject(options);
  const { now, newId, force, signal, onStep, onStart } = options;
  const result = await runPlan(plan, options.engine, {
    now,
    newId,
    force,
    signal,
    onStep,
    onStart: (step) => onStart?.(step.id),
  });
  if (result.isGood && (options.select ?? []).length + (options.tags ?? []).length === 0) {
    const known = new Set(project.graph.actions.map((action) => action.id));
    await options.engine.forget([...(await options.engine.records()).keys()].filter((id) => !known.has(id)));
  }
  return { project, plan, result };
}

/** What `buildProject` would do, and nothing of it. */
export async function planProject(
  options: Pick<
    BuildOptions,
    "projectDir" | "engine" | "vars" | "cacheDir" | "fullRefresh" | "signal" | "select" | "tags" | "includeDeps"
  >,
): Promise<{ readonly project: CompiledProject; readonly plan: Plan }> {
  const { projectDir, vars, cacheDir, signal, engine, fullRefresh, select, tags, includeDeps } = options;
  const project = await compileProject({ projectDir, vars, cacheDir, signal, place: engine.place });
  const relations = await engine.relations(project.graph.actions);
  const plan = planBuild(project.graph, {
    select,
    tags,
    includeDeps,
    fullRefresh,
    relations,
    ignoresDatabases: engine.ignoresDatabases,
  });
  return { project, plan };
}
