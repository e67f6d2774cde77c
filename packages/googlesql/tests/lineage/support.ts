import type { Influence, LineageCatalog, QueryLineage } from "../../lineage/column-lineage.ts";
import { shapeOfType } from "../../lineage/value.ts";
import { parseType } from "../../types.ts";

/** Tables by name, their columns as the fields of a STRUCT. */
export function catalogOf(tables: Readonly<Record<string, string>>): LineageCatalog {
  return {
    table(path) {
      const id = path.at(-1)!.toLowerCase();
      const columns = tables[id];
      if (columns === undefined) return undefined;
      const shape = shapeOfType(parseType(`STRUCT<${columns}>`));
      if (shape.kind !== "struct") throw new Error("a table needs columns");
      return { id, columns: shape.fields.map(({ name, shape: inner }) => ({ name: name!, shape: inner })) };
    },
  };
}

const short: Readonly<Record<string, string>> = { IDENTITY: "I", TRANSFORMATION: "T", AGGREGATION: "A" };

const listText = (from: readonly Influence[]): string =>
  from
    .map(({ table, column, subtypes }) => ` ${table}.${column} ${subtypes.map((one) => short[one] ?? one).join("+")}`)
    .join(",");

/** A line for each part of each column, then one for the rows. */
export const lineageText = (lineage: QueryLineage): readonly string[] => [
  ...lineage.columns.flatMap(({ name, parts }) =>
    parts.map(({ path, from }) => `${path === "" ? name : `${name}.${path}`}:${listText(from)}`),
  ),
  `rows:${listText(lineage.rows)}`,
];
