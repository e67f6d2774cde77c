import { exitCodes, UserError } from "../../errors/user-error.ts";
import type { Plan } from "../../warehouse/dataform/plan.ts";
import type { StepResult } from "../../warehouse/dataform/run.ts";
import type { RegisterCommand } from "../command.ts";
import {
  addProjectOptions,
  addSelectionOptions,
  type ProjectOptions,
  projectDirOf,
  varsOf,
} from "../dataform-project.ts";
import { durationText, renderTable } from "../table.ts";

interface BuildCommandOptions extends ProjectOptions {
  readonly fullRefresh?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

export const register: RegisterCommand = (program, environment) => {
  const command = program
    .command("build")
    .description("Compile the Dataform project and bring its tables up to date, assertions included");
  addSelectionOptions(addProjectOptions(command))
    .option("--full-refresh", "rebuild incremental tables from their sources")
    .option("--force", "also run what has not changed since the last build")
    .option("--dry-run", "print what would run, with its SQL, and change nothing")
    .addHelpText(
      "after",
      "\nExit code 4 when an action fails or an assertion finds rows (one tagged `warn` only warns).\n",
    )
    .action(async (options: BuildCommandOptions) => {
      const { buildProject, planProject } = await import("../../warehouse/dataform/build.ts");
      const world = environment();
      const projectDir = projectDirOf(options, world.cwd);
      const { refuseUnapprovedChanges } = await import("../running-things.ts");
      await refuseUnapprovedChanges(world, "build", options);
      const { refuseForbiddenUses } = await import("../data-policy.ts");
      await refuseForbiddenUses(world, "build", options);
      if (options.dryRun !== true && options.sources === undefined) {
        const { landChangeLog } = await import("../land-change-log.ts");
        await landChangeLog(world);
      }
      const engine = await world.target.openEngine({ projectDir, sources: options.sources });
      try {
        const request = {
          ...options,
          projectDir,
          engine,
          vars: varsOf(options),
          cacheDir: `${world.home.state}/compiled`,
          signal: world.signal,
        };
        if (options.dryRun === true) {
          const { statementsToRun } = await import("../../warehouse/dataform/run.ts");
          const { plan } = await planProject(request);
          const shown = { ...plan, steps: plan.steps.map((step) => ({ ...step, statements: statementsToRun(step) })) };
          world.console.result(planAsData(shown), () => renderPlan(shown));
          return;
        }
        const progress = world.console.progress("build");
        const { randomUUID } = await import("node:crypto");
        const { plan, result } = await buildProject({
          ...request,
          now: world.now,
          newId: randomUUID,
          onStep: (_step, done, total) => progress.update(done, total, "actions"),
        });
        progress.done(`${result.results.length} actions`);
        for (const skipped of plan.skipped) world.console.note(`left out: ${skipped.id} (${skipped.why})`);
        if (plan.withoutAccessPolicies > 0)
          world.console.warn(
            `left out: row access policies of ${plan.withoutAccessPolicies} actions; this machine knows nobody's access (docs/reference/roles.md)`,
          );
        world.console.result(
          { isGood: result.isGood, ms: result.ms, actions: result.results, leftOut: plan.skipped },
          () => renderResults(result.results, result.ms),
        );
        if (!result.isGood) process.exitCode = exitCodes.check;
      } finally {
        await engine.close();
      }
    });
};

const mark: Readonly<Record<StepResult["outcome"], string>> = {
  done: "ok",
  unchanged: "unchanged",
  failed: "FAILED",
  skipped: "skipped",
  violated: "VIOLATED",
};

/** What ran, as a table, then what went wrong in full. */
export function renderResults(results: readonly StepResult[], ms: number): string {
  const columns = [
    { title: "action" },
    { title: "kind" },
    { title: "result" },
    { title: "rows", align: "right" as const },
    { title: "time", align: "right" as const },
  ];
  const interesting = results.filter(
    (result) => result.kind !== "assertion" || ["failed", "violated"].includes(result.outcome),
  );
  const rows = interesting.map((result) => [
    result.id,
    result.kind === "incremental" && result.mode !== "create" ? `incremental (${result.mode})` : result.kind,
    result.outcome === "violated" && result.severity === "warn" ? "warning" : mark[result.outcome],
    result.rows === undefined ? "" : result.rows.toLocaleString("en-US"),
    result.outcome === "skipped" || result.outcome === "unchanged" ? "" : durationText(result.ms),
  ]);
  const assertions = results.filter((result) => result.kind === "assertion");
  const held = assertions.filter((result) => result.outcome === "done" || result.outcome === "unchanged").length;
  const troubles = results.flatMap((result) => {
    if (result.outcome === "failed") {
      const where = result.error?.where === undefined ? "" : `\n  where: ${result.error.where}`;
      const next = result.error?.next === undefined ? "" : `\n  next:  ${result.error.next}`;
      return [
        `${result.id} failed: ${result.error?.message ?? "unknown"} [${result.error?.code ?? "unknown"}]${where}${next}`,
      ];
    }
    if (result.outcome !== "violated") return [];
    const count = (result.rows ?? 0).toLocaleString("en-US");
    return [
      `${result.id} (${result.severity}): ${count} ${result.rows === 1 ? "row" : "rows"}, in ${result.file}\n  see: inboxloop query "select * from ${result.id}"`,
    ];
  });
  const skippedFor = new Map<string, number>();
  for (const result of results) {
    for (const id of result.because ?? []) skippedFor.set(id, (skippedFor.get(id) ?? 0) + 1);
  }
  for (const [id, count] of skippedFor) troubles.push(`${count} skipped because of ${id}`);
  const count = (outcome: StepResult["outcome"]) =>
    results.filter((result) => result.outcome === outcome && result.kind !== "assertion").length;
  const summary = [
    `${count("done")} built`,
    ...(count("unchanged") > 0 ? [`${count("unchanged")} unchanged`] : []),
    ...(count("failed") > 0 ? [`${count("failed")} failed`] : []),
    ...(count("skipped") > 0 ? [`${count("skipped")} skipped`] : []),
    `${held} of ${assertions.length} assertions held`,
  ].join(", ");
  return [
    ...(rows.length > 0 ? [renderTable(columns, rows), ""] : []),
    ...(troubles.length > 0 ? [...troubles, ""] : []),
    `${summary} in ${durationText(ms)}`,
  ].join("\n");
}

const planAsData = (plan: Plan) => ({
  fullRefresh: plan.fullRefresh,
  steps: plan.steps.map(({ id, kind, mode, file, tags, waitsFor, statements, severity }) => ({
    id,
    kind,
    mode,
    file,
    tags,
    waitsFor,
    severity,
    statements,
  })),
  leftOut: plan.skipped,
});

function renderPlan(plan: Plan): string {
  if (plan.steps.length === 0) throw new UserError("there is nothing to build", { code: "build.empty", exit: "usage" });
  return plan.steps
    .map((step) => {
      const after = step.waitsFor.length > 0 ? `\n-- after ${step.waitsFor.join(", ")}` : "";
      return `-- ${step.id}: ${step.kind}, ${step.mode} (${step.file})${after}\n${step.statements.join(";\n")};`;
    })
    .join("\n\n");
}
