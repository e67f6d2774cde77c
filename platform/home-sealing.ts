import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { syncDirectorySync } from "./files.ts";
import { headerFile, sealedRootOf } from "./home-seal.ts";
import { type LockOptions, withLock } from "./journal/lock.ts";

/** Where the sealed home is written while the one in clear stays in use: a home within the home. */
export const sealingFolder = ".sealing";
/** Where what was in clear goes once the sealed home is whole and proved, until it is removed. */
const clearFolder = ".unsealed";
/** In the sealing folder: the sealed home is whole, and takes the place of the other. Writing it is the commit. */
export const movingMark = "moving";
/** In the sealing folder: which files are done, line by line. */
export const doneFile = "done.ndjson";
/** Who is sealing. */
export const sealingLock = "sealing.lock";

const ofSealing: ReadonlySet<string> = new Set([sealingFolder, clearFolder, sealingLock, `${sealingLock}.clearing`]);
export const isOfSealing = (name: string): boolean => ofSealing.has(name) || name.startsWith(`${sealingLock}.`);

/** Whether no interrupted sealing waits to be ended, and no other process seals the home now. */
const isQuiet = (root: string): boolean =>
  !existsSync(join(root, sealingLock)) && !isCommitted(root) && !existsSync(join(root, clearFolder));

const isCommitted = (root: string): boolean => existsSync(join(root, sealingFolder, movingMark));

/**
 * Before a command uses a home: ends a sealing that was interrupted after its commit, and throws while another process seals it. `isErasing`: what an
 * interrupted one has written until its commit is removed, for an erasure does not look into it.
 */
export async function settleSealing(
  root: string,
  lock: LockOptions,
  { isErasing = false }: { readonly isErasing?: boolean } = {},
): Promise<void> {
  const isLeft = isErasing && existsSync(join(root, sealingFolder));
  if (isQuiet(root) && !isLeft) return;
  await withLock(join(root, sealingLock), { ...lock, ...lockWords }, async () => {
    endSealing(root);
    if (isErasing) rmSync(join(root, sealingFolder), { recursive: true, force: true });
  });
}

export const lockWords = { what: "this home, which it encrypts,", code: "home.sealing" } as const;

/** What comes after the commit: renames and removals, for which no key is needed, from any state that a kill leaves. Under the lock. */
export function endSealing(root: string, fault: (point: string) => void = () => {}): void {
  const [sealing, clear] = [join(root, sealingFolder), join(root, clearFolder)];
  if (isCommitted(root)) {
    mkdirSync(clear, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(root)) {
      if (isOfSealing(name) || name === headerFile) continue;
      const isInPlace = !existsSync(join(sealing, name)) && existsSync(join(clear, name));
      if (isInPlace) continue;
      renameSync(join(root, name), join(clear, name));
      fault(`moved-away ${name}`);
    }
    for (const name of readdirSync(sealing)) {
      if ([movingMark, doneFile, headerFile].includes(name)) continue;
      renameSync(join(sealing, name), join(root, name));
      fault(`moved-in ${name}`);
    }
    if (existsSync(join(sealing, headerFile))) renameSync(join(sealing, headerFile), join(root, headerFile));
    syncDirectorySync(root);
    fault("moved");
    rmSync(sealing, { recursive: true, force: true });
  }
  if (existsSync(clear) && sealedRootOf(root) !== undefined) {
    fault("removing");
    rmSync(clear, { recursive: true, force: true });
  }
}
