import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";

/** What makes an entry part of a chain. */
export interface Link {
  /** 0 for the first. */
  readonly sequence: number;
  /** The entry before this one; `firstHash` for the first. */
  readonly previous_hash: string;
  /** SHA-256 of this entry's canonical JSON without this field. */
  readonly entry_hash: string;
}

export type Sealed<Body> = Body & Link;

/** The hash before the first entry. */
export const firstHash = "0".repeat(64);

/** The hash that an entry must have; what it says of its own is left out. */
export function hashOf(entry: object): string {
  const { entry_hash: _own, ...rest } = entry as Link;
  return createHash("sha256").update(canonicalJson(rest)).digest("hex");
}

/** Puts a body onto the chain, after `count` entries of which `head` is the last one's hash. */
export function seal<Body extends object>(body: Body, count: number, head: string): Sealed<Body> {
  const open = { ...body, sequence: count, previous_hash: head };
  return { ...open, entry_hash: hashOf(open) };
}

/** Why an entry cannot be the `index`th after `head`; undefined when it is. */
export function brokenLink(entry: Link, index: number, head: string): string | undefined {
  if (hashOf(entry) !== entry.entry_hash) return "the entry was changed";
  if (entry.sequence !== index) return `its sequence is ${entry.sequence}, not ${index}`;
  if (entry.previous_hash !== head) return "it does not follow the entry before it";
  return undefined;
}
