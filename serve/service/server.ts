import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import features from "../../includes/features.js";
import { RateLimit } from "../../platform/rate-limit.ts";
import type { StatusEnv } from "../../platform/status-server.ts";
import { explain } from "../why/explain.ts";
import type { Caller, CallerOf, Purpose } from "./callers.ts";
import { type Answered, type Asked, type DecisionEnv, decideOne } from "./decision-service.ts";
import { featuresView } from "./features-view.ts";
import type { ServiceMetrics } from "./metrics.ts";
import { serviceOpenApi } from "./openapi.ts";
import { type DecisionQuestion, decisionCall, featureCall } from "./requests.ts";

export interface ServiceLimits {
  readonly bodyBytes: number;
  readonly requestMs: number;
  readonly perSecond: number;
  readonly burst: number;
  /** Decisions that may wait for the door before calls are answered 503. */
  readonly maxQueued: number;
}

export const defaultServiceLimits: ServiceLimits = {
  bodyBytes: 1 << 20,
  requestMs: 15_000,
  perSecond: 5000,
  burst: 10_000,
  maxQueued: 1_000_000,
};

export interface ServiceEnv extends DecisionEnv {
  readonly callerOf: CallerOf;
  /** Every id that somebody may be known by, the one of today first. */
  readonly idsOf: (recipient: string) => readonly string[];
  readonly limits: ServiceLimits;
  /** Tells the operator; lines hold nothing of a call's content. */
  readonly log: (line: string) => void;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}
const refusal = (status: number, error: string, detail?: string): Answer => ({
  status,
  body: { error, ...(detail ? { detail } : {}) },
});

/** What to do where nothing could be decided: nothing is the answer that is always safe. */
const safe = (error: string) => ({
  error,
  action: "suppress",
  variant: null,
  send_at: null,
  rung: "suppress",
  reason: error,
});

/** The decision service over HTTP. Answers and log lines hold no address: a raw id is hashed before anything else is done with it. */
export function createDecisionServer(env: ServiceEnv): FastifyInstance {
  const { limits, metrics } = env;
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: 65_000,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 600 },
  });
  const rate = new RateLimit(limits);
  const isBehind = behindNow(env);

  const guarded =
    (route: string, purpose: Purpose, work: (request: FastifyRequest, caller: Caller) => Promise<Answer> | Answer) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      const began = performance.now();
      const caller = env.callerOf(request.headers.authorization);
      const answer = !caller
        ? refusal(401, "not-authentic")
        : !caller.purposes.has(purpose)
          ? refusal(403, "not-for-this-purpose", `the key of ${caller.name} is not for ${purpose}`)
          : !rate.admit(caller.name, env.now())
            ? refusal(429, "too-many-calls")
            : await work(request, caller);
      metrics.answered(route, caller?.name ?? "unknown", answer.status, (performance.now() - began) / 1000);
      if (answer.status === 429 || answer.status === 503) reply.header("retry-after", "1");
      return reply.code(answer.status).send(answer.body);
    };

  app.setErrorHandler((error: { statusCode?: number; code?: string; name?: string }, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) env.log(`ERROR a call could not be answered: ${error.code ?? error.name ?? "error"}`);
    const known = status === 413 ? "too-large" : status < 500 ? "bad-request" : "internal";
    return reply.code(status).send(safe(known));
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "no-such-route" }));

  app.post(
    "/v1/decisions",
    guarded("/v1/decisions", "decide", (request) => decisions(env, request, isBehind)),
  );
  app.get<{ Params: { id: string } }>(
    "/v1/customers/:id/features",
    guarded("/v1/customers/features", "read", (request) => {
      const stored = env.store.person(personOf(env, (request.params as { id: string }).id));
      return stored ? { status: 200, body: featuresView(stored, env.now()) } : refusal(404, "unknown-customer");
    }),
  );
  app.post(
    "/v1/features",
    guarded("/v1/features", "write", (request) => setFeatures(env, request)),
  );
  app.get<{ Params: { id: string }; Querystring: { compared_to?: string } }>(
    "/v1/decisions/:id/why",
    guarded("/v1/decisions/why", "explain", (request) => {
      const { id } = request.params as { id: string };
      const other = (request.query as { compared_to?: string }).compared_to;
      const found = env.store.decision(id) ?? env.store.decisionOfMessage(id);
      const compared =
        other === undefined ? undefined : (env.store.decision(other) ?? env.store.decisionOfMessage(other));
      if (!found || (other !== undefined && !compared)) return refusal(404, "unknown-decision");
      return { status: 200, body: explain(found, compared) };
    }),
  );

  app.get("/healthz", async () => ({ status: "alive" }));
  return app;
}

/** Milliseconds for which the length of the queue is taken as it was: to ask for it costs as much as to read a person. */
const lookEveryMs = 50;

