import { existsSync } from "node:fs";
import { open, readdir, readFile, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { sealOf, unsealed } from "../../platform/home-seal.ts";
import { eraseFromDatabase, findInDatabase } from "../../warehouse/duckdb/erase-from-database.ts";
import type { Holding, Subject } from "./holding.ts";

/**
 * The warehouse of this machine: rows deleted from every table, and the file written anew. `refreshViews` lets its views find the segments as they
 * are by then. What is aggregated comes right with the next build, for its sources have changed.
 */
export function warehouseHolding(path: string, signal: AbortSignal, refreshViews: () => Promise<void>): Holding {
  return {
    name: "warehouse",
    async find(subject) {
      const found = await findInDatabase(path, subject, signal);
      return { places: found.map(({ table, found: rows }) => ({ where: table, rows })) };
    },
    async erase({ subject, fault }) {
      if (!existsSync(path)) return;
      await refreshViews();
      await eraseFromDatabase(path, subject, { signal, fault });
    },
  };
}

const chunkBytes = 1 << 20;
const idBytes = 80;

/**
 * Files that can be made again: reports, caches. One in which an id of the subject stands goes. `folders` are searched with what is below them.
 */
export function madeFilesHolding(root: string, folders: readonly string[]): Holding {
  const naming = async (subject: Subject): Promise<readonly string[]> => {
    const ids = new Set(subject.ids);
    const found: string[] = [];
    for (const folder of folders)
      for (const path of await filesBelow(folder)) if (await namesOne(path, ids)) found.push(path);
    return found;
  };
  return {
    name: "files",
    async find(subject) {
      return { places: (await naming(subject)).map((path) => ({ where: relative(root, path), rows: 1 })) };
    },
    async erase({ subject, fault }) {
      for (const path of await naming(subject)) {
        await rm(path, { force: true });
        fault("file-removed");
      }
    },
  };
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function namesOne(path: string, ids: ReadonlySet<string>): Promise<boolean> {
  const seal = sealOf(path);
  if (seal) {
    // Whole, for it opens only as a whole; what stands there in clear was made by no command.
    const bytes = unsealed(await readFile(path), seal);
    if (bytes === undefined) return false;
    return [...bytes.toString("latin1").matchAll(/sha256:[0-9a-f]{64}/g)].some(([id]) => ids.has(id));
  }
  const file = await open(path, "r");
  try {
    let rest = "";
    for await (const chunk of file.createReadStream({ highWaterMark: chunkBytes })) {
      const text = rest + (chunk as Buffer).toString("latin1");
      for (const [id] of text.matchAll(/sha256:[0-9a-f]{64}/g)) if (ids.has(id)) return true;
      rest = text.slice(-idBytes);
    }
    return false;
  } finally {
    await file.close();
  }
}
