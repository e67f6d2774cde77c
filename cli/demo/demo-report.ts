import type { Report, ReportBlock, ReportSection, ReportTone } from "../report/report.ts";
import type { DemoResult } from "./demo-result.ts";

const toneOf = (verdict: string): ReportTone =>
  verdict === "pass" || verdict === "promoted"
    ? "good"
    : verdict === "fail" || verdict === "rolled back"
      ? "bad"
      : "warn";
const short = (digest: string): string => digest.slice(0, 12);

/** The demo as a report: what came in, what it says, who decides now and why. */
export function demoReport(result: DemoResult): Report {
  return {
    title: "One turn of the loop",
    subtitle: `Seed ${result.seed}, ${result.period.from.slice(0, 10)} to ${result.period.to.slice(0, 10)}: ${result.simulated.events.toLocaleString("en-US")} events of ${result.simulated.customers.toLocaleString("en-US")} simulated customers`,
    sections: [
      signals(result),
      engagement(result),
      drift(result),
      models(result),
      ...result.evaluations.map(evaluation),
      ...result.canaries.map(canary),
      history(result),
    ],
    footer: `Snapshots ${result.snapshots.map(({ name, digest }) => `${name} ${short(digest)}`).join(", ")}; models ${result.models.map(({ name, digest }) => `${name} ${short(digest)}`).join(", ")}.`,
  };
}

function signals({ ingested, simulated }: DemoResult): ReportSection {
  return {
    title: "Signals in and out",
    lead: ingested.adds_up
      ? "Every line is accounted for: received = landed + duplicate + dead letter, and each number is the simulator's own."
      : "The numbers do not add up: run `inboxloop ingest verify`.",
    blocks: [
      {
        kind: "figures",
        figures: [
          { label: "received", value: ingested.received, tone: ingested.adds_up ? "good" : "bad" },
          { label: "landed", value: ingested.landed },
          {
            label: "duplicate",
            value: ingested.duplicate,
            note: `${simulated.duplicates.toLocaleString("en-US")} were sent twice`,
          },
          { label: "dead letters", value: ingested.dead_letter },
        ],
      },
      {
        kind: "table",
        caption: "Dead letters, each kept with its reason and its original bytes (canaries' included)",
        columns: [{ name: "reason" }, { name: "letters" }],
        rows: Object.entries(ingested.dead_letters).map(([reason, letters]) => [reason, letters]),
      },
    ],
  };
}

function engagement({ kpis, labels, opens }: DemoResult): ReportSection {
  const line = (
    name: string,
    key: "open_rate" | "human_open_rate" | "click_rate" | "complaint_rate" | "unsubscribe_rate",
  ) => ({
    name,
    points: kpis.map((week) => ({ at: `${week.week}T00:00:00Z`, value: week[key] })),
  });
  const machineShare = opens.machine / Math.max(1, opens.human + opens.machine);
  return {
    title: "What readers did, and what machines did",
    lead: `${(100 * machineShare).toFixed(0)} % of opens were machines: privacy proxies and security gateways. They are told apart and kept out of labels.`,
    blocks: [
      {
        kind: "time-series",
        title: "Opens per delivered mail, by week",
        format: "percent",
        series: [line("all opens", "open_rate"), line("human opens", "human_open_rate")],
      },
      {
        kind: "time-series",
        title: "Complaints and unsubscribes per delivered mail, by week",
        format: "percent",
        series: [line("complaints", "complaint_rate"), line("unsubscribes", "unsubscribe_rate")],
      },
      {
        kind: "bars",
        title: "Labels of mature messages",
        items: labels.map(({ label, messages }) => ({ label, value: messages })),
      },
    ],
  };
}

function drift({ drift: features }: DemoResult): ReportSection {
  return {
    title: "Drift",
    lead: "How far features moved in the last week from the four weeks before. Above 0.25 is a trigger to retrain.",
    blocks: [
      {
        kind: "bars",
        title: "Population stability index",
        items: features.map(({ feature, psi }) => ({ label: feature, value: psi })),
        thresholds: [
          { label: "watch", value: 0.1 },
          { label: "retrain", value: 0.25 },
        ],
      },
    ],
  };
}

function models(result: DemoResult): ReportSection {
  return {
    title: "Models",
    lead: "One forest an outcome, calibrated on later rows than it learned from, measured on rows later still.",
    blocks: [
      {
        kind: "table",
        columns: [
          { name: "model" },
          { name: "outcome" },
          { name: "AUC" },
          { name: "AUC from" },
          { name: "AUC to" },
          { name: "log loss" },
        ],
        rows: result.models.flatMap(({ name, outcomes }) =>
          outcomes.map((o) => [
            name,
            o.name,
            o.validation.auc,
            o.validation.auc_low,
            o.validation.auc_high,
            o.validation.log_loss,
          ]),
        ),
      },
    ],
  };
}

function evaluation(found: DemoResult["evaluations"][number]): ReportSection {
  const against = found.champion ? ` against ${found.champion.name}` : "";
  const blocks: ReportBlock[] = [
    {
      kind: "reliability",
      title: "Predicted against what came true",
      series: found.outcomes.map(({ outcome, reliability }) => ({
        name: outcome,
        bins: reliability.map((bin) => ({ predicted: bin.predicted, observed: bin.observed, count: bin.rows })),
      })),
    },
  ];
  if (found.guardrails.length > 0) blocks.push(guardrails(found.guardrails));
  return {
    title: `Evaluation of ${found.candidate.name}${against}: ${found.verdict}`,
    lead: found.policy.assumption,
    blocks,
  };
}

const guardrails = (results: DemoResult["canaries"][number]["guardrails"]): ReportBlock => ({
  kind: "table",
  caption: "Guardrails",
  columns: [
    { name: "guardrail" },
    { name: "actual" },
    { name: "champion" },
    { name: "allowed" },
    { name: "evidence" },
    { name: "verdict" },
    { name: "what the test can see" },
  ],
  rows: results.map((r) => [r.id, r.actual, r.champion, r.expected, r.evidence, r.verdict, r.note]),
  tones: results.map((r) => toneOf(r.verdict)),
});

function canary(found: DemoResult["canaries"][number]): ReportSection {
  return {
    title: `Canary of ${found.candidate}: ${found.ends} after ${found.rounds} ${found.rounds === 1 ? "look" : "looks"}`,
    lead: "Candidate and champion decided for half of the customers each; the test looks as often as it likes without losing its false-alarm rate.",
    blocks: found.guardrails.length > 0 ? [guardrails(found.guardrails)] : [],
  };
}

const history = ({ release }: DemoResult): ReportSection => ({
  title: "Release log",
  lead: `Champion: ${release.champion ?? "none"}. Every entry carries the hash of the one before.`,
  blocks: [
    {
      kind: "history",
      entries: release.log.map(({ at, by, what, hash }) => ({
        at,
        who: by,
        what,
        note: short(hash),
        tone: /deactivated|fail/.test(what) ? "bad" : /is champion|pass/.test(what) ? "good" : "plain",
      })),
    },
  ],
});