/** Whether more decisions wait for the door than may. */
function behindNow({ store, limits, ticks }: ServiceEnv): () => boolean {
  let looked = Number.NEGATIVE_INFINITY;
  let isBehind = false;
  return () => {
    const now = ticks();
    // What is behind is looked at again at each call, so that it ends at once.
    if (isBehind || now - looked >= lookEveryMs) {
      isBehind = store.queueLength() > limits.maxQueued;
      looked = now;
    }
    return isBehind;
  };
}

/** What the service tells whoever runs it. */
export const serviceStatus = ({
  troubles,
  metrics,
}: {
  /** What is not as it should be; nothing when decisions are made as the policies want them. */
  readonly troubles: () => readonly string[];
  readonly metrics: ServiceMetrics;
}): StatusEnv => ({
  readiness: () => {
    const found = troubles();
    const isReady = found.length === 0;
    return { isReady, told: { status: isReady ? "ready" : "not-ready", troubles: found } };
  },
  registry: metrics.registry,
  openApi: serviceOpenApi,
});

async function decisions(env: ServiceEnv, request: FastifyRequest, isBehind: () => boolean): Promise<Answer> {
  const parsed = decisionCall.safeParse(request.body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return refusal(400, "bad-request", `${issue?.path.join(".") || "body"}: ${issue?.message}`);
  }
  if (isBehind()) return { status: 503, body: safe("behind") };
  const header = request.headers["idempotency-key"];
  const key = Array.isArray(header) ? header[0] : header;
  if ("requests" in parsed.data) {
    const asked = parsed.data.requests.map((one, i) =>
      questionOf(env, one, key === undefined ? undefined : `${key}:${i}`),
    );
    if (asked.some((one) => one === undefined))
      return refusal(400, "bad-request", "each of several requests has a request_id, or the call an Idempotency-Key");
    const answers = await Promise.all(asked.map((one) => decideOne(env, one!)));
    return { status: 200, body: { decisions: answers.map((one) => ("kind" in one ? safe(one.error) : shown(one))) } };
  }
  const asked = questionOf(env, parsed.data, key);
  if (!asked)
    return refusal(
      400,
      "bad-request",
      "request_id, or an Idempotency-Key: a question that is asked again has one decision",
    );
  const answer = await decideOne(env, asked);
  if (!("kind" in answer)) return { status: 200, body: shown(answer) };
  return answer.error === "unknown-policy" ? refusal(404, "unknown-policy") : { status: 503, body: safe(answer.error) };
}

/** Who is meant: by today's id where anything is known under it, else by a former one under which something is. */
function personOf({ idsOf, store }: ServiceEnv, recipient: string): string {
  const ids = idsOf(recipient);
  if (ids.length === 1) return ids[0]!;
  try {
    return ids.find((id) => store.person(id)) ?? ids[0]!;
  } catch {
    // a store that cannot be read is met again, and counted, by whoever decides
    return ids[0]!;
  }
}

function questionOf(env: ServiceEnv, one: DecisionQuestion, key: string | undefined): Asked | undefined {
  const requestId = one.request_id ?? key;
  if (requestId === undefined) return undefined;
  return {
    request_id: requestId,
    person_id: personOf(env, one.user_id_hash ?? one.user_id!),
    campaign_id: one.campaign_id ?? one.policy,
    policy: one.policy,
    context: one.context,
  };
}

function shown({ decision, is_repeated, hops }: Answered) {
  const { table: _table, received_at: _received, attributes, ...rest } = decision;
  const { steps: _steps, shadow: _shadow, ...said } = attributes as Record<string, unknown>;
  return { ...rest, ...said, is_repeated, hops };
}

async function setFeatures(env: ServiceEnv, request: FastifyRequest): Promise<Answer> {
  const parsed = featureCall.safeParse(request.body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return refusal(400, "bad-request", `${issue?.path.join(".") || "body"}: ${issue?.message}`);
  }
  const types = new Map(
    (features.list as readonly { name: string; type: string }[]).map(({ name, type }) => [name, type]),
  );
  for (const { values, user_id, user_id_hash } of parsed.data.features) {
    if ((user_id === undefined) === (user_id_hash === undefined))
      return refusal(400, "bad-request", "one of user_id and user_id_hash");
    for (const [name, value] of Object.entries(values)) {
      const type = types.get(name);
      if (type !== undefined && value !== null && (type === "number") !== (typeof value === "number"))
        return refusal(400, "bad-request", `${name} is a ${type}`);
    }
  }
  const now = env.now();
  const unknown = await env.store.transact((tx) => {
    let missing = 0;
    for (const { user_id, user_id_hash, values, ttl_seconds } of parsed.data.features) {
      const id = personOf(env, user_id_hash ?? user_id!);
      const stored = tx.person(id);
      if (!stored) {
        missing += 1;
        continue;
      }
      const set = Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, { value, at: now, until: now + ttl_seconds * 1000 }]),
      );
      tx.putPerson(id, { ...stored, set: { ...stored.set, ...set } });
    }
    return missing;
  });
  return { status: 200, body: { people: parsed.data.features.length - unknown, unknown } };
}
