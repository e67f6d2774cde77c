import { UserError } from "../errors/user-error.ts";
import type { CanaryPolicy } from "./canary/canary-policy.ts";
import { type CanaryCheck, checkCanary } from "./canary/check-canary.ts";
import type { CanaryEvidence } from "./canary/evidence.ts";
import type { CanaryPlan } from "./canary/plan-canary.ts";
import { mayApprove, mayChange, mayPause } from "./control/rights.ts";
import { type Decision, decide, deciderOf, isSamePerson, type ReleaseEnv, refusal } from "./decide.ts";
import type { ReleaseEvent, reviewKinds, Source } from "./events.ts";
import { nextShare } from "./ramp.ts";
import type { ShadowJudgement } from "./shadow.ts";
import { type Stage, stages, type Verb } from "./stages.ts";
import type { ReleaseState, VersionState } from "./state.ts";

export { type Decision, type ReleaseEnv, type ReleaseStatus, releaseStatus } from "./decide.ts";

export interface Submission {
  readonly version: string;
  readonly model: string;
  readonly artefact: string;
  readonly snapshot: string;
  readonly evaluation: Extract<ReleaseEvent, { kind: "submitted" }>["evaluation"];
  readonly note?: string | undefined;
}

/** Offers a trained model for release. */
export const submit = (env: ReleaseEnv, submission: Submission): Promise<Decision> =>
  decide(env, (state) => {
    const { person, people } = deciderOf(env);
    mayChange(people.rights, person.name, "model");
    const { version } = submission;
    const before = state.versions.get(version);
    if (before) {
      throw refusal(
        `${version} was already submitted by ${before.submittedBy}; it is ${before.stage}`,
        "release.exists",
        { next: "train again under another name, or: inboxloop release status" },
      );
    }
    return [{ kind: "submitted", ...submission, note: submission.note ?? null }];
  });

/**
 * A second person lets it go on. `artefact` is the folder's digest, read now: another than the one submitted is refused. An evaluation that did not pass
 * needs a stated reason, which stays in the log.
 */
export const approve = (
  env: ReleaseEnv,
  version: string,
  options: { readonly artefact: string; readonly despite?: string | undefined; readonly note?: string | undefined },
): Promise<Decision> =>
  decide(env, (state) => {
    const found = standing(state, version, "approve");
    const { person, people } = deciderOf(env);
    mayApprove(people.rights, person.name, "model");
    if (isSamePerson(found.submittedBy, person.name)) {
      throw refusal(`${person.name} submitted ${version} and cannot approve it as well`, "release.same-person", {
        next: `somebody else: inboxloop release approve ${version} --key <their key>`,
      });
    }
    sameArtefact(found, options.artefact);
    if (found.evaluation !== "pass" && !options.despite) {
      throw refusal(
        `the evaluation of ${version} ${found.evaluation === null ? "is missing" : `says ${found.evaluation}`}`,
        "release.not-evaluated",
        { next: `inboxloop release approve ${version} --despite "<why>"` },
      );
    }
    const { artefact } = options;
    return [{ kind: "approved", version, artefact, despite: options.despite ?? null, note: options.note ?? null }];
  });

/** It scores beside the champion from now on; nothing that customers get changes. */
export const shadow = (env: ReleaseEnv, version: string): Promise<Decision> =>
  decide(env, (state) => {
    mayRelease(env);
    freshlyApproved(env, standing(state, version, "shadow"));
    return [{ kind: "shadow_started", version }];
  });

export interface CanaryStart {
  readonly artefact: string;
  readonly policy: CanaryPolicy;
  /** What `release plan` found for the planned traffic; null: nobody planned. */
  readonly plan: CanaryPlan | null;
  /** Why it may begin without a plan, or although the plan says that it cannot see what its policy promises. */
  readonly acceptBlind?: string | undefined;
  /** What its shadow has shown; null: nobody looked. */
  readonly shadow: ShadowJudgement | null;
  /** Why it may begin although its shadow has not shown what the policy asks for. */
  readonly withoutShadow?: string | undefined;
}

