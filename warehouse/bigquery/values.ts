import type { Column } from "../warehouse.ts";

/** A field of a BigQuery schema as the REST API prints it. */
export interface SchemaField {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  readonly mode?: string | undefined;
  readonly fields?: readonly SchemaField[] | undefined;
  readonly policyTags?: { readonly names?: readonly string[] | undefined } | undefined;
}

/** A row or struct as the REST API prints it: cells in field order. */
export interface Cells {
  readonly f?: readonly { readonly v?: unknown }[] | undefined;
}

/** The REST API still says some types in legacy SQL's words. */
const legacyNames: Readonly<Record<string, string>> = {
  INTEGER: "INT64",
  FLOAT: "FLOAT64",
  BOOLEAN: "BOOL",
  RECORD: "STRUCT",
};

/** The GoogleSQL type of a field: `ARRAY<STRUCT<a INT64>>`. */
export function typeOfField(field: SchemaField): string {
  const stated = (field.type ?? "STRING").toUpperCase();
  const name = legacyNames[stated] ?? stated;
  const element =
    name === "STRUCT"
      ? `STRUCT<${(field.fields ?? []).map((inner) => `${inner.name ?? ""} ${typeOfField(inner)}`).join(", ")}>`
      : name;
  return field.mode === "REPEATED" ? `ARRAY<${element}>` : element;
}

export const columnsOfSchema = (fields: readonly SchemaField[]): Column[] =>
  fields.map((field) => ({ name: field.name ?? "", type: typeOfField(field) }));

/** Decodes one row of the REST API to the values that the Warehouse port promises. */
export const decodeRow = (fields: readonly SchemaField[], row: Cells): Record<string, unknown> =>
  Object.fromEntries(fields.map((field, index) => [field.name ?? "", decodeCell(field, row.f?.[index]?.v)]));

function decodeCell(field: SchemaField, value: unknown): unknown {
  if (field.mode === "REPEATED") {
    const element = { ...field, mode: "NULLABLE" };
    return ((value ?? []) as readonly { readonly v?: unknown }[]).map((item) => decodeCell(element, item.v));
  }
  if (value === null || value === undefined) return null;
  const stated = (field.type ?? "STRING").toUpperCase();
  switch (legacyNames[stated] ?? stated) {
    case "INT64":
      return BigInt(value as string);
    case "FLOAT64":
      return Number(value);
    case "BOOL":
      return value === true || value === "true";
    case "BYTES":
      return new Uint8Array(Buffer.from(value as string, "base64"));
    case "STRUCT":
      return decodeRow(field.fields ?? [], value as Cells);
    case "TIMESTAMP":
      return timestampText(value as string);
    case "DATETIME":
      return trimFraction(String(value).replace(" ", "T"));
    case "TIME":
      return trimFraction(String(value));
    default:
      return String(value);
  }
}

/** Microseconds since the epoch (what we ask for) or seconds with a fraction (what older servers say) to ISO text. */
function timestampText(value: string): string {
  const text = String(value);
  const microseconds = /^-?\d+$/.test(text) ? BigInt(text) : BigInt(Math.round(Number(text) * 1_000_000));
  return isoOfMicroseconds(microseconds);
}

/** `1700000000123456n` => `2023-11-14T22:13:20.123456Z`. */
export function isoOfMicroseconds(microseconds: bigint): string {
  const millisecond = microseconds >= 0n ? microseconds / 1000n : -((-microseconds + 999n) / 1000n);
  const rest = Number(microseconds - millisecond * 1000n);
  const iso = new Date(Number(millisecond)).toISOString();
  return `${trimFraction(`${iso.slice(0, -1)}${String(rest).padStart(3, "0")}`)}Z`;
}

/** A fraction of 0, 3 or 6 digits, as GoogleSQL prints it. */
function trimFraction(text: string): string {
  const [whole, fraction = ""] = text.split(".");
  const digits = fraction.padEnd(6, "0").slice(0, 6);
  if (digits === "000000") return whole ?? "";
  return `${whole}.${digits.endsWith("000") ? digits.slice(0, 3) : digits}`;
}

/** `2023-11-14T22:13:20.123456Z` => `1700000000123456n`. Throws on text that is no instant. */
export function microsecondsOfIso(iso: string): bigint {
  const match = /^(.*?)(?:\.(\d{1,6}))?Z$/.exec(iso);
  const millisecond = Date.parse(`${match?.[1] ?? ""}Z`);
  if (!match || Number.isNaN(millisecond)) throw new RangeError(`not an instant in UTC: ${iso}`);
  return BigInt(millisecond) * 1000n + BigInt((match[2] ?? "").padEnd(6, "0"));
}
