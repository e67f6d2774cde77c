import type { Column } from "../../warehouse/warehouse.ts";

/**
 * Canonical text of one cell: what is hashed, whichever engine held the value. A tag for the type comes first and text
 * carries its length, so that no two rows of cells share one text.
 *
 *   NULL       N                         BOOL       B0 | B1
 *   INT64      I-42                      NUMERIC    R12.5 (no trailing zeros)
 *   FLOAT64    D5629499534213120p-49     mantissa (2^52 <= m < 2^53) p exponent: the exact value, in integers
 *              D0  Dnan  Dinf  D-inf     (-0 is 0: GoogleSQL holds them equal)
 *   STRING     S5:hello (UTF-8 bytes)    BYTES      Y00ff
 *   DATE       A19753 (days since 1970)  TIMESTAMP  M1706693400000000 (microseconds since 1970, UTC)
 */
export const cellTypes = ["BOOL", "INT64", "FLOAT64", "NUMERIC", "STRING", "BYTES", "DATE", "TIMESTAMP"] as const;
export type CellType = (typeof cellTypes)[number];

export const isCellType = (type: string): type is CellType => (cellTypes as readonly string[]).includes(type);

const view = new DataView(new ArrayBuffer(8));
const twoTo52 = 4503599627370496;

/** The exact value of a double as `<mantissa>p<exponent>`, from its bits. */
export function floatText(value: number): string {
  if (value === 0) return "0";
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  view.setFloat64(0, value);
  const high = view.getUint32(0);
  let exponent = (high >>> 20) & 0x7ff;
  let mantissa = (high & 0xfffff) * 4294967296 + view.getUint32(4);
  if (exponent === 0) {
    exponent = 1;
    while (mantissa < twoTo52) {
      mantissa *= 2;
      exponent -= 1;
    }
  } else {
    mantissa += twoTo52;
  }
  return `${value < 0 ? "-" : ""}${mantissa}p${exponent - 1075}`;
}

const decimalText = (text: string): string => (text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text);

const timestampPattern = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|\+00(?::?00)?)$/;

/** Microseconds since 1970 of a TIMESTAMP as the port writes it (`2024-01-31T09:30:00.123456Z`). */
export function timestampMicros(text: string): bigint {
  const match = timestampPattern.exec(text);
  const millis = match ? Date.parse(`${match[1]}T${match[2]}Z`) : Number.NaN;
  if (!match || Number.isNaN(millis)) throw new TypeError(`not a UTC timestamp: ${JSON.stringify(text)}`);
  return BigInt(millis) * 1000n + BigInt((match[3] ?? "").padEnd(6, "0"));
}

/** Canonical text of one value as the Warehouse port gives it. Throws a TypeError when value and type do not agree. */
export function cellText(type: CellType, value: unknown): string {
  if (value === null || value === undefined) return "N";
  switch (type) {
    case "BOOL":
      if (typeof value === "boolean") return value ? "B1" : "B0";
      break;
    case "INT64":
      if (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) return `I${value}`;
      break;
    case "FLOAT64":
      if (typeof value === "number") return `D${floatText(value)}`;
      break;
    case "NUMERIC":
      if (typeof value === "string") return `R${decimalText(value)}`;
      break;
    case "STRING":
      if (typeof value === "string") return `S${Buffer.byteLength(value)}:${value}`;
      break;
    case "BYTES":
      if (value instanceof Uint8Array) return `Y${Buffer.from(value).toString("hex")}`;
      break;
    case "DATE":
      if (typeof value === "string") return `A${Date.parse(`${value}T00:00:00Z`) / 86_400_000}`;
      break;
    case "TIMESTAMP":
      if (typeof value === "string") return `M${timestampMicros(value)}`;
      break;
  }
  throw new TypeError(`a ${type} cell holds ${typeof value} ${String(value)}`);
}

const plainCells: Readonly<Record<Exclude<CellType, "STRING">, RegExp>> = {
  BOOL: /^B[01]$/,
  INT64: /^I-?\d+$/,
  FLOAT64: /^D(?:0|nan|-?inf|-?\d{16}p-?\d{1,4})$/,
  NUMERIC: /^R-?\d+(?:\.\d*[1-9])?$/,
  BYTES: /^Y(?:[0-9a-f]{2})*$/,
  DATE: /^A-?\d+$/,
  TIMESTAMP: /^M-?\d+$/,
};

/** Whether a text is the canonical text of some value of the type. Texts that are, joined by `;`, can be taken apart in one way alone. */
export function isCellText(type: CellType, text: string): boolean {
  if (text === "N") return true;
  if (type !== "STRING") return plainCells[type].test(text);
  const [, bytes, value] = /^S(\d+):(.*)$/s.exec(text) ?? [];
  return value !== undefined && String(Buffer.byteLength(value)) === bytes;
}

/** A cell's value for a person to read. */
export function cellInWords(type: CellType, text: string): string {
  if (text === "N") return "NULL";
  if (type === "STRING") return text.slice(text.indexOf(":") + 1);
  if (type === "BOOL") return text === "B1" ? "true" : "false";
  if (type === "DATE") return new Date(86_400_000 * Number(text.slice(1))).toISOString().slice(0, 10);
  if (type === "TIMESTAMP") return new Date(Number(text.slice(1)) / 1_000).toISOString();
  const [, mantissa, exponent] = /^D(-?\d+)p(-?\d+)$/.exec(text) ?? [];
  return mantissa === undefined ? text.slice(1) : String(Number(mantissa) * 2 ** Number(exponent));
}

/** Columns in the order in which they are hashed: by name, code unit by code unit. */
export const sortedColumns = (columns: readonly Column[]): readonly Column[] =>
  [...columns].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
