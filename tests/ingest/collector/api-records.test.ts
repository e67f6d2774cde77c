import { expect, onTestFinished, test } from "vitest";
import type { SpoolMessage } from "../../../ingest/bus/spool-frame.ts";
import { apiRights, apiSources } from "../../../ingest/collector/api-keys.ts";
import { type ApiRoute, apiRoutes } from "../../../ingest/collector/api-records.ts";
import { createMetrics } from "../../../ingest/collector/metrics.ts";
import { createCollector, defaultLimits } from "../../../ingest/collector/server.ts";
import { busDecoder } from "../../../ingest/decoders.ts";
import { createDoor } from "../../../ingest/door/door.ts";

const now = Date.UTC(2026, 0, 31, 10);
const deviceReports = { "promo-202601": { epsilon: 1, period: "week" } } as const;
const key = "a-key-of-the-shop-long-enough";

function collector(routes: string | undefined = "all") {
  const published: SpoolMessage[] = [];
  const settings = { INBOXLOOP_API_KEY_SHOP: key, INBOXLOOP_API_ROUTES_SHOP: routes };
  const app = createCollector({
    now: () => now,
    bus: { publish: async (messages) => void published.push(...messages), close: async () => {} },
    hooks: new Map(),
    sourceOfKey: apiSources(settings).sourceOf,
    mayCall: apiRights(settings),
    deviceReports,
    fetchText: async () => "",
    behind: () => 0,
    metrics: createMetrics({ behind: () => 0, withProcess: false }),
    limits: defaultLimits,
    log: () => {},
  });
  onTestFinished(() => app.close());
  const post = (route: ApiRoute, body: unknown) =>
    app.inject({
      method: "POST",
      url: `/v1/${route}`,
      headers: { authorization: `Bearer ${key}` },
      payload: JSON.stringify(body),
    });
  /** What the pipeline makes of what was accepted. */
  const landed = async () => {
    const decode = busDecoder({ hashId: (id) => `hashed ${id}` });
    const door = createDoor({ hashId: (id) => `hashed ${id}`, trustReceivedAt: false, deviceReports });
    const all = [];
    for (const { kind, data } of published)
      for (const item of await decode({ data, position: 1, source: `${kind}:collector` }))
        all.push(door(item, now * 1000));
    return all;
  };
  return { post, published, landed };
}

const good: Readonly<Record<ApiRoute, object>> = {
  events: { event_type: "open", user_id: "ann@example.org", message_id: "m", timestamp_utc: "2026-01-31T09:00:00Z" },
  consents: { user_id: "ann@example.org", purpose: "training", is_granted: true, effective_at: "2026-01-30T00:00:00Z" },
  profiles: { user_id: "ann@example.org", isp: "gmail", signed_up_at: "2025-01-01T00:00:00Z" },
  "identity-links": { left_id: "ann@example.org", right_id: "crm-7", link_kind: "crm_id" },
  erasures: { user_id: "ann@example.org", requested_at: "2026-01-30T00:00:00Z" },
  "device-reports": {
    report_id: "0123456789abcdef0123456789abcdef",
    campaign_id: "promo-202601",
    period_at: "2026-01-26T00:00:00Z",
    mechanism: "summary_reading_v1",
    epsilon: 1,
    answer: 2,
  },
  "seed-tests": { seed_test_id: "s1", isp: "gmail", tested_at: "2026-01-30T00:00:00Z", sent: 10, inbox: 9 },
};

const table: Readonly<Record<ApiRoute, string>> = {
  events: "events",
  consents: "consents",
  profiles: "profiles",
  "identity-links": "identity_links",
  erasures: "erasure_requests",
  "seed-tests": "seed_tests",
  "device-reports": "device_reports",
};

test.each(apiRoutes)("when a good record comes to /v1/%s then 202 means that it lands in its table", async (route) => {
  const { post, landed } = collector();
  const answer = await post(route, good[route]);
  expect([answer.statusCode, answer.json()]).toEqual([202, { accepted: 1 }]);
  expect(await landed()).toMatchObject([{ kind: "row", table: table[route] }]);
  expect(JSON.stringify(await landed())).not.toContain('"ann@example.org"');
});

