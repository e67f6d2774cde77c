import { createHash } from "node:crypto";
import { UserError } from "../../errors/user-error.ts";
import type { CsvValue } from "../files/csv.ts";
import type { Message } from "../pipeline.ts";
import { recordMatches } from "./apply.ts";
import type { Mapping } from "./schema.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A file as far as its details are looked for: its records, parsed. */
export interface DetailFile {
  /** Without its folder. */
  readonly fileName: string;
  /** Names the content. */
  readonly fileId: string;
  records(): AsyncIterable<Fields>;
}

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
  files: readonly DetailFile[],
  signal: AbortSignal,
): Promise<Details | undefined> {
  const rule = mapping.details;
  if (!rule || files.length < 2) return undefined;
  const keyOf = (fields: Fields): string | undefined => {
    const value = fields[rule.by];
    return value === undefined || value === null || value === "" ? undefined : String(value);
  };
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
      if (found.size > maxDetails) throw tooMany(file.fileName);
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

const tooMany = (fileName: string): UserError =>
  new UserError(`more than ${maxDetails.toLocaleString("en-US")} details to hold at once`, {
    code: "ingest.too-many-details",
    exit: "usage",
    where: fileName,
    next: "ingest the export of a shorter time, its files together",
  });

/** The fields of a message as its format's reader, or JSON, gives them; undefined for what is no record. */
export function fieldsOf(message: Message): Fields | undefined {
  let value: unknown = message.value;
  if (value === undefined) {
    try {
      value = JSON.parse(Buffer.from(message.data).toString("utf8"));
    } catch {
      return undefined;
    }
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  const csv = value as CsvValue;
  if (csv.kind === "record" && "fields" in csv) return csv.fields;
  return csv.kind === "malformed" && "detail" in csv ? undefined : (value as Fields);
}
