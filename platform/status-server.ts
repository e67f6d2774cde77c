import Fastify, { type FastifyInstance } from "fastify";

/** What whoever runs a service looks at. */
export interface StatusEnv {
  /** Whether calls are answered as they should be, and what is told of it. */
  readonly readiness: () => { readonly isReady: boolean; readonly told: Readonly<Record<string, unknown>> };
  /** Prometheus' text format (prom-client's Registry). */
  readonly registry: { readonly contentType: string; readonly metrics: () => Promise<string> };
  readonly openApi: () => object;
}

/** Readiness, metrics and the interface, on a listener of their own: they are for who runs the service, not for who calls it. */
export function createStatusServer({ readiness, registry, openApi }: StatusEnv): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: "idle" });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "no-such-route" }));
  app.get("/healthz", async () => ({ status: "alive" }));
  app.get("/readyz", async (_request, reply) => {
    const { isReady, told } = readiness();
    return reply.code(isReady ? 200 : 503).send(told);
  });
  app.get("/metrics", async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
  app.get("/openapi.json", async () => openApi());
  return app;
}
