import { createPrivateKey } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import type { SpoolMessage } from "../../../ingest/bus/spool-frame.ts";
import { apiSources } from "../../../ingest/collector/api-keys.ts";
import { configuredHooks, hookChecks, hookSetting } from "../../../ingest/collector/hook-settings.ts";
import { createMetrics } from "../../../ingest/collector/metrics.ts";
import { type CollectorEnv, createCollector, defaultLimits } from "../../../ingest/collector/server.ts";
import { collectorStatus } from "../../../ingest/collector/status.ts";
import { busDecoder } from "../../../ingest/decoders.ts";
import type { ProviderSecrets } from "../../../ingest/sources/provider.ts";
import { providers } from "../../../ingest/sources/providers.ts";
import { createStatusServer } from "../../../platform/status-server.ts";
import { type Call, type Signer, signers, snsCall, snsCertificateUrl, snsSigner, snsTopic } from "./signed-calls.ts";

const now = new Date("2026-01-31T10:00:00Z");
const apiKey = "a-key-of-the-shop-long-enough";

/** A collector that records what it does; the clock stands still unless it is moved. */
function recording(hooks: Readonly<Record<string, ProviderSecrets>> = {}, more: Partial<CollectorEnv> = {}) {
  const published: SpoolMessage[] = [];
  const log: string[] = [];
  const fetched: string[] = [];
  const clock = { now: now.getTime() };
  const env: CollectorEnv = {
    now: () => clock.now,
    bus: { publish: async (messages) => void published.push(...messages), close: async () => {} },
    hooks: new Map(Object.entries(hooks)),
    sourceOfKey: apiSources({ INBOXLOOP_API_KEY_SHOP: apiKey }).sourceOf,
    fetchText: async (url) => {
      fetched.push(url);
      return url === snsCertificateUrl ? certificate : "<ConfirmSubscriptionResponse/>";
    },
    behind: () => 0,
    metrics: createMetrics({ behind: () => 0, withProcess: false }),
    limits: defaultLimits,
    log: (line) => log.push(line),
    ...more,
  };
  const app = createCollector(env);
  onTestFinished(() => app.close());
  const hook = (provider: string, { headers, body }: Call) =>
    app.inject({ method: "POST", url: `/hooks/${provider}`, headers, payload: body });
  const events = (payload: string | Buffer, headers: Record<string, string> = {}) =>
    app.inject({
      method: "POST",
      url: "/v1/events",
      headers: { authorization: `Bearer ${apiKey}`, ...headers },
      payload,
    });
  return { app, hook, events, published, log, fetched, clock };
}

const event = (n: number) => ({
  event_type: "open",
  user_id: "reader@example.org",
  message_id: `m${n}`,
  timestamp_utc: "2026-01-31T09:00:00Z",
});

/** What whoever runs the collector looks at. */
function status(more: Partial<Parameters<typeof collectorStatus>[0]> = {}) {
  const metrics = createMetrics({ behind: () => 0, withProcess: false });
  const told = collectorStatus({ hooks: new Map(), behind: () => 0, metrics, limits: defaultLimits, ...more });
  const app = createStatusServer(told);
  onTestFinished(() => app.close());
  return app;
}

// A certificate of our own, valid for the whole century; Amazon's are not handed out with their keys.
const sns = resolve(import.meta.dirname, "../../fixtures/sns");
const certificate = readFileSync(join(sns, "certificate.pem"), "utf8");
const snsKey = createPrivateKey(readFileSync(join(sns, "key.pem")));
const all: readonly Signer[] = [...signers, snsSigner(snsKey)];
const cases = all.map((signer) => [signer.provider, signer] as const);

test("when providers are listed then each has its signed calls here and its check in the table", () => {
  expect(all.map(({ provider }) => provider).sort()).toEqual([...providers.keys()].sort());
  expect(Object.keys(hookChecks).sort()).toEqual([...providers.keys()].sort());
  for (const { provider, signsTime } of all)
    expect([provider, hookChecks[provider]?.signsTime]).toEqual([provider, signsTime]);
});

