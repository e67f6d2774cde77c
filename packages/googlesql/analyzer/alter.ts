import type { AlterAction, Identifier } from "../ast.ts";
import type { CatalogColumn, CatalogTable } from "../catalog.ts";
import { quoteName } from "../emit/text.ts";
import { pathOf } from "../path-of.ts";
import { holdsCollated } from "../types.ts";
import { checkFieldName } from "./arrival.ts";
import type { Analysis } from "./context.ts";
import { columnText, comments, declaredColumn, type NewColumn, propertiesComment } from "./ddl.ts";
import { readOptions, requiresPartitionFilter } from "./options.ts";
import { setDataType } from "./set-data-type.ts";

function mustHave(a: Analysis, name: Identifier, columns: readonly CatalogColumn[]): void {
  const key = name.name.toLowerCase();
  if (!columns.some((column) => column.name.toLowerCase() === key)) a.fail(name, `Column not found: ${name.name}`);
}

/** DuckDB SQL of one action of ALTER on a table or view as it stands; none for what changes nothing here. */
export function alterTexts(a: Analysis, action: AlterAction, standing: CatalogTable): readonly string[] {
  const { sql: table, columns, properties } = standing;
  const object = standing.kind === "view" ? "VIEW" : "TABLE";
  const head = `ALTER ${object} ${table}`;
  const kept = properties?.partitionColumn;
  const isPartitionColumn = ({ name }: Identifier): boolean => name.toLowerCase() === kept?.toLowerCase();
  switch (action.kind) {
    case "set-options": {
      const options = readOptions(a, standing.kind, action.options);
      const isRequired = requiresPartitionFilter(a, options, kept);
      if (isRequired === undefined) return [];
      return propertiesComment(table, object, { ...properties, requiresPartitionFilter: isRequired });
    }
    case "add-constraint":
    case "drop-constraint":
    case "drop-primary-key":
      return [];
    case "add-column": {
      readOptions(a, "column", action.column.options);
      checkFieldName(a, action.column.name, action.column.name.name);
      const column = declaredColumn(a, action.column);
      if (!column.type) return a.fail(action, "A new column needs a type");
      if (column.type.kind === "STRING" && columns.some((one) => holdsCollated(one.type)))
        return a.refuse(action, "collation", "a column that may have the table's default collation");
      const made: NewColumn = { ...column, type: column.type };
      const text = columnText({ ...made, notNull: false });
      return [`${head} ADD COLUMN ${action.ifNotExists ? "IF NOT EXISTS " : ""}${text}`, ...comments(table, [made])];
    }
    case "drop-column":
      if (isPartitionColumn(action.column)) a.fail(action, `Cannot drop partitioning column ${action.column.name}`);
      if (!action.ifExists) mustHave(a, action.column, columns);
      return [`${head} DROP COLUMN ${action.ifExists ? "IF EXISTS " : ""}${quoteName(action.column.name)}`];
    case "rename-column":
      mustHave(a, action.from, columns);
      checkFieldName(a, action.to, action.to.name);
      if (isPartitionColumn(action.from)) a.fail(action, `Cannot rename partitioning column ${action.from.name}`);
      return [`${head} RENAME COLUMN ${quoteName(action.from.name)} TO ${quoteName(action.to.name)}`];
    case "rename-to":
      return [`${head} RENAME TO ${quoteName(pathOf(action.name).at(-1)!)}`];
    case "alter-column": {
      const { change } = action;
      const column = `${head} ALTER COLUMN ${quoteName(action.column.name)}`;
      if (change.kind === "drop-default") return [`${column} DROP DEFAULT`];
      if (change.kind === "drop-not-null") return [`${column} DROP NOT NULL`];
      if (change.kind === "set-data-type") {
        mustHave(a, action.column, columns);
        const before = columns.find((one) => one.name.toLowerCase() === action.column.name.toLowerCase())!;
        return setDataType(a, change, table, column, before);
      }
      if (change.kind === "set-default") return a.refuse(action, "ALTER_COLUMN", change.kind);
      readOptions(a, "column", change.options);
      return [];
    }
    default:
      return a.refuse(action, "ALTER_TABLE", action.kind);
  }
}
