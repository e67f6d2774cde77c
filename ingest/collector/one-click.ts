// RFC 8058: the URL of List-Unsubscribe, and the POST by which a mail client unsubscribes its reader with one click.

import { createHmac } from "node:crypto";
import { z } from "zod";
import { isHashedId } from "../door/address.ts";
import type { VersionedKey } from "../door/keys.ts";
import { isSame } from "../sources/webhook.ts";

/** Whom a link takes off which list. Nothing of it is a raw address. */
export interface OneClickLink {
  /** `sha256:` and 64 hex digits, as in raw.events. */
  readonly userIdHash: string;
  readonly messageId?: string | undefined;
  readonly campaignId?: string | undefined;
  readonly listId?: string | undefined;
}

const payload = z.strictObject({
  u: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  m: z.string().max(1024).optional(),
  c: z.string().max(1024).optional(),
  l: z.string().max(200).optional(),
});
/** The longest token that is read. */
export const maximumTokenLength = 4096;

const mac = (key: VersionedKey, text: string): string =>
  createHmac("sha256", createHmac("sha256", key.secret).update("inboxloop one-click unsubscribe\0").digest())
    .update(text)
    .digest("base64url");

/**
 * The token at the end of `https://.../unsubscribe/<token>`: who leaves, signed, so that nobody can unsubscribe somebody else. It opens with the key that
 * made it, also after a newer one took its place.
 */
export function oneClickToken(link: OneClickLink, key: VersionedKey): string {
  if (!isHashedId(link.userIdHash)) throw new Error("a one-click link takes a hashed id, never an address");
  const body = JSON.stringify({
    u: Buffer.from(link.userIdHash.slice(7), "hex").toString("base64url"),
    m: link.messageId,
    c: link.campaignId,
    l: link.listId,
  });
  const text = `${key.version}.${Buffer.from(body).toString("base64url")}`;
  return `${text}.${mac(key, text)}`;
}

/** What a token says; undefined for what none of the keys signed. */
export function readOneClickToken(token: string, keys: readonly VersionedKey[]): OneClickLink | undefined {
  if (token.length > maximumTokenLength) return undefined;
  const [version, body, signature] = token.split(".");
  const key = keys.find((one) => one.version === version);
  if (!key || !body || !signature || !isSame(signature, mac(key, `${version}.${body}`))) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
  const read = payload.safeParse(value);
  if (!read.success) return undefined;
  const { u, m, c, l } = read.data;
  return {
    userIdHash: `sha256:${Buffer.from(u, "base64url").toString("hex")}`,
    messageId: m,
    campaignId: c,
    listId: l,
  };
}

/** RFC 8058 section 3.2: the body of the POST, as a form or as multipart. */
export const isOneClickBody = (body: Uint8Array): boolean => {
  const text = Buffer.from(body.subarray(0, 4096)).toString("latin1");
  return (
    /(?:^|&)List-Unsubscribe=One-Click(?:&|$)/i.test(text.trim()) || /name="List-Unsubscribe"\s+One-Click/i.test(text)
  );
};

/** The signal, in the shape of /v1/events. */
export const oneClickRecord = (link: OneClickLink, now: Date): Buffer =>
  Buffer.from(
    JSON.stringify({
      event_type: "unsubscribe",
      user_id_hash: link.userIdHash,
      message_id: link.messageId,
      campaign_id: link.campaignId,
      timestamp_utc: now.toISOString(),
      metadata: { provider: "one-click", method: "one-click", list_id: link.listId },
    }),
  );

/** For a reader who follows the link: nothing happens until they say so, because scanners follow links too. */
export const oneClickPage = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><title>Unsubscribe</title>
<body style="font:16px/1.5 system-ui,sans-serif;max-width:30em;margin:4em auto;padding:0 1em">
<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">
<p>Do you want to stop receiving these e-mails?</p><button style="font:inherit;padding:.5em 1em">Unsubscribe</button></form>
</body></html>
`;
