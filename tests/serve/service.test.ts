import { afterEach, expect, onTestFinished, test } from "vitest";
import { createStatusServer } from "../../platform/status-server.ts";
import { decideTogether } from "../../serve/decide-together.ts";
import type { ServiceMetrics } from "../../serve/service/metrics.ts";
import { serviceStatus } from "../../serve/service/server.ts";
import { inForce, key, now, personOf, policyOf } from "../policy/cases.ts";
import { openBench, person, stored } from "./support/bench.ts";

let bench: Awaited<ReturnType<typeof openBench>> | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});
const hour = 3_600_000;
const question = (n: number, request_id = "r1", more: object = {}) => ({
  request_id,
  user_id_hash: personOf(n),
  policy: "newsletter",
  ...more,
});

test("when a person is asked for, then the answer says what to send and when, and the decision waits for the door", async () => {
  bench = await openBench();
  const { status, body } = await bench.ask(question(1));
  expect(status).toBe(200);
  expect(body).toMatchObject({
    action: "send",
    variant: "offer",
    rung: "model",
    reason: "scored",
    model: { version: "m1" },
    is_repeated: false,
    user_id_hash: personOf(1),
  });
  expect(Object.keys(body.hops).sort()).toEqual(["features", "scoring", "total", "write"]);
  const [queued] = bench.store.queued(0, 10);
  expect(queued?.position).toBe(1);
  expect(JSON.parse(queued!.text)).toMatchObject({ table: "decisions", decision_id: body.decision_id });
});

test("when the same request comes again, or many times at once, then there is one decision and one send", async () => {
  bench = await openBench({ policy: { caps: { per_person: [{ sends: 1, days: 7 }] } } });
  const answers = await Promise.all(Array.from({ length: 20 }, () => bench!.ask(question(1))));
  expect(new Set(answers.map(({ body }) => body.decision_id)).size).toBe(1);
  expect(answers.every(({ body }) => body.action === "send")).toBe(true);
  expect(bench.store.queueLength()).toBe(1);
  expect(bench.store.sends(personOf(1))).toHaveLength(1);
  const header = await bench.ask({ user_id_hash: personOf(2), policy: "newsletter" }, { "idempotency-key": "k1" });
  expect(
    (await bench.ask({ user_id_hash: personOf(2), policy: "newsletter" }, { "idempotency-key": "k1" })).body,
  ).toMatchObject({ decision_id: header.body.decision_id, is_repeated: true });
});

test("when a send that was decided here is among the features' own by now, then caps count it once", async () => {
  bench = await openBench({ people: 3, policy: { caps: { per_person: [{ sends: 2, days: 7 }] } } });
  const send = { at: now - 2 * hour, kind: "bulk", campaign_id: "newsletter" };
  await bench.store.transact((tx) => {
    for (const n of [1, 2]) tx.putPerson(personOf(n), stored(personOf(n), { sends: [send] }));
    tx.addSend(personOf(1), { ...send, decided_at: now - 3 * hour });
    tx.addSend(personOf(2), { ...send, decided_at: now - hour / 2 });
  });
  expect((await bench.ask(question(1))).body.action).toBe("send");
  // decided after the features' instant it is another one
  expect((await bench.ask(question(2))).body).toMatchObject({ action: "suppress", reason: "cap-per-person" });
});

test("when a policy draws hold-outs, then each decision says with which chances, and of what whoever is left alone", async () => {
  bench = await openBench({ people: 40, policy: { hold_out: { global: 0.3, campaign: 0.3 } } });
  for (let n = 0; n < 40; n++) await bench.ask(question(n));
  const rows = bench.store.queued(0, 100).map(({ text }) => JSON.parse(text).attributes);
  expect(rows).toHaveLength(40);
  for (const { is_holdout, hold_out } of rows) {
    expect(hold_out).toMatchObject({ global: 0.3, campaign: 0.3 });
    expect(hold_out.of !== undefined).toBe(is_holdout);
  }
  expect(new Set(rows.map(({ hold_out }) => hold_out.of))).toEqual(new Set(["all", "policy", undefined]));
  await bench.close();
  bench = await openBench({ people: 1, policy: {} });
  await bench.ask(question(0));
  expect(JSON.parse(bench.store.queued(0, 1)[0]!.text).attributes).not.toHaveProperty("hold_out");
});

