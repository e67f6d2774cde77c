import Fastify, { type FastifyInstance } from "fastify";
import type { CollectorMetrics } from "./metrics.ts";
import { openApi } from "./openapi.ts";

/** What whoever runs the collector looks at. */
export interface StatusEnv {
  readonly hooks: ReadonlyMap<string, unknown>;
  /** Messages published and not yet landed. */
  readonly behind: () => number;
  /** True while messages wait and none lands. */
  readonly isStalled?: (() => boolean) | undefined;
  readonly metrics: CollectorMetrics;
  readonly limits: { readonly maxBehind: number };
}

/** Readiness, metrics and the interface, on a listener of their own: they are for who runs the collector, not for who calls it. */
export function createStatusServer(env: StatusEnv): FastifyInstance {
  const { limits, metrics } = env;
  const app = Fastify({ logger: false, forceCloseConnections: "idle" });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "no-such-route" }));
  app.get("/healthz", async () => ({ status: "alive" }));
  app.get("/readyz", async (_request, reply) => {
    const behind = env.behind();
    const status = behind > limits.maxBehind ? "behind" : env.isStalled?.() ? "stalled" : "ready";
    return reply.code(status === "ready" ? 200 : 503).send({ status, behind });
  });
  app.get("/metrics", async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  app.get("/openapi.json", async () => openApi([...env.hooks.keys()]));
  return app;
}
