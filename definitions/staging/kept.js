// What counts of the raw tables, once: a view for each, which all other models read. Taken out is what was taken back, and what got past the
// door of people who were erased (includes/retractions.js).
for (const table of retractions.tables) {
  publish(names.kept(table), {
    type: "view",
    schema: "staging",
    description: `Rows of raw.${table} that count: not taken back, and of nobody who was erased. Grain: as raw.${table}.`,
    tags: ["stop"],
  }).query((ctx) =>
    retractions.kept(table, {
      landed: ctx.ref("raw", table),
      retracted: ctx.ref("staging", "stg_raw__retractions"),
      erased: ctx.ref("staging", "stg_raw__erased_ids"),
    }),
  );
}
