import type { GoogleSqlType, StructEntry, Value } from "../../packages/googlesql/index.ts";

/** A session's value as the Warehouse port promises it: ISO times with a fraction of 0, 3 or 6 digits, STRUCTs as records. */
export function portValue(value: Value, type: GoogleSqlType): unknown {
  if (value === null) return null;
  switch (type.kind) {
    case "TIMESTAMP":
      return isoText(String(value)).replace(/\+00(:?00)?$/, "Z");
    case "DATETIME":
    case "TIME":
      return isoText(String(value));
    case "ARRAY":
      return (value as readonly Value[]).map((item) => portValue(item, type.element));
    case "STRUCT":
      return Object.fromEntries(
        (value as readonly StructEntry[]).map((entry, i) => [
          entry.name === "" ? `_field_${i + 1}` : entry.name,
          portValue(entry.value, type.fields[i]!.type),
        ]),
      );
    case "BYTES":
      return new Uint8Array(value as Uint8Array);
    default:
      return value;
  }
}

/** `2024-01-31 12:00:00.1234+00` => `2024-01-31T12:00:00.123400+00` */
const isoText = (text: string): string =>
  text.replace(/^(-?\d+-\d{2}-\d{2}) /, "$1T").replace(/\.(\d{1,6})/, (_all, digits: string) => {
    const trimmed = digits.replace(/0+$/, "");
    return trimmed === "" ? "" : `.${trimmed.padEnd(trimmed.length <= 3 ? 3 : 6, "0")}`;
  });
