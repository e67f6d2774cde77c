import { UserError } from "../errors/user-error.ts";
import { canaryGuardrails, type Guardrail } from "../policy/guardrails.ts";
import type { AlertSink } from "./alert-sinks.ts";
import { type CanaryCheck, type CanaryCounts, checkCanary } from "./canary/check-canary.ts";
import type { ReleaseEvent } from "./events.ts";
import { appendEntries, type Entry, readLog } from "./log.ts";
import { type Stage, stages, type Verb, whoDecides } from "./stages.ts";
import { type ReleaseState, stateOf, type VersionState } from "./state.ts";

export interface ReleaseEnv {
  /** The log's file (`home.releaseLog`). */
  readonly log: string;
  readonly now: () => Date;
  /** Who decides. */
  readonly by: string;
  readonly alerts: readonly AlertSink[];
  /** Show what would be written, and write nothing. */
  readonly dryRun?: boolean | undefined;
  /** The head that the decision was made on; the log as it is now when not given. */
  readonly seen?: string | undefined;
}

export interface Decision {
  readonly dryRun: boolean;
  /** What was (or would be) written. */
  readonly events: readonly ReleaseEvent[];
  readonly head: string;
  readonly state: ReleaseState;
}

export interface Submission {
  readonly version: string;
  readonly model: string;
  readonly snapshot: string;
  readonly evaluation: Extract<ReleaseEvent, { kind: "submitted" }>["evaluation"];
  readonly note?: string | undefined;
}

/** Offers a trained model for release. */
export const submit = (env: ReleaseEnv, submission: Submission): Promise<Decision> =>
  decide(env, (state) => {
    const { version } = submission;
    const before = state.versions.get(version);
    if (before) {
      throw refusal(
        `${version} was already submitted by ${before.submittedBy}; it is ${before.stage}`,
        "release.exists",
        {
          next: "train again under another name, or: inboxloop release status",
        },
      );
    }
    return [{ kind: "submitted", ...submission, note: submission.note ?? null }];
  });

/** A second person lets it go on (A100). An evaluation that failed needs a stated reason, which stays in the log. */
export const approve = (
  env: ReleaseEnv,
  version: string,
  options: { readonly despite?: string | undefined; readonly note?: string | undefined } = {},
): Promise<Decision> =>
  decide(env, (state) => {
    const found = standing(state, version, "approve");
    if (found.submittedBy === env.by) {
      throw refusal(`${env.by} submitted ${version} and cannot approve it as well`, "release.same-person", {
        next: `inboxloop release approve ${version} --by <somebody else>`,
      });
    }
    if (found.evaluation !== "pass" && !options.despite) {
      throw refusal(
        `the evaluation of ${version} ${found.evaluation === null ? "is missing" : `says ${found.evaluation}`}`,
        "release.not-evaluated",
        { next: `inboxloop release approve ${version} --despite "<why>"` },
      );
    }
    return [{ kind: "approved", version, despite: options.despite ?? null, note: options.note ?? null }];
  });

/** It scores beside the champion from now on; nothing that customers get changes (A088, A096). */
export const shadow = (env: ReleaseEnv, version: string): Promise<Decision> =>
  decide(env, (state) => {
    standing(state, version, "shadow");
    return [{ kind: "shadow_started", version }];
  });

/** It decides for a share of the sends from now on (A095). */
export const canary = (env: ReleaseEnv, version: string, share: number): Promise<Decision> =>
  decide(env, (state) => {
    standing(state, version, "canary");
    if (!(share > 0 && share < 1)) {
      throw new UserError(`a canary's share is between 0 and 1, not ${share}`, {
        code: "release.share",
        exit: "usage",
      });
    }
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
    return [{ kind: "canary_started", version, baseline: state.champion, share }];
  });

export interface CheckDecision extends Decision {
  readonly check: CanaryCheck;
}

/**
 * Looks at a running canary. A guardrail that fails rolls it back at once: the version is deactivated (A102) and the
 * deliverability team is told (A103). `counts` are those since the canary began.
 */
export async function check(
  env: ReleaseEnv,
  version: string,
  counts: CanaryCounts,
  guardrails: readonly Guardrail[] = canaryGuardrails,
): Promise<CheckDecision> {
  let made: CanaryCheck | undefined;
  const decision = await decide(env, (state) => {
    const looks = standing(state, version, "check").canary?.looks ?? [];
    refuseShrunk(version, looks.at(-1), counts);
    made = checkCanary([...looks, counts], guardrails);
    const events: ReleaseEvent[] = [
      { kind: "canary_checked", version, verdict: made.verdict, counts, results: [...made.results] },
    ];
    if (made.verdict === "fail") {
      const failed = made.results.filter((r) => r.verdict === "fail");
      events.push({
        kind: "rolled_back",
        version,
        active: state.champion,
        reason: failed
          .map((r) => `${r.id}: ${r.metric} ${short(r.actual)} where ${short(r.expected)} is allowed`)
          .join("; "),
      });
    }
    return events;
  });
  if (!made) throw new Error("a check makes a verdict");
  return { ...decision, check: made };
}

