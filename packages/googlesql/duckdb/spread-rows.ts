import type { SessionResult } from "./session.ts";
import type { Value } from "./values.ts";

/** As BigQuery shows rows that are STRUCTs (SELECT AS STRUCT): a column for each field. */
export function spreadRows(result: SessionResult): SessionResult {
  const [only] = result.columns;
  if (!result.isValueTable || only?.type.kind !== "STRUCT") return result;
  const { fields } = only.type;
  const columns = fields.map((field) => ({ name: field.name ?? "", type: field.type }));
  const rows = result.rows.map(([row]) =>
    fields.map((_, i) => (row as readonly { readonly value: Value }[] | null)?.[i]?.value ?? null),
  );
  return { columns, rows, isValueTable: false };
}
