import { UserError } from "../../../errors/user-error.ts";
import { nearNames } from "../../../warehouse/dataform/table-card.ts";
import type { Warehouse } from "../../../warehouse/warehouse.ts";

/** Where the project's own tables are, the ones that people ask for first. */
const schemas = [
  "training",
  "features",
  "labels",
  "events",
  "monitoring",
  "ops",
  "governance",
  "identity",
  "staging",
  "raw",
];

/** A query's error with what to ask instead: tables of nearly that name for one that is not there, and INFORMATION_SCHEMA for SHOW. */
export async function whatToAsk(error: unknown, warehouse: Pick<Warehouse, "query">): Promise<unknown> {
  if (!(error instanceof UserError) || error.next !== undefined) return error;
  const told = (message: string, next: string) =>
    new UserError(message, { code: error.code, exit: error.exit, where: error.where, next, cause: error });
  if (error.code === "refused.The_statement_SHOW")
    return told(
      error.message,
      'inboxloop query "select table_name from events.INFORMATION_SCHEMA.TABLES", or inboxloop docs',
    );
  const missing = /^Table not found: ([\w.-]+)$/.exec(error.message)?.[1];
  if (missing === undefined) return error;
  const parts = missing.split(".");
  const [schema, name] = [parts.at(-2), parts.at(-1)!];
  const known: string[] = [];
  for (const one of new Set([...(schema === undefined ? [] : [schema]), ...schemas])) {
    if (!/^\w+$/.test(one)) continue;
    const { rows } = await warehouse
      .query(`select table_name from \`${one}\`.INFORMATION_SCHEMA.TABLES`)
      .catch(() => ({ rows: [] }));
    known.push(...rows.map((row) => `${one}.${row["table_name"]}`));
  }
  const same = known.filter((one) => one.split(".")[1]?.toLowerCase() === name.toLowerCase());
  const near = same.length > 0 ? same : nearNames(schema === undefined ? name : `${schema}.${name}`, known);
  return near.length === 0
    ? told(error.message, "inboxloop docs")
    : told(`${error.message}. Did you mean ${near.join(" or ")}?`, `inboxloop docs ${near[0]}`);
}
