// governance/policies.yaml as a table, so that it can be joined: what the columns of the raw tables are, and what they may be used for.
publish("column_policies", {
  type: "view",
  schema: "governance",
  description:
    "Every column of the raw tables, and every key of their JSON that has a class of its own, with the class of data it holds, the purposes it may serve at each stage, and for how long it is kept. Grain: raw_table, raw_column.",
  columns: docs.columns(
    "raw_table",
    "raw_column",
    "data_class",
    ...policies.stages.map((stage) => `${stage}_purposes`),
    "kept_days",
  ),
  assertions: { uniqueKey: ["raw_table", "raw_column"], nonNull: ["raw_table", "raw_column", "data_class"] },
  tags: ["warn"],
}).query(() => {
  const fieldsOf = (one) => [
    ["raw_table", sql.quoted(one.table)],
    ["raw_column", sql.quoted(one.column)],
    ["data_class", sql.quoted(one.dataClass)],
    ...policies.stages.map((stage) => [`${stage}_purposes`, `'${one[stage].join(",")}'`]),
    ["kept_days", one.keptDays ?? "cast(null as int64)"],
  ];
  const rows = policies.rows().map(fieldsOf);
  const structs = rows.map((fields) => `struct(${fields.map(([name, value]) => `${value} as ${name}`).join(", ")})`);
  return `select ${rows[0].map(([name]) => name).join(", ")}
from unnest([
  ${structs.join(",\n  ")}
])`;
});
