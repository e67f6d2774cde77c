import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { syncDirectorySync } from "../platform/files.ts";

/** Bodies of dead letters that are too large for a row: sealed, a file each, beside the segments and where no reader of them looks. */
export const setAsideFolder = (raw: string): string => join(raw, ".set-aside");

/** Writes one so that it survives a power cut. The same name is the same record of the same source: written again it replaces itself. */
export function keepAside(raw: string, name: string, sealed: Buffer): void {
  const folder = setAsideFolder(raw);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name);
  const temporary = `${path}.${process.pid}.part`;
  const file = openSync(temporary, "w", 0o600);
  try {
    for (let at = 0; at < sealed.length; ) at += writeSync(file, sealed, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  syncDirectorySync(folder);
}

/** The sealed body; undefined where the file is gone. */
export function readAside(raw: string, name: string): Buffer | undefined {
  const path = join(setAsideFolder(raw), name);
  return existsSync(path) ? readFileSync(path) : undefined;
}
