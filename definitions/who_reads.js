// Who reads what: policy tags and row access policies on every table that the project makes, and row access policies on the raw tables. Dataform compiles
// definitions in the order of their paths; this file is the last, so that every table is there.
const said = roles.stated(dataform.projectConfig.vars ?? {});

if (said) {
  const { actions } = dataform;
  if (!Array.isArray(actions) || actions.length === 0)
    throw new Error(
      "definitions/who_reads.js: this version of Dataform core does not show the project's actions, so nobody's access can be written",
    );
  for (const action of actions) roles.guard(action, said);
}

// Nothing tags the columns of raw tables: their rows are for who sees every class that is in them.
if (said && said.machinery.length > 0) {
  operate("readers_of_raw_tables", {
    dataset: "governance",
    description: "Row access policies of the raw tables, by the roles of governance/policies.yaml.",
    tags: ["warn"],
  }).queries((ctx) =>
    raw_tables.names.flatMap((table) => roles.rowPolicies(ctx.ref("raw", table), roles.classesOfRaw(table), [], said)),
  );
}
