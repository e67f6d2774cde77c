import type { LocalWarehouse } from "../duckdb/local-warehouse.ts";
import { GoogleSqlError, UnsupportedGoogleSql } from "../errors.ts";
import { parseType } from "../types.ts";
import { differenceOf } from "./compare.ts";
import { excuseOf, keepsRefereeBusy } from "./known-limits.ts";
import type { Referee } from "./referee.ts";

export type Outcome =
  /** The same rows and types, or an error from both. */
  | { readonly kind: "same"; readonly as: "rows" | "error" }
  /** The local engine says that it does not serve the statement. */
  | { readonly kind: "refused"; readonly code: string }
  /** The referee cannot judge it. */
  | { readonly kind: "unjudged"; readonly reason: string }
  | { readonly kind: "different"; readonly sql: string; readonly what: string };

export interface RunOptions {
  /** Compare the types of the columns and whether there is an error, not the values. */
  readonly isVolatile?: boolean;
  readonly ignoreArrayOrder?: boolean;
}

const busy: Outcome = { kind: "unjudged", reason: "the reference evaluator would not come back" };

/** Runs a query on the local engine and on the referee. Whatever is neither a GoogleSQL error nor a result is thrown. */
export async function runOnBoth(
  local: LocalWarehouse,
  referee: Referee,
  sql: string,
  options: RunOptions = {},
): Promise<Outcome> {
  let mine: {
    columns: { name: string; type: ReturnType<typeof parseType> }[];
    rows: Awaited<ReturnType<LocalWarehouse["run"]>>["rows"];
  };
  try {
    // The local engine first: what it refuses needs no verdict, and some of that would keep the referee busy for hours.
    const result = await local.run(sql);
    mine = {
      columns: result.columns.map((column) => ({ name: column.name, type: parseType(column.type) })),
      rows: result.rows,
    };
  } catch (error) {
    if (error instanceof UnsupportedGoogleSql) return { kind: "refused", code: error.code };
    if (!(error instanceof GoogleSqlError)) {
      return { kind: "different", sql, what: `no GoogleSQL error: ${String(error)}` };
    }
    if (keepsRefereeBusy(sql)) return busy;
    const verdict = await referee.evaluate(sql);
    if (verdict.kind === "error") {
      const excuse = verdict.phase === "unserved" ? "the reference evaluator does not carry it out" : undefined;
      return excuse ? { kind: "unjudged", reason: excuse } : { kind: "same", as: "error" };
    }
    return { kind: "different", sql, what: `fails with ${error.code} "${error.message}", the referee has rows` };
  }
  if (keepsRefereeBusy(sql)) return busy;
  const verdict = await referee.evaluate(sql);
  if (verdict.kind === "error") {
    const excuse = verdict.phase === "unserved" ? verdict.message : excuseOf(verdict.message);
    if (excuse) return { kind: "unjudged", reason: excuse };
    return { kind: "different", sql, what: `has rows, the referee fails: ${verdict.message}` };
  }
  const compared = options.isVolatile
    ? { local: { ...mine, rows: [] }, referee: { ...verdict, rows: [] } }
    : { local: mine, referee: verdict };
  const difference = differenceOf(compared.local, compared.referee, options);
  return difference ? { kind: "different", sql, what: difference } : { kind: "same", as: "rows" };
}
