import { createHash } from "node:crypto";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { RateLimit } from "../../platform/rate-limit.ts";
import type { BusWriter } from "../bus/bus.ts";
import type { DeviceReportsAsked } from "../door/device-report.ts";
import type { VersionedKey } from "../door/keys.ts";
import type { CertificateTrust } from "../sources/certificate-chain.ts";
import type { ProviderSecrets, WebhookRequest } from "../sources/provider.ts";
import { providers } from "../sources/providers.ts";
import { snsEnvelope } from "../sources/sns.ts";
import { bodyDigest, parseJson } from "../sources/webhook.ts";
import { type AdmissionLimits, BytesInFlight, Strangers } from "./admission.ts";
import { readApiBody } from "./api-body.ts";
import type { MayCall, SourceOfKey } from "./api-keys.ts";
import {
  type ApiRoute,
  apiRoutes,
  apiTables,
  askingDoor,
  namedRefusals,
  recordsRefused,
  wholeRoutes,
} from "./api-records.ts";
import { packHook } from "./hook-message.ts";
import type { CollectorMetrics } from "./metrics.ts";
import { isOneClickBody, oneClickPage, oneClickRecord, readOneClickToken } from "./one-click.ts";
import { ReplayGuard } from "./replay-guard.ts";
import { certificateCache, confirmSubscription, type FetchText } from "./sns-fetch.ts";

export interface CollectorLimits extends AdmissionLimits {
  /** Of a gzip body, unpacked. */
  readonly unpackedBytes: number;
  readonly recordsPerCall: number;
  /** A call that has not arrived whole after this long is answered 408. */
  readonly requestMs: number;
  readonly perSecond: number;
  readonly burst: number;
  /** Messages that may wait for the pipeline before calls are answered 503. */
  readonly maxBehind: number;
  /** Messages that wait so long without one landing mean that the pipeline stands: `/readyz` says 503. */
  readonly stallMs: number;
  readonly replayWindowSeconds: number;
  /** Accepted calls are remembered this long, and so many of them. */
  readonly rememberMs: number;
  readonly rememberCalls: number;
}

export const defaultLimits: CollectorLimits = {
  bodyBytes: 10 << 20,
  connections: 1000,
  bytesInFlight: 16 << 20,
  strangersPerSecond: 1,
  strangersBurst: 100,
  unpackedBytes: 32 << 20,
  recordsPerCall: 10_000,
  requestMs: 15_000,
  perSecond: 5000,
  burst: 10_000,
  maxBehind: 1_000_000,
  stallMs: 120_000,
  replayWindowSeconds: 300,
  rememberMs: 24 * 3600_000,
  rememberCalls: 500_000,
};

/** What the collector touches outside itself. */
export interface CollectorEnv {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly bus: BusWriter;
  readonly hooks: ReadonlyMap<string, ProviderSecrets>;
  readonly sourceOfKey: SourceOfKey;
  /** What a source may send; events alone where it is not given. */
  readonly mayCall?: MayCall | undefined;
  /** Keys that sign one-click links (RFC 8058), newest first; without one there is no such address. */
  readonly linkKeys?: readonly VersionedKey[] | undefined;
  /** What devices are asked to report. */
  readonly deviceReports?: DeviceReportsAsked | undefined;
  readonly fetchText: FetchText;
  /** Who may have issued Amazon's signing certificates. */
  readonly trust?: CertificateTrust | undefined;
  /** Messages published and not yet landed; left out where nobody here knows, and then nobody is told to wait for it. */
  readonly behind?: (() => number) | undefined;
  readonly metrics: CollectorMetrics;
  readonly limits: CollectorLimits;
  /** Proxies whose X-Forwarded-For is believed: addresses or networks, with commas. */
  readonly trustProxy?: string | undefined;
  /** Tells the operator; lines hold nothing of a call's content. */
  readonly log: (line: string) => void;
}

interface Answer {
  readonly status: number;
  readonly body: object;
  readonly retryAfter?: number;
  /** Who called, as far as it is known, and by our own names only. */
  readonly source: string;
}