/** It decides for a share of people from now on: the first of the policy's ramp. */
export const canary = (env: ReleaseEnv, version: string, start: CanaryStart): Promise<Decision> =>
  decide(env, (state) => {
    const found = standing(state, version, "canary");
    mayRelease(env);
    freshlyApproved(env, found);
    sameArtefact(found, start.artefact);
    const { plan, policy, artefact } = start;
    if (state.champion === null) {
      throw refusal("there is no champion to compare a canary with", "release.no-champion", {
        next: `inboxloop release promote ${version}`,
      });
    }
    if (state.canary !== null) {
      throw refusal(`${state.canary} is a canary already`, "release.canary-busy", {
        next: `inboxloop release check ${state.canary}`,
      });
    }
    if ((plan === null || plan.isBlind) && !start.acceptBlind) {
      const why =
        plan === null
          ? "nobody planned this canary"
          : `this canary is blind: ${plan.sees
              .filter(({ chance, promised }) => chance < promised)
              .map((s) => `that ${s.what} has a chance of ${percent(s.chance)}, promised ${percent(s.promised)}`)
              .join("; ")}`;
      const longer = plan?.proposal
        ? ` with --share ${plan.proposal.share} --days ${plan.proposal.days}`
        : " with more traffic";
      throw refusal(why, "release.blind", {
        next: `inboxloop release plan${plan === null ? "" : longer}, or --accept-blind "<why>"`,
      });
    }
    refuseUnshadowed(version, start);
    return [
      {
        kind: "canary_started",
        version,
        artefact,
        baseline: state.champion,
        policy,
        plan: plan && {
          sends_per_day: plan.sendsPerDay,
          days: plan.days,
          canaries: plan.canaries,
          sees: plan.sees.map((s) => ({ ...s })),
          is_blind: plan.isBlind,
        },
        accept_blind: start.acceptBlind ?? null,
        shadow: start.shadow && {
          verdict: start.shadow.verdict,
          hours: start.shadow.hours,
          decisions: start.shadow.decisions,
          people: start.shadow.people,
          changed_share: start.shadow.changed?.share ?? null,
        },
        without_shadow: start.withoutShadow ?? null,
      },
    ];
  });

/** Nobody gets what a version decides before it was seen what it would decide. */
function refuseUnshadowed(version: string, { shadow: seen, withoutShadow }: CanaryStart): void {
  if (seen?.verdict === "enough" || withoutShadow) return;
  const next =
    seen?.verdict === "too-different"
      ? ""
      : `inboxloop release shadow ${version}, then release shadowed ${version}, or `;
  throw refusal(
    seen === null
      ? `nobody looked at what ${version} would decide`
      : `the shadow of ${version} is ${seen.verdict}: ${seen.note}`,
    "release.shadow",
    { next: `${next}--without-shadow "<why>"` },
  );
}

const percent = (value: number): string => `${Math.round(100 * value)} %`;

export interface CheckDecision extends Decision {
  readonly check: CanaryCheck;
}

/**
 * Looks at a running canary. A rule that fails rolls it back at once: the version is deactivated and the deliverability team is told. Else the ramp goes on when
 * its step has lasted. `source` says whether the evidence was read from the warehouse now, or is a file that a person vouches for.
 */
export async function check(
  env: ReleaseEnv,
  version: string,
  evidence: CanaryEvidence,
  source: Source = { kind: "computed" },
): Promise<CheckDecision> {
  let made: CanaryCheck | undefined;
  const decision = await decide(env, (state) => {
    const running = runningCanary(state, version, "check");
    if (source.kind === "file") deciderOf(env);
    made = checkCanary(running.policy, evidence);
    const { verdict, counts, mature, results, plain, split } = made;
    refuseShrunk(version, running.looks.at(-1), counts);
    const events: ReleaseEvent[] = [
      { kind: "canary_checked", version, verdict, counts, mature, results: [...results], plain, split, source },
    ];
    if (verdict === "fail") {
      events.push({ kind: "rolled_back", version, active: state.champion, reason: reasonOf(made) });
    } else if (verdict !== "sample-ratio-mismatch") {
      const share = nextShare(running, env.now());
      if (share !== null) events.push({ kind: "ramp_advanced", version, share });
    }
    return events;
  });
  if (!made) throw new Error("a check makes a verdict");
  return { ...decision, check: made };
}

function reasonOf({ results, plain }: CanaryCheck): string {
  const failed = results
    .filter(({ verdict }) => verdict === "fail")
    .map((r) => `${r.id}: ${r.metric} ${short(r.actual)} where ${short(r.expected)} is allowed`);
  if (plain?.is_binding && plain.verdict === "fail")
    failed.push(
      `the plain rule: ${plain.ratio === null ? "complaints" : `${plain.ratio.toFixed(2)} times the complaints`} in its hours`,
    );
  return failed.join("; ");
}

/** Evidence only grows; counts that fell were read from somewhere else. */
function refuseShrunk(version: string, before: CanaryCheck["counts"] | undefined, now: CanaryCheck["counts"]): void {
  for (const arm of ["candidate", "champion"] as const) {
    if (!before || now[arm].sends >= before[arm].sends) continue;
    throw refusal(
      `the ${arm}'s sends fell from ${before[arm].sends} to ${now[arm].sends} since the last check of ${version}`,
      "release.counts-fell",
      { next: "inboxloop build, then check again" },
    );
  }
}

