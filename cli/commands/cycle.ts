import type { RetrainDecision } from "../../retrain/cycle/decide-retrain.ts";
import type { RegisterCommand } from "../command.ts";
import type { Turn } from "../cycle/run-turn.ts";
import { addProjectOptions, type ProjectOptions, projectDirOf } from "../dataform-project.ts";
import { renderTable } from "../table.ts";

interface CycleOptions extends ProjectOptions {
  readonly policy?: string;
  readonly key?: string;
  readonly dryRun?: boolean;
}

export const register: RegisterCommand = (program, environment) => {
  const command = program
    .command("cycle")
    .description(
      "One turn of retraining, for cron: build, look at a running canary, decide whether to train and why, then freeze, train, evaluate and submit; never approves",
    );
  addProjectOptions(command)
    .option("--policy <file>", "when to train, and how (default: cycle.yaml of the project, where there is one)")
    .option(
      "--key <file>",
      "private key of the person who submits (default: INBOXLOOP_KEY); without one nothing is submitted",
    )
    .option("--dry-run", "say what is seen now and what would be run, and change nothing")
    .addHelpText(
      "after",
      "\nA turn that was interrupted goes on with its first step that is not done. Exit code 4 when a step, a canary or the evaluation says no.\n\nExample:\n  inboxloop cycle --dry-run\n",
    )
    .action(async (options: CycleOptions) => {
      const { turnEnvironment, withTurnLock } = await import("../cycle/turn-environment.ts");
      const { planTurn, runTurn } = await import("../cycle/run-turn.ts");
      const world = environment();
      const projectDir = projectDirOf(options, world.cwd);
      const { policy, env } = await turnEnvironment(world, projectDir, options);
      if (options.dryRun) {
        const plan = await planTurn(policy, env);
        world.console.result(plan, () =>
          [
            ...decisionInWords(plan.decision),
            ...plan.steps.map(({ words }) => `would run  inboxloop ${words.join(" ")}`),
          ].join("\n"),
        );
        return;
      }
      const turn = await withTurnLock(world, () => runTurn(policy, env));
      world.console.result(turn, () => renderTurn(turn));
      if (turn.exit !== 0) process.exitCode = turn.exit;
    });
};

const decisionInWords = (decision: RetrainDecision | null): readonly string[] => {
  if (decision === null) return [];
  const said = decision.retrain
    ? "trains"
    : decision.held === null
      ? "does not train: nothing asks for it"
      : `does not train: ${decision.held}`;
  return [said, ...decision.reasons.map(({ trigger, why }) => `  ${trigger}: ${why}`)];
};

/** A turn for a person. */
export function renderTurn({ name, resumed, steps, decision, outcome, next }: Turn): string {
  return [
    `${name}${resumed ? ", gone on with" : ""}: ${outcome}`,
    ...decisionInWords(decision),
    "",
    renderTable(
      [{ title: "step" }, { title: "exit", align: "right" as const }, { title: "verdict" }],
      steps.map(({ step, code, verdict }) => [step, String(code), verdict ?? ""]),
    ),
    ...(next === null ? [] : ["", `next  ${next}`]),
  ].join("\n");
}
