import { openLocalWarehouse } from "../../duckdb/local-warehouse.ts";
import type { Value } from "../../duckdb/values.ts";

export const warehouse = await openLocalWarehouse();

/** The rows of a query with every value in plain text: bigint as digits, structs and arrays in brackets. */
export async function rows(sql: string): Promise<readonly string[]> {
  const result = await warehouse.run(sql);
  return result.rows.map((row) => row.map(text).join(" | "));
}

export async function types(sql: string): Promise<string> {
  const result = await warehouse.run(sql);
  return result.columns.map((column) => `${column.name} ${column.type}`.trim()).join(", ");
}

/** The code of the error that a statement must give. */
export async function code(sql: string): Promise<string> {
  try {
    const result = await warehouse.run(sql);
    return `no error: ${JSON.stringify(result.rows.map((row) => row.map(text)))}`;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

function text(value: Value): string {
  if (value === null) return "NULL";
  if (value instanceof Uint8Array) return `b:${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) {
    const isStruct = value.length > 0 && typeof value[0] === "object" && value[0] !== null && "value" in value[0];
    const items = value.map((item) => text(isStruct ? (item as { value: Value }).value : (item as Value)));
    return isStruct ? `(${items.join(", ")})` : `[${items.join(", ")}]`;
  }
  return String(value);
}
