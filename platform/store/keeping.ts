import { createHmac } from "node:crypto";
import { Packr } from "msgpackr";
import { damagedFile, type HomeSeal, sealUnder, unsealedUnder } from "../home-seal.ts";
import type { Entry, Key, TableSpec } from "./tables.ts";

/** How keys and values of a table are kept. */
export interface Keeping<V, K extends Key> {
  /** Whether keys can be read without their values. */
  readonly isClear: boolean;
  stored(key: K): Key;
  pack(key: K, value: V, stored: Key): unknown;
  open(stored: Key, value: unknown): V;
  entry(stored: Key, value: unknown): Entry<V, K>;
}

/** Names of fields stand once in each value. */
const packr = new Packr({ useRecords: true, copyBuffers: true });

const tokenBytes = 16;

/**
 * Keys and values of a table of an encrypted home. A key is a token of it (HMAC-SHA-256); a value is sealed under a key made of the home's for this
 * token, so that none is used so often that its nonces could meet, and is tied to table and token: put in another's place it does not open. The key
 * itself is in the sealed value.
 */
export function sealedKeeping<V, K extends Key>(spec: TableSpec, seal: HomeSeal, where: string): Keeping<V, K> {
  const tokens = seal.key("store-tokens");
  const values = seal.key("store-values");
  const token = (part: string | number): string =>
    createHmac("sha256", tokens)
      .update(JSON.stringify([spec.name, part]))
      .digest()
      .toString("base64url", 0, tokenBytes);
  const about = (stored: Key): string => JSON.stringify([spec.name, stored]);
  const keyOf = (said: string): Buffer => createHmac("sha256", values).update(said).digest();
  const opened = (stored: Key, value: unknown): readonly [K, V] => {
    const said = about(stored);
    const bytes = unsealedUnder(value as Buffer, keyOf(said), said);
    if (bytes === undefined) throw damagedFile(where);
    return packr.unpack(bytes) as readonly [K, V];
  };
  return {
    isClear: false,
    stored(key) {
      if (typeof key === "number") return key;
      if (typeof key === "string") return token(key);
      const [group, ...rest] = key as readonly [string, ...(string | number)[]];
      const name = spec.keys === "open-groups" ? group : token(group);
      // What stands where in a group is one token: neither a time nor the same id in two groups can be told.
      return rest.length === 0 ? [name] : [name, token(JSON.stringify(key))];
    },
    pack(key, value, stored) {
      const said = about(stored);
      return sealUnder(packr.pack([key, value]), keyOf(said), said);
    },
    open: (stored, value) => opened(stored, value)[1],
    entry(stored, value) {
      const [key, known] = opened(stored, value);
      return { key, value: known };
    },
  };
}

/** Keys and values as they are, which LMDB packs. */
export const clearKeeping = <V, K extends Key>(): Keeping<V, K> => ({
  isClear: true,
  stored: (key) => key,
  pack: (_key, value) => value,
  open: (_stored, value) => value as V,
  entry: (stored, value) => ({ key: stored as K, value: value as V }),
});
