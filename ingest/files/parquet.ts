import { UserError } from "../../errors/user-error.ts";
import { checkExport, readExport, UnreadableParquet } from "../../warehouse/duckdb/read-export.ts";
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
    throw damaged(path, cause);
  }
}

/** Reads all columns of a Parquet file, so that a damaged one is known before anything of it lands. */
export async function checkParquet(path: string): Promise<void> {
  try {
    await checkExport(path);
  } catch (cause) {
    throw damaged(path, cause);
  }
}

function damaged(path: string, cause: unknown): unknown {
  if (!(cause instanceof UnreadableParquet)) return cause;
  return new UserError("the Parquet file cannot be read", {
    code: "ingest.damaged-file",
    exit: "usage",
    where: path,
    next: "fetch or export the file again",
    cause: cause.cause,
  });
}
