import type { StatusEnv } from "../../platform/status-server.ts";
import type { CollectorMetrics } from "./metrics.ts";
import { openApi } from "./openapi.ts";

/** What a collector tells whoever runs it. */
export function collectorStatus(env: {
  readonly hooks: ReadonlyMap<string, unknown>;
  /** Messages published and not yet landed; left out where this process cannot know. */
  readonly behind?: (() => number) | undefined;
  /** True while messages wait and none lands. */
  readonly isStalled?: (() => boolean) | undefined;
  readonly metrics: CollectorMetrics;
  readonly limits: { readonly maxBehind: number };
}): StatusEnv {
  return {
    readiness: () => {
      const behind = env.behind?.() ?? null;
      const status =
        behind !== null && behind > env.limits.maxBehind ? "behind" : env.isStalled?.() ? "stalled" : "ready";
      return { isReady: status === "ready", told: { status, behind } };
    },
    registry: env.metrics.registry,
    openApi: () => openApi([...env.hooks.keys()]),
  };
}
