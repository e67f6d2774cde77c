import type { RegisterCommand } from "../command.ts";
import { renderTable } from "../table.ts";
import type { Why } from "./why/run.ts";

export const register: RegisterCommand = (program, environment) => {
  program
    .command("why <id>")
    .description("Why a decision, the decision of a message, or the latest about a customer came out as it did")
    .option("--compared-to <id>", "another one: the first step at which the two part")
    .option("--page [file]", "write it as a page, too (default: reports/why-<decision>.html in the home)")
    .option("--role <role>", "refuse it to a role that does not see ids (default: INBOXLOOP_ROLE, else the target's)")
    .addHelpText("after", "\nExample:\n  inboxloop why d-0123 --compared-to d-4567\n  inboxloop why d-0123 --page\n")
    .action(async (id: string, options: { comparedTo?: string; page?: string | true; role?: string }) => {
      const { whyCommand, writePage } = await import("./why/run.ts");
      const world = await environment();
      const { refuseUnseen } = await import("../role.ts");
      await refuseUnseen(world, options.role, "why", ["pseudonym", "behaviour"]);
      const found = await whyCommand(world, id, options.comparedTo);
      if (options.page === undefined) return world.console.result(found, () => renderWhy(found));
      const page = await writePage(world, found, options.page === true ? undefined : options.page);
      world.console.result({ ...found, page }, () => `${renderWhy(found)}\n\nwrote ${page}`);
    });
};

const text = (value: unknown): string =>
  value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);

function renderWhy(found: Why): string {
  const { outcome } = found;
  const candidates = (found.candidates as readonly Record<string, unknown>[]).map((one) => [
    text(one["variant"]),
    text(one["value"]),
    text(one["propensity"]),
    text(one["probabilities"]),
  ]);
  const parted = found.parts_from;
  return [
    `${found.decision_id} of ${text(found.decided_at)}: ${text(outcome["action"])} ${text(outcome["variant"])} (${text(outcome["rung"])}: ${text(outcome["reason"])})`,
    `customer ${text(found.customer)}, campaign ${text(found.campaign_id)}, policy ${text(found.policy)}, arm ${text(found.arm)}`,
    `model ${text(found.model)}, features ${text(found.features)}`,
    ...(found.hand_over
      ? [
          `handed to ${found.hand_over.to}: ${found.hand_over.state.replace("_", " ")}${found.hand_over.reason === null ? "" : ` (${found.hand_over.reason})`} at ${found.hand_over.at}, attempts ${found.hand_over.attempts}`,
        ]
      : []),
    "",
    renderTable(
      [{ title: "step" }, { title: "code" }, { title: "saw" }],
      found.steps.map(({ step, code, saw }) => [step, code, text(saw)]),
    ),
    "",
    renderTable(
      [
        { title: "candidate" },
        { title: "value", align: "right" },
        { title: "chance", align: "right" },
        { title: "probabilities" },
      ],
      candidates,
    ),
    ...scoreLines(found),
    ...(found.events_before.length > 0
      ? [
          "",
          renderTable(
            [{ title: "before it" }, { title: "at" }, { title: "category" }],
            found.events_before.map((one) => [one.event_type, one.occurred_at, one.category ?? ""]),
          ),
        ]
      : []),
    ...(parted
      ? [
          "",
          parted.at === null
            ? `${parted.decision_id} went the same way`
            : `parts from ${parted.decision_id} at ${parted.at.step}: ${text(parted.at.here?.code)} ${text(parted.at.here?.saw)}, there ${text(parted.at.there?.code)} ${text(parted.at.there?.saw)}`,
        ]
      : []),
  ].join("\n");
}

/** Features shown for an outcome. */
const mostFeatures = 5;
const percent = (p: number): string => `${(100 * p).toPrecision(3)} %`;

function scoreLines({ scores }: Why): readonly string[] {
  if (!scores) return [];
  const rows = scores.outcomes.flatMap((one) =>
    one.features
      .slice(0, mostFeatures)
      .map(({ feature, value, log_odds }, i) => [
        i === 0 ? `${one.outcome} ${percent(one.probability)}` : "",
        feature,
        text(value ?? "not known"),
        `${log_odds > 0 ? "+" : ""}${log_odds.toFixed(2)}`,
      ]),
  );
  const silent = scores.outcomes.filter(({ has_say }) => !has_say);
  return [
    "",
    scores.is_as_decided
      ? `what moved the scores of ${scores.variant}, in log-odds:`
      : `what moves the scores of ${scores.variant} with the features as of ${scores.features_as_of}, in log-odds; the decision saw earlier ones and counted with ${scores.outcomes.map(({ outcome, decided_on }) => `${outcome} ${decided_on === null ? "nothing" : percent(decided_on)}`).join(", ")}`,
    ...(rows.length === 0
      ? []
      : [
          renderTable(
            [{ title: "outcome" }, { title: "feature" }, { title: "value" }, { title: "adds", align: "right" }],
            rows,
          ),
        ]),
    ...(silent.length > 0
      ? [
          `no say, so the base rate: ${silent.map(({ outcome, probability }) => `${outcome} ${percent(probability)}`).join(", ")}`,
        ]
      : []),
  ];
}
