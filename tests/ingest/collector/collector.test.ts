import { createPrivateKey } from "node:crypto";
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
import { busDecoder } from "../../../ingest/decoders.ts";
import type { ProviderSecrets } from "../../../ingest/sources/provider.ts";
import { providers } from "../../../ingest/sources/providers.ts";
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
  const event = (n: number) => ({
    event_type: "open",
    user_id: "reader@example.org",
    message_id: `m${n}`,
    timestamp_utc: "2026-01-31T09:00:00Z",
  });

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
    expect((await late.app.inject("/readyz")).statusCode).toBe(503);

    const stalled = recording({}, { behind: () => 3, isStalled: () => true });
    const ready = await stalled.app.inject("/readyz");
    expect([ready.statusCode, ready.json()]).toEqual([503, { status: "stalled", behind: 3 }]);
    expect((await stalled.events(JSON.stringify(event(1)))).statusCode).toBe(202);
  });
});

test("when somebody looks then health, readiness, metrics and the interface answer", async () => {
  const { app, hook } = recording({ postmark: { token: "t" } });
  await hook("postmark", { headers: { authorization: "Bearer wrong" }, body: "{}" });
  expect((await app.inject("/healthz")).json()).toEqual({ status: "alive" });
  expect((await app.inject("/readyz")).json()).toEqual({ status: "ready", behind: 0 });
  const metrics = (await app.inject("/metrics")).body;
  expect(metrics).toContain('inboxloop_collector_requests_total{route="/hooks",source="postmark",status="401"} 1');
  const openapi = (await app.inject("/openapi.json")).json();
  expect(Object.keys(openapi.paths).sort()).toEqual([
    "/healthz",
    "/hooks/{provider}",
    "/metrics",
    "/readyz",
    "/unsubscribe/{token}",
    "/v1/consents",
    "/v1/erasures",
    "/v1/events",
    "/v1/identity-links",
    "/v1/profiles",
    "/v1/seed-tests",
  ]);
  expect((await app.inject({ method: "POST", url: "/hooks/reader@example.org" })).body).toBe(
    '{"error":"unknown-provider"}',
  );
  expect((await app.inject("/nowhere/reader@example.org")).body).toBe('{"error":"no-such-route"}');
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
