import type { Attribution } from "../../../release/canary/attribute-change.ts";
import type { CanaryPlan } from "../../../release/canary/plan-canary.ts";
import type { Decision, ReleaseStatus } from "../../../release/decide.ts";
import type { CheckDecision } from "../../../release/release.ts";
import { type Review, reviewsOf } from "../../../release/reviews.ts";
import { whoDecides } from "../../../release/stages.ts";
import type { CanaryState } from "../../../release/state.ts";
import type { Environment } from "../../environment.ts";
import { renderTable } from "../../table.ts";
import { renderGuardrails } from "../evaluate.ts";

export const percent = (share: number, digits = 0): string => `${(100 * share).toFixed(digits)} %`;

/** Prints a decision: what was written, and the head that the next one is made on. */
export function show(
  world: Environment,
  decision: Decision,
  render?: () => string,
  more: Readonly<Record<string, unknown>> = {},
): void {
  const { champion, canary, versions, paused } = decision.state;
  const data = {
    dry_run: decision.dryRun,
    head: decision.head,
    events: decision.events,
    champion,
    canary,
    paused: [...paused.keys()],
    versions: [...versions.values()].map(({ version, stage }) => ({ version, stage })),
    ...more,
  };
  world.console.result(data, () => {
    const lines = decision.events.map((e) => `${decision.dryRun ? "would write" : "wrote"}  ${describe(e)}`);
    return [...(render ? [render(), ""] : []), ...lines, `head   ${decision.head.slice(0, 16)}`].join("\n");
  });
}

const waivedIn = (waived: Readonly<Record<string, string>> = {}): string =>
  Object.entries(waived)
    .map(([guardrail, why]) => `, ${guardrail} waived: ${why}`)
    .join("");

/** A decision of the log in words. */
export function describe(event: Decision["events"][number]): string {
  switch (event.kind) {
    case "submitted":
      return `submitted ${event.version}, evaluation ${event.evaluation?.verdict ?? "missing"}${event.evaluation?.source.kind === "file" ? ` (from a file: ${event.evaluation.source.waiver})` : ""}${waivedIn(event.evaluation?.waived)}`;
    case "approved":
      return `approved ${event.version}${event.despite ? ` despite its evaluation: ${event.despite}` : ""}`;
    case "shadow_started":
      return `${event.version} runs in the shadow of the champion`;
    case "canary_started":
      return `${event.version} decides for ${percent(event.policy.ramp[0]?.share ?? 0, 1)} of people, beside ${event.baseline}${event.accept_blind ? `, blind: ${event.accept_blind}` : ""}${event.without_shadow ? `, without a shadow: ${event.without_shadow}` : ""}`;
    case "ramp_advanced":
      return `${event.version} decides for ${percent(event.share, 1)} of people`;
    case "canary_checked":
      return `canary ${event.version} checked: ${event.verdict}${event.source.kind === "file" ? ` (from a file: ${event.source.waiver})` : ""}`;
    case "promoted":
      return `${event.version} is champion${event.replaces ? `; ${event.replaces} retires` : ""}`;
    case "rolled_back":
      return `${event.version} is deactivated (${event.reason}); ${whoDecides(event.active)}`;
    case "reviewed":
      return `${event.version} reviewed after a ${event.review}: ${event.note}`;
    case "alerted":
      return `${event.delivered ? "told" : "could not tell"} ${event.sink}: ${event.message}`;
    case "change_proposed":
      return `proposed ${event.thing} ${event.name} ${event.digest.slice(0, 12)} (${event.risk} risk)`;
    case "change_approved":
      return `approved ${event.thing} ${event.name} ${event.digest.slice(0, 12)}`;
    case "change_rejected":
      return `rejected ${event.thing} ${event.name} ${event.digest.slice(0, 12)}: ${event.reason}`;
    case "paused":
      return `paused ${event.what}: ${event.reason}`;
    case "resumed":
      return `resumed ${event.what}: ${event.reason}`;
  }
}

/** Was it the mailbox provider or the model, in words. */
function renderCause(cause: Attribution): string {
  const { verdict, shares, parts, troubled } = cause;
  const where = troubled.map((t) => `${t.isp} ${t.region} (opens ${signed(t.control)}, seeds ${signed(t.seeds ?? 0)})`);
  const part = (name: "isp" | "model" | "interaction") => `${name} ${signed(parts[name])} (${percent(shares[name])})`;
  return `cause      ${verdict}: ${part("isp")}, ${part("model")}, ${part("interaction")} of opens per delivered message${where.length > 0 ? `; trouble at ${where.join(", ")}` : ""}`;
}

const signed = (value: number): string => `${value >= 0 ? "+" : ""}${(100 * value).toFixed(1)} points`;

/** A look at a canary. */
export function renderCheck({ check }: CheckDecision, cause: Attribution | null): string {
  const { verdict, results, split, plain, mature } = check;
  const sends = mature.candidate.sends + mature.champion.sends;
  return [
    `canary ${verdict}`,
    renderGuardrails(results),
    `evidence   ${sends.toLocaleString("en-US")} mature sends, ${(mature.candidate.complaints + mature.champion.complaints).toLocaleString("en-US")} mature complaints`,
    split
      ? `people     ${percent(split.found, 2)} are the candidate's, planned ${percent(split.planned, 2)}${split.is_mismatch ? ": A MISMATCH, the arms cannot be compared" : ""}`
      : "people     the decisions do not say what share was planned: not checked",
    plain
      ? `plain rule ${plain.verdict}${plain.ratio === null ? "" : `, x${plain.ratio.toFixed(2)}`} (${plain.is_binding ? "binding" : "shown only: its errors are whatever they are"})`
      : "plain rule its hours are not over",
    ...(cause ? [renderCause(cause)] : []),
  ].join("\n");
}