describe.each(cases)("%s", (name, signer) => {
  test("when a call is authentic then it is durable before the answer, and its events decode", async () => {
    const { hook, published } = recording({ [name]: signer.secrets });
    const answer = await hook(name, signer.call("m1", now));
    expect([answer.statusCode, answer.json()]).toEqual([202, { accepted: 1 }]);
    const [message] = published;
    const items = await busDecoder({ hashId: (one) => one })({
      data: message!.data,
      position: 1,
      source: `${message!.kind}:test`,
    });
    expect(items).toMatchObject([{ kind: "signal", signal: { recipient: "reader@example.org" } }]);
  });

  test("when a call is forged or signed with somebody else's secret then it is refused and nothing is kept", async () => {
    const theirs = recording({ [name]: signer.otherSecrets });
    expect((await theirs.hook(name, signer.call("m1", now))).statusCode).toBe(401);
    expect(theirs.published).toEqual([]);

    const { hook, published, log } = recording({ [name]: signer.secrets });
    const call = signer.call("m1", now);
    const bare = { body: call.body, headers: { "content-type": call.headers["content-type"]! } };
    const isInBody = ["mailgun", "unisender_go", "amazon_ses"].includes(name);
    if (!isInBody) expect((await hook(name, bare)).statusCode).toBe(401);
    if (signer.covers !== "nothing") {
      const forged = call.body.replaceAll("m1", "m2").replace(/"token":"./, '"token":"!');
      expect(forged).not.toBe(call.body);
      expect((await hook(name, { ...call, body: forged })).statusCode).toBe(401);
    }
    if (signer.covers === "bytes") {
      expect((await hook(name, { ...call, body: `${call.body} ` })).statusCode).toBe(401);
      const parsed = JSON.stringify(JSON.parse(call.body), null, 1);
      expect((await hook(name, { ...call, body: parsed })).statusCode).toBe(401);
    }
    expect((await hook(name, { ...call, body: "" })).statusCode).toBe(signer.covers === "nothing" ? 202 : 401);
    expect(log.join("\n")).not.toContain("reader@");
    if (signer.covers !== "nothing") expect(published).toEqual([]);
  });

  test("when an accepted call comes again, however it is spelled, then it is refused", async () => {
    const { hook, published } = recording({ [name]: signer.secrets });
    const call = signer.call("m1", now);
    expect((await hook(name, call)).statusCode).toBe(202);
    expect((await hook(name, call)).statusCode).toBe(409);
    if (name === "amazon_ses" || name === "mailgun") {
      const respelled = { ...call, body: JSON.stringify(JSON.parse(call.body), null, 2) };
      expect((await hook(name, respelled)).statusCode).toBe(409);
    }
    if (name === "mailgun") {
      const reused = { ...call, body: call.body.replace('"delivered"', '"complained"') };
      expect((await hook(name, reused)).statusCode).toBe(409);
    }
    expect((await hook(name, signer.call("m2", now))).statusCode).toBe(202);
    expect(published).toHaveLength(2);
  });

  test("when the same call comes twice at once then it is kept once, and after a failure it may come again", async () => {
    let fails = true;
    const kept: unknown[] = [];
    const bus = {
      publish: async (messages: readonly SpoolMessage[]) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (fails) throw Object.assign(new Error("no space left for reader@example.org"), { code: "ENOSPC" });
        kept.push(...messages);
      },
      close: async () => {},
    };
    const { hook, log } = recording({ [name]: signer.secrets }, { bus });
    const call = signer.call("m1", now);
    const failed = await hook(name, call);
    expect([failed.statusCode, failed.headers["retry-after"]]).toEqual([503, "10"]);
    expect(log.join("\n")).not.toContain("reader@");
    fails = false;
    const codes = (await Promise.all([hook(name, call), hook(name, call)])).map((one) => one.statusCode);
    expect(codes.sort()).toEqual([202, 409]);
    expect(kept).toHaveLength(1);
  });

  test("when no secret is configured then the provider is not there", async () => {
    const { hook, published } = recording();
    expect((await hook(name, signer.call("m1", now))).statusCode).toBe(404);
    expect(published).toEqual([]);
  });

  if (signer.signsTime)
    test("when a call is stale or from the future then it is refused", async () => {
      const { hook, clock } = recording({ [name]: signer.secrets });
      const call = signer.call("m1", now);
      clock.now = now.getTime() + 301_000;
      expect((await hook(name, call)).statusCode).toBe(401);
      clock.now = now.getTime() - 302_000;
      expect((await hook(name, call)).statusCode).toBe(401);
      clock.now = now.getTime() + 299_000;
      expect((await hook(name, call)).statusCode).toBe(202);
    });
});

