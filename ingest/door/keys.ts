import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { readHomeTextSync } from "../../platform/home-files.ts";
import { sealBytes, sealOf } from "../../platform/home-seal.ts";
import { keyName, keysFromSetting, type VersionedKey } from "../../platform/key-ring.ts";

export { keyName, type VersionedKey };

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
  const all = keysFromSetting(name, settings, "ingest.bad-key");
  return all && { active: all[0], all, isDemo: false };
}

function demoKeys(stateDir: string, randomBytes: (n: number) => Buffer): IngestKeys {
  const file = join(stateDir, "ingest-keys.json");
  mkdirSync(stateDir, { recursive: true });
  if (!existsSync(file)) {
    const fresh = () => ({ v1: randomBytes(32).toString("hex") });
    const made = { note: "Generated for this home. Not for production.", ids: fresh(), dead_letters: fresh() };
    const temporary = `${file}.${randomBytes(6).toString("hex")}`;
    const handle = openSync(temporary, "wx", 0o600);
    const text = `${JSON.stringify(made, null, 2)}\n`;
    const seal = sealOf(file);
    writeSync(handle, seal ? sealBytes(text, seal) : Buffer.from(text));
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
    const stored = JSON.parse(readHomeTextSync(file)) as Record<string, Record<string, string>>;
    return { ids: demoRing(stored["ids"]), deadLetters: demoRing(stored["dead_letters"]) };
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
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
