import { duckdbType, type GoogleSqlType, quoteName, structFieldName } from "../../packages/googlesql/index.ts";

/**
 * DuckDB SQL that turns a stored value of one GoogleSQL type into one of another: the fields of a STRUCT meet by name, one that is
 * not there is NULL, and an ARRAY is never NULL.
 */
export function reshape(sql: string, from: GoogleSqlType, to: GoogleSqlType, depth = 0): string {
  if (to.kind === "ARRAY") {
    const empty = `CAST([] AS ${duckdbType(to)})`;
    if (from.kind !== "ARRAY" || !isNested(to.element)) return `coalesce(CAST(${sql} AS ${duckdbType(to)}), ${empty})`;
    const item = `_item${depth}`;
    const inner = reshape(item, from.element, to.element, depth + 1);
    return `coalesce(list_transform(${sql}, lambda ${item}: ${inner}), ${empty})`;
  }
  if (to.kind !== "STRUCT" || from.kind !== "STRUCT") return `CAST(${sql} AS ${duckdbType(to)})`;
  const fields = to.fields.map((field, i) => {
    const at = from.fields.findIndex((other, j) =>
      field.name === undefined ? i === j : other.name?.toLowerCase() === field.name.toLowerCase(),
    );
    const found = from.fields[at];
    const value =
      found === undefined
        ? reshape("NULL", field.type, field.type, depth)
        : reshape(`struct_extract(${sql}, '${structFieldName(at)}')`, found.type, field.type, depth);
    return `'${structFieldName(i)}': ${value}`;
  });
  return `CASE WHEN ${sql} IS NULL THEN NULL ELSE {${fields.join(", ")}} END`;
}

const isNested = (type: GoogleSqlType): boolean => type.kind === "STRUCT" || type.kind === "ARRAY";

/** The DuckDB type by which JSON of a GoogleSQL type is read: fields by their names, times and decimals as the text they are. */
export function jsonType(type: GoogleSqlType): string {
  switch (type.kind) {
    case "ARRAY":
      return `${jsonType(type.element)}[]`;
    case "STRUCT":
      return `STRUCT(${type.fields.map((field, i) => `${quoteName(field.name ?? `_field_${i + 1}`)} ${jsonType(field.type)}`).join(", ")})`;
    case "BOOL":
    case "INT64":
    case "FLOAT64":
    case "JSON":
      return duckdbType(type);
    default:
      return "VARCHAR";
  }
}