test("when a certificate from Amazon's host names somebody else then its signature counts for nothing", async () => {
  const others = readFileSync(join(sns, "certificate-of-another.pem"), "utf8"); // of the same key
  const { hook, published, log } = recording(
    { amazon_ses: { topicArns: snsTopic } },
    { fetchText: async () => others },
  );
  expect((await hook("amazon_ses", snsSigner(snsKey).call("m1", now))).statusCode).toBe(401);
  expect(published).toEqual([]);
  expect(log.join()).toContain("not one of Amazon SNS");
});

test("when Amazon asks to confirm a subscription then only an allowed topic and Amazon's own host are confirmed", async () => {
  const SubscribeURL = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t";
  const ask = (more: Record<string, string> = {}) =>
    snsCall(snsKey, { Type: "SubscriptionConfirmation", Token: "t", SubscribeURL, ...more }, "c1", now);
  const one = recording({ amazon_ses: { topicArns: snsTopic } });
  expect((await one.hook("amazon_ses", ask())).json()).toEqual({ accepted: 0 });
  expect(one.fetched).toEqual([snsCertificateUrl, SubscribeURL]);
  expect(one.published).toEqual([]);

  const other = recording({ amazon_ses: { topicArns: "arn:aws:sns:eu-west-1:123456789012:other" } });
  expect((await other.hook("amazon_ses", ask())).statusCode).toBe(401);
  expect(other.fetched).toEqual([]);

  const elsewhere = recording({ amazon_ses: { topicArns: snsTopic } });
  expect((await elsewhere.hook("amazon_ses", ask({ SubscribeURL: "https://sns.example.com/" }))).statusCode).toBe(503);
  expect(elsewhere.fetched).toEqual([snsCertificateUrl]);

  const forgedHost = ask({ SigningCertURL: "https://sns.eu-west-1.amazonaws.com.example.com/x.pem" });
  const never = recording({ amazon_ses: { topicArns: snsTopic } });
  expect((await never.hook("amazon_ses", forgedHost)).statusCode).toBe(401);
  expect(never.fetched).toEqual([]);
});

test("when only credentials are set for Amazon SES then no topic may call", async () => {
  const hooks = configuredHooks({ INBOXLOOP_HOOK_AMAZON_SES_TOKEN: "raw-delivery-token" });
  const { hook } = recording(Object.fromEntries(hooks));
  expect((await hook("amazon_ses", snsCall(snsKey, {}, "m1", now))).statusCode).toBe(401);
});

test("when half of a provider's secrets is set then the missing setting is named", () => {
  expect(hookSetting("unisender_go", "apiKey")).toBe("INBOXLOOP_HOOK_UNISENDER_GO_API_KEY");
  expect(() => configuredHooks({ INBOXLOOP_HOOK_MANDRILL_SIGNING_KEY: "k" })).toThrow(/INBOXLOOP_HOOK_MANDRILL_URL/);
  expect(() => configuredHooks({ INBOXLOOP_HOOK_POSTMARK_USERNAME: "u" })).toThrow(/PASSWORD/);
  expect([...configuredHooks({}).keys()]).toEqual([]);
});

