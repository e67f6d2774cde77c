import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { version } from "@duckdb/node-api";

/** DuckDB's httpfs extension, from the environment or where `npm run fetch:crypto` puts it. */
const path =
  process.env["INBOXLOOP_DUCKDB_CRYPTO"] ??
  resolve(
    import.meta.dirname,
    `../../node_modules/.cache/inboxloop/duckdb-${version().replace(/^v/, "")}/httpfs.duckdb_extension`,
  );

/** Whether tests of encrypted homes are left out: never where CI runs them, so that nothing is green unseen. */
export const withoutCrypto = !existsSync(path) && process.env["CI"] === undefined;

export const homeKey = `v1:hex:${"5a".repeat(32)}`;
export const cryptoSettings = { INBOXLOOP_HOME_KEY: homeKey, INBOXLOOP_DUCKDB_CRYPTO: path } as const;
