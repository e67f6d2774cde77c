import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import type { SpoolMessage } from "../../../ingest/bus/spool-frame.ts";
import { createMetrics } from "../../../ingest/collector/metrics.ts";
import { oneClickToken, readOneClickToken } from "../../../ingest/collector/one-click.ts";
import { createCollector, defaultLimits } from "../../../ingest/collector/server.ts";
import { busDecoder } from "../../../ingest/decoders.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";

const key = { version: "v1", secret: Buffer.from("a key of the tests, long enough") };
const newer = { version: "v2", secret: Buffer.from("another key of them, as long as it") };
const hashId = createIdHasher(key);
const link = { userIdHash: hashId("kim@example.org"), messageId: "m1", campaignId: "c1", listId: "weekly" };

function collector() {
  const published: SpoolMessage[] = [];
  const app = createCollector({
    now: () => Date.UTC(2026, 2, 2),
    bus: { publish: async (messages) => void published.push(...messages), close: async () => {} },
    hooks: new Map(),
    sourceOfKey: () => undefined,
    linkKeys: [newer, key],
    fetchText: async () => "",
    behind: () => 0,
    metrics: createMetrics({ behind: () => 0, withProcess: false }),
    limits: defaultLimits,
    log: () => {},
  });
  onTestFinished(() => app.close());
  const post = (token: string, payload: string, type = "application/x-www-form-urlencoded") =>
    app.inject({ method: "POST", url: `/unsubscribe/${token}`, headers: { "content-type": type }, payload });
  return { app, post, published };
}

test.each([
  ["List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"],
  [
    '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--',
    "multipart/form-data; boundary=x",
  ],
])("when a mail client posts one click then the reader whom the link names leaves", async (body, type) => {
  const { post, published } = collector();
  expect((await post(oneClickToken(link, key), body, type)).statusCode).toBe(202);
  const [message] = published;
  const decode = busDecoder({ hashId });
  const items = await decode({ data: message!.data, position: 1, source: `${message!.kind}:spool` });
  expect(items).toMatchObject([
    {
      kind: "signal",
      signal: {
        eventType: "unsubscribe",
        recipient: link.userIdHash,
        messageId: "m1",
        campaignId: "c1",
        metadata: { method: "one-click", list_id: "weekly" },
      },
    },
  ]);
});

test("when a scanner follows the link then nothing happens", async () => {
  const { app, published } = collector();
  const answer = await app.inject({ method: "GET", url: `/unsubscribe/${oneClickToken(link, key)}` });
  expect([answer.statusCode, answer.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  expect(answer.body).toContain('value="One-Click"');
  expect(published).toEqual([]);
});

test("when a token is not ours, or the body is not the standard's, then nobody leaves", async () => {
  const { post, published } = collector();
  const token = oneClickToken(link, key);
  const [version, body, mac] = token.split(".");
  const forged = Buffer.from(JSON.stringify({ u: Buffer.alloc(32).toString("base64url") })).toString("base64url");
  const stranger = oneClickToken(link, { version: "v1", secret: Buffer.from("a key that nobody here has at all") });
  for (const bad of ["", "x", `${version}.${forged}.${mac}`, `v2.${body}.${mac}`, stranger, "a".repeat(5000)])
    expect((await post(bad, "List-Unsubscribe=One-Click")).statusCode).toBe(401);
  for (const text of ["", "List-Unsubscribe=Two", "x=1&y=List-Unsubscribe"])
    expect((await post(token, text)).statusCode).toBe(400);
  expect(published).toEqual([]);
});

test("when any character of a token is changed then no key opens it, and no token holds an address", () => {
  const token = oneClickToken(link, key);
  expect(readOneClickToken(token, [newer, key])).toEqual(link);
  expect(() => oneClickToken({ userIdHash: "kim@example.org" }, key)).toThrow(/hashed id/);
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom(..."ABCxyz019-_."), (at, put) => {
      if (token[at] === put) return;
      expect(readOneClickToken(token.slice(0, at) + put + token.slice(at + 1), [newer, key])).toBeUndefined();
    }),
    { numRuns: 300, seed: 8058 },
  );
});
