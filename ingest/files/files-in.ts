import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { noFile, putAside, type SetAside } from "../unreadable.ts";

export interface FolderOptions {
  /** Whether a file of this name is looked for; what lies beside it is told as well. */
  readonly wants: (name: string, beside: readonly string[]) => boolean;
  /** Whether a folder is entered: by default where it is not hidden. */
  readonly enters?: (name: string, beside: readonly string[]) => boolean;
  readonly setAside: SetAside | undefined;
}

/**
 * The files of a folder and of the folders in it, with their sizes. Links are followed, each folder is read once, so a circle of links ends. What cannot be
 * read is set aside by name: a folder, a link that leads nowhere, a pipe where a file is looked for.
 */
export async function* filesIn(
  folder: string,
  options: FolderOptions,
  read: Set<string> = new Set(),
): AsyncIterable<{ readonly path: string; readonly size: number }> {
  const { wants, enters = (name) => !name.startsWith("."), setAside } = options;
  const names = await namesIn(folder, read, setAside);
  for (const name of names) {
    const path = join(folder, name);
    // A name without an ending may be a folder's: what lies behind a broken link of that name is not known to be unwanted.
    const mayMatter = wants(name, names) || (!name.includes(".") && enters(name, names));
    const info = await stat(path).catch((error: unknown) => {
      if (mayMatter) putAside(path, error, setAside);
    });
    if (info === undefined) continue;
    if (info.isDirectory()) {
      if (enters(name, names)) yield* filesIn(path, options, read);
    } else if (wants(name, names)) {
      if (info.isFile()) yield { path, size: info.size };
      else putAside(path, noFile(path), setAside);
    }
  }
}

/** The names in a folder, in order; none where it was read before. */
async function namesIn(folder: string, read: Set<string>, setAside: SetAside | undefined): Promise<readonly string[]> {
  try {
    const real = await realpath(folder);
    if (read.has(real)) return [];
    read.add(real);
    return (await readdir(folder)).sort();
  } catch (error) {
    putAside(folder, error, setAside);
    return [];
  }
}
