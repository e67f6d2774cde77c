import { UserError } from "../../errors/user-error.ts";
import type { CsvValue } from "../files/csv.ts";
import type { Message } from "../pipeline.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** A file of a run as far as the others want to know of it: its records, parsed. */
export interface RunFile {
  /** Without its folder. */
  readonly fileName: string;
  /** Names the content. */
  readonly fileId: string;
  records(): AsyncIterable<Fields>;
}

/** What a record has in the column that it is found by; undefined where that is empty. */
export function keyIn(fields: Fields, by: string): string | undefined {
  const value = fields[by];
  return value === undefined || value === null || value === "" ? undefined : String(value);
}

/** The error where the files of a run have more to say of each other than is held in memory. */
export const tooMany = (most: number, what: string, fileName: string): UserError =>
  new UserError(`more than ${most.toLocaleString("en-US")} ${what} to hold at once`, {
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
