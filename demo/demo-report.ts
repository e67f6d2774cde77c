import type { Report, ReportBlock, ReportSection } from "../report/report.ts";
import {
  driftSection,
  engagementSection,
  guardrailsBlock,
  historySection,
  interestSection,
  modelsSection,
  signalsSection,
} from "../report/sections.ts";
import type { DemoResult } from "./demo-result.ts";

const short = (digest: string): string => digest.slice(0, 12);
const count = (n: number): string => n.toLocaleString("en-US");

/** The demo as a report: what came in, what it says, who decides now and why. */
export function demoReport(result: DemoResult): Report {
  const { period, simulated, snapshots, models } = result;
  return {
    title: "One turn of the loop",
    subtitle: `Seed ${result.seed}, ${period.from.slice(0, 10)} to ${period.to.slice(0, 10)}: ${count(simulated.events)} events of ${count(simulated.customers)} simulated customers`,
    sections: [
      signalsSection(result.accounts, result.accounts.dead_letters),
      engagementSection(result),
      interestSection(result),
      driftSection(result),
      modelsSection(models),
      ...result.evaluations.map(evaluation),
      ...result.canaries.map(canary),
      historySection(result.release.champion, result.release.log),
    ],
    footer: `Snapshots ${snapshots.map(({ name, digest }) => `${name} ${short(digest)}`).join(", ")}; models ${models.map(({ name, digest }) => `${name} ${short(digest)}`).join(", ")}.`,
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
  if (found.guardrails.length > 0) blocks.push(guardrailsBlock(found.guardrails));
  return {
    title: `Evaluation of ${found.candidate.name}${against}: ${found.verdict}`,
    lead: found.policy.assumption,
    blocks,
  };
}

const canary = (found: DemoResult["canaries"][number]): ReportSection => ({
  title: `Canary of ${found.candidate}: ${found.ends} after ${found.rounds} ${found.rounds === 1 ? "look" : "looks"}`,
  lead: "Candidate and champion decided for people by a keyed hash, a tenth at first, then half. A pass means that no more than a fifth more complaints was shown; the test looks as often as it likes without losing its errors.",
  blocks: found.guardrails.length > 0 ? [guardrailsBlock(found.guardrails)] : [],
});
