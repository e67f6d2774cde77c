import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import registry from "../../../includes/feature_registry.js";
import type { LoadedPolicy } from "../../../policy/load-policy.ts";
import { policyDigest } from "../../../policy/load-policy.ts";
import { campaignInputs, emptyBook } from "../../../serve/campaign-inputs.ts";
import { type Lineup, loadModels } from "../../../serve/models-in-force.ts";
import { openLmdbStore } from "../../../serve/online/lmdb-store.ts";
import type { OnlineStore } from "../../../serve/online/store.ts";
import type { StoredPerson } from "../../../serve/online/stored-person.ts";
import type { Person } from "../../../serve/person.ts";
import type { InForce } from "../../../serve/release-watch.ts";
import { configuredCallers } from "../../../serve/service/callers.ts";
import type { DecisionEnv } from "../../../serve/service/decision-service.ts";
import { createServiceMetrics } from "../../../serve/service/metrics.ts";
import { createDecisionServer, defaultServiceLimits, type ServiceEnv } from "../../../serve/service/server.ts";
import { key, now, personOf, policyOf } from "../../policy/cases.ts";
import { writeConstantModel } from "./constant-model.ts";

export const secret = "0123456789abcdef0123";
export const authorization = `Bearer ${secret}`;

export const person = (id: string, fields: Partial<Person> = {}): Person => ({
  user_id_hash: id,
  person_id: id,
  other_ids: [],
  has_consent: true,
  suppressions: [],
  is_eligible: true,
  eligibility_reasons: [],
  identity: "known",
  region: "de",
  time_zone: null,
  segments: [],
  sends: [],
  values: { opens_30d: 2, favourite_category: "garden", complaints_before: 0 },
  topic_clicks: {},
  features_version: registry.version,
  as_of: now - 3_600_000,
  ...fields,
});
export const stored = (id: string, fields: Partial<Person> = {}): StoredPerson => ({
  base: person(id, fields),
  acts: [],
  before: { counts: {}, lasts: {} },
  fresh: [],
  set: {},
});

/** The service with everything under it but the network: a real store and real models in a folder of its own. */
export async function openBench(
  options: {
    readonly policy?: Record<string, unknown>;
    readonly env?: Partial<ServiceEnv>;
    readonly people?: number;
  } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), "inboxloop-serve-"));
  const store: OnlineStore = openLmdbStore(join(folder, "online"));
  const models = join(folder, "models");
  const m1 = await writeConstantModel(
    models,
    "m1",
    { conversion: 0.1, complaint: 0.01 },
    { variants: ["offer", "plain", "story"] },
  );
  const lineup: Lineup = { champion: m1, canary: null, shadow: null };
  const loaded = await loadModels(models, lineup, key);
  const inForce: InForce = { models: loaded, pauses: [], trouble: undefined };
  const policy = policyOf({
    category: { input: "favourite_category", content: { garden: "offer" }, otherwise: "plain" },
    ...options.policy,
  });
  const policies = new Map<string, LoadedPolicy>([
    [policy.name, { policy, digest: policyDigest(policy), file: "p.yaml" }],
  ]);
  const metrics = createServiceMetrics({ queueLength: store.queueLength, featuresAge: () => 1 }, false);
  const env: ServiceEnv = {
    store,
    policies: () => policies,
    inForce: () => inForce,
    key,
    campaign: (id, one) => campaignInputs(emptyBook, id, one.policy),
    score: ((version, question) => loaded.score(version, [question])[0]!) satisfies DecisionEnv["score"],
    metrics,
    now: () => now,
    ticks: () => performance.now(),
    callerOf: configuredCallers({
      INBOXLOOP_SERVE_KEY_SHOP: `decide+read+write+explain:${secret}`,
      INBOXLOOP_SERVE_KEY_PAGE: `read:${secret}-page`,
    }).callerOf,
    idsOf: (id) => [id.startsWith("sha256:") ? id : `sha256:${Buffer.from(id).toString("hex").padEnd(64, "0")}`],
    limits: defaultServiceLimits,
    log: () => {},
    ...options.env,
  };
  await store.transact((tx) => {
    for (let n = 0; n < (options.people ?? 3); n++) tx.putPerson(personOf(n), stored(personOf(n)));
  });
  const app = createDecisionServer(env);
  const ask = async (payload: object, headers: Record<string, string> = {}) => {
    const answer = await app.inject({
      method: "POST",
      url: "/v1/decisions",
      headers: { authorization, ...headers },
      payload,
    });
    return { status: answer.statusCode, body: answer.json() };
  };
  const get = async (url: string, as = authorization) => {
    const answer = await app.inject({ method: "GET", url, headers: { authorization: as } });
    return {
      status: answer.statusCode,
      body: answer.headers["content-type"]?.toString().includes("json") ? answer.json() : answer.body,
    };
  };
  const failures = async (): Promise<Record<string, number>> => {
    const found = await metrics.registry.getSingleMetric("inboxloop_decision_failures_total")!.get();
    return Object.fromEntries(found.values.map(({ labels, value }) => [String(labels["failure"]), value]));
  };
  return {
    folder,
    store,
    models,
    loaded,
    env,
    app,
    ask,
    get,
    failures,
    async close() {
      await app.close();
      loaded.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
