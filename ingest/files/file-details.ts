import { basename } from "node:path";
import type { IdHasher } from "../door/id-hasher.ts";
import { recordMatches } from "../mapping/apply.ts";
import { type Details, readDetails } from "../mapping/details.ts";
import { type Lookups, readLookups } from "../mapping/lookups.ts";
import { fieldsOf, type RunFile } from "../mapping/run-files.ts";
import type { Mapping } from "../mapping/schema.ts";
import { putAside, type SetAside, type Unreadable } from "../unreadable.ts";
import { fileInput } from "./file.ts";

/** What the files of one run say of each other's records. */
export interface OtherFiles {
  /** Where the mapping joins records of two files. */
  readonly details: Details | undefined;
  /** Where it looks values up. */
  readonly lookups: Lookups | undefined;
}

const nothing: OtherFiles = { details: undefined, lookups: undefined };

/**
 * Reads the files of one run for what its mapping wants to know of the others; gives those that can be taken in. One that cannot be read is set aside. Where
 * the mapping joins details with their records, so are the files that it may belong to: a detail that lands without its record lands for nobody, and under the
 * record's id.
 */
export async function otherFilesOf(
  paths: readonly string[],
  mapping: Mapping,
  hashId: IdHasher,
  signal: AbortSignal,
  setAside?: SetAside,
): Promise<{ readonly others: OtherFiles; readonly paths: readonly string[] }> {
  if ((!mapping.details && !mapping.lookups) || paths.length < 2) return { others: nothing, paths };
  const unreadable: Unreadable[] = [];
  const found = new Map<string, RunFile>();
  for (const path of paths) {
    try {
      found.set(path, await runFile(path, mapping, hashId, signal));
    } catch (error) {
      putAside(path, error, setAside && ((one) => unreadable.push(one)));
    }
  }
  const [broken] = unreadable;
  for (const one of unreadable) setAside?.(one);
  if (broken !== undefined && mapping.details)
    for (const [path, file] of found) {
      if (!(await isJoined(file, mapping.details))) continue;
      found.delete(path);
      setAside?.({
        path,
        code: "ingest.waits",
        why: `its records are joined with those of other files, and ${basename(broken.path)} cannot be read`,
        next: broken.next,
      });
    }
  const files = [...found.values()];
  const others = {
    details: await readDetails(mapping, files, signal),
    lookups: await readLookups(mapping, files, signal),
  };
  return { others, paths: [...found.keys()] };
}

async function runFile(path: string, mapping: Mapping, hashId: IdHasher, signal: AbortSignal): Promise<RunFile> {
  const input = await fileInput(path, { hashId, mapping });
  await input.prepare?.();
  return {
    fileName: basename(path),
    fileId: input.id,
    async *records() {
      for await (const block of input.open(0).pull(signal))
        for (const message of block) {
          const fields = fieldsOf(message);
          if (fields) yield fields;
        }
    },
  };
}

/** Whether a file has details, or records that have some in other files; a file holds one kind. */
async function isJoined(file: RunFile, rule: NonNullable<Mapping["details"]>): Promise<boolean> {
  for await (const fields of file.records())
    return recordMatches(rule.in, fields, file.fileName) || recordMatches(rule.of, fields, file.fileName);
  return false;
}
