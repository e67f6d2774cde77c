import { createHash, randomUUID } from "node:crypto";
import { closeSync, createReadStream, fsyncSync, openSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { livenessOf, ownerText } from "./journal/lock.ts";

/**
 * A file that is either whole under its name or not there: written beside it, synced, renamed. `mode` is who may read it, from its first byte on. In clear
 * even in an encrypted home: for what holds no data (a header, a declaration that people edit); anything else is written by `writeWhole` of home-files.ts.
 */
export async function writeAsIs(path: string, content: string | Uint8Array, mode?: number): Promise<void> {
  // A name of its own: on a shared volume a process of another container may have the same id.
  const temporary = `${path}.tmp-${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(temporary, "w", mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
}

/** Makes the bytes of a file, or the names in a folder, survive a power cut. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

const ownerSuffix = ".owner";
/** What nobody here can tell the owner of, another container's or host's, is left over once it has stood still so long. */
const abandonedMs = 86_400_000;

/** Removes what runs that were killed have left under `parent`: folders and owner files of processes that are gone. */
export async function removeLeftovers(parent: string): Promise<void> {
  const entries = await readdir(parent).catch(() => []);
  const names = new Set(
    entries.filter((entry) => entry.startsWith(".tmp-")).map((entry) => entry.replace(ownerSuffix, "")),
  );
  for (const name of names) {
    const folder = join(parent, name);
    const owner = await readFile(`${folder}${ownerSuffix}`, "utf8").catch(() => undefined);
    const liveness = owner === undefined ? "unknown" : livenessOf(owner);
    if (liveness === "alive") continue;
    const seen = await stat(folder).catch(() => undefined);
    if (liveness === "unknown" && seen && Date.now() - seen.mtimeMs < abandonedMs) continue;
    if (liveness === "unknown" && !seen) continue;
    await rm(folder, { recursive: true, force: true });
    await rm(`${folder}${ownerSuffix}`, { force: true });
  }
}

/**
 * Makes a folder that appears whole or not at all: `fill` writes into a hidden sibling, which is then renamed. A folder that
 * is already there wins, and the new one is dropped. Returns whether the new one was kept.
 */
export async function makeFolderWhole(path: string, fill: (temporary: string) => Promise<void>): Promise<boolean> {
  const parent = dirname(path);
  await mkdir(parent, { recursive: true });
  await removeLeftovers(parent);
  const temporary = join(parent, `.tmp-${randomUUID()}`);
  await writeFile(`${temporary}${ownerSuffix}`, ownerText(process.pid));
  try {
    await mkdir(temporary);
    await fill(temporary);
    for (const entry of await readdir(temporary)) await syncFile(join(temporary, entry));
    await rename(temporary, path);
    await syncFile(parent);
    return true;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(`${temporary}${ownerSuffix}`, { force: true });
  }
}

/** Makes the names in a directory survive a power cut. */
export const syncDirectory = (path: string): Promise<void> => syncFile(path);
/** The same where nothing may be waited for. */
export function syncDirectorySync(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Moves a synced file to its final name and makes the move durable. */
export async function moveDurably(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
  await syncDirectory(dirname(to));
}

export const removeTree = (path: string): Promise<void> => rm(path, { recursive: true, force: true });