describe("/v1/events", () => {
  test("when one, an array, lines or gzip come then each record is a message", async () => {
    const { events, published } = recording();
    const lines = `${JSON.stringify(event(1))}\n\n${JSON.stringify(event(2))}\n`;
    expect((await events(JSON.stringify(event(1)))).json()).toEqual({ accepted: 1 });
    expect((await events(JSON.stringify([event(1), event(2)]))).json()).toEqual({ accepted: 2 });
    expect((await events(lines, { "content-type": "application/x-ndjson" })).json()).toEqual({ accepted: 2 });
    expect((await events(lines)).json()).toEqual({ accepted: 2 });
    expect((await events(gzipSync(lines), { "content-encoding": "gzip" })).json()).toEqual({ accepted: 2 });
    expect(new Set(published.map((one) => one.kind))).toEqual(new Set(["api-shop"]));
    const decode = busDecoder({ hashId: (one) => one });
    for (const { data, kind } of published) {
      expect(await decode({ data, position: 1, source: `${kind}:test` })).toMatchObject([
        { kind: "signal", signal: { eventType: "open", provenance: "api/shop" } },
      ]);
    }
  });

  test("when a row for another table comes then it is no event", async () => {
    const decode = busDecoder({ hashId: (one) => one });
    const data = Buffer.from(JSON.stringify({ table: "decisions", decision_id: "d", user_id: "u" }));
    expect(await decode({ data, position: 1, source: "api-shop:x" })).toMatchObject([
      { kind: "dead-letter", reason: "not-a-signal" },
    ]);
  });

  test.each([
    ["no key", { authorization: "" }, "{}", 401],
    ["another key", { authorization: "Bearer another-key-of-the-shop" }, "{}", 401],
    ["half a document", {}, '{"event_type":"open","user_id":"reader@example.org"', 400],
    ["nothing", {}, "", 400],
    ["broken gzip", { "content-encoding": "gzip" }, "not gzip", 400],
    ["another packing", { "content-encoding": "br" }, "{}", 415],
    ["a body too large", {}, "x".repeat(defaultLimits.bodyBytes + 1), 413],
    ["a bomb", { "content-encoding": "gzip" }, gzipSync(Buffer.alloc(defaultLimits.unpackedBytes + 1)), 413],
    ["too many records", {}, `[${"1,".repeat(defaultLimits.recordsPerCall)}1]`, 413],
    ["deep nesting", {}, `${"[".repeat(100_000)}${"]".repeat(100_000)}`, 400],
  ] as const)(
    "when %s comes then it is refused and the answer repeats nothing of it",
    async (_what, headers, body, status) => {
      const { events, published, log } = recording();
      const answer = await events(body as string, headers as Record<string, string>);
      expect(answer.statusCode).toBe(status);
      expect(Object.keys(answer.json())).toEqual(["error"]);
      expect(answer.body + log.join()).not.toContain("reader@");
      expect(published).toEqual([]);
    },
  );

  test("when a source calls too often or the pipeline is behind then it is told when to come again", async () => {
    const fast = recording({}, { limits: { ...defaultLimits, perSecond: 1, burst: 2 } });
    const codes = [];
    for (let n = 0; n < 3; n++) codes.push((await fast.events(JSON.stringify(event(n)))).statusCode);
    expect(codes).toEqual([202, 202, 429]);
    fast.clock.now += 1000;
    expect((await fast.events(JSON.stringify(event(4)))).statusCode).toBe(202);

    const late = recording({}, { behind: () => defaultLimits.maxBehind + 1 });
    const answer = await late.events(JSON.stringify(event(1)));
    expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "10"]);
    expect((await status({ behind: () => defaultLimits.maxBehind + 1 }).inject("/readyz")).statusCode).toBe(503);

    // Stalled: what it accepts is durable all the same.
    const ready = await status({ behind: () => 3, isStalled: () => true }).inject("/readyz");
    expect([ready.statusCode, ready.json()]).toEqual([503, { status: "stalled", behind: 3 }]);
    expect((await recording({}, { behind: () => 3 }).events(JSON.stringify(event(1)))).statusCode).toBe(202);
  });
});

test("when whoever runs it looks then readiness, metrics and the interface answer, on a listener of their own", async () => {
  const metrics = createMetrics({ behind: () => 0, withProcess: false });
  const { app, hook } = recording({ postmark: { token: "t" } }, { metrics });
  const inner = status({ metrics, hooks: new Map([["postmark", {}]]) });
  await hook("postmark", { headers: { authorization: "Bearer wrong" }, body: "{}" });
  expect((await inner.inject("/readyz")).json()).toEqual({ status: "ready", behind: 0 });
  expect((await inner.inject("/metrics")).body).toContain(
    'inboxloop_collector_requests_total{route="/hooks",source="postmark",status="401"} 1',
  );
  expect(Object.keys((await inner.inject("/openapi.json")).json().paths).sort()).toEqual([
    "/healthz",
    "/hooks/{provider}",
    "/unsubscribe/{token}",
    "/v1/consents",
    "/v1/device-reports",
    "/v1/erasures",
    "/v1/events",
    "/v1/identity-links",
    "/v1/profiles",
    "/v1/seed-tests",
  ]);
  for (const one of [app, inner]) expect((await one.inject("/healthz")).json()).toEqual({ status: "alive" });
  for (const path of ["/readyz", "/metrics", "/openapi.json"]) expect((await app.inject(path)).statusCode).toBe(404);
  expect((await app.inject({ method: "POST", url: "/hooks/reader@example.org" })).body).toBe(
    '{"error":"unknown-provider"}',
  );
  expect((await app.inject("/nowhere/reader@example.org")).body).toBe('{"error":"no-such-route"}');
});

