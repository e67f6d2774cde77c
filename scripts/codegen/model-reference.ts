import { roleOf } from "../../warehouse/dataform/table-card.ts";

export interface DescribedTable {
  readonly name: string;
  /** table, view, incremental or source. */
  readonly kind: string;
  readonly file: string;
  readonly description: string;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly description: string }[];
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** docs/reference/models.md: every table with its grain and its columns. */
export function modelReference(tables: readonly DescribedTable[]): string {
  const parts = tables.map(({ name, kind, file, description, columns }) =>
    [
      `## ${name}`,
      "",
      `${kind}, [${file}](../../${file}). ${description}`.trim(),
      "",
      "| column | type | role | meaning |",
      "| --- | --- | --- | --- |",
      ...columns.map(
        (column) =>
          `| \`${column.name}\` | \`${column.type}\` | ${roleOf(name.slice(0, name.indexOf(".")), column)} | ${cell(column.description)} |`,
      ),
      "",
    ].join("\n"),
  );
  return `# Tables\n\nGenerated from the compiled Dataform graph by \`npm run codegen\`. \`inboxloop docs <table>\` says the same of your warehouse, with owner, freshness and a query to begin with.\n\n${parts.join("\n")}`;
}
