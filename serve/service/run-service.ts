import { join } from "node:path";
import features from "../../includes/features.js";
import { createStatusServer } from "../../platform/status-server.ts";
import type { LoadedPolicy } from "../../policy/load-policy.ts";
import type { ReleaseLog } from "../../release/log.ts";
import { type CampaignBook, campaignInputs, emptyBook } from "../campaign-inputs.ts";
import { openLmdbStore } from "../online/lmdb-store.ts";
import type { PushNote } from "../online/push.ts";
import type { Streamed } from "../online/stream.ts";
import { ReleaseWatch } from "../release-watch.ts";
import type { CallerOf } from "./callers.ts";
import type { DecisionEnv } from "./decision-service.ts";
import { createServiceMetrics } from "./metrics.ts";
import { createDecisionServer, type ServiceEnv, type ServiceLimits, serviceStatus } from "./server.ts";

export interface ServiceOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Where readiness, metrics and the interface are; port 0 takes any free one. */
  readonly status: { readonly host: string; readonly port: number };
  /** Folder of the online store. */
  readonly online: string;
  readonly state: string;
  readonly releaseLog: ReleaseLog;
  /** The folder of models, brought up to date. */
  readonly models: () => Promise<string>;
  readonly key: Uint8Array;
  /** Reads the policies' folder; throws what is wrong with it. */
  readonly readPolicies: () => Promise<ReadonlyMap<string, LoadedPolicy>>;
  readonly callerOf: CallerOf;
  readonly idsOf: ServiceEnv["idsOf"];
  readonly limits: ServiceLimits;
  readonly now: () => number;
  readonly ticks: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Starts what goes on beside the answers, and must not hold them up. */
  readonly workBeside: (told: BesideEvents) => BesideWork;
  readonly drainMs: number;
  readonly log: (line: string) => void;
  readonly listening: (told: { readonly address: string; readonly status: string; readonly inForce: string }) => void;
  /** Stands in for the models in tests of what happens when scoring fails. */
  readonly score?: DecisionEnv["score"];
}

/** What is heard of the work beside the answers. */
export interface BesideEvents {
  readonly onStreamed: (streamed: Streamed) => void;
  /** Signals cannot be counted; it is tried again. */
  readonly onTrouble: (code: string) => void;
}

/** Signals are counted into the online store, and what was decided goes through the door. */
export interface BesideWork {
  /** Settles when it has ended, and rejects when decisions cannot land. */
  readonly ended: Promise<void>;
  /** No more is decided: counting ends, and landing does once nothing waits. */
  drain(): void;
  /** Ends it as soon as what is being written is whole. */
  stop(): void;
}

/** Seconds that counting may be behind before the service is not ready: what forbids mail may be among what waits. */
const tolerableBehind = 60;

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? (error as Error).message;

/**
 * Serves until `signal` is aborted; then answers what is under way, and waits until what was decided has landed. The release log and the
 * policies are followed. Whatever of these fails leaves what was good last, says so at /readyz, and is counted.
 */
