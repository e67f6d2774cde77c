import { basename } from "node:path";
import type { IdHasher } from "../door/id-hasher.ts";
import { type DetailFile, type Details, fieldsOf, readDetails } from "../mapping/details.ts";
import type { Mapping } from "../mapping/schema.ts";
import { fileInput } from "./file.ts";

/** What the files of one run say of each other's records, where the mapping joins them. */
export async function detailsOfFiles(
  paths: readonly string[],
  mapping: Mapping,
  hashId: IdHasher,
  signal: AbortSignal,
): Promise<Details | undefined> {
  if (!mapping.details || paths.length < 2) return undefined;
  const files = await Promise.all(
    paths.map(async (path): Promise<DetailFile> => {
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
  return readDetails(mapping, files, signal);
}
