import driftSql from "../includes/drift.js";
import type { GuardrailResult } from "../policy/guardrails.ts";
import { hasSay } from "../scoring/has-say.ts";
import type { Model } from "../scoring/model.ts";
import type { Figures } from "./read-figures.ts";
import type { ReportBlock, ReportSection, ReportTone } from "./report.ts";

export const toneOf = (verdict: string): ReportTone =>
  verdict === "pass" || verdict === "promoted"
    ? "good"
    : verdict === "fail" || verdict === "rolled back"
      ? "bad"
      : "warn";

/** What came in, and what became of it. */
export function signalsSection(accounts: Figures["accounts"], deadLetters: Figures["deadLetters"]): ReportSection {
  const addsUp = accounts.received === accounts.landed + accounts.duplicate + accounts.dead_letter;
  return {
    title: "Signals in and out",
    lead: addsUp
      ? "Every signal is accounted for: received = landed + duplicate + dead letter."
      : "The numbers do not add up: run `inboxloop ingest verify`.",
    blocks: [
      {
        kind: "figures",
        figures: [
          { label: "received", value: accounts.received, tone: addsUp ? "good" : "bad" },
          { label: "landed", value: accounts.landed },
          { label: "duplicate", value: accounts.duplicate },
          { label: "dead letters", value: accounts.dead_letter },
        ],
      },
      {
        kind: "table",
        caption: "Dead letters, each kept with its reason and its original bytes",
        columns: [{ name: "reason" }, { name: "letters" }],
        rows: deadLetters.map(({ reason, letters }) => [reason, letters]),
      },
    ],
  };
}

