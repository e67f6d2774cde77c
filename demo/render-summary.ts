import { renderTable } from "../cli/table.ts";
import { aucInWords, hasSay } from "../scoring/has-say.ts";
import type { DemoResult } from "./demo-result.ts";

const count = (n: number): string => n.toLocaleString("en-US");
const percent = (share: number, digits = 2): string => `${(100 * share).toFixed(digits)} %`;
const figure = (value: number | null | undefined, digits = 3): string =>
  value === null || value === undefined ? "-" : value.toFixed(digits);

/** The demo for a person with a minute. */
export function renderSummary(result: DemoResult): string {
  const { ingested, built, opens, labels } = result;
  const messages = labels.reduce((total, { messages }) => total + messages, 0);
  const moved = result.drift.filter(({ verdict }) => verdict !== "stable" && verdict !== "unknown");
  return [
    "Signals",
    `  received ${count(ingested.received)} = landed ${count(ingested.landed)} + duplicate ${count(ingested.duplicate)} + dead letter ${count(ingested.dead_letter)}`,
    `  ${ingested.adds_up ? "every number equals the simulator's, dead letters by reason too" : "THIS DOES NOT ADD UP: inboxloop ingest verify"}`,
    `  opens: ${count(opens.human)} by people, ${count(opens.machine)} by machines (${percent(opens.machine / Math.max(1, opens.human + opens.machine), 0)})`,
    "",
    "Models of the warehouse",
    `  ${built.actions - built.assertions} built, ${built.assertions - built.violated.length} of ${built.assertions} assertions hold${built.violated.length > 0 ? ` (not: ${built.violated.join(", ")})` : ""}`,
    `  labels: ${labels.map(({ label, messages: n }) => `${label} ${percent(n / Math.max(1, messages))}`).join(", ")}`,
    `  drift: ${
      moved.length === 0
        ? "no feature moved"
        : moved
            .map(({ feature, psi, verdict }) => `${feature} ${psi.toFixed(2)} (${verdict})`)
            .slice(0, 6)
            .join(", ")
    }`,
    "",
    "Training sets and models",
    ...result.snapshots.map(
      ({ name, rows, digest, twice_the_same }) =>
        `  ${name}: ${count(rows)} rows, ${digest.slice(0, 16)}${twice_the_same === undefined ? "" : twice_the_same ? ", the same when made again" : ", DIFFERENT WHEN MADE AGAIN"}`,
    ),
    "",
    indent(
      renderTable(
        [
          { title: "model" },
          ...["click", "complaint", "unsubscribe", "conversion"].map((name) => ({
            title: `AUC ${name}`,
            align: "right" as const,
          })),
        ],
        result.models.map(({ name, outcomes }) => [
          name,
          ...["click", "complaint", "unsubscribe", "conversion"].map((outcome) => {
            const found = outcomes.find((o) => o.name === outcome);
            return found ? aucInWords(found) : "-";
          }),
        ]),
      ),
    ),
    ...(result.models.some(({ outcomes }) => !outcomes.every(hasSay))
      ? [
          "  no say: not shown to tell people apart, as the 95 % interval of its AUC does not lie above 0.5; a policy counts with the base rate",
        ]
      : []),
    "",
    "Releases",
    ...result.canaries.flatMap((canary) => [
      `  ${canary.candidate}: ${canary.ends} after ${canary.rounds} ${canary.rounds === 1 ? "look" : "looks"}`,
      `    ${count(canary.mails)} mails decided by inboxloop decide; ${count(canary.not_mailable)} of them to people who had left, by a word that was still under way`,
      `    could see: ${canary.saw.map(({ what, chance }) => `${percent(chance, 0)} that ${what}`).join("; ")}`,
      ...(canary.plain ? [`    the plain rule would say: ${canary.plain.verdict}`] : []),
      ...canary.guardrails.map(
        ({ id, verdict, actual, champion, expected }) =>
          `    ${id}: ${verdict}, ${figure(actual, 5)} (champion ${figure(champion, 5)}, allowed ${figure(expected, 5)})`,
      ),
    ]),
    `  champion now: ${result.release.champion ?? "none"}; ${result.release.log.length} entries in the release log`,
    "",
    "Decisions",
    ...decisionLines(result),
    "",
    `Took ${result.total_seconds.toFixed(0)} s (${Object.entries(result.seconds)
      .map(([step, seconds]) => `${step} ${seconds.toFixed(0)}`)
      .join(", ")}), ${count(result.peak_memory_mb)} MB at most in the main process`,
    `Report: ${result.report}`,
    "",
    "Try next",
    '  inboxloop query "select feature, psi, drift_level from monitoring.drift order by psi desc limit 5"',
    "  inboxloop release explain candidate-2",
    ...(result.decisions.why ? [`  inboxloop why ${result.decisions.why.decision_id}`] : []),
    `  inboxloop decide --campaign spring=newsletter --policies ${result.home}/policies --dry-run`,
    "  inboxloop change verify",
    "  inboxloop ingest verify",
  ].join("\n");
}

function decisionLines({ decisions }: DemoResult): readonly string[] {
  const { carts, without_model: without, why } = decisions;
  const parted = why?.parts_from?.at;
  return [
    `  carts left on the last day: ${count(carts.decisions)} answered, ${count(carts.sends)} of them with a mail (${reasons(carts.by_reason)})`,
    `  without a model the next mail goes to ${count(without.sends)} of ${count(without.decisions)} (${reasons(without.by_reason)})`,
    ...(why
      ? [
          `  why ${why.decision_id}: ${why.steps.map(({ step, code }) => `${step} ${code}`).join(", ")}`,
          ...(parted
            ? [
                `    parts from ${why.parts_from?.decision_id} at ${parted.step}: ${parted.here?.code ?? "-"} here, ${parted.there?.code ?? "-"} there`,
              ]
            : []),
        ]
      : []),
  ];
}

const reasons = (by: Readonly<Record<string, number>>): string =>
  Object.entries(by)
    .map(([reason, n]) => `${reason} ${count(n)}`)
    .join(", ");

const indent = (text: string): string =>
  text
    .split("\n")
    .map((line) => `  ${line}`.trimEnd())
    .join("\n");
