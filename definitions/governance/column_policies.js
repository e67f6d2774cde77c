// What the columns of the raw tables are, and what they may be used for: includes/policies.js as a table, so that it can be joined.
const rows = raw_tables.names.flatMap((table) =>
  raw_tables.columns(table).map(({ name }) => ({ table, ...policies.ofColumn(name) })),
);

publish("column_policies", {
  type: "view",
  schema: "governance",
  description:
    "Every column of the raw tables with the kind of data it holds and the purposes it may serve. Grain: raw_table, raw_column.",
  columns: docs.columns("raw_table", "raw_column", "column_kind", "allowed_purposes"),
  assertions: { uniqueKey: ["raw_table", "raw_column"], nonNull: ["raw_table", "raw_column", "column_kind"] },
  tags: ["warn"],
}).query(() =>
  rows
    .map(
      ({ table, column, kind, purposes }) =>
        `select '${table}' as raw_table, '${column}' as raw_column, '${kind}' as column_kind, '${purposes.join(",")}' as allowed_purposes`,
    )
    .join("\nunion all\n"),
);
