import { UserError } from "../../errors/user-error.ts";
import { GoogleSqlError, GoogleSqlEvaluationError } from "../../packages/googlesql/index.ts";
import { damagedSegment } from "./segment-digests.ts";

/** What the engine says of a Parquet file that is cut off, empty, or not what was written. */
const ofSegment =
  /No magic bytes found|too small to be a Parquet file|Failed to read file|Decompression failure|TProtocolException|Invalid thrift|is not a (?:valid )?parquet file|Parquet (?:file|reader).*(?:corrupt|invalid|truncated)|don't know what type: |^Invalid Error: Out of buffer|Could not read enough bytes from file ".*\.parquet"/i;
const segmentPath = /['"]([^'"\n]+\.parquet)['"]/;

/** What it says of its own file. */
const ofWarehouse =
  /Corrupt database file|not a valid DuckDB database file|Could not read enough bytes from file|database has been invalidated|Failed to deserialize|Failure while replaying WAL|Serialization Error/i;

/** What it says of bytes of an encrypted file that are not those that were written: without a name, be it its own file or a segment. */
const ofEncrypted =
  /Computed AES tag differs|Wrong encryption key used|is not encrypted, but 'encryption_config' was set/;

/** Whether a failure to open says that the file is broken, and not that it may not be read. */
export const isDamaged = (message: string): boolean => ofWarehouse.test(message) || ofEncrypted.test(message);

/** How to get a warehouse file again: everything in it is made of the segments. */
export const rebuild = (path: string): string =>
  `mv ${path} ${path}.broken && inboxloop build   (it is made of the raw segments anew)`;

/**
 * What a failure of the engine means where its files are damaged: an error that says which file and what to do. Undefined for any other
 * failure. The files' content stays out of the message.
 */
export function damagedData(error: unknown): UserError | undefined {
  if (!(error instanceof Error) || error instanceof UserError) return undefined;
  if (error instanceof GoogleSqlError && !(error instanceof GoogleSqlEvaluationError)) return undefined;
  const texts = [error.message, error.cause instanceof Error ? error.cause.message : ""];
  if (texts.some((one) => ofEncrypted.test(one))) {
    return new UserError("a file of an encrypted home is damaged: its bytes are not those that were written", {
      code: "home.damaged-file",
      exit: "check",
      next: `inboxloop ingest verify   (the segments; where they are whole: ${rebuild(".inboxloop/warehouse.duckdb")})`,
      cause: error,
    });
  }
  const text = texts.find((one) => ofSegment.test(one));
  if (text !== undefined) return damagedSegment(segmentPath.exec(text)?.[1] ?? "the raw folder", error);
  if (!/^(?:IO|Serialization|FATAL|INTERNAL|Invalid) ?Error/i.test(texts[0]!) || !ofWarehouse.test(texts[0]!))
    return undefined;
  return new UserError("the warehouse file is damaged", {
    code: "warehouse.damaged",
    exit: "config",
    next: rebuild(".inboxloop/warehouse.duckdb"),
    cause: error,
  });
}
