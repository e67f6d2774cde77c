import { UserError } from "../../errors/user-error.ts";
import { readExport, UnreadableParquet } from "../../warehouse/duckdb/read-export.ts";
import type { Message } from "../pipeline.ts";

/** Rows of a Parquet file as messages, numbered from 1; `readExport` says what becomes of their values. */
export async function* parquetRows(path: string, skip: number): AsyncIterable<readonly Message[]> {
  let position = skip;
  try {
    for await (const block of readExport(path, skip)) {
      yield block.map((value) => {
        position += 1;
        return { position, value, data: Buffer.from(JSON.stringify(value), "utf8") };
      });
    }
  } catch (cause) {
    if (!(cause instanceof UnreadableParquet)) throw cause;
    throw new UserError("the Parquet file cannot be read", {
      code: "ingest.damaged-file",
      exit: "usage",
      where: path,
      next: "fetch or export the file again",
      cause: cause.cause,
    });
  }
}
