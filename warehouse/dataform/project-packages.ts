import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readTree, refuseOutsiders } from "./project-files.ts";

/** Dataform's compiler, as npm names it. */
export const coreName = "@dataform/core";

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** Digest of its files. */
  readonly content: string;
}

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** A package.json, as far as it can be read: one that cannot is npm's business. */
export async function readManifest(dir: string): Promise<Manifest> {
  const text = await readFile(join(dir, "package.json"), "utf8").catch(() => "{}");
  try {
    const found: unknown = JSON.parse(text);
    const record = isRecord(found) ? found : {};
    const listed = (kind: string): Record<string, string> => {
      const ranges = record[kind];
      return isRecord(ranges)
        ? Object.fromEntries(Object.entries(ranges).map(([name, range]) => [name, String(range)]))
        : {};
    };
    return {
      version: String(record["version"] ?? ""),
      dependencies: listed("dependencies"),
      devDependencies: listed("devDependencies"),
    };
  } catch {
    return { version: "", dependencies: {}, devDependencies: {} };
  }
}

/** Packages of a project's node_modules and, as npm lays them out side by side, the ones that they depend on. */
export async function installedPackages(dir: string, names: Iterable<string>): Promise<readonly InstalledPackage[]> {
  const found = new Map<string, InstalledPackage>();
  for (let wanted = [...names]; wanted.length > 0; ) {
    const next: string[] = [];
    for (const name of wanted) {
      const folder = join(dir, "node_modules", name);
      if (found.has(name) || !existsSync(folder)) continue;
      await refuseOutsiders(dir, `node_modules/${name}`);
      const { version } = await readManifest(folder);
      const hash = createHash("sha256");
      for (const part of await withNested(folder)) {
        const files = new Map<string, string | Uint8Array>();
        await readTree(part, "", files);
        for (const [path, content] of files) hash.update(`${path} ${content.length}:`).update(content);
        next.push(...Object.keys((await readManifest(part)).dependencies));
      }
      found.set(name, { name, version, content: hash.digest("hex") });
    }
    // A project's own compiler comes only where it is asked for: what a package needs of it is what compiles the project.
    wanted = next.filter((name) => name !== coreName);
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A package's folder and those of the packages that npm laid into it, because their versions differ from those beside it. */
async function withNested(folder: string): Promise<readonly string[]> {
  const inside = join(folder, "node_modules");
  const entries = await readdir(inside, { withFileTypes: true }).catch(() => []);
  const names: string[] = [];
  for (const { name } of entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))) {
    if (!name.startsWith("@")) names.push(name);
    else names.push(...(await readdir(join(inside, name))).map((scoped) => `${name}/${scoped}`));
  }
  const nested = await Promise.all(names.sort().map((name) => withNested(join(inside, name))));
  return [folder, ...nested.flat()];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
