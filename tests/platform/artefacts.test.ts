import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bucketArtefacts } from "../../platform/artefacts/artefacts.ts";
import type { ObjectStore } from "../../platform/artefacts/object-store.ts";
import { makeFolderWhole } from "../../platform/files.ts";
import { writeWhole } from "../../platform/home-files.ts";

/** A bucket in memory; `failAfter` uploads the next one fails. */
function memoryStore(): ObjectStore & { objects: Map<string, Buffer>; failAfter: number; downloads: string[] } {
  const store = {
    objects: new Map<string, Buffer>(),
    downloads: [] as string[],
    failAfter: Number.POSITIVE_INFINITY,
    list: async (prefix: string) =>
      [...store.objects.keys()].filter((k) => k.startsWith(`${prefix}/`)).map((k) => k.slice(prefix.length + 1)),
    download: async (uri: string, path: string) => {
      store.downloads.push(uri);
      await writeWhole(path, store.objects.get(uri)!);
    },
    readText: async (uri: string) => store.objects.get(uri)?.toString("utf8"),
    upload: async (path: string, uri: string, { ifAbsent = false } = {}) => {
      if (store.failAfter-- <= 0) throw new Error("the network went away");
      if (ifAbsent && store.objects.has(uri)) return "kept" as const;
      store.objects.set(uri, await readFile(path));
      return "written" as const;
    },
  };
  return store;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-artefacts-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const make = (at: string, name: string) =>
  makeFolderWhole(join(at, name), async (temporary) => {
    await writeWhole(join(temporary, "lock.json"), `lock of ${name}`);
    await writeWhole(join(temporary, "part.parquet"), `rows of ${name}`);
  });

test("when one machine publishes an artefact then another finds it, its large files only when it asks", async () => {
  const store = memoryStore();
  const here = bucketArtefacts(store, "gs://b/snapshots", join(folder, "here"), ["lock.json"]);
  const there = bucketArtefacts(store, "gs://b/snapshots", join(folder, "there"), ["lock.json"]);
  await make(join(folder, "here"), "abc");
  await here.publish("abc");
  await writeWhole(join(folder, "here", "names", "january"), "abc\n");
  await here.publish("names/january");

  const found = await there.refresh();
  expect(await readFile(join(found, "abc", "lock.json"), "utf8")).toBe("lock of abc");
  expect(await readFile(join(found, "names", "january"), "utf8")).toBe("abc\n");
  await expect(readFile(join(found, "abc", "part.parquet"))).rejects.toMatchObject({ code: "ENOENT" });
  expect(await readFile(join(await there.fetch("abc"), "part.parquet"), "utf8")).toBe("rows of abc");
  const before = store.downloads.length;
  await there.refresh();
  await there.fetch("abc");
  expect(store.downloads).toHaveLength(before);
});

test("when publishing stops anywhere then nobody sees half of it, and publishing again completes it", async () => {
  await make(join(folder, "here"), "abc");
  for (let uploads = 0; uploads < 3; uploads++) {
    const store = memoryStore();
    const here = bucketArtefacts(store, "gs://b/models", join(folder, "here"), "all");
    const there = bucketArtefacts(store, "gs://b/models", join(folder, `there-${uploads}`), "all");
    store.failAfter = uploads;
    await expect(here.publish("abc")).rejects.toThrowError(/network/);
    const seen = await there.refresh();
    await expect(readFile(join(seen, "abc", "lock.json"))).rejects.toMatchObject({ code: "ENOENT" });
    store.failAfter = Number.POSITIVE_INFINITY;
    await here.publish("abc");
    expect(await readFile(join(await there.refresh(), "abc", "part.parquet"), "utf8")).toBe("rows of abc");
  }
});