describe("when somebody without a key calls again and again", () => {
  const limits = { ...defaultLimits, strangersPerSecond: 1, strangersBurst: 3 };
  const wrong = (app: ReturnType<typeof recording>["app"], remoteAddress: string, url = "/v1/events") =>
    app.inject({ method: "POST", url, headers: { authorization: "Bearer wrong" }, payload: "{}", remoteAddress });
  const codes = async (times: number, call: () => Promise<{ statusCode: number }>) => {
    const found: number[] = [];
    for (let n = 0; n < times; n++) found.push((await call()).statusCode);
    return found;
  };

  test("then that address is answered 429 for a while, and no other is", async () => {
    const { app, clock, events } = recording({ postmark: { token: "t" } }, { limits });
    expect(await codes(4, () => wrong(app, "203.0.113.7"))).toEqual([401, 401, 401, 429]);
    expect((await wrong(app, "203.0.113.7", "/hooks/postmark")).statusCode).toBe(429);
    expect((await wrong(app, "203.0.113.8")).statusCode).toBe(401);
    const known = { authorization: `Bearer ${apiKey}` };
    const same = { method: "POST" as const, url: "/v1/events", headers: known, remoteAddress: "203.0.113.7" };
    expect((await app.inject({ ...same, payload: JSON.stringify(event(1)) })).statusCode).toBe(202);
    clock.now += 1000;
    expect((await wrong(app, "203.0.113.7")).statusCode).toBe(401);
    expect((await events(JSON.stringify(event(2)))).statusCode).toBe(202);
  });

  test("then addresses of one IPv6 network are one, and a hook's failed checks count", async () => {
    const { app } = recording({ postmark: { token: "t" } }, { limits });
    let n = 0;
    const next = () => wrong(app, `2001:db8:1:2::${(n++).toString(16)}`, "/hooks/postmark");
    expect(await codes(4, next)).toEqual([401, 401, 401, 429]);
    expect((await wrong(app, "2001:db8:1:3::1")).statusCode).toBe(401);
  });

  test("then nobody behind the same proxy is shut out, unless it is named: then the caller behind it is", async () => {
    const unnamed = recording({}, { limits });
    expect(await codes(6, () => wrong(unnamed.app, "10.0.0.2"))).toEqual([401, 401, 401, 401, 401, 401]);
    const named = recording({}, { limits, trustProxy: "10.0.0.0/8" });
    const through = (caller: string) => () =>
      named.app.inject({
        method: "POST",
        url: "/v1/events",
        headers: { "x-forwarded-for": caller },
        payload: "{}",
        remoteAddress: "10.0.0.2",
      });
    expect(await codes(4, through("198.51.100.1"))).toEqual([401, 401, 401, 429]);
    expect((await through("198.51.100.2")()).statusCode).toBe(401);
  });
});

test("when bodies come that are larger than what may be in flight then a further one is told to come again, and the rest is answered", async () => {
  const limits = { ...defaultLimits, bytesInFlight: defaultLimits.bodyBytes + 1000 };
  const { app, published } = recording({ postmark: { token: "t" } }, { limits });
  const address = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  const slow = createConnection(Number(address.port), address.hostname);
  const large = `content-length: ${defaultLimits.bodyBytes}`;
  slow.write(`POST /hooks/postmark HTTP/1.1\r\nhost: x\r\n${large}\r\n\r\n{`);
  const hook = (bytes: number) =>
    fetch(new URL("/hooks/postmark", address), { method: "POST", body: "x".repeat(bytes) }).then(
      ({ status: code, headers }) => [code, headers.get("retry-after")],
    );
  await expect.poll(() => hook(2000)).toEqual([503, "1"]);
  expect(await hook(10)).toEqual([401, null]);
  expect((await fetch(new URL("/healthz", address))).status).toBe(200);
  // Who has no key is answered before the body comes.
  const early = createConnection(Number(address.port), address.hostname);
  early.write(`POST /v1/events HTTP/1.1\r\nhost: x\r\n${large}\r\n\r\n`);
  const [answer] = await once(early, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 401 [\s\S]*connection: close/);
  early.destroy();
  slow.destroy();
  await expect.poll(() => hook(2000)).toEqual([401, null]);
  expect(published).toEqual([]);
});

test("when a call arrives too slowly then it is answered 408 and the connection ends", async () => {
  const { app, published } = recording({}, { limits: { ...defaultLimits, requestMs: 300 } });
  const address = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = createConnection(Number(address.port), address.hostname);
    let text = "";
    socket.write(
      `POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${apiKey}\r\ncontent-length: 100\r\n\r\n{`,
    );
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(published).toEqual([]);
});
