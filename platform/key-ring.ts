import { createHash } from "node:crypto";
import { UserError } from "../errors/user-error.ts";

/** A secret with the version by which people name it. */
export interface VersionedKey {
  readonly version: string;
  readonly secret: Buffer;
}

/** A name for a key that gives nothing of it away: `v1:` and eight hex digits. */
export const keyName = (key: VersionedKey): string =>
  `${key.version}:${createHash("sha256").update("inboxloop key name\0").update(key.secret).digest("hex").slice(0, 8)}`;

/**
 * The keys of a setting, as it names them: `version:secret`, with others after commas (`v2:...,v1:...`; a secret alone is `v1`). A secret is at least 16
 * characters, or `hex:` / `base64:` and at least 16 bytes. Undefined where nothing is set; `code` is that of the error of a key that is none, `next` what
 * it asks for.
 */
export function keysFromSetting(
  name: string,
  settings: Readonly<Record<string, string | undefined>>,
  code: string,
  next = `${name}=v1:hex:$(openssl rand -hex 32)`,
): readonly [VersionedKey, ...VersionedKey[]] | undefined {
  const text = settings[name]?.trim();
  if (!text) return undefined;
  const [first, ...others] = text.split(",").map((part, index) => parseKey(name, part.trim(), index, { code, next }));
  const all = [first!, ...others] as const;
  if (new Set(all.map((key) => key.version)).size !== all.length)
    throw new UserError(`${name} names a version twice`, { code, exit: "config", where: name });
  return all;
}

function parseKey(
  name: string,
  text: string,
  index: number,
  { code, next }: { readonly code: string; readonly next: string },
): VersionedKey {
  const found = /^(v\d+):(.*)$/s.exec(text);
  const version = found ? found[1]! : "v1";
  const value = found ? found[2]! : text;
  const secret = value.startsWith("hex:")
    ? Buffer.from(value.slice(4), "hex")
    : value.startsWith("base64:")
      ? Buffer.from(value.slice(7), "base64")
      : Buffer.from(value, "utf8");
  if (secret.length < 16) {
    throw new UserError(`key ${index + 1} of ${name} is shorter than 16 bytes`, {
      code,
      exit: "config",
      where: name,
      next,
    });
  }
  return { version, secret };
}
