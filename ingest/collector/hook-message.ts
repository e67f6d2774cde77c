import type { WebhookRequest } from "../sources/provider.ts";

/** Headers that decoders read, beside the body: what it is, and Svix's id of the call. */
const keptHeaders = ["content-type", "svix-id", "webhook-id"] as const;

/** A webhook call as one message for the bus: a line of JSON with its headers, then the body as it came. */
export function packHook({ headers, body }: Pick<WebhookRequest, "headers" | "body">): Buffer {
  const kept: Record<string, string> = {};
  for (const name of keptHeaders) {
    const value = headers[name];
    if (value !== undefined) kept[name] = value.slice(0, 500);
  }
  return Buffer.concat([Buffer.from(`${JSON.stringify({ headers: kept })}\n`), body]);
}

/** What `packHook` made; undefined for other bytes. */
export function unpackHook(data: Uint8Array): Pick<WebhookRequest, "headers" | "body"> | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = bytes.indexOf(10);
  if (end < 0 || end > 4096) return undefined;
  try {
    const { headers } = JSON.parse(bytes.toString("utf8", 0, end)) as { headers: Record<string, string> };
    return { headers, body: bytes.subarray(end + 1) };
  } catch {
    return undefined;
  }
}
