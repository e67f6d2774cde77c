import type { Verdict } from "../policy/guardrails.ts";
import type { CanaryPolicy } from "./canary/canary-policy.ts";
import type { ArmTotals } from "./canary/check-canary.ts";
import type { CanaryVerdict } from "./canary/overall.ts";
import type { ThingKind } from "./control/rights.ts";
import type { PlanSummary, ReleaseEvent, reviewKinds } from "./events.ts";
import type { Decided } from "./log.ts";
import type { Stage } from "./stages.ts";

export interface CanaryState {
  readonly baseline: string;
  /** The candidate's share of people now. */
  readonly share: number;
  readonly shareSince: string;
  readonly startedAt: string;
  readonly policy: CanaryPolicy;
  readonly plan: PlanSummary | null;
  /** Why it runs although it may not see what its policy promises. */
  readonly acceptBlind: string | null;
  /** Both arms at each look so far, oldest first. */
  readonly looks: readonly ArmTotals[];
  readonly verdict: CanaryVerdict | null;
}

export interface VersionState {
  readonly version: string;
  readonly stage: Stage;
  readonly model: string;
  readonly artefact: string;
  readonly snapshot: string;
  readonly evaluation: Verdict | null;
  readonly submittedBy: string;
  readonly approvedBy: string | null;
  readonly approvedAt: string | null;
  readonly shadowSince: string | null;
  /** Set while and after it was a canary. */
  readonly canary: CanaryState | null;
  readonly promotedAt: string | null;
  readonly reviews: readonly (typeof reviewKinds)[number][];
  readonly reason: string | null;
  readonly since: string;
}

/** Where a change of something that is no model stands. */
export interface ChangeState {
  readonly thing: ThingKind;
  readonly name: string;
  readonly digest: string;
  readonly risk: "low" | "medium" | "high";
  readonly status: "proposed" | "approved" | "rejected";
  readonly proposedBy: string;
  readonly approvedBy: readonly string[];
  readonly approvedAt: string | null;
}

export interface ReleaseState {
  readonly versions: ReadonlyMap<string, VersionState>;
  readonly champion: string | null;
  readonly canary: string | null;
  /** Champions that were replaced, oldest first: where a rollback goes. */
  readonly previous: readonly string[];
  /** By `changeKey`, the newest proposal of each digest. */
  readonly changes: ReadonlyMap<string, ChangeState>;
  /** What is paused and why: campaigns, `model`, `all`. */
  readonly paused: ReadonlyMap<string, string>;
}

export const nothingReleased: ReleaseState = {
  versions: new Map(),
  champion: null,
  canary: null,
  previous: [],
  changes: new Map(),
  paused: new Map(),
};

export const changeKey = (change: Pick<ChangeState, "thing" | "name" | "digest">): string =>
  `${change.thing} ${change.name} ${change.digest}`;

/** The state after one more entry. Pure; what an entry may say was checked before it was written. */
export function apply(state: ReleaseState, entry: Pick<Decided, "at" | "by" | "event">): ReleaseState {
  const { event } = entry;
  if ("thing" in event) return { ...state, changes: changedBy(event, entry, state.changes) };
  if (event.kind === "paused" || event.kind === "resumed") {
    const paused = new Map(state.paused);
    if (event.kind === "paused") paused.set(event.what, event.reason);
    else paused.delete(event.what);
    return { ...state, paused };
  }
  const versions = new Map(state.versions);
  const change = (version: string, fields: Partial<VersionState>) => {
    const before = versions.get(version);
    if (before) versions.set(version, { ...before, ...fields, since: fields.stage ? entry.at : before.since });
  };
  if (event.kind === "submitted") {
    versions.set(event.version, submitted(event, entry));
    return { ...state, versions };
  }
  return { ...state, ...versionChange(event, entry, state, change), versions };
}

type Event<Kind extends ReleaseEvent["kind"]> = Extract<ReleaseEvent, { kind: Kind }>;

