import type { GuardrailResult } from "../../policy/guardrails.ts";
import type { Evaluation } from "../../retrain/evaluate/evaluate.ts";
import type { OutcomeMetrics } from "../../retrain/evaluate/metrics.ts";
import type { RegisterCommand } from "../command.ts";
import { renderTable } from "../table.ts";
import { addWaiver } from "../waivers.ts";
import { numberOption } from "./retrain/options.ts";

interface EvaluateOptions {
  readonly candidate: string;
  readonly champion?: string;
  readonly snapshot?: string;
  readonly rows?: number;
  readonly policyRows?: number;
  readonly seed?: number;
  readonly waive?: Readonly<Record<string, string>>;
}

export const register: RegisterCommand = (program, environment) => {
  program
    .command("evaluate")
    .description(
      "Judge a candidate on the rows that a snapshot sets aside: later sends, to people it never learned from",
    )
    .requiredOption("--candidate <model>", "name or digest of the version to judge")
    .option("--champion <model>", "version to compare with")
    .option("--snapshot <snapshot>", "snapshot to judge on (default: the candidate's own)")
    .option("--rows <n>", "rows to score at most", numberOption("--rows", { whole: true, least: 100 }))
    .option(
      "--policy-rows <n>",
      "rows to run the policies on at most",
      numberOption("--policy-rows", { whole: true, least: 100 }),
    )
    .option("--seed <n>", "of the choice of rows", numberOption("--seed", { whole: true }))
    .option(
      "--waive <guardrail=why>",
      "pass over a guardrail that cannot be measured; once for each",
      addWaiver(/^[a-z0-9-]+$/, "click-auc='the champion is a rule, it has no score'"),
    )
    .addHelpText(
      "after",
      "\nExit code 4 when a guardrail fails, or cannot be measured and nobody waived it.\n\nExample:\n  inboxloop evaluate --candidate c2 --champion c1\n",
    )
    .action(async (options: EvaluateOptions) => {
      const { evaluate } = await import("../../retrain/evaluate/evaluate.ts");
      const { exitCodes } = await import("../../errors/user-error.ts");
      const { artefactFolders } = await import("../artefacts.ts");
      const world = environment();
      const progress = world.console.progress("evaluate");
      const found = await evaluate(
        {
          ...(await artefactFolders(world)),
          signal: world.signal,
          onProgress: (_step, done, total) => progress.update(done, total, "outcomes"),
        },
        options,
      );
      progress.done(found.verdict);
      world.console.result(found, () => renderEvaluation(found));
      if (found.verdict === "fail" || found.verdict === "not-measurable") process.exitCode = exitCodes.check;
    });
};

const figure = (value: number | null | undefined, digits = 4): string =>
  value === null || value === undefined ? "" : value.toFixed(digits).replace(/^-(?=0\.?0*$)/, "");
const between = (low: number | null | undefined, high: number | null | undefined, digits = 4): string =>
  low === null || low === undefined ? "" : `${figure(low, digits)} to ${figure(high, digits)}`;
/** An AUC where its interval lies above 0.5; anything else may be chance. */
const shownAuc = (found: OutcomeMetrics | null): string =>
  found === null || found.auc === null ? "" : found.auc_low! > 0.5 ? figure(found.auc) : "not shown";

/** Guardrails as a table: what was found, what is allowed, the verdict. */
export const renderGuardrails = (results: readonly GuardrailResult[]): string =>
  renderTable(
    [
      { title: "guardrail" },
      { title: "verdict" },
      { title: "actual", align: "right" },
      { title: "champion", align: "right" },
      { title: "allowed", align: "right" },
      { title: "against champion" },
      { title: "evidence", align: "right" },
      { title: "note" },
    ],
    results.map((g) => [
      g.id,
      g.verdict,
      figure(g.actual, 5),
      figure(g.champion, 5),
      figure(g.expected, 5),
      between(g.interval[0], g.interval[1]),
      `${Math.round(g.evidence).toLocaleString("en-US")} of ${g.minimum_evidence.toLocaleString("en-US")}`,
      g.note,
    ]),
  );

