import events from "../../includes/events.js";
import type { IdHasher } from "./id-hasher.ts";
import { ipPrefix } from "./ip-prefix.ts";
import { type LeftOut, writtenKey } from "./json-columns.ts";
import { coarseRegion } from "./places.ts";
import { isUrl, maxTextLength, scrubAgent, scrubId, scrubPhrase, scrubText, scrubUrl } from "./scrub.ts";
import { metadataKind, type TextKind } from "./text-kinds.ts";

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

/** A text of a kind without what names a person; undefined where nothing may be left of it. Ids of persons are not for here. */
export function scrubbed(kind: TextKind, text: string, { hashId, localPart }: Scrubbing): string | undefined {
  switch (kind) {
    case "id":
      return scrubId(text.slice(0, maxTextLength), hashId);
    case "url":
      return isUrl(text) ? scrubUrl(text) : scrubId(text.slice(0, maxTextLength), hashId);
    case "phrase":
      return scrubPhrase(text, localPart);
    case "agent":
      return scrubAgent(text);
    case "ip":
      return ipPrefix(text);
    case "region":
      return coarseRegion(text);
    default:
      return scrubText(text);
  }
}

/**
 * The metadata that may pass the door: keys on the allow-list of the type (includes/events.js), texts scrubbed by
 * their kind (text-kinds.ts) and of bounded length, IP addresses as prefixes (`ip` becomes `ip_prefix`), lists of such values. Nulls are left out;
 * what else is, is told by its path.
 */
export function allowedMetadata(
  eventType: string,
  metadata: Readonly<Record<string, unknown>>,
  scrubbing: Scrubbing,
  leftOut: LeftOut,
): Record<string, unknown> {
  const allowed = allowedKeys.get(eventType);
  const kept: Record<string, unknown> = {};
  for (const key in metadata) {
    const value = metadata[key];
    if (value === null || value === undefined) continue;
    const name = key === "ip" ? "ip_prefix" : key;
    const made = allowed?.has(name) ? allowedValue(name, value, scrubbing) : undefined;
    if (made === undefined) leftOut.push(`metadata.${writtenKey(key)}`);
    else kept[name] = made;
  }
  return kept;
}

/** A number, a flag, a text, or a list of them. Objects are none: what they would hold, nobody has listed. */
function allowedValue(key: string, value: unknown, scrubbing: Scrubbing): unknown {
  if (typeof value === "string") return scrubbed(metadataKind(key), value, scrubbing);
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (!Array.isArray(value)) return undefined;
  const items = value.map((item) => (Array.isArray(item) ? undefined : allowedValue(key, item, scrubbing)));
  return items.filter((item) => item !== undefined);
}

/** A text without what names a person, cut to `maxTextLength`. */
export const cleanText = scrubText;