const refusal = (source: string, status: number, error: string, retryAfter?: number): Answer => ({
  status,
  body: { error },
  source,
  ...(retryAfter === undefined ? {} : { retryAfter }),
});

/**
 * The HTTP collector: checks who calls before a body is read where a header says it, and over the raw bytes before anything is parsed; puts what it
 * accepts on the bus, and answers 202 once it is durable. Answers and log lines hold nothing of what was sent.
 */
export function createCollector(env: CollectorEnv): FastifyInstance {
  const { metrics } = env;
  const limits = { ...env.limits, bodyBytes: Math.min(env.limits.bodyBytes, env.bus.maxBodyBytes ?? Infinity) };
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: 65_000,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 40 },
    ...(env.trustProxy === undefined ? {} : { trustProxy: env.trustProxy }),
    http: {
      headersTimeout: Math.min(limits.requestMs, 10_000),
      connectionsCheckingInterval: Math.min(1000, limits.requestMs / 2),
    },
  });
  app.server.maxConnections = limits.connections;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

  const send = (reply: FastifyReply, route: string, began: number, answer: Answer): FastifyReply => {
    metrics.answered(route, answer.source, answer.status, (performance.now() - began) / 1000);
    const error = (answer.body as { error?: string }).error;
    if (error !== undefined) metrics.refused(answer.source, error);
    if (answer.retryAfter !== undefined) reply.header("retry-after", String(answer.retryAfter));
    return reply.code(answer.status).send(answer.body);
  };

  app.setErrorHandler((error: { statusCode?: number; code?: string; stack?: string }, request, reply) => {
    const status = error.statusCode ?? 500;
    const route = request.routeOptions.url ?? "none";
    if (status >= 500) env.log(`ERROR a call could not be answered: ${framesOf(error)}`);
    const known = status === 413 ? "too-large" : status < 500 ? "bad-request" : "internal";
    return send(reply, route, performance.now(), refusal("unknown", status, known));
  });
  app.setNotFoundHandler((_request, reply) =>
    send(reply, "none", performance.now(), refusal("unknown", 404, "no-such-route")),
  );

  const strangers = new Strangers(limits);
  const inFlight = new BytesInFlight(limits);
  const early = beforeBody(env);
  app.addHook("onRequest", async (request, reply) => {
    if (request.method !== "POST") return;
    const began = performance.now();
    const { ip } = request;
    const refused = early(request);
    const isStranger = refused === undefined || refused.status === 401;
    const answer =
      isStranger && !isKnown(env, request) && strangers.isTooMany(ip, env.now())
        ? refusal("unknown", 429, "too-many-calls", 60)
        : (refused ?? (inFlight.admit(request, reply) ? undefined : refusal("unknown", 503, "busy", 1)));
    if (answer === undefined) return;
    // Nobody reads what is still to come.
    if (Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY) > 64 << 10)
      reply.header("connection", "close");
    return send(reply, routeOf(request), began, answer);
  });
  app.addHook("onSend", async (request, reply) => {
    if (reply.statusCode === 401) strangers.met(request.ip, env.now());
  });

  const hook = hookHandler(env);
  const api = apiHandler(env);
  app.post<{ Params: { provider: string } }>("/hooks/:provider", async (request, reply) => {
    const began = performance.now();
    return send(reply, "/hooks", began, await hook(request.params.provider, request));
  });
  // Mandrill asks whether the address is there before it takes it.
  app.head<{ Params: { provider: string } }>("/hooks/:provider", async (request, reply) =>
    reply.code(env.hooks.has(request.params.provider) ? 200 : 404).send(),
  );
  for (const route of apiRoutes)
    app.post(`/v1/${route}`, async (request, reply) =>
      send(reply, `/v1/${route}`, performance.now(), await api(route, request)),
    );

  if (env.linkKeys) {
    const leave = oneClickHandler(env);
    app.post<{ Params: { "*": string } }>("/unsubscribe/*", { bodyLimit: oneClickBytes }, async (request, reply) =>
      send(reply, "/unsubscribe", performance.now(), await leave(request.params["*"], request)),
    );
    app.get("/unsubscribe/*", async (_request, reply) => reply.type("text/html; charset=utf-8").send(oneClickPage));
  }

  app.get("/healthz", async () => ({ status: "alive" }));
  return app;
}

