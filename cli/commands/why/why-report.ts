import type { Report, ReportBlock, ReportCell, ReportSection, ReportTone } from "../../../report/report.ts";
import type { Why } from "./run.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What a decision or a step holds, as one line of text. */
function inWords(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(inWords).join(", ") || "none";
  if (typeof value === "number") return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([name, one]) => `${name.replaceAll("_", " ")} ${inWords(one) || "none"}`)
    .join(", ");
}

const number = (value: unknown): ReportCell => (typeof value === "number" ? value : null);
/** Features shown of an outcome: the others move it less. */
const mostFeatures = 8;

/** A decision as a page: what was decided, each step and what it saw, the candidates, what moved their scores, and what was known. */
export function whyReport(found: Why): Report {
  const { outcome } = found;
  const isSend = outcome["action"] === "send";
  return {
    title: isSend ? `Why ${inWords(outcome["variant"])}` : "Why nothing was sent",
    subtitle: `Decision ${found.decision_id} of ${inWords(found.decided_at)}, campaign ${inWords(found.campaign_id)}, customer ${inWords(found.customer)}`,
    sections: [
      whatWasDecided(found),
      steps(found),
      ...(found.parts_from ? [parting(found)] : []),
      ...candidates(found),
      ...scores(found),
      ...before(found),
    ],
    footer: `Policy ${inWords(found.policy)}. Model ${inWords(found.model) || "none"}. Features ${inWords(found.features) || "none"}. Customers stand here by keyed ids alone.`,
  };
}

function whatWasDecided({ outcome, arm, trigger, hand_over }: Why): ReportSection {
  const chance = number(outcome["propensity"]);
  const notes: ReportBlock[] = [];
  if (trigger) notes.push({ kind: "text", text: `It answers an event: ${inWords(trigger)}.` });
  if (hand_over)
    notes.push({
      kind: "text",
      text: `Handed to ${hand_over.to}: ${hand_over.state.replaceAll("_", " ")}${hand_over.reason === null ? "" : ` (${hand_over.reason})`} at ${hand_over.at}, ${hand_over.attempts} ${hand_over.attempts === 1 ? "attempt" : "attempts"}.`,
    });
  return {
    title: "What was decided",
    blocks: [
      {
        kind: "figures",
        figures: [
          { label: "decision", value: inWords(outcome["action"]), note: inWords(outcome["variant"]) || undefined },
          { label: "decided by", value: inWords(outcome["rung"]), note: inWords(outcome["reason"]) },
          { label: "arm", value: inWords(arm) || "none" },
          { label: "chance of this choice", value: chance, format: "percent" },
          { label: "goes out", value: inWords(outcome["send_at"]) || "not" },
        ],
      },
      ...notes,
    ],
  };
}

function steps({ steps: all, outcome }: Why): ReportSection {
  const isSend = outcome["action"] === "send";
  return {
    title: "Step by step",
    lead: isSend ? undefined : "The last gate that was asked is the one that said no, unless a rung of the ladder did.",
    blocks: [
      {
        kind: "table",
        columns: [{ name: "step" }, { name: "found" }, { name: "saw" }],
        rows: all.map(({ step, code, saw }) => [step.replaceAll("_", " "), code, inWords(saw)]),
        tones: all.map(({ code }): ReportTone | undefined =>
          code === outcome["reason"] ? (isSend ? "good" : "bad") : undefined,
        ),
      },
    ],
  };
}

function parting({ parts_from: parted }: Why): ReportSection {
  const { decision_id, at, there } = parted!;
  const title = `Beside ${decision_id}`;
  if (at === null) return { title, blocks: [{ kind: "text", text: "Both went the same way." }] };
  return {
    title,
    lead: `The other one ended with ${inWords(there["action"])} ${inWords(there["variant"])} (${inWords(there["reason"])}). They part at ${at.step.replaceAll("_", " ")}.`,
    blocks: [
      {
        kind: "table",
        columns: [{ name: "" }, { name: "found" }, { name: "saw" }],
        rows: [
          ["here", at.here?.code ?? "not reached", inWords(at.here?.saw)],
          ["there", at.there?.code ?? "not reached", inWords(at.there?.saw)],
        ],
      },
    ],
  };
}

function candidates({ candidates: all, outcome }: Why): readonly ReportSection[] {
  const rows = all as readonly Fields[];
  if (rows.length === 0) return [];
  const names = [...new Set(rows.flatMap((one) => Object.keys((one["probabilities"] ?? {}) as Fields)))];
  return [
    {
      title: "What could have been sent",
      blocks: [
        {
          kind: "table",
          columns: [
            { name: "candidate" },
            { name: "value", format: "number" },
            { name: "chance", format: "percent" },
            ...names.map((name) => ({ name: `p(${name})`, format: "percent" as const })),
          ],
          rows: rows.map((one) => [
            inWords(one["variant"]),
            number(one["value"]),
            number(one["propensity"]),
            ...names.map((name) => number(((one["probabilities"] ?? {}) as Fields)[name])),
          ]),
          tones: rows.map((one): ReportTone | undefined =>
            one["variant"] === (outcome["variant"] ?? "suppress") ? "good" : undefined,
          ),
        },
      ],
    },
  ];
}

function scores({ scores: found }: Why): readonly ReportSection[] {
  if (!found) return [];
  const shown = found.outcomes.filter(({ has_say }) => has_say);
  const silent = found.outcomes.filter(({ has_say }) => !has_say);
  return [
    {
      title: `What moved the scores of ${found.variant}`,
      lead: found.is_as_decided
        ? "What each feature adds to the log-odds of an average mail (exact TreeSHAP)."
        : `What each feature adds to the log-odds of an average mail, with the features as of ${found.features_as_of}: the decision saw earlier ones, and counted with ${found.outcomes.map(({ outcome, decided_on }) => `${outcome} ${decided_on === null ? "nothing" : `${(100 * decided_on).toPrecision(3)} %`}`).join(", ")}.`,
      blocks: [
        ...shown.map(
          (one): ReportBlock => ({
            kind: "bars",
            title: `${one.outcome}: ${(100 * one.probability).toPrecision(3)} %`,
            items: one.features.slice(0, mostFeatures).map(({ feature, value, log_odds }) => ({
              label: `${feature} = ${inWords(value) || "not known"}`,
              value: log_odds,
              group: log_odds > 0 ? "raises it" : "lowers it",
            })),
          }),
        ),
        ...(silent.length > 0
          ? [
              {
                kind: "text",
                text: `Not shown to be known, so the base rate counts: ${silent.map(({ outcome, probability }) => `${outcome} ${(100 * probability).toPrecision(3)} %`).join(", ")}.`,
              } as const,
            ]
          : []),
      ],
    },
  ];
}

const before = ({ events_before }: Why): readonly ReportSection[] =>
  events_before.length === 0
    ? []
    : [
        {
          title: "What came before",
          lead: "The last that was heard of the customer before the decision.",
          blocks: [
            {
              kind: "table",
              columns: [{ name: "when" }, { name: "what" }, { name: "campaign" }, { name: "category" }],
              rows: events_before.map((one) => [
                one.occurred_at,
                one.event_type.replaceAll("_", " "),
                one.campaign_id,
                one.category,
              ]),
            },
          ],
        },
      ];
