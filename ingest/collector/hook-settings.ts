import { UserError } from "../../errors/user-error.ts";
import type { ProviderSecrets } from "../sources/provider.ts";
import { providers } from "../sources/providers.ts";

type Settings = Readonly<Record<string, string | undefined>>;

/** How a provider's calls are checked, and the settings that this takes. */
export interface HookCheck {
  /** For people: what is signed, and how. */
  readonly check: string;
  /** Whether the signature covers a time, so that a stale call is refused. */
  readonly signsTime: boolean;
  /** Names of the secrets as the provider's `verify` asks for them. Any one of the lists, whole, is enough. */
  readonly anyOf: readonly (readonly string[])[];
}

const credentials = [["token"], ["username", "password"]] as const;
const noSignature: HookCheck = { check: "basic auth or a bearer token", signsTime: false, anyOf: credentials };

/** What each provider's check needs; docs/reference/collector.md is held to this table by a test. */
export const hookChecks: Readonly<Record<string, HookCheck>> = {
  amazon_ses: {
    check:
      "SNS: RSA over the message's fields, Amazon's certificate; raw delivery and EventBridge: basic auth or a bearer token",
    signsTime: true,
    anyOf: [["topicArns"], ...credentials],
  },
  brevo: noSignature,
  mailersend: { check: "HMAC-SHA-256 over the body", signsTime: false, anyOf: [["signingSecret"]] },
  mailgun: { check: "HMAC-SHA-256 over time and token", signsTime: true, anyOf: [["signingKey"]] },
  mailjet: noSignature,
  mailomat: {
    check: "HMAC-SHA-256 over id, event and time",
    signsTime: true,
    anyOf: [["signingSecret"]],
  },
  mailtrap: { check: "HMAC-SHA-256 over the body", signsTime: false, anyOf: [["signingSecret"], ...credentials] },
  mandrill: { check: "HMAC-SHA-1 over URL and form", signsTime: false, anyOf: [["signingKey", "url"]] },
  postal: { check: "RSA over the body", signsTime: false, anyOf: [["publicKey"]] },
  postmark: noSignature,
  resend: { check: "Svix: HMAC-SHA-256 over id, time and body", signsTime: true, anyOf: [["signingSecret"]] },
  sendgrid: { check: "ECDSA over time and body", signsTime: true, anyOf: [["publicKey"]] },
  sparkpost: noSignature,
  sweego: { check: "HMAC-SHA-256 over id, time and body", signsTime: true, anyOf: [["signingSecret"]] },
  unisender_go: { check: "MD5 over the body with the API key in it", signsTime: false, anyOf: [["apiKey"]] },
};

/** `signingKey` of `mailgun` => `INBOXLOOP_HOOK_MAILGUN_SIGNING_KEY`. */
export const hookSetting = (provider: string, name: string): string =>
  `INBOXLOOP_HOOK_${provider.toUpperCase()}_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** Providers whose check has what it needs; the others may not call. Half a set of secrets is a UserError. */
export function configuredHooks(settings: Settings): ReadonlyMap<string, ProviderSecrets> {
  const configured = new Map<string, ProviderSecrets>();
  for (const name of providers.keys()) {
    const wanted = hookChecks[name]?.anyOf ?? [];
    const secrets: Record<string, string> = {};
    for (const secret of new Set(wanted.flat())) {
      const value = settings[hookSetting(name, secret)]?.trim();
      if (value) secrets[secret] = value;
    }
    if (Object.keys(secrets).length === 0) continue;
    const used = new Set(wanted.filter((list) => list.every((one) => one in secrets)).flat());
    const idle = Object.keys(secrets).find((one) => !used.has(one));
    if (idle !== undefined) {
      const missing = wanted.find((list) => list.includes(idle))!.find((one) => !(one in secrets))!;
      throw new UserError(`${hookSetting(name, idle)} is set, but ${hookSetting(name, missing)} is not`, {
        code: "collector.half-configured",
        exit: "config",
        next: `set ${hookSetting(name, missing)}   (docs/reference/collector.md)`,
      });
    }
    // Without a list of topics nobody's topic may call; with credentials alone SES comes raw or over EventBridge.
    if (name === "amazon_ses") secrets["topicArns"] ??= "none";
    configured.set(name, secrets);
  }
  return configured;
}
