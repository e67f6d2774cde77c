import type { Verdict } from "../policy/guardrails.ts";
import type { CanaryCounts } from "./canary/check-canary.ts";
import type { ReleaseEvent } from "./events.ts";
import type { Entry } from "./log.ts";
import type { Stage } from "./stages.ts";

export interface VersionState {
  readonly version: string;
  readonly stage: Stage;
  readonly model: string;
  readonly snapshot: string;
  readonly evaluation: Verdict | null;
  readonly submittedBy: string;
  readonly approvedBy: string | null;
  /** Set while and after it was a canary. */
  readonly canary: {
    readonly baseline: string;
    readonly share: number;
    readonly startedAt: string;
    /** Counts of every check, oldest first. */
    readonly looks: readonly CanaryCounts[];
    readonly verdict: Verdict | null;
  } | null;
  readonly reason: string | null;
  readonly since: string;
}

export interface ReleaseState {
  readonly versions: ReadonlyMap<string, VersionState>;
  readonly champion: string | null;
  readonly canary: string | null;
  /** Champions that were replaced, oldest first: where a rollback goes. */
  readonly previous: readonly string[];
}

export const nothingReleased: ReleaseState = { versions: new Map(), champion: null, canary: null, previous: [] };

/** The state after one more entry. Pure; what an entry may say was checked before it was written. */
export function apply(state: ReleaseState, entry: Pick<Entry, "at" | "by" | "event">): ReleaseState {
  const { event } = entry;
  const versions = new Map(state.versions);
  const change = (version: string, fields: Partial<VersionState>) => {
    const before = versions.get(version);
    if (before) versions.set(version, { ...before, ...fields, since: fields.stage ? entry.at : before.since });
  };
  const next = changeFor(event, entry, state, change, versions);
  return { ...state, ...next, versions };
}

function changeFor(
  event: ReleaseEvent,
  entry: Pick<Entry, "at" | "by">,
  state: ReleaseState,
  change: (version: string, fields: Partial<VersionState>) => void,
  versions: Map<string, VersionState>,
): Partial<ReleaseState> {
  switch (event.kind) {
    case "submitted":
      versions.set(event.version, {
        version: event.version,
        stage: "submitted",
        model: event.model,
        snapshot: event.snapshot,
        evaluation: event.evaluation?.verdict ?? null,
        submittedBy: entry.by,
        approvedBy: null,
        canary: null,
        reason: null,
        since: entry.at,
      });
      return {};
    case "approved":
      change(event.version, { stage: "approved", approvedBy: entry.by });
      return {};
    case "shadow_started":
      change(event.version, { stage: "shadow" });
      return {};
    case "canary_started":
      change(event.version, {
        stage: "canary",
        canary: { baseline: event.baseline, share: event.share, startedAt: entry.at, looks: [], verdict: null },
      });
      return { canary: event.version };
    case "canary_checked": {
      const canary = versions.get(event.version)?.canary;
      if (canary) {
        change(event.version, {
          canary: { ...canary, looks: [...canary.looks, event.counts], verdict: event.verdict },
        });
      }
      return {};
    }
    case "promoted":
      if (event.replaces) change(event.replaces, { stage: "retired" });
      change(event.version, { stage: "champion" });
      return {
        champion: event.version,
        canary: state.canary === event.version ? null : state.canary,
        previous: event.replaces ? [...state.previous, event.replaces] : state.previous,
      };
    case "rolled_back": {
      change(event.version, { stage: "deactivated", reason: event.reason });
      const canary = state.canary === event.version ? null : state.canary;
      if (state.champion !== event.version) return { canary };
      if (event.active) change(event.active, { stage: "champion" });
      return { canary, champion: event.active, previous: state.previous.slice(0, -1) };
    }
    case "alerted":
      return {};
  }
}

/** The state is nothing but a fold over the log. */
export const stateOf = (entries: readonly Pick<Entry, "at" | "by" | "event">[]): ReleaseState =>
  entries.reduce(apply, nothingReleased);