test("when other requests for one person race, then no cap is broken, nor a global one by many people", async () => {
  bench = await openBench({
    people: 30,
    policy: { caps: { per_person: [{ sends: 2, days: 7 }], global: [{ sends: 9, per: "day" }] } },
  });
  const one = await Promise.all(Array.from({ length: 10 }, (_, i) => bench!.ask(question(1, `a${i}`))));
  expect(one.filter(({ body }) => body.action === "send")).toHaveLength(2);
  const { body } = await bench.ask({ requests: Array.from({ length: 28 }, (_, n) => question(n + 2, "b")) });
  expect(body.decisions.filter((d: { action: string }) => d.action === "send")).toHaveLength(7);
  expect(body.decisions.filter((d: { reason: string }) => d.reason === "cap-global")).toHaveLength(21);
});

test("when the batch decides what the service has decided one by one, then every decision is the same", async () => {
  const fields = {
    exploration: { share: 0.3 },
    hold_out: { global: 0.2 },
    caps: { global: [{ sends: 25, per: "day" }] },
  };
  bench = await openBench({ people: 60, policy: fields });
  const policy = policyOf({
    category: { input: "favourite_category", content: { garden: "offer" }, otherwise: "plain" },
    ...fields,
  });
  const people = Array.from({ length: 60 }, (_, n) => person(personOf(n)));
  const campaign = {
    campaign_id: "newsletter",
    inputs: bench.env.campaign("newsletter", bench.env.policies().get("newsletter")!),
    inForce: { ...inForce(policy), key },
  };
  const { made } = decideTogether(people, [campaign], bench.loaded, () => "r1", now);
  for (const { decision } of made) {
    const { body } = await bench.ask({ ...question(0), user_id_hash: decision.person_id });
    expect(body).toMatchObject({
      decision_id: decision.decision_id,
      action: decision.action,
      variant: decision.variant,
      reason: decision.reason,
      propensity: decision.propensity,
      is_holdout: decision.is_hold_out,
      arm: decision.arm,
    });
  }
  expect(new Set(made.map(({ decision }) => decision.reason))).toEqual(new Set(["scored", "held-out", "cap-global"]));
});

test("when features are read, then each has a value, an age and a status, and one past its time to live has no value", async () => {
  bench = await openBench();
  const fresh = await bench.get(`/v1/customers/${personOf(1)}/features`);
  expect(fresh.body.features.find((f: { name: string }) => f.name === "opens_30d")).toEqual({
    name: "opens_30d",
    value: 2,
    age_seconds: 3600,
    status: "present",
  });
  await bench.store.transact((tx) => tx.putPerson(personOf(1), stored(personOf(1), { as_of: now - 25 * hour })));
  const stale = await bench.get(`/v1/customers/${personOf(1)}/features`);
  expect(stale.body.features.find((f: { name: string }) => f.name === "opens_30d")).toMatchObject({
    value: null,
    status: "stale",
  });
  expect((await bench.get("/v1/customers/nobody/features")).status).toBe(404);
});

test("when a feature is set, then it holds until its time to live is over, and decisions see it", async () => {
  let at = now;
  bench = await openBench({
    env: { now: () => at },
    policy: {
      ladder: ["rule", "suppress"],
      rules: [
        {
          name: "vip",
          variant: "story",
          when: { input: "tier", is: ["vip"] },
          approved: { by: "ada", at: "2026-11-01" },
        },
      ],
    },
  });
  const set = (payload: object) =>
    bench!.app.inject({
      method: "POST",
      url: "/v1/features",
      headers: { authorization: "Bearer 0123456789abcdef0123" },
      payload,
    });
  const values = { tier: "vip" };
  expect(
    (
      await set({
        features: [
          { user_id_hash: personOf(1), values, ttl_seconds: 60 },
          { user_id_hash: personOf(99), values, ttl_seconds: 60 },
        ],
      })
    ).json(),
  ).toEqual({ people: 1, unknown: 1 });
  expect(
    (await set({ features: [{ user_id_hash: personOf(1), values: { opens_30d: "many" }, ttl_seconds: 60 }] }))
      .statusCode,
  ).toBe(400);
  expect((await bench.ask(question(1, "a"))).body).toMatchObject({ rung: "rule", variant: "story" });
  at = now + 61_000;
  expect((await bench.ask(question(1, "b"))).body).toMatchObject({ rung: "suppress" });
  const view = await bench.get(`/v1/customers/${personOf(1)}/features`);
  expect(view.body.features.find((f: { name: string }) => f.name === "tier")).toMatchObject({
    value: null,
    status: "stale",
  });
});

