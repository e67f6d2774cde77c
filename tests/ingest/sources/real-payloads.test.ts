// Payloads and signatures that nobody here wrote, read from ../shared/data where it is there.

import { createPublicKey } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import type { Decoded, Signal } from "../../../ingest/door/signal.ts";
import { providers } from "../../../ingest/sources/providers.ts";

const shared = resolve(import.meta.dirname, "../../../../shared/data");
const payloads = join(shared, "esp_webhooks/anymail");
const vectors = join(shared, "signature_vectors");

interface Expected {
  readonly esp: string;
  readonly file: string;
  readonly body_format: string;
  readonly expected: readonly Readonly<Record<string, unknown>>[];
}

/** The key's words => ours. Where a word covers several of ours, any of them will do. */
const typesOfWord: Readonly<Record<string, readonly string[]>> = {
  queued: ["sent", "deferred"], // Postal's "held" is queued there, and not yet sent for us
  sent: ["sent"],
  delivered: ["delivered"],
  deferred: ["deferred"],
  bounced: ["bounce"],
  rejected: ["bounce"],
  failed: ["bounce"],
  opened: ["open"],
  clicked: ["click"],
  complained: ["complaint"],
  unsubscribed: ["unsubscribe"],
  autoresponded: ["reply"],
};

function decodeFile({ esp, file, body_format: format, expected }: Expected): readonly Decoded[] {
  const provider = providers.get(esp);
  if (!provider) throw new Error(`no provider ${esp}`);
  const text = readFileSync(join(payloads, file), "utf8");
  // Resend's id of the call travels in a header, which the files do not keep.
  const headers = esp === "resend" ? { "svix-id": String(expected[0]?.["event_id"] ?? "msg_1") } : {};
  if (format === "json") return provider.decode({ headers, body: Buffer.from(text) });
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(JSON.parse(text) as Record<string, string | string[]>)) {
    for (const item of [value].flat()) form.append(name, item);
  }
  return provider.decode({
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: Buffer.from(form.toString()),
  });
}

const micro = (iso: string): string =>
  iso.replace(/(?:\.(\d+))?Z$/, (_all, fraction = "") => `.${fraction.padEnd(6, "0").slice(0, 6)}Z`);
const instant = (at: Signal["occurredAt"]): string => {
  const text = String(at);
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
  return micro(`${new Date(text).toISOString().slice(0, 19)}${fraction ? `.${fraction}` : ""}Z`);
};

describe.runIf(existsSync(payloads))("payloads of ../shared/data/esp_webhooks", () => {
  const cases = existsSync(payloads)
    ? (JSON.parse(readFileSync(join(payloads, "expected.json"), "utf8")) as Expected[])
    : [];
  test.each(cases.map((item) => [item.file, item] as const))(
    "when %s arrives then it means what its key says",
    (_file, item) => {
      const decoded = decodeFile(item);
      expect(decoded.length).toBeGreaterThanOrEqual(item.expected.length);
      item.expected.forEach((want, index) => {
        const got = decoded[index];
        const word = want["event_type"] as string | undefined;
        // "unknown" and "subscribed" are no signal for us; SparkPost's initial_open is an open all the same.
        if (word === "unknown" || word === "subscribed") {
          expect(got?.kind === "dead-letter" || (got?.kind === "signal" && got.signal.eventType === "open")).toBe(true);
          return;
        }
        if (got?.kind !== "signal") throw new Error(`not landed: ${JSON.stringify(got)}`);
        const { signal } = got;
        if (word) expect(typesOfWord[word]).toContain(signal.eventType);
        if (want["recipient"]) expect(signal.recipient?.toLowerCase()).toBe(String(want["recipient"]).toLowerCase());
        // The key takes the SNS envelope's time; the event's own is what happened when.
        if (want["timestamp"] && item.esp !== "amazon_ses") {
          // Some of the key's times are cut to the second; ours keep what the provider said.
          const theirs = micro(String(want["timestamp"]));
          const length = theirs.endsWith(".000000Z") ? 19 : theirs.length;
          expect(instant(signal.occurredAt).slice(0, length)).toBe(theirs.slice(0, length));
        }
        // Mailgun's token is made anew for each call; its id names the event.
        const isToken = item.esp === "mailgun" && item.body_format === "json";
        if (want["event_id"] && !isToken) expect(signal.eventId).toBe(want["event_id"]);
        if (want["click_url"] && signal.eventType === "click") expect(signal.metadata["url"]).toBe(want["click_url"]);
        if (want["user_agent"]) expect(signal.metadata["user_agent"]).toBe(want["user_agent"]);
        if (want["mta_response"]) expect(signal.metadata["diagnostic"]).toBe(String(want["mta_response"]).trim());
        if (word === "rejected" || word === "failed")
          expect(["block", "hard", "soft"]).toContain(signal.metadata["class"]);
      });
    },
  );
});

