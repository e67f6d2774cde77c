import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { mailomat } from "../../../ingest/sources/mailomat.ts";

const secret = "mailomat-ours";
const now = new Date("2026-03-02T09:00:00Z");
const body = (id: string) => Buffer.from(JSON.stringify({ id, eventType: "delivered", recipient: "kim@example.org" }));

const call = (algorithm: string, signed: string, sent = body(signed)) => {
  const time = String(now.getTime() / 1000);
  const digest = createHmac(algorithm, secret).update(`${signed}.delivered.${time}`).digest("hex");
  return {
    method: "POST",
    url: "https://hooks.example.com/hooks/mailomat",
    headers: {
      "x-mom-webhook-id": signed,
      "x-mom-webhook-event": "delivered",
      "x-mom-webhook-timestamp": time,
      "x-mom-webhook-signature": `${algorithm}=${digest}`,
    },
    body: sent,
  };
};
const verify = async (request: ReturnType<typeof call>) =>
  (
    await mailomat.verify(
      request,
      { signingSecret: secret },
      { now, replayWindowSeconds: 300, fetchCertificate: async () => "" },
    )
  ).kind;

test("when the header names another algorithm than the documented one then the call is refused, however well it is signed", async () => {
  expect(await verify(call("sha256", "e1"))).toBe("authentic");
  expect(await verify(call("md5", "e1"))).toBe("refused");
  expect(await verify(call("sha1", "e1"))).toBe("refused");
});

test("when the body is of another event than the signed one then the call is refused", async () => {
  expect(await verify(call("sha256", "e1", body("e2")))).toBe("refused");
  expect(await verify(call("sha256", "e1", Buffer.from("[]")))).toBe("refused");
});
