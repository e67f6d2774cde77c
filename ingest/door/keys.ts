import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";

/** A secret with the version by which people name it. */
export interface VersionedKey {
  readonly version: string;
  readonly secret: Buffer;
}

/** Keys newest first: the first one makes new ids and seals new letters, the others still open what they sealed. */
export interface KeyRing {
  readonly active: VersionedKey;
  readonly all: readonly VersionedKey[];
  /** Generated for this home alone; never accepted in production. */
  readonly isDemo: boolean;
}

export interface IngestKeys {
  /** Makes pseudonymous ids. */
  readonly ids: KeyRing;
  /** Seals the original bytes of dead letters. */
  readonly deadLetters: KeyRing;
}

type Settings = Readonly<Record<string, string | undefined>>;

/** A name for a key that gives nothing of it away: `v1:` and eight hex digits. */
export const keyName = (key: VersionedKey): string =>
  `${key.version}:${createHash("sha256").update("inboxloop key name\0").update(key.secret).digest("hex").slice(0, 8)}`;

/**
 * The keys of ingestion: settings INBOXLOOP_ID_KEY and INBOXLOOP_DEAD_LETTER_KEY, each `version:secret` with further,
 * older ones after commas (`v2:...,v1:...`; a secret alone is `v1`). A secret is at least 16 characters, or `hex:` /
 * `base64:` and at least 16 bytes. A local home without them gets keys of its own in `<state>/ingest-keys.json` (mode
 * 600); with INBOXLOOP_ENV=production that is refused.
 */
export function loadIngestKeys(settings: Settings, stateDir: string, randomBytes: (n: number) => Buffer): IngestKeys {
  const ids = ringFromSetting("INBOXLOOP_ID_KEY", settings);
  const deadLetters = ringFromSetting("INBOXLOOP_DEAD_LETTER_KEY", settings);
  if (ids && deadLetters) return { ids, deadLetters };
  if (settings["INBOXLOOP_ENV"] === "production") {
    const missing = ids ? "INBOXLOOP_DEAD_LETTER_KEY" : "INBOXLOOP_ID_KEY";
    throw new UserError(`${missing} is not set, and production never runs on a generated key`, {
      code: "ingest.no-key",
      exit: "config",
      next: `set ${missing}=v1:<secret of 16 characters or more>`,
    });
  }
  const demo = demoKeys(stateDir, randomBytes);
  return { ids: ids ?? demo.ids, deadLetters: deadLetters ?? demo.deadLetters };
}

function ringFromSetting(name: string, settings: Settings): KeyRing | undefined {
  const text = settings[name]?.trim();
  if (!text) return undefined;
  const all = text.split(",").map((part, index) => parseKey(name, part.trim(), index));
  const versions = new Set(all.map((key) => key.version));
  if (versions.size !== all.length) {
    throw new UserError(`${name} names a version twice`, { code: "ingest.bad-key", exit: "config", where: name });
  }
  return { active: all[0]!, all, isDemo: false };
}

function parseKey(name: string, text: string, index: number): VersionedKey {
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
      code: "ingest.bad-key",
      exit: "config",
      where: name,
      next: `${name}=v1:hex:$(openssl rand -hex 32)`,
    });
  }
  return { version, secret };
}

function demoKeys(stateDir: string, randomBytes: (n: number) => Buffer): IngestKeys {
  const file = join(stateDir, "ingest-keys.json");
  mkdirSync(stateDir, { recursive: true });
  if (!existsSync(file)) {
    const fresh = () => ({ v1: randomBytes(32).toString("hex") });
    const made = { note: "Generated for this home. Not for production.", ids: fresh(), dead_letters: fresh() };
    const temporary = `${file}.${randomBytes(6).toString("hex")}`;
    const handle = openSync(temporary, "wx", 0o600);
    writeSync(handle, `${JSON.stringify(made, null, 2)}\n`);
    fsyncSync(handle);
    closeSync(handle);
    try {
      // A link, not a rename: of two processes that start together, the second must not replace the first one's keys.
      linkSync(temporary, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      unlinkSync(temporary);
    }
  }
  try {
    const stored = JSON.parse(readFileSync(file, "utf8")) as Record<string, Record<string, string>>;
    return { ids: demoRing(stored["ids"]), deadLetters: demoRing(stored["dead_letters"]) };
  } catch (cause) {
    throw new UserError("this home's generated keys cannot be read", {
      code: "ingest.bad-key",
      exit: "config",
      where: file,
      next: "restore the file: without its keys the same person gets another id",
      cause,
    });
  }
}

function demoRing(stored: Record<string, string> | undefined): KeyRing {
  const all = Object.entries(stored ?? {}).map(([version, hex]) => ({ version, secret: Buffer.from(hex, "hex") }));
  all.sort((a, b) => Number(b.version.slice(1)) - Number(a.version.slice(1)));
  const active = all[0];
  if (!active || active.secret.length < 16) throw new Error("no usable key in the file");
  return { active, all, isDemo: true };
}
