import { createHmac } from "node:crypto";
import { UserError } from "../../errors/user-error.ts";
import { answerOfError, answerOfStatus } from "../answers.ts";
import type { EachReceiver, Mail } from "../mail.ts";
import { type ReceiverSettings, secretFrom } from "../settings.ts";
import { mailRecord } from "./rendering.ts";

type Settings = Extract<ReceiverSettings, { kind: "webhook" }>;

/** The key of a secret as Standard Webhooks write it: `whsec_` and base64 of 24 to 64 bytes. */
export function signingKey(secret: string, where: string): Buffer {
  const text = secret.replace(/^whsec_/, "");
  const key = Buffer.from(text, "base64");
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text) && key.length >= 24 && key.length <= 64) return key;
  throw new UserError("the signing secret is no base64 of 24 to 64 bytes", {
    code: "activation.webhook-secret",
    exit: "config",
    where,
    next: `export ${where}=whsec_$(openssl rand -base64 32)`,
  });
}

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme */
export const signature = (key: Uint8Array, id: string, seconds: number, body: string): string =>
  `v1,${createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")}`;

const bodyOf = (mail: Mail, at: number): string =>
  JSON.stringify({
    type: "mail.decided",
    timestamp: new Date(at).toISOString(),
    data: { ...mailRecord(mail), user_id_hash: mail.user_id_hash, to: mail.to },
  });

/** A signed POST for each mail. The decision's id is the `webhook-id`, by which the receiver knows a mail that comes again. */
export function webhookReceiver(
  name: string,
  settings: Settings,
  world: { readonly env: Readonly<Record<string, string | undefined>>; readonly now: () => number },
): EachReceiver {
  const key = signingKey(secretFrom(world.env, settings.secret_env), settings.secret_env);
  const headersOf = (mail: Mail, body: string, at: number) => {
    const seconds = Math.floor(at / 1000);
    return {
      "content-type": "application/json",
      "webhook-id": mail.decision_id,
      "webhook-timestamp": String(seconds),
      "webhook-signature": signature(key, mail.decision_id, seconds, body),
    };
  };
  return {
    name,
    takes: "each",
    provider: null,
    isIdempotent: true,
    countsAsSent: settings.counts_as_sent,
    render: (mail) => {
      const body = bodyOf(mail, world.now());
      return { method: "POST", url: settings.url, headers: headersOf(mail, body, world.now()), body: JSON.parse(body) };
    },
    async hand(mail) {
      const at = world.now();
      const body = bodyOf(mail, at);
      try {
        const answer = await fetch(settings.url, {
          method: "POST",
          redirect: "manual",
          headers: headersOf(mail, body, at),
          body,
          signal: AbortSignal.timeout(settings.timeout_seconds * 1000),
        });
        await answer.body?.cancel();
        return (
          answerOfStatus(answer.status, answer.headers.get("retry-after"), world.now()) ?? {
            kind: "accepted",
            provider_id: null,
          }
        );
      } catch (error) {
        return answerOfError(error);
      }
    },
    close: () => {},
  };
}
