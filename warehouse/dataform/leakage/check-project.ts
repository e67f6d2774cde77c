import { UserError } from "../../../errors/user-error.ts";
import type { Column } from "../../warehouse.ts";
import { type CompileOptions, compileProject } from "../compile.ts";
import type { Graph } from "../graph.ts";
import { columnsOfTarget, readDeclaredColumns } from "../testing/declared-columns.ts";
import { checkLeakage, type LeakageFinding, type LeakageResult, markedAsOf } from "./check.ts";
import { knowledgeOf, refuseStrangers } from "./known-at-file.ts";
import { nameOf } from "./models.ts";

export interface ProjectCheck {
  readonly projectDir: string;
  readonly vars?: CompileOptions["vars"];
  readonly cacheDir: string;
  readonly signal?: AbortSignal | undefined;
  /** `schema.table.column` -> why a finding about it is passed over. */
  readonly waive?: Readonly<Record<string, string>> | undefined;
}

export interface CheckedProject extends LeakageResult {
  readonly waived: readonly (LeakageFinding & { readonly why: string })[];
}

/**
 * Compiles a Dataform project for an as-of instant that no project has, and checks its features. Throws a UserError where nothing is to be
 * checked, and where something is waived that is no finding: a waiver is for what stands, not for what may come.
 */
export async function checkProject(check: ProjectCheck): Promise<CheckedProject> {
  const knowledge = await knowledgeOf(check.projectDir);
  const { graph } = await compileProject({
    projectDir: check.projectDir,
    vars: { ...check.vars, as_of: markedAsOf },
    cacheDir: check.cacheDir,
    signal: check.signal,
  });
  const columns = await declaredColumns(graph, check.projectDir);
  const has = (id: string) => columns.get(id) && new Set(columns.get(id)!.map((one) => one.name.toLowerCase()));
  refuseStrangers(knowledge, new Map(graph.actions.map(({ id, target }) => [nameOf(target), has(id)])));
  return waived(checkLeakage(graph, { columns, knowledge }), check.waive ?? {});
}

/** The columns of what the project declares, as far as it says them. */
export async function declaredColumns(
  graph: Graph,
  projectDir: string,
): Promise<ReadonlyMap<string, readonly Column[]>> {
  const declared = await readDeclaredColumns(projectDir);
  return new Map(
    graph.actions.flatMap((action) => {
      const columns = action.kind === "declaration" ? columnsOfTarget(declared, action.target) : undefined;
      return columns ? [[action.id, columns] as const] : [];
    }),
  );
}

export function waived(result: LeakageResult, waive: Readonly<Record<string, string>>): CheckedProject {
  if (result.models.length === 0) {
    throw new UserError("nothing to check: the project has no model in the datasets features and training", {
      code: "leakage.nothing-to-check",
      exit: "config",
      next: "inboxloop check leakage --project <dir>",
    });
  }
  const nameOf = (one: LeakageFinding): string => `${one.model}.${one.column}`;
  const unused = Object.keys(waive).find((name) => !result.findings.some((one) => nameOf(one) === name));
  if (unused !== undefined) {
    throw new UserError(`nothing is found about ${unused}, so there is nothing to waive`, {
      code: "leakage.nothing-to-waive",
      exit: "usage",
      next: "inboxloop check leakage",
    });
  }
  const findings = result.findings.filter((one) => waive[nameOf(one)] === undefined);
  const passed = result.findings.flatMap((one) => {
    const why = waive[nameOf(one)];
    return why === undefined ? [] : [{ ...one, why }];
  });
  return { ...result, verdict: findings.length > 0 ? "fail" : "pass", findings, waived: passed };
}