/** An evaluation for a person. */
export function renderEvaluation(found: Evaluation): string {
  const outcomes = renderTable(
    [
      { title: "outcome" },
      { title: "AUC", align: "right" },
      { title: "champion", align: "right" },
      { title: "difference" },
      { title: "log loss", align: "right" },
      { title: "champion", align: "right" },
      { title: "ECE", align: "right" },
      { title: "champion", align: "right" },
      { title: "positives", align: "right" },
    ],
    found.outcomes.map((o) => [
      o.outcome,
      shownAuc(o.candidate),
      shownAuc(o.champion),
      between(o.auc_difference?.low, o.auc_difference?.high),
      figure(o.candidate.log_loss),
      figure(o.champion?.log_loss),
      figure(o.candidate.ece),
      figure(o.champion?.ece),
      o.candidate.positives.toLocaleString("en-US"),
    ]),
  );
  const groups = renderTable(
    [
      { title: "outcome" },
      { title: "group" },
      { title: "rows", align: "right" },
      { title: "AUC", align: "right" },
      { title: "champion", align: "right" },
      { title: "predicted", align: "right" },
      { title: "observed", align: "right" },
    ],
    found.outcomes.flatMap((o) =>
      o.groups.map((g) => [
        o.outcome,
        `${g.dimension} ${g.value}`,
        g.candidate.rows.toLocaleString("en-US"),
        shownAuc(g.candidate),
        shownAuc(g.champion),
        figure(g.candidate.predicted_rate),
        figure(g.candidate.observed_rate),
      ]),
    ),
  );
  const policy = renderTable(
    [
      { title: "policy" },
      { title: "candidate", align: "right" },
      { title: "95 % interval" },
      { title: "champion", align: "right" },
      { title: "difference" },
      { title: "doubly robust" },
      { title: "difference" },
      { title: "candidate expects", align: "right" },
      { title: "worth sends", align: "right" },
    ],
    found.policy.measures.map((m) => [
      m.metric,
      figure(m.candidate.value, 5),
      between(m.candidate.low, m.candidate.high, 5),
      figure(m.champion?.value, 5),
      between(m.difference?.low, m.difference?.high, 5),
      between(m.doubly_robust?.candidate?.low, m.doubly_robust?.candidate?.high, 5),
      between(m.doubly_robust?.difference?.low, m.doubly_robust?.difference?.high, 5),
      figure(m.candidate_expects, 5),
      Math.round(m.candidate.effective_sends).toLocaleString("en-US"),
    ]),
  );
  const gaps = renderTable(
    [
      { title: "gap between groups" },
      { title: "by" },
      { title: "candidate", align: "right" },
      { title: "95 % interval" },
      { title: "from, to" },
      { title: "champion", align: "right" },
      { title: "95 % interval" },
    ],
    [
      ...found.outcomes.flatMap((o) =>
        o.calibration_gaps.map((g) => ({ what: `${o.outcome}, predicted less seen`, ...g })),
      ),
      ...found.policy.mailed_gaps.map((g) => ({ what: "share mailed", ...g })),
    ].map(({ what, dimension, candidate, champion }) => [
      what,
      dimension,
      candidate === null ? "too few" : figure(candidate.gap),
      between(candidate?.low, candidate?.high),
      candidate === null ? "" : `${candidate.lowest}, ${candidate.highest}`,
      figure(champion?.gap),
      between(champion?.low, champion?.high),
    ]),
  );
  const share = (value: number | null): string => (value === null ? "nobody" : `${(100 * value).toFixed(1)} %`);
  return [
    `${found.candidate.name} against ${found.champion?.name ?? "nobody"}: ${found.verdict}`,
    `${found.rows.scored.toLocaleString("en-US")} sends from ${found.rows.sent_from} to ${found.rows.sent_to}, snapshot ${found.snapshot}`,
    ...found.rows.acquainted.map((name) => `${name} may have learned from earlier mail to these people`),
    "",
    outcomes,
    "",
    groups,
    "",
    `candidate would mail ${share(found.policy.candidate_send_share)}, champion ${share(found.policy.champion_send_share)}; by ${found.policy.assumption}`,
    ...(found.policy.uncovered === null ? [] : [found.policy.uncovered]),
    policy,
    "",
    gaps,
    "",
    renderGuardrails(found.guardrails),
  ].join("\n");
}
