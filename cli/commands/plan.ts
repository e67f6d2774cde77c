import { exitCodes } from "../../errors/user-error.ts";
import type { Change } from "../../warehouse/dataform/changes.ts";
import type { RegisterCommand } from "../command.ts";
import { addProjectOptions, type ProjectOptions, withProject } from "../dataform-project.ts";

interface PlanCommandOptions extends ProjectOptions {
  readonly failOnBreaking?: boolean;
  readonly data: boolean;
}

export const register: RegisterCommand = (program, environment) => {
  const command = program
    .command("plan")
    .description(
      "Show what has changed since the last build: actions, columns and rows, and what it touches downstream",
    );
  addProjectOptions(command)
    .option("--no-data", "compare texts only, without running the new ones")
    .option("--fail-on-breaking", "exit with 4 when a table or column would go, or a column change its type")
    .action(async (options: PlanCommandOptions) => {
      const { compareWithLastBuild, withData } = await import("../../warehouse/dataform/changes.ts");
      const world = environment();
      await withProject(world, options, async ({ graph, engine: open }) => {
        const engine = await open();
        const records = await engine.records();
        const texts = compareWithLastBuild(graph, records);
        const changes = options.data ? await withData(graph, texts, records, engine) : texts;
        const isBreaking = changes.some((change) => change.isBreaking);
        world.console.result({ isBreaking, changes }, () => renderChanges(changes, records.size > 0));
        if (isBreaking && options.failOnBreaking === true) process.exitCode = exitCodes.check;
      });
    });
};

const signs: Readonly<Record<Change["kind"], string>> = {
  added: "+ added     ",
  changed: "~ changed   ",
  reworded: "  reworded  ",
  removed: "- removed   ",
  downstream: "> downstream",
};

/** The changes as lines: what, then columns and rows under it. */
export function renderChanges(changes: readonly Change[], hasBuilt: boolean): string {
  if (changes.length === 0) return "nothing has changed since the last build";
  const lines = hasBuilt ? [] : ["nothing has been built yet: everything is new", ""];
  for (const change of changes) {
    const because = change.because === undefined ? "" : ` (reads ${change.because.join(", ")})`;
    lines.push(`${signs[change.kind]}  ${change.id}${because}${change.isBreaking ? "  BREAKING" : ""}`);
    for (const column of change.columns ?? []) {
      if (change.kind === "added") continue;
      if (column.before === undefined) lines.push(`      + ${column.name} ${column.after}`);
      else if (column.after === undefined) lines.push(`      - ${column.name} ${column.before}`);
      else lines.push(`      ~ ${column.name} ${column.before} -> ${column.after}`);
    }
    if (change.rows !== undefined) {
      const { before, after, gone, come } = change.rows;
      const n = (value: number) => value.toLocaleString("en-US");
      if (change.kind === "added") lines.push(`      ${n(after)} rows`);
      else if (gone + come > 0 || before !== after)
        lines.push(`      rows ${n(before)} -> ${n(after)}: ${n(gone)} go, ${n(come)} come`);
      else lines.push("      the same rows");
    }
    if (change.problem !== undefined) lines.push(`      cannot tell: ${change.problem}`);
    if ((change.kind === "changed" || change.kind === "removed") && change.touches.length > 0) {
      lines.push(`      touches ${change.touches.join(", ")}`);
    }
  }
  const count = (kind: Change["kind"]) => changes.filter((change) => change.kind === kind).length;
  const summary = (Object.keys(signs) as Change["kind"][])
    .filter((kind) => count(kind) > 0)
    .map((kind) => `${count(kind)} ${kind}`);
  return [...lines, "", summary.join(", ")].join("\n");
}
