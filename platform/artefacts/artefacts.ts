import { access, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { moveDurably, syncFile, writeAsIs } from "../files.ts";
import { writeWhole } from "../home-files.ts";
import type { ObjectStore } from "./object-store.ts";

/**
 * Whole folders by name (a snapshot, a model), on disk or in a bucket. A folder is there whole or not at all, and never changes: whoever
 * makes one that is there already keeps the one that is there.
 */
export interface Artefacts {
  /** A path, or gs://bucket/prefix. */
  readonly where: string;
  /**
   * The folder on this machine that stands for all of them, up to date with the bucket: what a list needs of every artefact is in it,
   * the rest once `fetch` was asked for it.
   */
  refresh(): Promise<string>;
  /** A folder of this machine with the whole artefact in it. */
  fetch(name: string): Promise<string>;
  /** Makes what was made in the folder of this machine known where the artefacts live. Nothing to do on disk. */
  publish(name: string): Promise<void>;
}

/** Artefacts in a folder of this machine. */
export function folderArtefacts(folder: string): Artefacts {
  return {
    where: folder,
    refresh: async () => folder,
    fetch: async (name) => join(folder, name),
    publish: async () => {},
  };
}

/** A file that says which files an artefact in a bucket has; uploaded last, so that an artefact without one is not there yet. */
const manifestName = "_files.json";

/**
 * Artefacts in Cloud Storage, with a copy in `folder`. `eager` names the files that a list needs of each (lock.json), or says that all
 * are brought at once; names of snapshots (`names/<name>`) are small files too and move, so they are always brought anew.
 */
export function bucketArtefacts(
  store: ObjectStore,
  prefix: string,
  folder: string,
  eager: readonly string[] | "all",
): Artefacts {
  const uri = (path: string) => `${prefix.replace(/\/$/, "")}/${path}`;

  async function bring(name: string, files: readonly string[]): Promise<void> {
    const path = join(folder, name);
    for (const file of files) {
      if (await exists(join(path, file))) continue;
      await mkdir(path, { recursive: true });
      const temporary = join(path, `.${file}.part`);
      await store.download(uri(`${name}/${file}`), temporary);
      await syncFile(temporary);
      await moveDurably(temporary, join(path, file));
    }
  }

  const filesOf = async (name: string): Promise<readonly string[]> => {
    const text = await store.readText(uri(`${name}/${manifestName}`));
    return text === undefined ? [] : (JSON.parse(text) as string[]);
  };

  return {
    where: prefix,
    async refresh() {
      await mkdir(folder, { recursive: true });
      for (const object of await store.list(prefix)) {
        const [name, file, ...rest] = object.split("/");
        if (!name || rest.length > 0) continue;
        if (file === manifestName) await bring(name, eager === "all" ? await filesOf(name) : eager);
        else if (name === "names" && file) {
          await writeWhole(join(folder, "names", file), (await store.readText(uri(object))) ?? "");
        }
      }
      return folder;
    },
    async fetch(name) {
      const path = join(folder, name);
      const files = await filesOf(name);
      if (files.length > 0) await bring(name, files);
      return path;
    },
    async publish(name) {
      const path = join(folder, name);
      if (name.startsWith("names/")) {
        await store.upload(path, uri(name));
        return;
      }
      const files = (await readdir(path)).filter((file) => !file.startsWith(".")).sort();
      for (const file of files) await store.upload(join(path, file), uri(`${name}/${file}`), { ifAbsent: true });
      const listed = join(folder, `.${name}.files`);
      await writeAsIs(listed, JSON.stringify(files));
      await store.upload(listed, uri(`${name}/${manifestName}`), { ifAbsent: true });
      await rm(listed);
    },
  };
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