test("when a decision is asked about, then every step is told, and where it parts from another's", async () => {
  bench = await openBench();
  await bench.store.transact((tx) =>
    tx.putPerson(personOf(2), stored(personOf(2), { suppressions: [{ campaign_kind: "bulk", reason: "complaint" }] })),
  );
  const sent = (await bench.ask(question(1))).body;
  const stopped = (await bench.ask(question(2))).body;
  const why = await bench.get(`/v1/decisions/${sent.message_id}/why?compared_to=${stopped.decision_id}`);
  expect(why.body.steps).toHaveLength(10);
  expect(why.body.parts_from.at).toMatchObject({
    step: "suppression",
    here: { code: "not-suppressed" },
    there: { code: "suppressed", saw: "complaint" },
  });
  expect((await bench.get("/v1/decisions/d-nothing/why")).status).toBe(404);
});

test("when somebody calls without a key, or with one for something else, then nothing is told", async () => {
  bench = await openBench();
  const without = await bench.app.inject({ method: "POST", url: "/v1/decisions", payload: question(1) });
  expect(without.statusCode).toBe(401);
  const other = await bench.app.inject({
    method: "POST",
    url: "/v1/decisions",
    headers: { authorization: "Bearer 0123456789abcdef0123-page" },
    payload: question(1),
  });
  expect(other.statusCode).toBe(403);
  expect((await bench.ask({ policy: "newsletter" })).status).toBe(400);
  expect((await bench.ask({ ...question(1), policy: "nothing" })).status).toBe(404);
  expect((await bench.ask({ user_id_hash: personOf(1), policy: "newsletter" })).body.detail).toMatch(/Idempotency-Key/);
});

test("when an address is asked for, then it is hashed, and neither answered nor kept", async () => {
  bench = await openBench();
  const { body } = await bench.ask({ request_id: "r", user_id: "Jane@Example.com", policy: "newsletter" });
  expect(body).toMatchObject({ action: "suppress", reason: "consent-unknown" });
  expect(JSON.stringify([body, bench.store.queued(0, 9)])).not.toMatch(/example/i);
});

test("when whoever runs it looks, then readiness, metrics and every route are told on a listener of their own", async () => {
  bench = await openBench();
  let troubles: readonly string[] = [];
  const status = createStatusServer(
    serviceStatus({ troubles: () => troubles, metrics: bench.env.metrics as ServiceMetrics }),
  );
  onTestFinished(() => status.close());
  expect(Object.keys((await status.inject("/openapi.json")).json().paths).sort()).toEqual([
    "/healthz",
    "/v1/customers/{id}/features",
    "/v1/decisions",
    "/v1/decisions/{id}/why",
    "/v1/features",
  ]);
  await bench.ask(question(1));
  const scored = /inboxloop_decision_hop_seconds_count\{hop="scoring"\} 1/;
  expect((await status.inject("/metrics")).body).toMatch(scored);
  expect((await status.inject("/readyz")).json()).toEqual({ status: "ready", troubles: [] });
  troubles = ["model: none"];
  const refused = await status.inject("/readyz");
  expect([refused.statusCode, refused.json()]).toEqual([503, { status: "not-ready", troubles }]);
  // nothing of it is told to callers
  for (const path of ["/readyz", "/metrics", "/openapi.json"]) expect((await bench.get(path)).status).toBe(404);
  expect(await bench.get("/healthz")).toEqual({ status: 200, body: { status: "alive" } });
});
