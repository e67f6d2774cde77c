import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { UserError } from "../../errors/user-error.ts";

const textFile = /\.(sqlx|sql|js|json|ya?ml|md|txt|csv|ipynb)$/i;

/** Reads a folder of a project with all that is in it, `folder/name` -> content. What is hidden and what npm installs is left out. */
export async function readTree(dir: string, folder: string, into: Map<string, string | Uint8Array>): Promise<void> {
  const entries = await readdir(join(dir, folder), { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    const isLink = entry.isSymbolicLink();
    if (isLink || !(entry.isFile() || entry.isDirectory())) await refuseOutsiders(dir, path);
    if (entry.isDirectory() || (isLink && (await stat(join(dir, path))).isDirectory())) {
      if (entry.name !== "node_modules") await readTree(dir, path, into);
    } else if (!entry.name.startsWith(".")) into.set(path, await readContent(join(dir, path)));
  }
}

/**
 * Refuses, by name, what would bring something into the project that does not lie in it: a symbolic link that leads out of `dir` or
 * into a folder around itself, and a pipe, socket or device. What is not there is nobody's concern.
 */
export async function refuseOutsiders(dir: string, path: string): Promise<void> {
  const refuse = (what: string): never => {
    throw new UserError(`${path} is ${what}: a project is compiled of its own files alone`, {
      code: "dataform.outside",
      exit: "config",
      where: path,
      next: `put a copy of the file in its place`,
    });
  };
  const root = await realpath(dir);
  const real = await realpath(join(dir, path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") return refuse("a symbolic link that leads nowhere");
    return undefined;
  });
  if (real === undefined) return;
  const own = join(root, path);
  if (own.startsWith(real + sep) && (real + sep).startsWith(root + sep))
    refuse("a symbolic link to a folder that it lies in");
  if (!real.startsWith(root + sep)) refuse("a symbolic link that leads out of the project");
  const found = await stat(real);
  if (!found.isFile() && !found.isDirectory()) refuse("no regular file");
}

/** A file's text where it is one, its bytes otherwise. */
export async function readContent(path: string): Promise<string | Uint8Array> {
  return textFile.test(path) ? await readFile(path, "utf8") : await readFile(path);
}
