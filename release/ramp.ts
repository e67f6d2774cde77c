import type { CanaryState } from "./state.ts";

/** The next share of a ramp whose present step has lasted; null while it has not, and on the last. */
export function nextShare(canary: Pick<CanaryState, "policy" | "share" | "shareSince">, now: Date): number | null {
  const { ramp } = canary.policy;
  const step = ramp.findIndex(({ share }) => share === canary.share);
  const hours = ramp[step]?.hours;
  const next = ramp[step + 1];
  if (hours === undefined || next === undefined) return null;
  return now.getTime() - Date.parse(canary.shareSince) >= hours * 3_600_000 ? next.share : null;
}