interface Vector {
  readonly id: string;
  readonly esp: string;
  readonly secret?: string;
  readonly public_key_der_b64?: string;
  readonly certificate_file?: string;
  readonly signed_url?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly body_file?: string;
  readonly form?: Readonly<Record<string, string>>;
}

function bodyOf(vector: Vector): Uint8Array | undefined {
  if (vector.body !== undefined) return Buffer.from(vector.body);
  if (vector.form) return Buffer.from(new URLSearchParams(vector.form).toString());
  const file = join(vectors, vector.body_file ?? "");
  return existsSync(file) ? readFileSync(file) : undefined;
}

describe.runIf(existsSync(vectors))("signatures of ../shared/data/signature_vectors", () => {
  const all = existsSync(vectors)
    ? (JSON.parse(readFileSync(join(vectors, "valid_vectors.json"), "utf8")) as Vector[])
    : [];
  const usable = all.filter((vector) => bodyOf(vector) !== undefined);
  const signedAt = (vector: Vector, body: Uint8Array): Date => {
    const header = Object.entries(vector.headers).find(([name]) => /timestamp/i.test(name))?.[1];
    const inBody = /"timestamp"\s*:\s*"(\d{10})"/.exec(Buffer.from(body).toString("utf8"))?.[1];
    const sns = /"Timestamp"\s*:\s*"([^"]+)"/.exec(Buffer.from(body).toString("utf8"))?.[1];
    return sns ? new Date(sns) : new Date(Number(header ?? inBody ?? 0) * 1000);
  };
  const verify = async (vector: Vector, body: Uint8Array) => {
    const provider = providers.get(vector.esp);
    if (!provider) throw new Error(`no provider ${vector.esp}`);
    const publicKey = vector.public_key_der_b64;
    const secrets = {
      signingKey: vector.secret,
      signingSecret: vector.secret,
      publicKey:
        publicKey && createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" })
          ? publicKey
          : undefined,
      url: vector.signed_url,
    };
    const headers = Object.fromEntries(
      Object.entries(vector.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    return provider.verify(
      { method: "POST", url: vector.signed_url ?? "https://hooks.example.com/", headers, body },
      secrets,
      {
        now: signedAt(vector, body),
        replayWindowSeconds: 300,
        fetchCertificate: async () => readFileSync(join(vectors, vector.certificate_file ?? ""), "utf8"),
      },
    );
  };

  test.each(usable.map((vector) => [vector.id, vector] as const))(
    "when %s is checked then it is authentic, and no longer after one byte changed",
    async (_id, vector) => {
      const body = bodyOf(vector) as Uint8Array;
      expect(await verify(vector, body)).toEqual({ kind: "authentic" });
      // Mailgun signs a time and a token only, so its own fields are what must not change.
      const text = Buffer.from(body).toString("utf8");
      const forged =
        vector.esp === "mailgun" ? text.replace(/("token"\s*:\s*")./, "$1!") : `${text.slice(0, -2)} ${text.slice(-2)}`;
      expect(forged).not.toBe(text);
      if (!/^sns_/.test(vector.id)) expect((await verify(vector, Buffer.from(forged))).kind).toBe("refused");
      else
        expect(
          (await verify(vector, Buffer.from(text.replace(/"Message(Id)?"\s*:\s*"(.)/, '"Message$1":"X')))).kind,
        ).toBe("refused");
    },
  );
});
