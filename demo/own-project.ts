import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of Inboxloop's own Dataform project: the nearest above this file with a dataform.json, in sources and in dist/. */
export function ownProjectDir(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, "dataform.json"))) {
    const parent = dirname(dir);
    if (parent === dir) throw new Error("Inboxloop's own dataform.json is missing");
    dir = parent;
  }
  return dir;
}
