import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** A file that is either whole under its name or not there: written beside it, synced, renamed. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp-${process.pid}`;
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(temporary, "w");
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

const temporaryPattern = /^\.tmp-(\d+)-/;
const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** Removes what runs that were killed have left under `parent`: `.tmp-<pid>-*` of processes that are gone. */
export async function removeLeftovers(parent: string): Promise<void> {
  for (const entry of await readdir(parent).catch(() => [])) {
    const pid = Number(temporaryPattern.exec(entry)?.[1]);
    if (pid && !isRunning(pid)) await rm(join(parent, entry), { recursive: true, force: true });
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
  const temporary = join(parent, `.tmp-${process.pid}-${performance.now().toString(36).replace(".", "")}`);
  await mkdir(temporary);
  try {
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
  }
}

/** Makes the names in a directory survive a power cut. */
export const syncDirectory = (path: string): Promise<void> => syncFile(path);

/** Moves a synced file to its final name and makes the move durable. */
export async function moveDurably(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
  await syncDirectory(dirname(to));
}

export const removeTree = (path: string): Promise<void> => rm(path, { recursive: true, force: true });
