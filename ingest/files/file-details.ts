import { basename } from "node:path";
import type { IdHasher } from "../door/id-hasher.ts";
import { type Details, readDetails } from "../mapping/details.ts";
import { type Lookups, readLookups } from "../mapping/lookups.ts";
import { fieldsOf, type RunFile } from "../mapping/run-files.ts";
import type { Mapping } from "../mapping/schema.ts";
import { fileInput } from "./file.ts";

/** What the files of one run say of each other's records. */
export interface OtherFiles {
  /** Where the mapping joins records of two files. */
  readonly details: Details | undefined;
  /** Where it looks values up. */
  readonly lookups: Lookups | undefined;
}

/** Reads the files of one run for what its mapping wants to know of the others. */
export async function otherFilesOf(
  paths: readonly string[],
  mapping: Mapping,
  hashId: IdHasher,
  signal: AbortSignal,
): Promise<OtherFiles> {
  if ((!mapping.details && !mapping.lookups) || paths.length < 2) return { details: undefined, lookups: undefined };
  const files = await Promise.all(
    paths.map(async (path): Promise<RunFile> => {
      const input = await fileInput(path, { hashId, mapping });
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
    }),
  );
  return {
    details: await readDetails(mapping, files, signal),
    lookups: await readLookups(mapping, files, signal),
  };
}