const submitted = (event: Event<"submitted">, entry: Pick<Decided, "at" | "by">): VersionState => ({
  version: event.version,
  stage: "submitted",
  model: event.model,
  artefact: event.artefact,
  snapshot: event.snapshot,
  evaluation: event.evaluation?.verdict ?? null,
  submittedBy: entry.by,
  approvedBy: null,
  approvedAt: null,
  shadowSince: null,
  canary: null,
  promotedAt: null,
  reviews: [],
  reason: null,
  since: entry.at,
});

function changedBy(
  event: Event<"change_proposed" | "change_approved" | "change_rejected">,
  entry: Pick<Decided, "at" | "by">,
  before: ReadonlyMap<string, ChangeState>,
): ReadonlyMap<string, ChangeState> {
  const changes = new Map(before);
  const key = changeKey(event);
  if (event.kind === "change_proposed") {
    const { thing, name, digest, risk } = event;
    changes.delete(key);
    return changes.set(key, {
      thing,
      name,
      digest,
      risk,
      status: "proposed",
      proposedBy: entry.by,
      approvedBy: [],
      approvedAt: null,
    });
  }
  const known = changes.get(key);
  if (!known) return changes;
  if (event.kind === "change_rejected") return changes.set(key, { ...known, status: "rejected" });
  return changes.set(key, {
    ...known,
    status: "approved",
    approvedBy: [...known.approvedBy, entry.by],
    approvedAt: entry.at,
  });
}

function versionChange(
  event: Exclude<ReleaseEvent, { thing: string } | { what: string } | { kind: "submitted" }>,
  entry: Pick<Decided, "at" | "by">,
  state: ReleaseState,
  change: (version: string, fields: Partial<VersionState>) => void,
): Partial<ReleaseState> {
  const canary = state.versions.get(event.version)?.canary;
  const over = state.canary === event.version ? null : state.canary;
  switch (event.kind) {
    case "approved":
      change(event.version, { stage: "approved", approvedBy: entry.by, approvedAt: entry.at });
      return {};
    case "shadow_started":
      change(event.version, { stage: "shadow", shadowSince: entry.at });
      return {};
    case "canary_started": {
      const { baseline, policy, plan, accept_blind: acceptBlind } = event;
      const share = policy.ramp[0]?.share ?? 0;
      const begun = { startedAt: entry.at, shareSince: entry.at, looks: [], verdict: null };
      change(event.version, { stage: "canary", canary: { baseline, share, policy, plan, acceptBlind, ...begun } });
      return { canary: event.version };
    }
    case "ramp_advanced":
      if (canary) change(event.version, { canary: { ...canary, share: event.share, shareSince: entry.at } });
      return {};
    case "canary_checked":
      if (canary) {
        change(event.version, {
          canary: { ...canary, looks: [...canary.looks, event.counts], verdict: event.verdict },
        });
      }
      return {};
    case "promoted":
      if (event.replaces) change(event.replaces, { stage: "retired" });
      change(event.version, { stage: "champion", promotedAt: entry.at });
      return {
        champion: event.version,
        canary: over,
        previous: event.replaces ? [...state.previous, event.replaces] : state.previous,
      };
    case "rolled_back":
      change(event.version, { stage: "deactivated", reason: event.reason });
      if (state.champion !== event.version) return { canary: over };
      if (event.active) change(event.active, { stage: "champion" });
      return { canary: over, champion: event.active, previous: state.previous.slice(0, -1) };
    case "reviewed": {
      const reviews = state.versions.get(event.version)?.reviews ?? [];
      change(event.version, { reviews: [...reviews, event.review] });
      return {};
    }
    case "alerted":
      return {};
  }
}

/** The state is nothing but a fold over the log. */
export const stateOf = (entries: readonly Pick<Decided, "at" | "by" | "event">[]): ReleaseState =>
  entries.reduce(apply, nothingReleased);
