import { createHash } from "node:crypto";
import { recordMatches } from "./apply.ts";
import { type Fields, keyIn, type RunFile, tooMany } from "./run-files.ts";
import type { Mapping } from "./schema.ts";

/** Details that stand in files of their own, found by the id of the record that they belong to. */
export interface Details {
  /** Names what was found: the same details, the same text. */
  readonly digest: string;
  /** The record with its details beside it; undefined for details whose record is in another file of the run, which tells them. */
  join(fields: Fields, fileName: string): Fields | undefined;
}

/** More are not held in memory. */
const maxDetails = 1_000_000;

/**
 * Reads the files of one run for details (`details` of the mapping) and for the records that they belong to. Undefined where the mapping asks for none
 * or nothing belongs together. Details whose record is in none of the files stay records of their own.
 */
export async function readDetails(
  mapping: Mapping,
  files: readonly RunFile[],
  signal: AbortSignal,
): Promise<Details | undefined> {
  const rule = mapping.details;
  if (!rule || files.length < 2) return undefined;
  const keyOf = (fields: Fields): string | undefined => keyIn(fields, rule.by);
  const isDetail = (fields: Fields, fileName: string): boolean => recordMatches(rule.in, fields, fileName);
  const isOwner = (fields: Fields, fileName: string): boolean => recordMatches(rule.of, fields, fileName);

  const found = new Map<string, Fields>();
  const digest = createHash("sha256");
  for (const file of files) {
    let isFirst = true;
    for await (const fields of file.records()) {
      if (signal.aborted || !isDetail(fields, file.fileName)) break;
      if (isFirst) digest.update(`${file.fileId}\n`);
      isFirst = false;
      const key = keyOf(fields);
      if (key !== undefined) found.set(key, { ...found.get(key), ...fields });
      if (found.size > maxDetails) throw tooMany(maxDetails, "details", file.fileName);
    }
  }
  if (found.size === 0) return undefined;

  const owned = new Set<string>();
  for (const file of files) {
    for await (const fields of file.records()) {
      if (signal.aborted || isDetail(fields, file.fileName) || !isOwner(fields, file.fileName)) break;
      const key = keyOf(fields);
      if (key !== undefined && found.has(key)) owned.add(key);
    }
  }
  if (owned.size === 0) return undefined;
  return {
    digest: digest.digest("hex"),
    join(fields, fileName) {
      const key = keyOf(fields);
      if (key === undefined || !owned.has(key)) return fields;
      if (isDetail(fields, fileName)) return undefined;
      return isOwner(fields, fileName) ? { ...found.get(key), ...filled(fields) } : fields;
    },
  };
}

/** What a record leaves empty its details may say. */
const filled = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== ""),
  );
