import type { Decoded } from "../door/signal.ts";
import type { CertificateTrust } from "./certificate-chain.ts";

/** A webhook call as it arrived. Signatures are over `body`, byte for byte. */
export interface WebhookRequest {
  readonly method: string;
  /** The URL as the provider called it; Mandrill signs it. */
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

export type Authenticity = { readonly kind: "authentic" } | { readonly kind: "refused"; readonly reason: string };

/** What a provider's check needs; the names of the settings are the provider's own (see its file). */
export type ProviderSecrets = Readonly<Record<string, string | undefined>>;

export interface AuthenticityContext {
  readonly now: Date;
  /** How far a signed time may lie from `now`, in seconds. */
  readonly replayWindowSeconds: number;
  /** Fetches a signing certificate (SNS). Only ever called for a URL whose host passed the check. */
  readonly fetchCertificate: (url: string) => Promise<string>;
  /** Who may have issued it; the collector always says. Without it only what the certificate names is checked. */
  readonly trust?: CertificateTrust | undefined;
}

/** One e-mail service provider: who may call, what they say. One file, one folder of fixtures, one line in providers.ts. */
export interface Provider {
  /** As in `/hooks/<name>` and in `metadata.provider`. */
  readonly name: string;
  /** Our event types that this provider can deliver. */
  readonly delivers: readonly string[];
  verify(request: WebhookRequest, secrets: ProviderSecrets, context: AuthenticityContext): Promise<Authenticity>;
  /**
   * What makes two authentic calls the same call, however they are spelled: the signed parts. Without it the whole body
   * is; a provider whose signature leaves room (fields instead of bytes, a time beside the body) says so here.
   */
  callId?(request: WebhookRequest): string | undefined;
  /** One element per event in the body, in order. Never throws. */
  decode(request: Pick<WebhookRequest, "headers" | "body">): readonly Decoded[];
}
