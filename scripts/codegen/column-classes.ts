import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jsonKeysOf } from "../../governance/data-policy/classes.ts";
import { columnClasses } from "../../governance/data-policy/column-classes.ts";
import { dataClasses, dataPolicyFile, parseDataPolicy } from "../../governance/data-policy/data-policy.ts";
import type { Graph } from "../../warehouse/dataform/graph.ts";
import { lineageOf } from "../../warehouse/dataform/lineage.ts";
import type { Column } from "../../warehouse/warehouse.ts";

/** Kinds of actions that make tables with rows of their own; a view shows what its tables show. */
const keepsRows = ["table", "incremental"];

/** includes/column_classes.js: the class of each column of the tables that the project makes, by what its values are made of; an include follows no lineage. */
export async function columnClassesOf(
  root: string,
  graph: Graph,
  tables: readonly { readonly name: string; readonly kind: string; readonly columns: readonly Column[] }[],
  raw: Readonly<Record<string, readonly Column[]>>,
): Promise<string> {
  const policy = parseDataPolicy(readFileSync(join(root, dataPolicyFile), "utf8"), dataPolicyFile);
  const lineage = await lineageOf(graph, {
    columnsOf: async ({ name }) => raw[name],
    jsonKeysOf: jsonKeysOf(policy),
  });
  const idOf = new Map(graph.actions.map(({ id, target }) => [`${target.schema}.${target.name}`, id]));
  const own = tables.filter(({ kind }) => keepsRows.includes(kind));
  const classes = columnClasses({
    policy,
    lineage,
    tables: own.map(({ name, columns }) => ({ id: idOf.get(name)!, columns })),
  });
  const byTable = Object.fromEntries(
    own.map(({ name }) => {
      const columns = [...classes.get(idOf.get(name)!)!];
      const byClass = dataClasses.map((one) => [one, columns.flatMap(([column, of]) => (of === one ? [column] : []))]);
      return [name, Object.fromEntries(byClass.filter(([, own]) => own!.length > 0))];
    }),
  );
  return [
    `// From ${dataPolicyFile} and the lineage of the models, by scripts/codegen/column-classes.ts; do not edit.`,
    "",
    `module.exports = ${JSON.stringify(byTable, undefined, 2)};`,
    "",
  ].join("\n");
}
