import events from "../../includes/events.js";
import { isPersonalKey } from "../../platform/personal-keys.ts";
import type { IdHasher } from "./id-hasher.ts";
import { ipPrefix } from "./ip-prefix.ts";
import { isUrl, maxTextLength, scrubAgent, scrubId, scrubPhrase, scrubText, scrubUrl } from "./scrub.ts";
import { metadataKind, type TextKind } from "./text-kinds.ts";

/** Values nested deeper than this inside `metadata` are not kept: nothing on the allow-list needs them. */
const maxDepth = 4;

const allowedKeys: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  events.names.map((name: string) => [name, new Set<string>(events.metadataKeys(name))]),
);

export const isEventType = (name: string): boolean => allowedKeys.has(name);

/** What a text of a kind becomes at the door. */
export interface Scrubbing {
  readonly hashId: IdHasher;
  /** Of the recipient's address, where it is known: those words go from free texts. */
  readonly localPart?: string | undefined;
}

/** A text of a kind without what names a person. Ids of persons and IP addresses are not for here. */
export function scrubbed(kind: TextKind, text: string, { hashId, localPart }: Scrubbing): string {
  switch (kind) {
    case "id":
      return scrubId(text.slice(0, maxTextLength), hashId);
    case "url":
      return isUrl(text) ? scrubUrl(text) : scrubId(text.slice(0, maxTextLength), hashId);
    case "phrase":
      return scrubPhrase(text, localPart);
    case "agent":
      return scrubAgent(text);
    default:
      return scrubText(text);
  }
}

/**
 * The metadata that may pass the door: keys on the allow-list of the type (includes/events.js), texts scrubbed by
 * their kind (text-kinds.ts) and of bounded length, IP addresses as prefixes (`ip` becomes `ip_prefix`). Nulls are left out.
 */
export function allowedMetadata(
  eventType: string,
  metadata: Readonly<Record<string, unknown>>,
  scrubbing: Scrubbing,
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
    else if (typeof value === "string") kept[key] = scrubbed(metadataKind(key), value, scrubbing);
    else {
      const cleaned = cleanValue(value, 1);
      if (cleaned !== undefined) kept[key] = cleaned;
    }
  }
  return kept;
}

/**
 * A free JSON value (attributes of a profile, details of a report) without what names a person, keys that say so included;
 * bounded in depth and length.
 */
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
    if (isPersonalKey(key)) continue;
    const cleaned = cleanValue(item, depth + 1);
    if (cleaned !== undefined) kept[cleanText(key)] = cleaned;
  }
  return kept;
}

/** A text without what names a person, cut to `maxTextLength`. */
export const cleanText = scrubText;
