// The raw tables: append-only, written by ingest, serve and people, read by staging alone.
for (const table of raw_tables.names) {
  declare({
    schema: "raw",
    name: table,
    description: docs.rawTable(table),
  });
}
