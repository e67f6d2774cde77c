import type { AppendResult, Row } from "../warehouse.ts";
import { microsecondsOfIso } from "./values.ts";

/** A row error as the Storage Write API reports it. */
export interface AppendRowError {
  readonly index?: string | number | { toString(): string } | null;
  readonly message?: string | null;
}

/** What an append came back with: the response's fields that we read. */
export interface AppendResponse {
  readonly rowErrors?: readonly AppendRowError[] | null;
  readonly error?: { readonly code?: number | null; readonly message?: string | null } | null;
}

/** An open writer on one table: `managedwriter.JSONWriter` is one. */
export interface RowWriter {
  appendRows(rows: Record<string, unknown>[]): { getResult(): Promise<AppendResponse> };
  close(): void;
}

/** Opens writers on a table's default stream. At least once: what makes it exactly once is the key of each row. */
export interface AppendStreams {
  /** `table` is `projects/p/datasets/d/tables/t`; `columns` tells how to encode each value. */
  open(table: string): Promise<{ readonly writer: RowWriter; readonly types: ReadonlyMap<string, string> }>;
  close(): void;
}

/** gRPC's INVALID_ARGUMENT and NOT_FOUND. */
const invalidArgument = 3;

/** Appends rows to a table's default stream and says what became of them. */
export async function appendRows(streams: AppendStreams, table: string, rows: readonly Row[]): Promise<AppendResult> {
  if (rows.length === 0) return { kind: "written", rows: 0 };
  const { writer, types } = await streams.open(table);
  const unknown = Object.keys(rows[0] ?? {}).find((name) => !types.has(name));
  if (unknown) return { kind: "schema-lagging", cause: new Error(`${table} has no column ${unknown} yet`) };
  let response: AppendResponse;
  try {
    response = await writer.appendRows(rows.map((row) => encodeRow(row, types))).getResult();
  } catch (error) {
    const rowErrors = (error as { rowErrors?: AppendRowError[] }).rowErrors;
    if (rowErrors?.length) return rejected(rowErrors);
    if (isSchemaLag(error)) return { kind: "schema-lagging", cause: error };
    throw error;
  }
  if (response.rowErrors?.length) return rejected(response.rowErrors);
  if (response.error?.code) {
    const cause = Object.assign(new Error(response.error.message ?? "append failed"), { code: response.error.code });
    if (isSchemaLag(cause)) return { kind: "schema-lagging", cause };
    throw cause;
  }
  return { kind: "written", rows: rows.length };
}

const rejected = (errors: readonly AppendRowError[]): AppendResult => ({
  kind: "rejected-rows",
  reasonByIndex: new Map(errors.map((error) => [Number(String(error.index ?? 0)), error.message ?? "refused"])),
});

/** A column that was just added is refused as an extra field until the stream's schema has caught up. */
const isSchemaLag = (error: unknown): boolean => {
  const { code, message = "" } = error as { code?: number; message?: string };
  return code === invalidArgument && /schema.?mismatch|extra.?fields?|unknown field/i.test(message);
};

function encodeRow(row: Row, types: ReadonlyMap<string, string>): Record<string, unknown> {
  const encoded: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) {
    if (value === null || value === undefined) continue;
    encoded[name] = encodeValue(value, types.get(name) ?? "STRING");
  }
  return encoded;
}

/** The wire's forms: TIMESTAMP microseconds, DATE days since the epoch, the rest as they are. */
function encodeValue(value: unknown, type: string): unknown {
  switch (type) {
    case "TIMESTAMP":
      return Number(value instanceof Date ? BigInt(value.getTime()) * 1000n : microsecondsOfIso(String(value)));
    case "DATE":
      return Date.parse(`${String(value)}T00:00:00Z`) / 86_400_000;
    case "INT64":
      return typeof value === "bigint" && !Number.isSafeInteger(Number(value)) ? String(value) : Number(value);
    case "JSON":
      return typeof value === "string" ? value : JSON.stringify(value);
    default:
      return value;
  }
}
