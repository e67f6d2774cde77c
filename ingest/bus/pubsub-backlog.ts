import { z } from "zod";

/** What waits in a Pub/Sub subscription, as Cloud Monitoring counted it last. */
export type Backlog =
  | {
      readonly kind: "known";
      readonly messages: number;
      /** How long the oldest of them waits; null where Cloud Monitoring does not say. */
      readonly oldestSeconds: number | null;
      /** When it was counted, in milliseconds since the epoch. */
      readonly at: number;
    }
  | { readonly kind: "unknown"; readonly reason: UnknownBacklog };

export const unknownBacklogs = [
  "not-asked-yet",
  "no-subscription",
  "emulator",
  "no-credentials",
  "not-allowed",
  "unreachable",
  "no-sample",
] as const;
/** Why nothing is known of what waits. */
export type UnknownBacklog = (typeof unknownBacklogs)[number];

export interface BacklogEnv {
  /** `https://monitoring.googleapis.com`, or a server of a test. */
  readonly endpoint: string;
  /** An access token with the scope `monitoring.read`; undefined where nobody has credentials. */
  readonly token: () => Promise<string | undefined>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export const monitoringEndpoint = "https://monitoring.googleapis.com";
export const monitoringScope = "https://www.googleapis.com/auth/monitoring.read";

/** Pub/Sub counts once a minute, and the count is visible up to two minutes later: what is older than this says nothing of now. */
const freshMs = 10 * 60_000;
const timeoutMs = 10_000;

const answer = z.looseObject({
  timeSeries: z
    .array(
      z.looseObject({
        points: z
          .array(
            z.looseObject({
              interval: z.looseObject({ endTime: z.string() }),
              value: z.looseObject({ int64Value: z.string().nullish(), doubleValue: z.number().nullish() }),
            }),
          )
          .nullish(),
      }),
    )
    .nullish(),
});

/** Asks Cloud Monitoring once. Whatever goes wrong is a reason and never a number. */
export async function readBacklog(env: BacklogEnv, subscription: string, signal: AbortSignal): Promise<Backlog> {
  const [, project, id] = /^projects\/([^/"]+)\/subscriptions\/([^/"]+)$/.exec(subscription) ?? [];
  if (project === undefined || id === undefined) return { kind: "unknown", reason: "no-subscription" };
  const token = await env.token().catch(() => undefined);
  if (token === undefined) return { kind: "unknown", reason: "no-credentials" };
  const ask = (metric: string) => latest(env, token, project, id, metric, signal);
  const waiting = await ask("num_undelivered_messages");
  if (typeof waiting === "string") return { kind: "unknown", reason: waiting };
  const oldest = await ask("oldest_unacked_message_age");
  return {
    kind: "known",
    messages: waiting.value,
    oldestSeconds: typeof oldest === "string" ? null : oldest.value,
    at: waiting.at,
  };
}

async function latest(
  env: BacklogEnv,
  token: string,
  project: string,
  id: string,
  metric: string,
  signal: AbortSignal,
): Promise<{ readonly value: number; readonly at: number } | UnknownBacklog> {
  const until = env.now();
  const query = new URLSearchParams({
    filter: `metric.type = "pubsub.googleapis.com/subscription/${metric}" AND resource.type = "pubsub_subscription" AND resource.labels.subscription_id = "${id}"`,
    "interval.startTime": new Date(until - freshMs).toISOString(),
    "interval.endTime": new Date(until).toISOString(),
  });
  try {
    const response = await fetch(`${env.endpoint}/v3/projects/${encodeURIComponent(project)}/timeSeries?${query}`, {
      headers: { authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (response.status === 401 || response.status === 403) return "not-allowed";
    if (!response.ok) return "unreachable";
    const { timeSeries } = answer.parse(await response.json());
    const points = (timeSeries ?? [])
      .flatMap((one) => one.points ?? [])
      .map(({ interval, value }) => ({
        at: Date.parse(interval.endTime),
        value: Number(value.int64Value ?? value.doubleValue ?? Number.NaN),
      }));
    const known = points.filter(({ at, value }) => Number.isFinite(at) && Number.isFinite(value) && value >= 0);
    return known.sort((a, b) => b.at - a.at)[0] ?? "no-sample";
  } catch {
    return "unreachable";
  }
}

/** Asks again and again, a minute apart, until `signal` is aborted; gives what is known at the moment. */
export function watchBacklog(
  env: BacklogEnv,
  subscription: string,
  signal: AbortSignal,
  everyMs = 60_000,
): () => Backlog {
  let current: Backlog = { kind: "unknown", reason: "not-asked-yet" };
  let isAsking = false;
  const ask = async () => {
    if (isAsking) return;
    isAsking = true;
    current = await readBacklog(env, subscription, signal);
    isAsking = false;
  };
  void ask();
  const timer = setInterval(() => void ask(), everyMs).unref();
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return () =>
    current.kind === "known" && env.now() - current.at > freshMs ? { kind: "unknown", reason: "no-sample" } : current;
}