/** A plan for a person: what will be seen by when. */
export function renderPlan(plan: CanaryPlan): string {
  const marks = [1, 3, 7, 14, 21, 28, plan.days].filter((day, i, all) => day <= plan.days && all.indexOf(day) === i);
  const rows = plan.ratios.map((r) => [
    `x${r.ratio}`,
    ...marks.map((day) => {
      const found = r.days[Math.min(day, r.days.length) - 1];
      return found ? `${percent(found.pass)} / ${percent(found.fail)}` : "";
    }),
    percent(r.undecided),
    r.medianDays === null ? "" : String(r.medianDays),
    percent(r.plainFails),
  ]);
  return [
    `${plan.sendsPerDay.toLocaleString("en-US")} sends a day, ramp ${plan.ramp.map(({ share, hours }) => `${percent(share)} for ${hours} h`).join(", ")}, ${plan.days} days, ${plan.canaries} simulated canaries a row`,
    `rates of the champion: ${Object.entries(plan.rates)
      .map(([name, rate]) => `${name} ${percent(rate, 3)}`)
      .join(", ")}`,
    "chance of promoted / rolled back by day, for true ratios of what promotes:",
    "",
    renderTable(
      ["true ratio", ...marks.map((day) => `day ${day}`), "undecided", "median days", "plain rule fails"].map(
        (title) => ({ title }),
      ),
      rows,
    ),
    "",
    ...plan.sees.map(
      ({ what, chance, promised }) =>
        `${chance >= promised ? "sees " : "BLIND"} ${what}: ${percent(chance)} (promised ${percent(promised)})`,
    ),
    plan.proposal
      ? `proposal: share ${plan.proposal.share}, ${plan.proposal.days} days`
      : "proposal: none: no share keeps the promise with this traffic in three times those days",
  ].join("\n");
}

const sawText = ({ plan, acceptBlind }: CanaryState): string =>
  plan === null
    ? "not planned"
    : plan.sees.map(({ what, chance }) => `${percent(chance)} that ${what}`).join("; ") +
      (acceptBlind ? `; BLIND, accepted: ${acceptBlind}` : "");

export function renderStatus({ head, state }: ReleaseStatus, now: Date): string {
  const rows = [...state.versions.values()].map((v) => [
    v.version,
    v.stage,
    v.evaluation ?? "",
    v.submittedBy,
    v.approvedBy ?? "",
    v.canary ? `${v.canary.verdict ?? "no look yet"} at ${percent(v.canary.share)}` : "",
    v.since,
    v.reason ?? "",
  ]);
  const table = renderTable(
    ["version", "stage", "evaluation", "submitted by", "approved by", "canary", "since", "reason"].map((title) => ({
      title,
    })),
    rows,
  );
  const running = state.canary === null ? null : state.versions.get(state.canary)?.canary;
  const overdue = reviewsOf(state, now).filter(({ is_overdue }) => is_overdue);
  return [
    `champion ${state.champion ?? "none: the rules decide"}`,
    `canary   ${state.canary ?? "none"}`,
    ...(running ? [`sees     ${sawText(running)}`] : []),
    ...[...state.paused].map(([what, reason]) => `PAUSED   ${what}: ${reason}`),
    ...overdue.map((r) => `OVERDUE  review of ${r.version} after a ${r.review}, due ${r.due_at}`),
    `head     ${head}`,
    ...(rows.length > 0 ? ["", table] : []),
  ].join("\n");
}

export const renderLog = ({ entries }: ReleaseStatus): string =>
  entries.length === 0
    ? "nothing was decided yet"
    : renderTable(
        ["at", "by", "signed", "what", "hash"].map((title) => ({ title })),
        entries.map((e) => [
          e.at,
          e.by,
          e.signature === null ? "" : "yes",
          describe(e.event),
          e.entry_hash.slice(0, 12),
        ]),
      );

/** The whole story of a version. */
export function renderStory(version: string, { entries, state }: ReleaseStatus, reviews: readonly Review[]): string {
  const found = state.versions.get(version);
  const story = entries.filter(({ event }) => "version" in event && event.version === version);
  return [
    `${version} is ${found?.stage}`,
    `model     ${found?.model}`,
    `artefact  ${found?.artefact}`,
    `snapshot  ${found?.snapshot}`,
    ...(found?.canary ? [`canary    beside ${found.canary.baseline}; ${sawText(found.canary)}`] : []),
    ...reviews
      .filter((r) => r.version === version)
      .map(
        (r) =>
          `review    after a ${r.review}: ${r.is_done ? "done" : r.is_overdue ? `OVERDUE since ${r.due_at}` : `due ${r.due_at}`}`,
      ),
    "",
    ...story.flatMap(({ at, by, signature, event, entry_hash }) => [
      `${at}  ${by}${signature === null ? "" : " (signed)"}  ${describe(event)}  ${entry_hash.slice(0, 12)}`,
      ...(event.kind === "canary_checked"
        ? event.results.map((r) => `    ${r.id}: ${r.verdict}; ${r.note}`)
        : event.kind === "submitted" && event.evaluation && event.evaluation.failed.length > 0
          ? [`    failed: ${event.evaluation.failed.join(", ")}`]
          : []),
    ]),
  ].join("\n");
}