export interface Promotion {
  readonly artefact: string;
  /** What the canary has seen, read now; null for a first champion, which has nobody to be compared with. */
  readonly evidence: CanaryEvidence | null;
}

/** It decides for everybody from now on. Only from a canary that passes on the evidence as it is now; the first champion needs a fresh approval. */
export const promote = (env: ReleaseEnv, version: string, promotion: Promotion): Promise<Decision> =>
  decide(env, (state) => {
    mayRelease(env);
    const { artefact, evidence } = promotion;
    const found = state.versions.get(version);
    if (found && state.champion === null && (found.stage === "approved" || found.stage === "shadow")) {
      freshlyApproved(env, found);
      sameArtefact(found, artefact);
      return [{ kind: "promoted", version, artefact, replaces: null }];
    }
    const running = runningCanary(state, version, "promote");
    sameArtefact(standing(state, version, "promote"), artefact);
    const verdict = evidence && checkCanary(running.policy, evidence).verdict;
    if (verdict !== "pass" || running.verdict !== "pass") {
      const says = running.verdict === "pass" ? verdict : running.verdict;
      throw refusal(
        `the canary of ${version} ${says === null ? "was never checked" : `says ${says}`}`,
        "release.canary-not-passed",
        { next: `inboxloop release check ${version}` },
      );
    }
    return [{ kind: "promoted", version, artefact, replaces: state.champion }];
  });

/** Deactivates a version by hand. A champion hands back to the one before it, or to the rules where there is none. */
export const rollback = (env: ReleaseEnv, version: string, reason: string): Promise<Decision> =>
  decide(env, (state) => {
    const { person, people } = deciderOf(env);
    mayPause(people.rights, person.name);
    standing(state, version, "rollback");
    const active = state.champion === version ? (state.previous.at(-1) ?? null) : state.champion;
    return [{ kind: "rolled_back", version, active, reason }];
  });

/** Somebody looked at a promoted version a day, a week or a month after. */
export const review = (
  env: ReleaseEnv,
  version: string,
  which: (typeof reviewKinds)[number],
  note: string,
): Promise<Decision> =>
  decide(env, (state) => {
    const { person, people } = deciderOf(env);
    mayApprove(people.rights, person.name, "model");
    if (state.versions.get(version)?.promotedAt === null || !state.versions.has(version)) {
      throw refusal(`${version} was never promoted`, "release.stage", { next: "inboxloop release status" });
    }
    return [{ kind: "reviewed", version, review: which, note }];
  });

const short = (value: number | null): string => (value === null ? "unknown" : String(Number(value.toPrecision(4))));

function mayRelease(env: ReleaseEnv): void {
  const { person, people } = deciderOf(env);
  try {
    mayChange(people.rights, person.name, "model");
  } catch {
    mayApprove(people.rights, person.name, "model");
  }
}

/** Approvals expire: what was seen then may not be what is now. */
function freshlyApproved(env: ReleaseEnv, found: VersionState): void {
  const { people } = deciderOf(env);
  const days = people.rights.approvals_expire_after_days;
  const age = env.now().getTime() - Date.parse(found.approvedAt ?? "");
  if (age <= days * 86_400_000) return;
  throw refusal(`the approval of ${found.version} is older than ${days} days`, "release.approval-expired", {
    next: "train again under another name, submit and approve it",
  });
}

/** The folder holds what was submitted and approved, byte for byte. */
function sameArtefact(found: VersionState, artefact: string): void {
  if (found.artefact === artefact) return;
  throw refusal(
    `the folder of ${found.version} is not what was submitted: ${artefact.slice(0, 16)}, not ${found.artefact.slice(0, 16)}`,
    "release.artefact-changed",
    { next: "train again under another name" },
  );
}

function runningCanary(state: ReleaseState, version: string, verb: Verb) {
  const found = standing(state, version, verb);
  if (!found.canary) throw new Error(`${version} is a canary without its start`);
  return found.canary;
}

function standing(state: ReleaseState, version: string, verb: Verb): VersionState {
  const found = state.versions.get(version);
  if (!found) {
    throw new UserError(`no version "${version}" was submitted`, {
      code: "release.unknown",
      exit: "usage",
      next: "inboxloop release status",
    });
  }
  const from: readonly Stage[] = stages[verb].from;
  if (!from.includes(found.stage)) {
    throw refusal(`${version} is ${found.stage}; ${verb} is for ${from.join(" or ")}`, "release.stage", {
      next: "inboxloop release status",
    });
  }
  return found;
}