const routeOf = (request: FastifyRequest): string => {
  const url = request.routeOptions.url;
  if (url === undefined) return "none";
  return url.startsWith("/hooks/") ? "/hooks" : url.startsWith("/unsubscribe/") ? "/unsubscribe" : url;
};
const apiRouteOf = (request: FastifyRequest): ApiRoute | undefined =>
  apiRoutes.find((route) => request.routeOptions.url === `/v1/${route}`);

/** Whether a header alone says who calls: a source with its key. */
const isKnown = (env: CollectorEnv, request: FastifyRequest): boolean =>
  apiRouteOf(request) !== undefined && env.sourceOfKey(request.headers.authorization) !== undefined;

/** What can be said of a call before its body is read: there is no such place, or whoever calls may not. */
function beforeBody(env: CollectorEnv): (request: FastifyRequest) => Answer | undefined {
  return (request) => {
    if (request.is404) return refusal("unknown", 404, "no-such-route");
    const route = apiRouteOf(request);
    if (route !== undefined) {
      const source = env.sourceOfKey(request.headers.authorization);
      if (source === undefined) return refusal("unknown", 401, "not-authentic");
      return (env.mayCall?.(source, route) ?? route === "events") ? undefined : refusal(source, 403, "not-allowed");
    }
    if (routeOf(request) === "/hooks") {
      const { provider } = request.params as { readonly provider: string };
      if (!providers.has(provider) || !env.hooks.has(provider)) return refusal("unknown", 404, "unknown-provider");
      const encoding = request.headers["content-encoding"];
      return encoding === undefined || encoding === "identity" ? undefined : refusal(provider, 415, "unknown-encoding");
    }
    const { "*": token } = request.params as { readonly "*": string };
    return readOneClickToken(token, env.linkKeys ?? []) ? undefined : refusal("one-click", 401, "not-authentic");
  };
}

function hookHandler(env: CollectorEnv) {
  const { limits } = env;
  const certificates = certificateCache(env.fetchText);
  const guard = new ReplayGuard({ limit: limits.rememberCalls, keepMs: limits.rememberMs });
  const publish = publisher(env);
  return async (name: string, request: FastifyRequest): Promise<Answer> => {
    const provider = providers.get(name)!;
    const secrets = env.hooks.get(name)!;
    const call = webhookRequest(request);
    const authenticity = await provider.verify(call, secrets, {
      now: new Date(env.now()),
      replayWindowSeconds: limits.replayWindowSeconds,
      fetchCertificate: certificates,
      trust: env.trust,
    });
    if (authenticity.kind === "refused") {
      env.log(`WARN ${name}: a call was refused: ${authenticity.reason}`);
      return refusal(name, 401, "not-authentic");
    }
    const id = createHash("sha256")
      .update(`${name}\0${provider.callId?.(call) ?? bodyDigest(call.body)}`)
      .digest("base64");
    if (!guard.begin(id, env.now())) return refusal(name, 409, "replayed");
    let isKept = false;
    try {
      const answer = (await subscription(env, name, call)) ?? (await publish(name, [packHook(call)], `hook-${name}`));
      isKept = answer.status < 300;
      return answer;
    } finally {
      if (isKept) guard.keep(id, env.now());
      else guard.forget(id);
    }
  };
}

