import type { StatusEnv } from "../../platform/status-server.ts";
import type { Backlog } from "../bus/pubsub-backlog.ts";
import type { CollectorMetrics } from "./metrics.ts";
import { openApi } from "./openapi.ts";

/** What a collector tells whoever runs it. */
export function collectorStatus(env: {
  readonly hooks: ReadonlyMap<string, unknown>;
  /** Messages published and not yet landed; left out where this process cannot know. */
  readonly behind?: (() => number) | undefined;
  /** What waits on a bus that is not ours: told, and nobody is turned away for it, for it is not this process that is to land it. */
  readonly backlog?: (() => Backlog) | undefined;
  /** True while messages wait and none lands. */
  readonly isStalled?: (() => boolean) | undefined;
  readonly metrics: CollectorMetrics;
  readonly limits: { readonly maxBehind: number };
}): StatusEnv {
  return {
    readiness: () => {
      const behind = env.behind?.() ?? null;
      const elsewhere = env.backlog?.();
      const status =
        behind !== null && behind > env.limits.maxBehind ? "behind" : env.isStalled?.() ? "stalled" : "ready";
      if (elsewhere?.kind === "known")
        return {
          isReady: true,
          told: { status: "ready", behind: elsewhere.messages, oldest_seconds: elsewhere.oldestSeconds },
        };
      return {
        isReady: status === "ready",
        told: { status, behind, ...(elsewhere ? { behind_unknown: elsewhere.reason } : {}) },
      };
    },
    registry: env.metrics.registry,
    openApi: () => openApi([...env.hooks.keys()]),
  };
}
