import { createHash, timingSafeEqual } from "node:crypto";
import { UserError } from "../../errors/user-error.ts";

/** Which source calls, by its key; undefined when nobody's key fits. Takes the same time whichever key it is. */
export type SourceOfKey = (authorization: string | undefined) => string | undefined;

const prefix = "INBOXLOOP_API_KEY_";
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/**
 * The sources that may call `/v1/events`: settings INBOXLOOP_API_KEY_<SOURCE>, a key of 16 characters or more each; two
 * keys after each other, with a comma, while one takes the other's place.
 */
export function apiSources(settings: Readonly<Record<string, string | undefined>>): {
  readonly names: readonly string[];
  readonly sourceOf: SourceOfKey;
} {
  const keys: { readonly source: string; readonly digest: Buffer }[] = [];
  for (const [name, value] of Object.entries(settings)) {
    if (!name.startsWith(prefix) || !value) continue;
    const source = name.slice(prefix.length).toLowerCase();
    for (const key of value.split(",").map((one) => one.trim())) {
      if (!/^[a-z0-9_]{1,40}$/.test(source) || key.length < 16) {
        throw new UserError(`${name} cannot be used: a key has 16 characters or more, a source letters and digits`, {
          code: "collector.bad-api-key",
          exit: "config",
          next: `${prefix}SHOP=$(openssl rand -hex 24)`,
        });
      }
      keys.push({ source, digest: digest(key) });
    }
  }
  return {
    names: [...new Set(keys.map(({ source }) => source))].sort(),
    sourceOf(authorization) {
      const presented = digest(/^Bearer (.+)$/i.exec(authorization ?? "")?.[1] ?? "");
      let found: string | undefined;
      for (const key of keys) if (timingSafeEqual(key.digest, presented)) found = key.source;
      return found;
    },
  };
}