export async function runService(options: ServiceOptions, signal: AbortSignal): Promise<{ readonly queued: number }> {
  let policies = await options.readPolicies();
  let policyTrouble: string | undefined;
  const store = openLmdbStore(options.online);
  const pushed = () => store.note("push") as PushNote | undefined;
  const ageSeconds = () => {
    const push = pushed();
    return push && (options.now() - push.as_of) / 1000;
  };
  const metrics = createServiceMetrics({ queueLength: store.queueLength, featuresAge: ageSeconds }, true);
  const watch = await ReleaseWatch.open({
    log: options.releaseLog,
    models: options.models,
    key: options.key,
    lastGood: join(options.state, "serve", "in-force.json"),
    onChange: ({ models, pauses, trouble }) => {
      for (const [version, why] of Object.entries(models.refused)) {
        metrics.failed("model-refused");
        options.log(`ERROR model ${version} is not used: ${why}`);
      }
      if (trouble) {
        metrics.failed("release-log");
        options.log(`ERROR the release log cannot be read (${trouble}); what it said last stands`);
      } else
        options.log(
          `INFO in force: ${describe(models.lineup)}${pauses.length > 0 ? `; paused: ${pauses.map(({ scope }) => scope).join(", ")}` : ""}`,
        );
    },
  });

  /** Seconds since the newest signal counted arrived, while more wait than were counted at a time. */
  let behind: number | undefined;
  const troubles = (): readonly string[] => {
    const { models, trouble } = watch.current;
    const age = ageSeconds();
    const wantsModel = [...policies.values()].some(({ policy }) => policy.ladder[0] === "model");
    return [
      ...(trouble ? [`release-log: ${trouble}`] : []),
      ...(wantsModel && !models.lineup.champion ? ["model: none"] : []),
      ...Object.entries(models.refused).map(([version, why]) => `model: ${version} ${why}`),
      ...(age === undefined
        ? ["features: none"]
        : age > (features.ttlHours as number) * 3600
          ? ["features: stale"]
          : []),
      ...(policyTrouble ? [`policy: ${policyTrouble}`] : []),
      ...(behind !== undefined && behind > tolerableBehind ? ["signals: behind"] : []),
    ];
  };

  let book = (store.note("campaigns") as CampaignBook | undefined) ?? emptyBook;
  const app = createDecisionServer({
    store,
    policies: () => policies,
    inForce: () => watch.current,
    key: options.key,
    campaign: (id, { policy }) => campaignInputs(book, id, policy),
    score: options.score ?? ((version, question) => watch.current.models.score(version, [question])[0]!),
    metrics,
    now: options.now,
    ticks: options.ticks,
    callerOf: options.callerOf,
    idsOf: options.idsOf,
    limits: options.limits,
    log: options.log,
  });

  const status = createStatusServer(serviceStatus({ troubles, metrics }));
  const ended = new AbortController();
  const every = (ms: number, work: () => Promise<unknown>): Promise<void> =>
    (async () => {
      while (!ended.signal.aborted) {
        await work();
        await options.sleep(ms);
      }
    })();
  const lookAtPolicies = async () => {
    book = (store.note("campaigns") as CampaignBook | undefined) ?? emptyBook;
    try {
      policies = await options.readPolicies();
      policyTrouble = undefined;
    } catch (error) {
      // What was good last stands: a policy that cannot be read must not decide, and must not stop the others.
      if (policyTrouble === undefined)
        options.log(`ERROR a policy is not valid (${codeOf(error)}); those before stand`);
      policyTrouble = codeOf(error);
      metrics.failed("policy-invalid");
    }
  };
  const beside = [every(options.releaseLog.lookEveryMs, () => watch.look()), every(1000, lookAtPolicies)];
  const work = options.workBeside({
    onStreamed: ({ rows, received_to, is_behind }) => {
      const since = received_to === null ? undefined : Math.max(0, (options.now() - received_to) / 1000);
      behind = is_behind ? since : undefined;
      metrics.streamed(rows, since);
    },
    onTrouble: (code) => {
      metrics.failed("stream");
      options.log(`WARN signals cannot be counted right now (${code})`);
    },
  });
  try {
    const statusAddress = await status.listen(options.status);
    const address = await app.listen({ host: options.host, port: options.port });
    options.listening({ address, status: statusAddress, inForce: describe(watch.current.models.lineup) });
    await Promise.race([aborted(signal), failure(work.ended)]);
  } finally {
    await app.close();
    await status.close();
    ended.abort();
    await Promise.all(beside);
    work.drain();
  }
  const late = setTimeout(() => work.stop(), options.drainMs);
  try {
    await work.ended;
    return { queued: store.queueLength() };
  } finally {
    clearTimeout(late);
    watch.close();
    await store.close();
  }
}

const describe = ({ champion, canary, shadow }: ReleaseWatch["current"]["models"]["lineup"]): string =>
  [
    `champion ${champion?.version ?? "none"}`,
    ...(canary ? [`canary ${canary.version} at ${100 * canary.share} %`] : []),
    ...(shadow ? [`shadow ${shadow.version}`] : []),
  ].join(", ");

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** Rejects when the way to the door does: a service whose decisions do not land must not look well. */
const failure = (work: Promise<void>): Promise<never> =>
  new Promise((_resolve, reject) => {
    work.catch(reject);
  });