function apiHandler(env: CollectorEnv) {
  const publish = publisher(env);
  const door = askingDoor(env.deviceReports);
  return async (route: ApiRoute, request: FastifyRequest): Promise<Answer> => {
    const source = env.sourceOfKey(request.headers.authorization)!;
    const headers = {
      "content-encoding": request.headers["content-encoding"],
      "content-type": request.headers["content-type"],
    };
    const body = await readApiBody(bodyOf(request), headers, env.limits);
    if (body.kind === "refused") return refusal(source, body.status, body.error);
    const refused = recordsRefused(route, body.records, env.now(), door);
    const said = { refused: refused.slice(0, namedRefusals), refused_count: refused.length };
    if (refused.length === body.records.length || (refused.length > 0 && wholeRoutes.has(route)))
      return { status: 422, body: { error: "not-taken", ...said }, source };
    // Those that would not land go the same way and become dead letters: a caller that reads no further than the status loses none of them.
    const answer = await publish(
      source,
      body.records,
      route === "events" ? `api-${source}` : `api-${source}/${apiTables[route]}`,
    );
    if (answer.status !== 202 || refused.length === 0) return answer;
    return { ...answer, body: { accepted: body.records.length - refused.length, ...said } };
  };
}

/** What a mail client says is 26 letters, as a form of either kind. */
const oneClickBytes = 4096;

/** RFC 8058 section 3.2: a signed link and the words of the standard; no cookie, no redirect, and 2xx once it is durable. */
function oneClickHandler(env: CollectorEnv) {
  const publish = publisher(env);
  return async (token: string, request: FastifyRequest): Promise<Answer> => {
    const link = readOneClickToken(token, env.linkKeys ?? [])!;
    if (!isOneClickBody(bodyOf(request))) return refusal("one-click", 400, "not-one-click");
    return publish("one-click", [oneClickRecord(link, new Date(env.now()))], "api-one-click");
  };
}

/** The last steps of every call: rate, back-pressure, and the bus. */
function publisher(env: CollectorEnv) {
  const { limits, metrics } = env;
  const rate = new RateLimit(limits);
  return async (source: string, records: readonly Buffer[], kind: string): Promise<Answer> => {
    const now = env.now();
    if (!rate.admit(source, now)) return refusal(source, 429, "too-many-calls", 1);
    if ((env.behind?.() ?? 0) > limits.maxBehind) return refusal(source, 503, "behind", 10);
    try {
      await env.bus.publish(records.map((data) => ({ kind, receivedAt: now, data })));
    } catch (error) {
      env.log(
        `ERROR the bus did not take ${records.length} messages (${codeOf(error)}); the caller was told to come again`,
      );
      return refusal(source, 503, "not-durable", 10);
    }
    metrics.accepted(
      source,
      records.length,
      records.reduce((sum, one) => sum + one.length, 0),
    );
    return { status: 202, body: { accepted: records.length }, source };
  };
}

/** Amazon asks to confirm a subscription before it sends anything; only for topics on the list, which `verify` checked. */
async function subscription(env: CollectorEnv, name: string, call: WebhookRequest): Promise<Answer | undefined> {
  if (name !== "amazon_ses") return undefined;
  const parsed = parseJson(call.body);
  const envelope = parsed.kind === "value" ? snsEnvelope.safeParse(parsed.value) : undefined;
  if (!envelope?.success || envelope.data.Type === "Notification") return undefined;
  if (envelope.data.Type === "UnsubscribeConfirmation") {
    env.log("WARN amazon_ses: a subscription was ended; no more events of its topic will come");
    return { status: 202, body: { accepted: 0 }, source: name };
  }
  const isConfirmed = await confirmSubscription(envelope.data.SubscribeURL ?? "", env.fetchText);
  env.log(
    isConfirmed
      ? "INFO amazon_ses: a subscription was confirmed"
      : "ERROR amazon_ses: a subscription could not be confirmed",
  );
  return isConfirmed ? { status: 202, body: { accepted: 0 }, source: name } : refusal(name, 503, "not-confirmed", 60);
}

const bodyOf = (request: FastifyRequest): Buffer => (Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));

function webhookRequest(request: FastifyRequest): WebhookRequest {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return { method: request.method, url: `https://${request.host}${request.url}`, headers, body: bodyOf(request) };
}

const codeOf = (error: unknown): string => (error as { code?: string } | null)?.code ?? "unknown error";

/** Where an error arose, without its message: that may quote what was sent. */
const framesOf = (error: { code?: string; stack?: string }): string =>
  [
    error.code ?? "error",
    ...(error.stack ?? "")
      .split("\n")
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 4),
  ]
    .map((line) => line.trim())
    .join(" ");
