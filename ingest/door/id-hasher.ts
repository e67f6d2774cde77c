import { createHmac } from "node:crypto";
import { isHashedId, normaliseAddress } from "./address.ts";
import type { KeyRing, VersionedKey } from "./keys.ts";

/** Turns a recipient's address or id into the id that the warehouse knows. */
export type IdHasher = (recipient: string) => string;

/**
 * HMAC-SHA-256 of the normalised address under one key, as `sha256:` + hex; an id that is already hashed is kept. The
 * last `cacheSize` to twice that many recipients are remembered, because mailings speak of the same people again and again.
 */
export function createIdHasher(key: VersionedKey, cacheSize = 50_000): IdHasher {
  let fresh = new Map<string, string>();
  let older = new Map<string, string>();
  return (recipient) => {
    if (isHashedId(recipient)) return hasCapital.test(recipient) ? recipient.toLowerCase() : recipient;
    let hashed = fresh.get(recipient);
    if (hashed !== undefined) return hashed;
    hashed =
      older.get(recipient) ??
      `sha256:${createHmac("sha256", key.secret).update(normaliseAddress(recipient)).digest("hex")}`;
    if (fresh.size >= cacheSize) {
      older = fresh;
      fresh = new Map();
    }
    fresh.set(recipient, hashed);
    return hashed;
  };
}

/**
 * Every id that an address may be known by: under the active key first, then under the former ones, by which those are known of whom nothing was
 * heard since. Whoever looks somebody up asks for all of them; what is written down has the first.
 */
export function createIdsOf({ all }: KeyRing): (recipient: string) => readonly string[] {
  const hashers = all.map((key) => createIdHasher(key));
  return (recipient) => [...new Set(hashers.map((hashId) => hashId(recipient)))];
}

const hasCapital = /[A-F]/;