const bad: readonly (readonly [ApiRoute, object, string])[] = [
  ["events", { ...good.events, event_type: "waved" }, "unknown-event-type"],
  ["events", { ...good.events, timestamp_utc: "2027-01-31T09:00:00Z" }, "time-in-future"],
  ["events", { table: "consents", ...good.consents }, "not-a-signal"],
  ["consents", { ...good.consents, purpose: "world domination" }, "unknown-purpose"],
  ["consents", { ...good.consents, is_granted: "yes" }, "wrong-type"],
  ["consents", { ...good.consents, effective_at: "soon" }, "time-unreadable"],
  ["consents", { table: "decisions", ...good.consents }, "not-a-signal"],
  ["profiles", { isp: "gmail" }, "missing-field"],
  ["identity-links", { left_id: "ann@example.org" }, "missing-field"],
  ["erasures", { user_id: "ann@example.org" }, "missing-field"],
  ["seed-tests", { ...good["seed-tests"], inbox: "nine" }, "wrong-type"],
  ["device-reports", { ...good["device-reports"], user_id: "ann@example.org" }, "unexpected-field"],
  ["device-reports", { ...good["device-reports"], received_at: "2026-01-31T09:00:00Z" }, "unexpected-field"],
  ["device-reports", { ...good["device-reports"], epsilon: 3 }, "unknown-epsilon"],
];

test.each(bad)(
  "when a record of /v1/%s cannot land then it is 422 with the reason, and nothing is taken",
  async (route, record, reason) => {
    const { post, published } = collector();
    const answer = await post(route, record);
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({ error: "not-taken", refused_count: 1, refused: [{ index: 0, reason }] });
    expect(answer.body).not.toContain("ann@");
    expect(published).toEqual([]);
  },
);

test("when some records of a call cannot land then the others do, and those are named and kept as dead letters", async () => {
  const { post, landed } = collector();
  const answer = await post("consents", [good.consents, { ...good.consents, purpose: "x" }, good.consents]);
  expect(answer.statusCode).toBe(202);
  expect(answer.json()).toMatchObject({
    accepted: 2,
    refused_count: 1,
    refused: [{ index: 1, reason: "unknown-purpose" }],
  });
  expect((await landed()).map((one) => one.kind)).toEqual(["row", "dead-letter", "row"]);
});

test("when one report of a call is none then nothing of the call is taken: what it held instead must not be kept", async () => {
  const { post, published } = collector();
  const report = good["device-reports"];
  const answer = await post("device-reports", [report, { ...report, user_id: "ann@example.org" }]);
  expect([answer.statusCode, published]).toEqual([422, []]);
  expect(answer.json()).toEqual({
    error: "not-taken",
    refused_count: 1,
    refused: [{ index: 1, reason: "unexpected-field", detail: "user_id" }],
  });
});

test("when a source may send events alone then the other routes are closed to it, and a route that there is not is an error", async () => {
  const { post, published } = collector("");
  expect((await post("consents", good.consents)).statusCode).toBe(403);
  const usual = apiRights({});
  expect([usual("shop", "events"), usual("shop", "consents")]).toEqual([true, false]);
  const listed = apiRights({ INBOXLOOP_API_ROUTES_SHOP: "consents, profiles" });
  expect([listed("shop", "consents"), listed("shop", "erasures"), listed("app", "events")]).toEqual([
    true,
    false,
    true,
  ]);
  expect(published).toEqual([]);
  expect(() => apiRights({ INBOXLOOP_API_ROUTES_SHOP: "consent" })).toThrow(/route that there is not/);
});

test("when a purpose is written in capitals then it is the purpose", async () => {
  const { post, landed } = collector();
  await post("consents", { ...good.consents, purpose: " Training " });
  expect(await landed()).toMatchObject([{ kind: "row", row: { purpose: "training" } }]);
});
