import { createHash, timingSafeEqual } from "node:crypto";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/**
 * Whose key an `Authorization: Bearer <key>` holds; undefined when it is nobody's. Keys are kept and compared as digests, all of them each
 * time, so that the time of an answer says nothing about them.
 */
export function bearerKeys<Holder>(
  keys: readonly { readonly key: string; readonly holder: Holder }[],
): (authorization: string | undefined) => Holder | undefined {
  const known = keys.map(({ key, holder }) => ({ digest: digest(key), holder }));
  return (authorization) => {
    const presented = digest(/^Bearer (.+)$/i.exec(authorization ?? "")?.[1] ?? "");
    let found: Holder | undefined;
    for (const one of known) if (timingSafeEqual(one.digest, presented)) found = one.holder;
    return found;
  };
}
