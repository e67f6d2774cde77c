import { type LineageGraph, type LineageNode, nodeName } from "../../warehouse/dataform/lineage-graph.ts";

/** How rows are written in a data policy: which rows of a table there are, whatever is in them. */
const rowsWord = "(rows)";

/** A column as a data policy and its findings write it. */
export const writtenName = ({ table, column }: LineageNode): string =>
  column === "*" ? `${table}.${rowsWord}` : `${table}.${column}`;

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/**
 * What a pattern of a data policy means. `schema.table` is every column of the table, `schema.table.column` a column with all that is under it, `*` any
 * run of characters between two dots, a part in quotes itself and nothing else, `(rows)` the rows of the table.
 */
export function matcherOf(pattern: string): (node: LineageNode) => boolean {
  const [schema = "", table = "", ...parts] = pattern.match(/"[^"]*"|[^.]+/g) ?? [];
  const glob = (part: string): string =>
    part.startsWith('"') ? escaped(part.slice(1, -1)) : part.split("*").map(escaped).join("[^.]*");
  const ofTable = new RegExp(`^(?:[^.]+\\.)?${glob(schema)}\\.${glob(table)}$`, "i");
  if (parts.join(".") === rowsWord) return (node) => node.column === "*" && ofTable.test(node.table);
  const ofColumn = parts.length === 0 ? /./ : new RegExp(`^${parts.map(glob).join("\\.")}(?:\\.|$)`, "i");
  return (node) => node.column !== "*" && ofTable.test(node.table) && ofColumn.test(node.column);
}

/** Every column and the rows of every table of a project. */
export const allNodes = (lineage: LineageGraph): readonly LineageNode[] =>
  [...lineage.tables.values()].flatMap(({ id, columns }) => [
    ...columns.map((column) => ({ table: id, column })),
    { table: id, column: "*" },
  ]);

/** The columns that patterns mean, without those that `except` means, each once. */
export function matching(
  nodes: readonly LineageNode[],
  of: readonly string[],
  except: readonly string[] = [],
): readonly LineageNode[] {
  const [wanted, left] = [of.map(matcherOf), except.map(matcherOf)];
  const found = nodes.filter((node) => wanted.some((is) => is(node)) && !left.some((is) => is(node)));
  return [...new Map(found.map((node) => [nodeName(node), node])).values()];
}
