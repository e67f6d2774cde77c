import events from "../../includes/events.js";
import { withoutAddresses } from "./address.ts";
import { ipPrefix } from "./ip-prefix.ts";

/** A text value may be this long; the rest is cut. */
export const maxTextLength = 2000;
/** Values nested deeper than this inside `metadata` are not kept: nothing on the allow-list needs them. */
const maxDepth = 4;

const allowedKeys: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  events.names.map((name: string) => [name, new Set<string>(events.metadataKeys(name))]),
);

export const isEventType = (name: string): boolean => allowedKeys.has(name);

/** Keys whose values are ids of messages, which look like addresses and are none. */
const idKeys = new Set(["provider_message_id"]);

/**
 * The metadata that may pass the door: keys on the allow-list of the type (includes/events.js), texts without
 * addresses and of bounded length, IP addresses as prefixes (`ip` becomes `ip_prefix`). Nulls are left out.
 */
export function allowedMetadata(
  eventType: string,
  metadata: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const allowed = allowedKeys.get(eventType);
  const kept: Record<string, unknown> = {};
  for (const key in metadata) {
    const value = metadata[key];
    if (value === null || value === undefined) continue;
    if (key === "ip" || key === "ip_prefix") {
      const prefix = typeof value === "string" ? ipPrefix(value) : undefined;
      if (prefix !== undefined) kept["ip_prefix"] = prefix;
      continue;
    }
    if (!allowed?.has(key)) continue;
    if (typeof value === "boolean" || typeof value === "number") kept[key] = value;
    else if (typeof value === "string") kept[key] = idKeys.has(key) ? value.slice(0, maxTextLength) : cleanText(value);
    else {
      const cleaned = cleanValue(value, 1);
      if (cleaned !== undefined) kept[key] = cleaned;
    }
  }
  return kept;
}

/** A free JSON value (attributes of a profile, details of a report) without addresses, bounded in depth and length. */
export function cleanValue(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return cleanText(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === "boolean" || value === null) return value;
  if (typeof value !== "object" || depth >= maxDepth) return undefined;
  if (Array.isArray(value))
    return value.map((item) => cleanValue(item, depth + 1)).filter((item) => item !== undefined);
  const kept: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const cleaned = cleanValue(item, depth + 1);
    if (cleaned !== undefined) kept[cleanText(key)] = cleaned;
  }
  return kept;
}

/** A text without addresses, cut to `maxTextLength`. */
export function cleanText(text: string): string {
  if (text.length <= maxTextLength) return withoutAddresses(text);
  // Masked before it is cut, with some margin, so that the cut cannot leave half an address behind.
  return withoutAddresses(text.slice(0, maxTextLength * 2)).slice(0, maxTextLength);
}