/** Readers and machines, week by week, and what the messages were labelled. */
export function engagementSection({ kpis, labels, opens }: Pick<Figures, "kpis" | "labels" | "opens">): ReportSection {
  const line = (name: string, key: "open_rate" | "human_open_rate" | "complaint_rate" | "unsubscribe_rate") => ({
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

/** What people care for, and how often they come. */
export const interestSection = ({ affinities, sessions }: Pick<Figures, "affinities" | "sessions">): ReportSection => ({
  title: "What people care for",
  lead: "By what they clicked, looked at, put into a cart and bought in the last 90 days, the latest most. A visit begins after half an hour in which nothing was done.",
  blocks: [
    {
      kind: "bars",
      title: "Addresses by the category that is dearest to their person",
      items: affinities.map(({ category, addresses }) => ({ label: category, value: addresses })),
    },
    {
      kind: "time-series",
      title: "Visits to site and app, by the week in which they began",
      series: [
        {
          name: "visits",
          points: sessions.map((week) => ({ at: `${week.week}T00:00:00Z`, value: week.sessions })),
        },
      ],
    },
  ],
});

/** How often versions were released and rolled back, and something passed over. */
export const releasesSection = (releases: Figures["releases"]): ReportSection => ({
  title: "Releases and rollbacks by month",
  lead: "As the release log had it when the tables were built. A rollback is of a canary or of a champion, for each canary that began in the month; a waiver is a decision that passed over what was not shown.",
  blocks: [
    {
      kind: "table",
      columns: [
        { name: "month", format: "plain" },
        { name: "offered" },
        { name: "canaries" },
        { name: "released" },
        { name: "rolled back" },
        { name: "rolled back of canaries", format: "percent" },
        { name: "waivers" },
        { name: "other changes approved" },
      ],
      rows: releases.map((one) => [
        one.month,
        one.submissions,
        one.canaries,
        one.releases,
        one.rollbacks,
        one.rollback_rate,
        one.waivers,
        one.changes_approved,
      ]),
    },
  ],
});

/** What receivers, providers and trap feeds say of the domains that we send from. */
export const sendersSection = (senders: Figures["senders"]): ReportSection => ({
  title: "What is said of our senders",
  lead: "The last four weeks. Receivers report of all mail in a domain's name: messages that are not aligned may be somebody else's. The spam rate is the worst day's.",
  blocks: [
    {
      kind: "table",
      columns: [
        { name: "domain" },
        { name: "sent" },
        { name: "in DMARC reports" },
        { name: "not aligned" },
        { name: "refused or to spam" },
        { name: "spam rate (Gmail)" },
        { name: "TLS failures" },
        { name: "spam traps" },
      ],
      rows: senders.map((one) => [
        one.sender_domain,
        one.sends,
        one.dmarc_messages,
        one.dmarc_unaligned_rate,
        one.dmarc_refused,
        one.provider_spam_rate,
        one.tls_failures,
        one.spam_trap_hits,
      ]),
    },
  ],
});

/** What readers saw of mails, by what their devices say under local differential privacy; nothing where no device was asked. */
export const devicesSection = ({
  deviceAnswers,
  deviceReadTimes,
}: Pick<Figures, "deviceAnswers" | "deviceReadTimes">): readonly ReportSection[] => {
  if (deviceAnswers.length + deviceReadTimes.length === 0) return [];
  const interval = (value: number, error: number) => [value, value - 1.96 * error, value + 1.96 * error];
  const named = (...names: readonly string[]) => names.map((name) => ({ name }));
  return [
    {
      title: "What devices say",
      lead: "Each device reported once for a campaign and period, with an answer that it had randomised; the shares are estimated from all of them, so one may lie below 0. In 95 of 100 cases the truth lies between from and to.",
      blocks: [
        {
          kind: "table",
          caption: "What was seen of the mail, and for how long (in seconds, on a grid)",
          columns: named("campaign", "period", "question", "answer", "epsilon", "reports", "share", "from", "to"),
          rows: deviceAnswers.map((one) => [
            one.campaign,
            one.period,
            one.question,
            one.answer,
            one.epsilon,
            one.reports,
            ...interval(one.share, one.error),
          ]),
        },
        {
          kind: "table",
          caption: "Mean read time in seconds: 0 where the mail was not opened, 64 at most",
          columns: named("campaign", "period", "epsilon", "reports", "seconds", "from", "to"),
          rows: deviceReadTimes.map((one) => [
            one.campaign,
            one.period,
            one.epsilon,
            one.reports,
            ...interval(one.seconds, one.error),
          ]),
        },
      ],
    },
  ];
};

/** From where on an index of drift is one of these. */
const driftLevels = Object.entries(driftSql.levels as Readonly<Record<string, number>>).map(([label, value]) => ({
  label,
  value,
}));

export const driftSection = ({ drift, labelDrift }: Pick<Figures, "drift" | "labelDrift">): ReportSection => ({
  title: "Drift",
  lead: "How far features moved in the last week from the four weeks before, and labels in each week whose windows have closed. A level needs evidence beyond chance, and an index as high as the limits beyond what chance gives; without it the bar says how few messages there were.",
  blocks: [
    {
      kind: "bars",
      title: "Population stability index",
      items: drift.map(({ feature, psi, verdict }) => ({ label: `${feature} (${verdict})`, value: psi })),
      thresholds: driftLevels,
    },
    {
      kind: "bars",
      title: "The mix of labels, by week",
      items: labelDrift.map(({ week, psi, verdict }) => ({ label: `${week} (${verdict})`, value: psi })),
      thresholds: driftLevels,
    },
  ],
});

/** What mail brings, and costs, beside those who are left alone. */
export const liftSection = ({ lift }: Pick<Figures, "lift">): ReportSection => ({
  title: "Mail beside no mail",
  lead: "What customers of each arm did in two weeks beside the hold-out's, per customer. Intervals hold at every look at once (95 %): one that leaves out 0 has been shown. Where arms are not of the sizes that were planned, nothing can be read from them until it is known why.",
  blocks: [
    {
      kind: "bars",
      title: "Difference to the hold-out, shares of customers",
      format: "percent",
      items: lift
        .filter(({ metric, low, is_skewed }) => metric !== "spend" && low !== null && !is_skewed)
        .map(({ experiment, arm, metric, difference, low, high }) => ({
          label: `${experiment}, ${arm}: ${metric}`,
          value: difference,
          low: low!,
          high: high!,
        })),
    },
    {
      kind: "table",
      columns: [
        "experiment",
        "arm",
        "what",
        "customers",
        "per customer",
        "held out",
        "per customer held out",
        "difference",
        "from",
        "to",
        "one look sees (80 %)",
        "evidence",
      ].map((name) => ({ name })),
      rows: lift.map((e) => [
        e.experiment,
        e.arm,
        e.metric,
        e.customers,
        e.mean,
        e.hold_out_customers,
        e.hold_out_mean,
        e.difference,
        e.low,
        e.high,
        e.detectable,
        e.is_skewed ? "arms are not of the planned sizes" : e.evidence,
      ]),
      tones: lift.map(({ is_skewed, evidence }) =>
        is_skewed || evidence === "cluster_in_two_arms" ? "bad" : undefined,
      ),
    },
  ],
});

/** What models said in their decisions: whether their scores moved, and whether they came true. */
export const scoresSection = ({ scores, estimates }: Pick<Figures, "scores" | "estimates">): ReportSection => ({
  title: "Scores in use",
  lead: "How far models' scores moved in the last week, and what they let expect of each week's mails beside what came of it. A verdict is there only where it was shown; of windows that are open it says whether the last week that could be tested bears the estimate out.",
  blocks: [
    {
      kind: "bars",
      title: "Scores: population stability index",
      items: scores.flatMap(({ model, outcome, psi, verdict }) =>
        psi === null ? [] : [{ label: `${model}, ${outcome} (${verdict})`, value: psi }],
      ),
      thresholds: driftLevels,
    },
    {
      kind: "table",
      caption: "Estimated without labels, and checked once they are in",
      columns: ["week", "model", "outcome", "figure", "mails", "estimated", "from", "to", "came out as", "verdict"].map(
        (name) => ({ name }),
      ),
      rows: estimates.map((e) => [
        e.week,
        e.model,
        e.outcome,
        e.metric,
        e.messages,
        e.estimated,
        e.low,
        e.high,
        e.realised,
        e.verdict,
      ]),
      tones: estimates.map(({ verdict }) => (/^(worse|not_borne_out)$/.test(verdict) ? "bad" : undefined)),
    },
  ],
});

export const modelsSection = (
  models: readonly { readonly name: string; readonly outcomes: Model["record"]["outcomes"] }[],
): ReportSection => ({
  title: "Models",
  lead: "One forest an outcome, calibrated on people it had not seen, measured on later rows than it learned from. What was not shown to know an outcome (its interval does not lie above 0.5) has no say: a policy counts with the base rate.",
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
      rows: models.flatMap(({ name, outcomes }) =>
        outcomes.map((o) => [
          name,
          o.name,
          hasSay(o) ? o.validation.auc : "no say",
          o.validation.auc_low,
          o.validation.auc_high,
          o.validation.log_loss,
        ]),
      ),
    },
  ],
});

export const guardrailsBlock = (results: readonly GuardrailResult[]): ReportBlock => ({
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

export const historySection = (
  champion: string | null,
  log: readonly { readonly at: string; readonly by: string; readonly what: string; readonly hash: string }[],
): ReportSection => ({
  title: "Release log",
  lead: `Champion: ${champion ?? "none"}. Every entry carries the hash of the one before.`,
  blocks: [
    {
      kind: "history",
      entries: log.map(({ at, by, what, hash }) => ({
        at,
        who: by,
        what,
        note: hash.slice(0, 12),
        tone: /deactivated|fail/.test(what) ? "bad" : /is champion|pass/.test(what) ? "good" : "plain",
      })),
    },
  ],
});
