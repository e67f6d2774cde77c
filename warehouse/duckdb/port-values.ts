import type { GoogleSqlType, StructEntry, Value } from "../../packages/googlesql/index.ts";

/** A session's value as the Warehouse port promises it: ISO times with a fraction of 0, 3 or 6 digits, STRUCTs as records. */
export function portValue(value: Value, type: GoogleSqlType): unknown {
  if (value === null) return null;
  switch (type.kind) {
    case "TIMESTAMP":
      return inZulu(isoText(String(value)));
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

const inZulu = (iso: string): string =>
  iso.endsWith("+00") ? `${iso.slice(0, -3)}Z` : iso.replace(/\+00(:?00)?$/, "Z");

/** `2024-01-31 12:00:00.1234+00` => `2024-01-31T12:00:00.123400+00`. (By its signs: with patterns it took a third of the time of reading rows.) */
function isoText(text: string): string {
  const space = text.indexOf(" ");
  const iso = space < 0 ? text : `${text.slice(0, space)}T${text.slice(space + 1)}`;
  const dot = iso.indexOf(".");
  if (dot < 0) return iso;
  let end = dot + 1;
  while (end < iso.length && iso.charCodeAt(end) >= 48 && iso.charCodeAt(end) <= 57) end += 1;
  let last = end;
  while (iso.charCodeAt(last - 1) === 48) last -= 1;
  const digits = iso.slice(dot + 1, last);
  const fraction = digits === "" ? "" : `.${digits.padEnd(digits.length <= 3 ? 3 : 6, "0")}`;
  return `${iso.slice(0, dot)}${fraction}${iso.slice(end)}`;
}