/** Evidence only grows; counts that fell were read from somewhere else. */
function refuseShrunk(version: string, before: CanaryCounts | undefined, now: CanaryCounts): void {
  for (const arm of ["candidate", "champion"] as const) {
    for (const field of ["sends", "complaints", "unsubscribes", "clicks", "conversions"] as const) {
      if (before && now[arm][field] < before[arm][field]) {
        throw refusal(
          `the ${arm}'s ${field} fell from ${before[arm][field]} to ${now[arm][field]} since the last check of ${version}`,
          "release.counts-fell",
          { next: "inboxloop build, then check again" },
        );
      }
    }
  }
}

/** It decides for everybody from now on. Only from a canary whose last check passed; the first champion needs an approval. */
export const promote = (env: ReleaseEnv, version: string): Promise<Decision> =>
  decide(env, (state) => {
    const found = state.versions.get(version);
    if (state.champion === null && (found?.stage === "approved" || found?.stage === "shadow")) {
      return [{ kind: "promoted", version, replaces: null }];
    }
    const verdict = standing(state, version, "promote").canary?.verdict ?? null;
    if (verdict !== "pass") {
      throw refusal(
        `the canary of ${version} ${verdict === null ? "was never checked" : `says ${verdict}`}`,
        "release.canary-not-passed",
        { next: `inboxloop release check ${version}` },
      );
    }
    return [{ kind: "promoted", version, replaces: state.champion }];
  });

/** Deactivates a version (A102). A champion hands back to the one before it, or to the rules where there is none. */
export const rollback = (env: ReleaseEnv, version: string, reason: string): Promise<Decision> =>
  decide(env, (state) => {
    standing(state, version, "rollback");
    const active = state.champion === version ? (state.previous.at(-1) ?? null) : state.champion;
    return [{ kind: "rolled_back", version, active, reason }];
  });

export interface ReleaseStatus {
  readonly head: string;
  readonly entries: readonly Entry[];
  readonly state: ReleaseState;
}

/** Reads and checks the log. */
export async function releaseStatus(log: string): Promise<ReleaseStatus> {
  const { entries, head } = await readLog(log);
  return { head, entries, state: stateOf(entries) };
}

const short = (value: number | null): string => (value === null ? "unknown" : String(Number(value.toPrecision(4))));

const refusal = (message: string, code: string, options: { readonly next: string }): UserError =>
  new UserError(message, { code, exit: "check", next: options.next });

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

async function decide(env: ReleaseEnv, make: (state: ReleaseState) => readonly ReleaseEvent[]): Promise<Decision> {
  const log = await readLog(env.log);
  const events = make(stateOf(log.entries));
  const dryRun = env.dryRun === true;
  if (dryRun) {
    const at = env.now().toISOString();
    const would = events.map((event) => ({ at, by: env.by, event }));
    return { dryRun, events, head: log.head, state: stateOf([...log.entries, ...would]) };
  }
  const decided = await appendEntries(env.log, { by: env.by, at: env.now(), events, seen: env.seen ?? log.head });
  const written = [...events];
  for (const event of events) {
    if (event.kind !== "rolled_back") continue;
    const alerts = await tell(env, event);
    if (alerts.length === 0) continue;
    // What was decided stands, whoever wrote since: the alerts go after whatever is last.
    for (let attempt = 0; ; attempt++) {
      const seen = attempt === 0 ? (decided.at(-1) as Entry).hash : (await readLog(env.log)).head;
      try {
        await appendEntries(env.log, { by: env.by, at: env.now(), events: alerts, seen });
        break;
      } catch (error) {
        if (attempt >= 5 || !(error instanceof UserError) || error.code !== "release.stale") throw error;
      }
    }
    written.push(...alerts);
  }
  const { state, head } = await releaseStatus(env.log);
  return { dryRun, events: written, head, state };
}

/** Tells every sink; the log keeps who was told and who could not be. */
async function tell(
  env: ReleaseEnv,
  event: Extract<ReleaseEvent, { kind: "rolled_back" }>,
): Promise<readonly ReleaseEvent[]> {
  const message = `model ${event.version} was rolled back (${event.reason}); ${whoDecides(event.active)} now`;
  const told: ReleaseEvent[] = [];
  for (const sink of env.alerts) {
    const delivered = await sink
      .send({ at: env.now().toISOString(), version: event.version, severity: "error", team: "deliverability", message })
      .then(
        () => true,
        () => false,
      );
    told.push({ kind: "alerted", version: event.version, sink: sink.name, delivered, message });
  }
  return told;
}
