// Amazon SNS messages and their signatures: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html

import { verify as verifySignature, X509Certificate } from "node:crypto";
import { z } from "zod";
import { bareUrl } from "./bare-url.ts";
import { certificatesIn, chainTrouble } from "./certificate-chain.ts";
import type { Authenticity, AuthenticityContext, ProviderSecrets } from "./provider.ts";
import { authentic, refused } from "./webhook.ts";

export const snsEnvelope = z.looseObject({
  Type: z.enum(["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]),
  MessageId: z.string(),
  TopicArn: z.string().nullish(),
  Subject: z.string().nullish(),
  Message: z.string(),
  Timestamp: z.string(),
  SignatureVersion: z.string().nullish(),
  Signature: z.string().nullish(),
  SigningCertURL: z.string().nullish(),
  SubscribeURL: z.string().nullish(),
  Token: z.string().nullish(),
});
export type SnsEnvelope = z.output<typeof snsEnvelope>;

const signedKeys = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
  UnsubscribeConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
} as const;

const hashes: Readonly<Record<string, string>> = { "1": "RSA-SHA1", "2": "RSA-SHA256" };

/** What Amazon's own SNS hosts are asked for, and nothing else: a signing certificate by its name, or to confirm a subscription. */
const askedOfSns = {
  certificate: ({ pathname, search }: URL) =>
    /^\/SimpleNotificationService-[0-9a-z]+\.pem$/i.test(pathname) && search === "",
  confirmation: ({ pathname, searchParams }: URL) =>
    pathname === "/" &&
    searchParams.get("Action") === "ConfirmSubscription" &&
    searchParams.getAll("Action").length === 1,
};

/** Whether a URL is exactly of Amazon's form: https, an SNS host of a region, no user, password, port or fragment. */
export function isSnsUrl(text: string, asks: keyof typeof askedOfSns): boolean {
  const url = bareUrl(text);
  return (
    url !== undefined &&
    url.protocol === "https:" &&
    url.hash === "" &&
    /^sns\.[a-z0-9-]{3,}\.amazonaws\.com(?:\.cn)?$/.test(url.hostname) &&
    askedOfSns[asks](url)
  );
}

/**
 * Whom SNS' certificates name, as Amazon's own clients check it: sns.amazonaws.com, sns-us-gov-west-1.amazonaws.com, sns-cn-north-1.amazonaws.com.cn,
 * sns-signing.<region>.amazonaws.com (SnsHostProvider of the AWS SDK for Java 2).
 */
const isOfSns = (certificate: X509Certificate): boolean =>
  certificate.subject
    .split("\n")
    .some((part) => /^CN=sns(?:-signing)?(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?$/.test(part));

/**
 * Checks an SNS message: the topic is one of `topicArns` (comma-separated; without it any topic may call), its time lies
 * in the replay window, the certificate comes from Amazon, names SNS, was valid then and leads to a trusted root, and the signature (version 1 or 2) fits.
 */
export async function verifySns(
  message: SnsEnvelope,
  secrets: ProviderSecrets,
  { now, replayWindowSeconds, fetchCertificate, trust }: AuthenticityContext,
): Promise<Authenticity> {
  const allowed = secrets["topicArns"]?.split(",").map((arn) => arn.trim());
  if (allowed && !allowed.includes(message.TopicArn ?? "")) return refused("the topic is not on the list");
  const at = Date.parse(message.Timestamp);
  if (Number.isNaN(at) || Math.abs(now.getTime() - at) > replayWindowSeconds * 1000) {
    return refused("the signed time lies outside the replay window");
  }
  const hash = hashes[message.SignatureVersion ?? ""];
  if (!hash) return refused("the signature version is not 1 or 2");
  if (!message.Signature || !message.SigningCertURL) return refused("the message carries no signature");
  if (!isSnsUrl(message.SigningCertURL, "certificate")) return refused("the certificate is not from Amazon SNS");
  try {
    const file = await fetchCertificate(message.SigningCertURL);
    const certificate = new X509Certificate(file);
    if (!isOfSns(certificate)) return refused("the certificate is not one of Amazon SNS");
    if (at < Date.parse(certificate.validFrom) || at > Date.parse(certificate.validTo)) {
      return refused("the certificate was not valid at the signed time");
    }
    const trouble = trust && (await chainTrouble(certificate, certificatesIn(file).slice(1), at, trust));
    if (trouble) return refused(trouble);
    const signature = Buffer.from(message.Signature, "base64");
    const isValid = verifySignature(hash, Buffer.from(canonical(message)), certificate.publicKey, signature);
    return isValid ? authentic : refused("the signature does not match");
  } catch {
    return refused("the certificate or the signature cannot be read");
  }
}

/** The signed text: names and values in turn, a line each; what is absent is left out. */
function canonical(message: SnsEnvelope): string {
  const lines: string[] = [];
  for (const key of signedKeys[message.Type]) {
    const value = message[key];
    if (value !== undefined && value !== null) lines.push(key, String(value));
  }
  return `${lines.join("\n")}\n`;
}
