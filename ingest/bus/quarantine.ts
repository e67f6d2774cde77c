import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { syncDirectory } from "../../platform/files.ts";
import { writeWhole } from "../../platform/home-files.ts";
import type { Damage } from "./spool-read.ts";

const quarantineOf = (spool: string): string => join(spool, "quarantine");

/**
 * Keeps damaged bytes as a file, durably, and gives its name: the log, the offset, and a digest of the bytes, so that a second reading
 * replaces it by itself. They are as they stood in the spool: sealed, as far as they are whole.
 */
export async function keepDamaged(spool: string, { path, offset, bytes }: Damage): Promise<string> {
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const name = `${basename(path)}-${offset}-${digest}.damaged`;
  const folder = quarantineOf(spool);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (existsSync(join(folder, name))) return name;
  await writeWhole(join(folder, name), bytes);
  await syncDirectory(folder);
  return name;
}

/** Names of what was set aside. */
export async function quarantined(spool: string): Promise<readonly string[]> {
  const folder = quarantineOf(spool);
  return existsSync(folder) ? (await readdir(folder)).filter((name) => name.endsWith(".damaged")).sort() : [];
}
